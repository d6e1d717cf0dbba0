"The command, as a shell runs it: no network, Ctrl-C, a full disk."
import os, random, signal, subprocess, sys
from pathlib import Path

import pytest

root = Path(__file__).resolve().parent.parent
W2V = [sys.executable, '-m', 'w2v_nb']
SMALL = '--epochs', 1, '--vector-size', 8, '--sample', '1e-2'
FILES = ['loss.png', 'vectors.safetensors', 'vectors.txt']
NOWHERE = 'http://127.0.0.1:9' # a port that nobody listens on
HEAVY = 'torch', 'numba', 'matplotlib', 'gensim'


@pytest.fixture
def mine(tmp_path):
    "A text of our own, of two kinds of words"
    random.seed(0)
    words = [[f'{kind}{i}' for i in range(60)] for kind in 'ab']
    lines = [' '.join(random.choices(random.choice(words), k=9)) for _ in range(6000)]
    path = tmp_path/'mine.txt'
    path.write_text('\n'.join(lines))
    return path

@pytest.fixture
def vectors(tmp_path):
    "Vectors, which are also in v.safetensors"
    import numpy as np
    from w2v_nb.vectors import WordVectors
    table = np.random.default_rng(0).normal(size=(3000, 20))
    wv = WordVectors(table, [f'wörd{i}' for i in range(3000)])
    wv.save(tmp_path/'v.safetensors')
    return wv


def environment(tmp_path, **more):
    "Without PTB and without a network"
    data, proxies = ('W2V_NB_DATA', 'no_proxy', 'NO_PROXY'), ('http_proxy', 'https_proxy')
    env = {name: value for name, value in os.environ.items() if name not in data}
    for proxy in proxies: env |= {proxy: NOWHERE, proxy.upper(): NOWHERE}
    cache = str(tmp_path/'cache')
    env |= dict(XDG_CACHE_HOME=cache, LOCALAPPDATA=cache, HOME=str(tmp_path))
    return env | dict(PYTHONPATH=str(root)) | more

def w2v(tmp_path, *words, **how):
    "A run of `w2v`, in UTF-8 and without a network"
    env = environment(tmp_path, PYTHONUTF8='1')
    return subprocess.run([*W2V, *map(str, words)], cwd=tmp_path, env=env, encoding='utf-8',
                          **dict(capture_output=True) | how)

def python(tmp_path, code, *words, **how):
    "A run of Python, in UTF-8 and without a network"
    env = environment(tmp_path, PYTHONUTF8='1')
    return subprocess.run([sys.executable, '-c', code, *map(str, words)], cwd=tmp_path, env=env,
                          encoding='utf-8', capture_output=True, **how)

def names(folder): return sorted(p.name for p in folder.iterdir())

def results(folder): return [name for name in names(folder) if 'w2v' in name]

def assert_refused(done, *says):
    "Exit status 2, and one line that says this"
    assert done.returncode == 2 and done.stderr.count('\n') == 1, done.stderr
    assert all(text in done.stderr for text in says), done.stderr


def test_ptb_by_name_fails_clearly(tmp_path):
    done = w2v(tmp_path, 'train', 'ptb', timeout=600)
    assert_refused(done, 'could not get PTB', 'W2V_NB_DATA')
    assert not results(tmp_path)

def test_without_input_goes_on_with_pydoc(tmp_path):
    done = w2v(tmp_path, 'train', *SMALL, '--min-count', 100)
    assert done.returncode == 0 and '\r' not in done.stderr, done.stderr
    why = "note: training on the text 'pydoc', because: could not get PTB"
    assert why in done.stderr
    assert names(tmp_path/'w2v_pydoc') == FILES

RECIPES = pytest.mark.parametrize(
    'more', [['--deterministic'], ['--recipe', 'chapter']], ids=['engine', 'chapter'])

@RECIPES
def test_same_seed_same_bits(tmp_path, mine, more):
    def train(name, seed):
        done = w2v(tmp_path, 'train', mine, *SMALL, *more, '-o', name, '--seed', seed, '-q')
        assert done.returncode == 0, done.stderr
        return (tmp_path/name/'vectors.txt').read_bytes()
    assert train('a', 1) == train('b', 1) != train('c', 2)

PRESSES = """import os, signal, sys
from w2v_nb.base.history import LiveLoss
from w2v_nb.tools.cli import main
add = LiveLoss.add
def pressed(self, x, *args):
    "Ctrl-C in the third epoch"
    if x > 2.3: os.kill(os.getpid(), signal.SIGINT)
    return add(self, x, *args)
LiveLoss.add = pressed
sys.exit(main(['train', *sys.argv[1:]]))
"""
SAYS = dict(engine='what was learnt till then is written',
            chapter='the network keeps what it has learnt')

