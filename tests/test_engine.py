"The engine in processes of its own: what it loads, where compiled code is kept, Ctrl-C."
import os, shutil, signal, subprocess, sys
from pathlib import Path

import pytest

root = Path(__file__).resolve().parent.parent
SETUP = """import sys, time, numpy as np
from w2v_nb.all import *
rng = np.random.default_rng(0)
def corpus(n):
    ids, offsets = rng.integers(0, 50, n).astype(np.int32), np.arange(0, n + 1, 10)
    return Corpus(ids, offsets, Vocab({f'w{i}': 1000 for i in range(50)}, unk=None))
"""
TRAIN = "Word2Vec(vector_size=8, epochs=1).fit(corpus(5000), quiet=True)"
QUIETLY = """import warnings
warnings.simplefilter('ignore')
Word2Vec(vector_size=8, epochs=2).fit(corpus(5000), quiet=True)"""


def run(code, env={}, **options):
    "Run code in a process of its own"
    done = subprocess.run([sys.executable, '-c', SETUP + code], capture_output=True, text=True,
                          env=os.environ | dict(PYTHONPATH=str(root)) | env, **options)
    assert done.returncode == 0, done.stderr[-3000:]
    return done


def test_training_on_a_cpu_loads_nothing_heavy():
    heavy = 'torch', 'matplotlib.pyplot', 'triton', 'IPython'
    done = run("Word2Vec(vector_size=8, epochs=1, device='auto').fit(corpus(5000))\n"
               f"print(*[name for name in {heavy} if name in sys.modules])")
    assert not done.stdout.split()

def test_bar_in_a_file_is_lines():
    done = run("Word2Vec(vector_size=8, epochs=2).fit(corpus(5000))")
    assert '\r' not in done.stderr and 'training' in done.stderr
    assert not run(QUIETLY).stderr


# ---- compiled code

CALL = 'alias_table(np.ones(4))' # of the smallest kernel
COUNT = """from w2v_nb.engine.sampling import fill_alias_table
stats = fill_alias_table.stats
print(sum(stats.cache_hits.values()), sum(stats.cache_misses.values()))"""
in_posix = pytest.mark.skipif(os.name == 'nt', reason='cache folders are named as in POSIX')

@pytest.fixture
def installed(tmp_path):
    "A copy of the package, a cache folder, and the environment in which both are found"
    package, cache = tmp_path/'site'/'w2v_nb', tmp_path/'cache'
    shutil.copytree(root/'w2v_nb', package, ignore=shutil.ignore_patterns('__pycache__'))
    env = dict(PYTHONPATH=str(package.parent), HOME=str(tmp_path), XDG_CACHE_HOME=str(cache),
               NUMBA_CACHE_DIR='')
    return package, cache/'w2v_nb', env

def compiles(env, tmp_path, code=CALL):
    "Whether a process compiles the smallest kernel, and what it warns of"
    done = run(f'{code}\n{COUNT}', env=env, cwd=tmp_path)
    warned = [line for line in done.stderr.splitlines() if 'Warning' in line]
    return done.stdout.split() == ['0', '1'], warned

def compiles_once(env, tmp_path):
    "Whether the first process compiles, the second doesn't, and neither warns"
    first, second = compiles(env, tmp_path), compiles(env, tmp_path)
    return first == (True, []) and second == (False, [])

def files_in(folder):
    return {path for path in folder.rglob('*') if path.is_file()}

@in_posix
def test_compiled_code_is_in_the_users_cache(installed, tmp_path):
    "Only bytecode is left next to the package; another line in a module compiles all anew"
    package, cache, env = installed
    before = files_in(package)
    assert compiles_once(env, tmp_path)
    assert {path for path in files_in(package) if path.suffix != '.pyc'} == before
    first, = cache.iterdir()
    assert first.name.startswith('compiled-') and any(first.glob('*.nbc'))
    with open(package/'text.py', 'a') as f: f.write('# a line that no kernel knows of\n')
    assert compiles_once(env, tmp_path)
    assert len(list(cache.iterdir())) == 2

@in_posix
@pytest.mark.parametrize('kind', ['*.nbi', '*.nbc'])
def test_damaged_compiled_code(installed, tmp_path, kind):
    _, cache, env = installed
    assert compiles(env, tmp_path) == (True, [])
    for path in cache.rglob(kind): path.write_bytes(path.read_bytes()[:60])
    assert compiles_once(env, tmp_path)

@in_posix
def test_compiled_each_time_where_nothing_can_be_written(installed, tmp_path):
    "As in a container: neither the package nor a home can be written. One warning says so"
    package, _, env = installed
    (package/'__pycache__').write_text('a file: no folder can be made here, even by root')
    (tmp_path/'file').touch()
    env |= dict(XDG_CACHE_HOME='', HOME=str(tmp_path/'file'))
    for code in CALL, TRAIN:
        compiled, (warned,) = compiles(env, tmp_path, code)
        assert compiled
        assert "can't keep compiled code in" in warned and 'set NUMBA_CACHE_DIR' in warned
    assert {path.name for path in tmp_path.iterdir()} == {'site', 'file'}


# ---- Ctrl-C

LONG_RUN = """model = Word2Vec(vector_size=100, epochs=1000, workers=2)
def tell(model): print('epoch', flush=True)
try: model.fit(corpus(3_000_000), callbacks=[tell], quiet=True)
except KeyboardInterrupt:
    print('stopped', np.isfinite(model.wv.vectors).all(), len(model.history) > 0,
          len(model.wv.most_similar('w1')), flush=True)
"""

@pytest.mark.skipif(os.name == 'nt', reason='sends a POSIX signal')
def test_ctrl_c_stops_and_leaves_vectors():
    child = subprocess.Popen([sys.executable, '-c', SETUP + LONG_RUN], stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, text=True,
                             env=os.environ | dict(PYTHONPATH=str(root)))
    assert child.stdout.readline() == 'epoch\n'
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=600) # a thousand epochs would be an hour
    assert out.splitlines()[-1] == 'stopped True True 10', err
