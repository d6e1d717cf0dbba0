"The command, as a shell runs it: no network, Ctrl-C, a full disk."
import os, random, signal, subprocess, sys, time
from pathlib import Path

import pytest

root = Path(__file__).resolve().parent.parent
COMMAND = [sys.executable, '-c', 'import sys; from w2v_nb.cli import w2v_train; sys.exit(w2v_train())']


@pytest.fixture
def mine(tmp_path):
    "A text of our own, of two kinds of words"
    random.seed(0)
    words = [[f'{kind}{i}' for i in range(60)] for kind in 'ab']
    path = tmp_path/'mine.txt'
    path.write_text('\n'.join(' '.join(random.choices(random.choice(words), k=9)) for _ in range(6000)))
    return path


def environment(tmp_path, **more):
    "Without PTB and without a network: every request goes to a port that nobody listens on"
    keep = {k: v for k, v in os.environ.items() if k not in ('W2V_NB_DATA', 'no_proxy', 'NO_PROXY')}
    proxy = {k: 'http://127.0.0.1:9' for k in ('http_proxy', 'https_proxy', 'HTTP_PROXY', 'HTTPS_PROXY')}
    return keep | proxy | dict(XDG_CACHE_HOME=str(tmp_path/'cache'), LOCALAPPDATA=str(tmp_path/'cache'), HOME=str(tmp_path), PYTHONPATH=str(root)) | more

def run(tmp_path, *args, **kwargs):
    return subprocess.run([*COMMAND, *map(str, args)], cwd=tmp_path, env=environment(tmp_path), capture_output=True, text=True, **kwargs)

SMALL = '--epochs', 1, '--vector-size', 8, '--sample', '1e-2'


def test_ptb_by_name_fails_clearly(tmp_path):
    start = time.monotonic()
    done = run(tmp_path, 'ptb')
    assert done.returncode == 2 and time.monotonic() - start < 20
    assert done.stderr.count('\n') == 1 and 'could not get PTB' in done.stderr and 'W2V_NB_DATA' in done.stderr
    assert not list(tmp_path.glob('w2v*'))

def test_without_input_goes_on_with_pydoc(tmp_path):
    done = run(tmp_path, *SMALL, '--min-count', 100)
    assert done.returncode == 0, done.stderr
    assert "note: training on the text 'pydoc', because: could not get PTB" in done.stderr and '\r' not in done.stderr
    assert sorted(p.name for p in (tmp_path/'w2v_pydoc').iterdir()) == ['loss.png', 'vectors.safetensors', 'vectors.txt']

@pytest.mark.parametrize('more', [['--deterministic'], ['--recipe', 'chapter']], ids=['engine', 'chapter'])
def test_same_seed_same_bits(tmp_path, mine, more):
    env = environment(tmp_path, OMP_NUM_THREADS='1')
    for name, seed in ('a', 1), ('b', 1), ('c', 2):
        subprocess.run([*COMMAND, mine, *map(str, SMALL), *more, '--output', name, '--seed', str(seed), '--quiet'], cwd=tmp_path, env=env, check=True)
    a, b, c = ((tmp_path/name/'vectors.txt').read_bytes() for name in 'abc')
    assert a == b != c

@pytest.mark.skipif(os.name == 'nt', reason='sends a POSIX signal')
@pytest.mark.parametrize('recipe, says', [('engine', 'what was learnt till then is written'), ('chapter', 'the network keeps what it has learnt')])
def test_ctrl_c_keeps_what_was_learnt(tmp_path, mine, recipe, says):
    for wait in 8, 30: # a busy machine may not have come to training by then
        child = subprocess.Popen([*COMMAND, mine, '--epochs', '100000', '--sample', '1e-2', '--recipe', recipe], cwd=tmp_path, env=environment(tmp_path), text=True,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert 'mine' in child.stdout.readline()                     # the text is read; training is next
        time.sleep(wait)
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=30)
        if 'nothing was written' not in err: break
    assert child.returncode == 130 and says in err and 'Traceback' not in err
    assert sorted(p.name for p in (tmp_path/'w2v_mine').iterdir()) == ['loss.png', 'vectors.safetensors', 'vectors.txt']
    assert sorted(p.name for p in tmp_path.iterdir() if 'w2v' in p.name) == ['w2v_mine']