@pytest.mark.skipif(os.name == 'nt', reason='sends a POSIX signal')
@pytest.mark.parametrize('recipe', SAYS)
def test_ctrl_c_keeps_what_was_learnt(tmp_path, mine, recipe):
    endless = '--epochs', 100_000, '--sample', '1e-2', '--recipe', recipe
    done = python(tmp_path, PRESSES, mine, *endless, timeout=600)
    assert done.returncode == 130, done.stderr
    assert SAYS[recipe] in done.stderr and 'Traceback' not in done.stderr
    assert names(tmp_path/'w2v_mine') == FILES
    assert results(tmp_path) == ['w2v_mine']

@pytest.mark.skipif(os.name == 'nt', reason='limits the size of files in the POSIX way')
def test_full_disk_leaves_the_old_result(tmp_path, mine):
    import resource
    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
    assert w2v(tmp_path, 'train', mine, *SMALL).returncode == 0
    old = (tmp_path/'w2v_mine'/'vectors.txt').read_bytes()
    done = w2v(tmp_path, 'train', mine, *SMALL, '--overwrite', preexec_fn=limit)
    assert done.returncode == 2 and 'File too large' in done.stderr
    assert 'Traceback' not in done.stderr
    assert (tmp_path/'w2v_mine'/'vectors.txt').read_bytes() == old
    assert results(tmp_path) == ['w2v_mine']

def test_hyphens_and_underscores(tmp_path, mine):
    options = '--epochs', 1, '--vector_size=8', '--min_count', 5, '--sample', .01
    done = w2v(tmp_path, 'train', mine, *options, '--output', 'out_put', '--quiet')
    assert done.returncode == 0 and (tmp_path/'out_put').is_dir(), done.stderr


def test_similar_prints_what_python_says(tmp_path, vectors):
    words = 'wörd1', 'wörd2', '--negative', 'wörd3', '--topn', 7
    done = w2v(tmp_path, 'similar', 'v.safetensors', *words)
    assert done.returncode == 0, done.stderr
    near = vectors.most_similar(['wörd1', 'wörd2'], 'wörd3', topn=7)
    assert done.stdout == ''.join(f'{w}\t{c:.4f}\n' for w, c in near)

LOADS = f"""import sys
from w2v_nb.tools.cli import main
main(sys.argv[1:])
print(*[name for name in {HEAVY} if name in sys.modules])"""

def test_similar_loads_nothing_heavy(tmp_path, vectors):
    done = python(tmp_path, LOADS, 'similar', 'v.safetensors', 'wörd1')
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == '', done.stdout

@pytest.mark.skipif(os.name == 'nt', reason='a shell of its own')
def test_similar_in_a_pipe(tmp_path, vectors):
    line = f"{' '.join(W2V)} similar v.safetensors wörd1 --topn 2999 | head -n 1"
    done = subprocess.run(['bash', '-c', 'set -o pipefail; ' + line], cwd=tmp_path,
                          env=environment(tmp_path, PYTHONUTF8='1'), encoding='utf-8',
                          capture_output=True)
    assert done.returncode == 0 and done.stderr == '', done.stderr
    assert done.stdout.count('\n') == 1

def test_convert_there_and_back(tmp_path, vectors):
    from w2v_nb.vectors import WordVectors
    files = 'v.safetensors', 'a.bin.gz', 'b.vec', 'c.glove', 'd.safetensors'
    for source, target in zip(files, files[1:]):
        done = w2v(tmp_path, 'convert', source, target)
        assert done.returncode == 0 and '3,000 words x 20' in done.stdout, done.stderr
    again = WordVectors.load(tmp_path/'d.safetensors')
    assert again.vectors.tobytes() == vectors.vectors.tobytes()
    assert again.index_to_key == vectors.index_to_key

@pytest.mark.parametrize('words, says', [
    (['v.safetensors', 'b.vec'], 'add --overwrite'),
    (['v.safetensors', 'x'], 'add --to'),
    (['b.vec', 'x.bin', '--from', 'binary'], 'byte'),
    (['none.bin', 'x.bin'], 'no file none.bin')])
def test_convert_refuses(tmp_path, vectors, words, says):
    vectors.save_word2vec_format(tmp_path/'b.vec')
    old = (tmp_path/'b.vec').read_bytes()
    assert_refused(w2v(tmp_path, 'convert', *words), says)
    assert (tmp_path/'b.vec').read_bytes() == old and not (tmp_path/'x.bin').exists()

