"The engine in processes of its own: what it loads, where compiled code is kept, Ctrl-C."
import os, shutil, signal, subprocess, sys, time
from pathlib import Path

import pytest

root = Path(__file__).resolve().parent.parent
SETUP = """import sys, time, numpy as np
from w2v_nb.all import *
rng = np.random.default_rng(0)
def corpus(n): return Corpus(rng.integers(0, 50, n).astype(np.int32), np.arange(0, n + 1, 10), Vocab({f'w{i}': 1000 for i in range(50)}, unk=None))
"""

def run(code, **kwargs):
    done = subprocess.run([sys.executable, '-c', SETUP + code], capture_output=True, text=True, env=os.environ | dict(PYTHONPATH=str(root)) | kwargs.pop('env', {}), **kwargs)
    assert done.returncode == 0, done.stderr[-3000:]
    return done


def test_training_on_a_cpu_loads_nothing_heavy():
    done = run("Word2Vec(vector_size=8, epochs=1, device='auto').fit(corpus(5000))\n"
               "print(*[m for m in ('torch', 'matplotlib.pyplot', 'triton', 'IPython') if m in sys.modules])")
    assert not done.stdout.split()

def test_bar_in_a_file_is_lines():
    done = run("Word2Vec(vector_size=8, epochs=2).fit(corpus(5000))")
    assert '\r' not in done.stderr and 'training' in done.stderr
    assert not run("Word2Vec(vector_size=8, epochs=2).fit(corpus(5000), quiet=True)").stderr

@pytest.mark.skipif(os.name == 'nt', reason='folders for caches are named in the POSIX way')
def test_compiled_once_where_the_package_cannot_be_written(tmp_path):
    shutil.copytree(root/'w2v_nb', tmp_path/'site'/'w2v_nb', ignore=shutil.ignore_patterns('__pycache__'))
    (tmp_path/'site'/'w2v_nb'/'__pycache__').write_text('a file: no folder can be made here, even by root')
    env = dict(PYTHONPATH=str(tmp_path/'site'), XDG_CACHE_HOME=str(tmp_path/'cache'), HOME=str(tmp_path))
    code = ("from w2v_nb.cpu import train_range\nWord2Vec(vector_size=8, epochs=1).fit(corpus(5000), quiet=True)\n"
            "print(sum(train_range.stats.cache_hits.values()), sum(train_range.stats.cache_misses.values()))")
    assert run(code, env=env, cwd=tmp_path).stdout.split() == ['0', '1']
    assert any((tmp_path/'cache').rglob('*.nbi'))
    assert run(code, env=env, cwd=tmp_path).stdout.split() == ['1', '0']

@pytest.mark.skipif(os.name == 'nt', reason='sends a POSIX signal')
def test_ctrl_c_stops_within_a_second_and_leaves_vectors():
    code = """model = Word2Vec(vector_size=100, epochs=1000, workers=2)
def say(model): print('epoch', flush=True)
try: model.fit(corpus(3_000_000), callbacks=[say], quiet=True)
except KeyboardInterrupt: print('stopped', np.isfinite(model.wv.vectors).all(), len(model.history) > 0, len(model.wv.most_similar('w1')), flush=True)
"""
    child = subprocess.Popen([sys.executable, '-c', SETUP + code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ | dict(PYTHONPATH=str(root)))
    assert child.stdout.readline() == 'epoch\n'
    time.sleep(.05)
    start = time.monotonic(); child.send_signal(signal.SIGINT)
    for line in child.stdout:
        if line.startswith('stopped'): break
    seconds = time.monotonic() - start
    child.communicate(timeout=30)
    assert line == 'stopped True True 10\n'
    assert seconds < 5, f'it took {seconds:.2f} s'       # a second on a machine that has time for us