@pytest.mark.skipif(os.name == 'nt', reason='limits the size of files in the POSIX way')
def test_full_disk_leaves_the_old_result(tmp_path, mine):
    import resource
    assert run(tmp_path, mine, *SMALL).returncode == 0
    old = (tmp_path/'w2v_mine'/'vectors.txt').read_bytes()
    def limit(): signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
    done = run(tmp_path, mine, *SMALL, '--overwrite', preexec_fn=limit)
    assert done.returncode == 2 and 'File too large' in done.stderr and 'Traceback' not in done.stderr
    assert (tmp_path/'w2v_mine'/'vectors.txt').read_bytes() == old
    assert sorted(p.name for p in tmp_path.iterdir() if 'w2v' in p.name) == ['w2v_mine']

def test_hyphens_and_underscores(tmp_path, mine):
    assert run(tmp_path, mine, '--epochs', 1, '--vector_size=8', '--min_count', 5, '--sample', .01, '--output', 'out_put', '--quiet').returncode == 0
    assert (tmp_path/'out_put').is_dir()

def test_module_says_what_is_there():
    done = subprocess.run([sys.executable, '-m', 'w2v_nb'], cwd=root, capture_output=True, text=True, check=True)
    for command in 'w2v_learn', 'w2v_train', 'w2v_similar', 'w2v_eval', 'w2v_map', 'w2v_convert': assert f'  {command} ' in done.stdout


def ask(command, tmp_path, *args, **kwargs):
    return subprocess.run([sys.executable, '-c', f'import sys; from w2v_nb.cli import {command}; sys.exit({command}())', *map(str, args)], cwd=tmp_path, capture_output=True, text=True, **kwargs)

@pytest.fixture
def vectors(tmp_path):
    import numpy as np
    from w2v_nb.vectors import WordVectors
    wv = WordVectors(np.random.default_rng(0).normal(size=(3000, 20)), [f'wörd{i}' for i in range(3000)])
    wv.save(tmp_path/'v.safetensors')
    return wv

def test_similar_prints_what_python_says(tmp_path, vectors):
    done = ask('w2v_similar', tmp_path, 'v.safetensors', 'wörd1', 'wörd2', '--negative', 'wörd3', '--topn', 7, encoding='utf-8', env=os.environ | {'PYTHONIOENCODING': 'utf-8', 'PYTHONPATH': str(root)})
    assert done.returncode == 0, done.stderr
    assert done.stdout == ''.join(f'{w}\t{c:.4f}\n' for w, c in vectors.most_similar(['wörd1', 'wörd2'], 'wörd3', topn=7))

def test_similar_loads_nothing_heavy(tmp_path, vectors):
    code = "import sys; from w2v_nb.cli import w2v_similar; w2v_similar(['v.safetensors', 'wörd1']); print(*[m for m in ('torch', 'numba', 'matplotlib', 'gensim') if m in sys.modules])"
    done = subprocess.run([sys.executable, '-X', 'utf8', '-c', code], cwd=tmp_path, capture_output=True, encoding='utf-8', env=os.environ | {'PYTHONPATH': str(root)})
    assert done.returncode == 0 and done.stdout.splitlines()[-1] == '', done.stdout + done.stderr

@pytest.mark.skipif(os.name == 'nt', reason='a shell of its own')
def test_similar_in_a_pipe(tmp_path, vectors):
    line = f"{sys.executable} -X utf8 -c 'import sys; from w2v_nb.cli import w2v_similar; sys.exit(w2v_similar())' v.safetensors wörd1 --topn 2999 | head -n 1"
    done = subprocess.run(['bash', '-c', 'set -o pipefail; ' + line], cwd=tmp_path, capture_output=True, encoding='utf-8', env=os.environ | {'PYTHONPATH': str(root)})
    assert done.returncode == 0 and done.stderr == '' and done.stdout.count('\n') == 1

def test_convert_there_and_back(tmp_path, vectors):
    from w2v_nb.vectors import WordVectors
    for a, b in ('v.safetensors', 'a.bin.gz'), ('a.bin.gz', 'b.vec'), ('b.vec', 'c.glove'), ('c.glove', 'd.safetensors'):
        done = ask('w2v_convert', tmp_path, a, b, env=os.environ | {'PYTHONPATH': str(root)})
        assert done.returncode == 0 and '3,000 words x 20' in done.stdout, done.stderr
    again = WordVectors.load(tmp_path/'d.safetensors')
    assert again.vectors.tobytes() == vectors.vectors.tobytes() and again.index_to_key == vectors.index_to_key
    old = (tmp_path/'b.vec').read_bytes()
    for args, says in (['v.safetensors', 'b.vec'], 'add --overwrite'), (['v.safetensors', 'x'], 'add --to'), (['b.vec', 'x.bin', '--from', 'binary'], 'byte'), (['none.bin', 'x.bin'], 'no file none.bin'):
        done = ask('w2v_convert', tmp_path, *args, env=os.environ | {'PYTHONPATH': str(root)})
        assert done.returncode == 2 and done.stderr.count('\n') == 1 and says in done.stderr, done.stderr
    assert (tmp_path/'b.vec').read_bytes() == old and not (tmp_path/'x.bin').exists()