OBJECTIVES = [
    ('', dict(sg=1, hs=0, negative=5, cbow_mean=1)), ('--cbow', dict(sg=0, hs=0, negative=5)),
    ('--negative 7', dict(hs=0, negative=7)), ('--hs', dict(sg=1, hs=1, negative=0)),
    ('--hs --negative 3', dict(hs=1, negative=3)), ('--hs --negative 0', dict(negative=0)),
    ('--cbow --cbow-mean 0 --hs', dict(sg=0, hs=1, negative=0, cbow_mean=0))]

@pytest.mark.parametrize('options, settings', OBJECTIVES)
def test_options_say_what_is_learnt(options, settings):
    from w2v_nb.tools.cli import complete_options, engine_model, train_parser
    parser = train_parser()
    args = complete_options(parser.parse_args(['my.txt', *options.split()]), parser)
    model = engine_model(args)
    assert {name: model.settings[name] for name in settings} == settings

@pytest.mark.parametrize('options, says', [
    ('--negative 0', 'add --hs, or leave it out'), ('--cbow-mean 1', 'goes with --cbow'),
    ('--cbow --cbow-mean 2', "--cbow-mean: invalid choice: 2"),
    ('-cbow', 'did you mean --cbow?'),
    ('--recipe chapter --negative 0', 'nothing to predict with; leave it out'),
    ('--recipe chapter --cbow', '--cbow is for --recipe engine'),
    ('--recipe chapter --hs', '--hs is for --recipe engine'), ('--hs=1', 'ignored explicit')])
def test_objectives_that_are_refused(tmp_path, monkeypatch, capsys, options, says):
    from w2v_nb.tools.cli import main
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match='2'): main(['train', 'my.txt', *options.split()])
    error = capsys.readouterr().err
    assert error.count('\n') == 1 and says in error
    assert not names(tmp_path)

def test_phrases_take_no_options_of_a_training(capsys):
    "What both commands share is how a text is read"
    from w2v_nb.tools.cli import phrases_parser, train_parser
    known = [{o for a in parser._actions for o in a.option_strings}
             for parser in (phrases_parser(), train_parser())]
    shared = {'-h', '--help', '--version', '-o', '--output', '-q', '--quiet', '--overwrite',
              '--min-count', '--tokenize', '--errors', '--skip-bad'}
    assert known[0] & known[1] == shared

def test_nodes_of_a_tree_in_files(tmp_path, mine):
    "They are kept by a run that goes on and in safetensors, and not with the first words alone"
    from w2v_nb.vectors import WordVectors
    train = 'train', mine, *SMALL, '--cbow', '--hs', '--cbow-mean', 0, '--workers', 1, '-q'
    done = w2v(tmp_path, *train, '-o', 'tree', '--checkpoint', 'states')
    assert done.returncode == 0, done.stderr
    assert w2v(tmp_path, 'train', '--resume', 'states', '-o', 'again', '-q').returncode == 0
    tree, again = (WordVectors.load(tmp_path/name) for name in ('tree', 'again'))
    assert tree.node_vectors.shape == (119, 8) and tree.output_vectors is None
    assert again.node_vectors.tobytes() == tree.node_vectors.tobytes()
    for options in [], ['--limit', 50]:
        assert w2v(tmp_path, 'convert', 'tree', 'c.safetensors', '--overwrite',
                   *options).returncode == 0
        copy = WordVectors.load(tmp_path/'c.safetensors')
        assert (copy.node_vectors is None) == bool(options)
        near = w2v(tmp_path, 'similar', 'tree', 'a1', '--topn', 3, *options)
        assert near.returncode == 0 and near.stdout.count('\n') == 3, near.stderr
    assert w2v(tmp_path, 'convert', 'tree', 'c.vec').returncode == 0
    assert WordVectors.load_word2vec_format(tmp_path/'c.vec').node_vectors is None
    (tmp_path/'pairs.tsv').write_text('a1\ta2\t5\na3\tb4\t1\nb5\tb6\t3\n')
    assert '3 of 3' in w2v(tmp_path, 'eval', 'tree', '--pairs', 'pairs.tsv').stdout

PAIRS = 'wörd1\twörd2\t5\nwörd3\twörd4\t1\nwörd5\twörd6\t3\nx\ty\t1\n'

def test_eval(tmp_path, vectors):
    (tmp_path/'pairs.tsv').write_text(PAIRS, encoding='utf-8')
    words = 'eval', 'v.safetensors', '--pairs', 'pairs.tsv', '--html'
    done = w2v(tmp_path, *words, 'out.html')
    assert done.returncode == 0 and '3 of 4 (75%)' in done.stdout, done.stderr
    assert '<table>' in (tmp_path/'out.html').read_text()
    assert_refused(w2v(tmp_path, *words, 'no/out.html'), 'not a folder')
    bad = w2v(tmp_path, 'eval', 'v.safetensors', '--pairs', 'v.safetensors')
    assert_refused(bad, 'is a safetensors file, not a text')