def test_eval_and_map(tmp_path, vectors):
    (tmp_path/'pairs.tsv').write_text('wörd1\twörd2\t5\nwörd3\twörd4\t1\nwörd5\twörd6\t3\nx\ty\t1\n', encoding='utf-8')
    env = os.environ | {'PYTHONIOENCODING': 'utf-8', 'PYTHONPATH': str(root)}
    done = ask('w2v_eval', tmp_path, 'v.safetensors', '--pairs', 'pairs.tsv', '--html', 'out.html', env=env, encoding='utf-8')
    assert done.returncode == 0 and '3 of 4 (75%)' in done.stdout and '<table>' in (tmp_path/'out.html').read_text(), done.stderr
    done = ask('w2v_map', tmp_path, 'v.safetensors', 'map.html', '--words', 200, '--method', 'pca', env=env, encoding='utf-8')
    assert done.returncode == 0 and '200 words' in done.stdout, done.stderr
    assert 'w\\u00f6rd199' in (tmp_path/'map.html').read_text() and 'w\\u00f6rd200' not in (tmp_path/'map.html').read_text()
    for command, args, says in ('w2v_map', ['v.safetensors', 'map.html'], 'add --overwrite'), ('w2v_map', ['v.safetensors', 'm.html', '--method', 'umap'], 'invalid choice'), ('w2v_eval', ['v.safetensors', '--pairs', 'v.safetensors'], 'not in utf'), ('w2v_eval', ['v.safetensors', '--html', 'no/out.html', '--pairs', 'pairs.tsv'], 'no folder'):
        done = ask(command, tmp_path, *args, env=env, encoding='utf-8')
        assert done.returncode == 2 and done.stderr.count('\n') == 1 and says in done.stderr, done.stderr

def test_eval_without_gensim_says_so(tmp_path, vectors):
    code = "import importlib.util, sys, w2v_nb.evaluation as e; e.find_spec = lambda name: None; from w2v_nb.cli import w2v_eval; sys.exit(w2v_eval(['v.safetensors']))"
    done = subprocess.run([sys.executable, '-c', code], cwd=tmp_path, capture_output=True, text=True, env=os.environ | {'PYTHONPATH': str(root)})
    assert done.returncode == 2 and 'pip install gensim' in done.stderr and done.stderr.count('\n') == 1
    code = "import sys; from w2v_nb.cli import w2v_eval; w2v_eval(['v.safetensors', '--restrict-vocab', '100']); print(*[m for m in ('torch', 'numba', 'matplotlib', 'gensim') if m in sys.modules])"
    done = subprocess.run([sys.executable, '-c', code], cwd=tmp_path, capture_output=True, text=True, env=os.environ | {'PYTHONPATH': str(root)})
    assert done.returncode == 0 and done.stdout.splitlines()[-1] == '' and '0 of 19,544' in done.stdout, done.stderr


@pytest.mark.skipif(not Path('/proc/self').exists(), reason='a folder where nobody may write')
def test_errors_name_what_the_user_named(tmp_path, mine):
    "No number of the system's, no temporary file of ours; and the option that was meant"
    assert run(tmp_path, mine, *SMALL, '--output', 'out', '--quiet').returncode == 0
    for command, args, says in (('w2v_convert', ['out', '/proc/v.bin'], '/proc cannot be written'), ('w2v_map', ['out', '/proc/m.html'], '/proc cannot be written'),
                                ('w2v_train', [mine, '--epoch', 3], 'did you mean --epochs?')):
        code = f'import sys; from w2v_nb.cli import {command}; sys.exit({command}())'
        done = subprocess.run([sys.executable, '-c', code, *map(str, args)], cwd=tmp_path, env=environment(tmp_path), capture_output=True, text=True)
        assert done.returncode == 2 and done.stderr.count('\n') == 1 and says in done.stderr and 'Errno' not in done.stderr and '.tmp' not in done.stderr, done.stderr


def test_a_short_training_says_so(tmp_path, mine):
    "What counts is the words that are left when the frequent ones are thinned out"
    done = run(tmp_path, mine, '--epochs', 5, '--output', 'out', '--quiet')
    assert done.returncode == 0 and 'words of training in all after thinning out, which is little' in done.stderr
    assert 'which is little' not in run(tmp_path, mine, '--epochs', 5, '--sample', 0, '--output', 'all', '--quiet').stderr