def test_map(tmp_path, vectors):
    done = w2v(tmp_path, 'map', 'v.safetensors', 'map.html', '--words', 200, '--method', 'pca')
    assert done.returncode == 0 and '200 words' in done.stdout, done.stderr
    page = (tmp_path/'map.html').read_text()
    assert 'w\\u00f6rd199' in page and 'w\\u00f6rd200' not in page
    assert_refused(w2v(tmp_path, 'map', 'v.safetensors', 'map.html'), 'add --overwrite')
    bad = w2v(tmp_path, 'map', 'v.safetensors', 'm.html', '--method', 'umap')
    assert_refused(bad, 'invalid choice')

NO_GENSIM = """import sys, w2v_nb.vectors.evaluation as evaluation
from w2v_nb.tools.cli import main
evaluation.find_spec = lambda name: None
sys.exit(main(['eval', 'v.safetensors']))"""

def test_eval_without_gensim_says_so(tmp_path, vectors):
    assert_refused(python(tmp_path, NO_GENSIM), 'pip install gensim')

def test_eval_loads_nothing_heavy(tmp_path, vectors):
    done = python(tmp_path, LOADS, 'eval', 'v.safetensors', '--restrict-vocab', 100)
    assert done.returncode == 0 and done.stdout.splitlines()[-1] == '', done.stderr
    assert '0 of 19,544' in done.stdout and 'word lists are English' in done.stderr


@pytest.mark.skipif(not Path('/proc/self').exists(), reason='a folder where nobody may write')
def test_errors_name_what_the_user_named(tmp_path, mine):
    "No number of the system's, no temporary file of ours; and the option that was meant"
    assert w2v(tmp_path, 'train', mine, *SMALL, '-o', 'out', '-q').returncode == 0
    for words, says in ((['convert', 'out', '/proc/v.bin'], '/proc cannot be written'),
                        (['map', 'out', '/proc/m.html'], '/proc cannot be written'),
                        (['train', mine, '--epoch', 3], 'did you mean --epochs?')):
        done = w2v(tmp_path, *words)
        assert_refused(done, says)
        assert 'Errno' not in done.stderr and '.tmp' not in done.stderr

def test_a_short_training_says_so(tmp_path, mine):
    "What counts is the words that are left when the frequent ones are thinned out"
    train = 'train', mine, '--epochs', 5, '--quiet', '--output'
    done = w2v(tmp_path, *train, 'out')
    assert done.returncode == 0, done.stderr
    assert 'words of training in all after subsampling, which is little' in done.stderr
    assert 'which is little' not in w2v(tmp_path, *train, 'all', '--sample', 0).stderr


def test_the_help_fits_a_screen(tmp_path):
    for words in [], ['help'], ['-h'], ['--help']:
        done = w2v(tmp_path, *words)
        lines = done.stdout.splitlines()
        assert done.returncode == 0 and done.stderr == ''
        assert len(lines) <= 24 and max(map(len, lines)) <= 80
    assert w2v(tmp_path, '--version').stdout.startswith('w2v_nb ')

def test_help_with_a_command(tmp_path):
    by_option = w2v(tmp_path, 'similar', '--help')
    assert 'usage: w2v similar' in by_option.stdout
    assert w2v(tmp_path, 'help', 'similar').stdout == by_option.stdout

@pytest.mark.parametrize('words, says', [
    (['trian', 'x.txt'], 'there is no command trian; did you mean train?'),
    (['evaluate'], 'did you mean eval?'),
    (['most-similar', 'x'], 'did you mean similar?'),
    (['xyzzy'], "no command 'xyzzy'; the commands are train, similar, eval"),
    ([''], "no command ''"),
    (['my.txt'], 'to train on it, type: w2v train my.txt\n'),
    (['pydoc', '--epochs', 3], 'to train on it, type: w2v train pydoc --epochs 3\n'),
    (['texts'], 'type: w2v train texts\n'),
    (['v.safetensors'], 'type: w2v similar v.safetensors WORD\n'),
    (['v.bin.gz', 'red'], 'type: w2v similar v.bin.gz red\n'),
    (['--epochs', 3, 'my.txt'], 'w2v train --epochs 3 my.txt\n')])
def test_what_is_not_a_command(tmp_path, words, says):
    (tmp_path/'texts').mkdir()
    assert_refused(w2v(tmp_path, *words), says)
