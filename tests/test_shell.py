"The commands in a hostile shell: terminals that know no ö, closed pipes, odd names, no LaTeX."
import json, os, random, re, shutil, signal, subprocess, sys
from pathlib import Path

import numpy as np
import pytest
from w2v_nb.base.machine import why_no_gpu
from w2v_nb.tools import cli
from w2v_nb.vectors import WordVectors

root = Path(__file__).resolve().parent.parent
posix = pytest.mark.skipif(os.name == 'nt', reason='a POSIX shell')
SMALL = ['--epochs', '1', '--vector-size', '8', '--sample', '0', '--workers', '1']
FILES = ['loss.png', 'vectors.safetensors', 'vectors.txt']
C_LOCALE = dict(LC_ALL='C', LANG='C', PYTHONUTF8='0', PYTHONCOERCECLOCALE='0')


@pytest.fixture
def here(tmp_path, monkeypatch):
    "A folder to be in, with a text of words that neither ASCII nor cp1252 knows"
    random.seed(0)
    words = [f'{kind}{i}' for kind in ('größe', 'слово') for i in range(30)]
    lines = [' '.join(random.choices(words, k=9)) for _ in range(600)]
    (tmp_path/'my.txt').write_text('\n'.join(lines), encoding='utf-8')
    monkeypatch.chdir(tmp_path)
    return tmp_path

@pytest.fixture
def vectors(here):
    "A file of vectors"
    table = np.random.default_rng(0).normal(size=(50, 6))
    words = ['größe', 'слово', 'London', *(f'w{i}' for i in range(47))]
    WordVectors(table, words).save('v.safetensors')
    return 'v.safetensors'


def line(command, *args):
    "A command as a line for a shell"
    return ' '.join([sys.executable, '-m', 'w2v_nb', command, *args])

def shell(text, **env):
    "What a shell does with a line"
    env = os.environ | {'PYTHONPATH': str(root)} | env
    script = 'set -o pipefail\n' + text
    return subprocess.run(['bash', '-c', script], env=env, capture_output=True)

def refused(capsys, command, *args):
    "The one line that is said, with exit status 2"
    with pytest.raises(SystemExit) as e: cli.main([command, *map(str, args)])
    err = capsys.readouterr().err
    assert e.value.code == 2 and err.count('\n') == 1, err
    return err

def assert_clean(done):
    "Exit status 0, and no traceback"
    assert done.returncode == 0 and b'Traceback' not in done.stderr, done.stderr
    assert b'Exception' not in done.stderr, done.stderr

def written(folder): return sorted(p.name for p in Path(folder).iterdir())


@posix
@pytest.mark.parametrize('coding', ['ascii', 'cp1252'])
def test_any_terminal(here, vectors, coding):
    done = shell(line('train', 'my.txt', *SMALL), PYTHONIOENCODING=coding)
    assert_clean(done)
    assert b'\\u0441' in done.stdout and written('w2v_my') == FILES
    done = shell(line('similar', vectors, 'London', '--topn', '49'), PYTHONIOENCODING=coding)
    assert_clean(done)
    assert b'\\u0441' in done.stdout and done.stdout.count(b'\n') == 49

@posix
@pytest.mark.parametrize('name', ['größe'.encode(), b'odd\xff'], ids=['umlaut', 'not UTF-8'])
@pytest.mark.parametrize('env', [{}, C_LOCALE], ids=['UTF-8', 'C'])
def test_any_name(here, name, env):
    text, folder, binary = (os.fsdecode(bytes_) for bytes_ in (
        name + b'.txt', b'w2v_' + name, name + b'.bin'))
    shutil.copy('my.txt', text)
    assert_clean(shell(line('train', text, *SMALL, '--checkpoint', 'states'), **env))
    assert written(folder) == FILES
    done = shell(line('similar', folder, "$'gr\\xc3\\xb6\\xc3\\x9fe1'"), **env)
    assert done.returncode == 0 and done.stdout.count(b'\n') == 10, done.stderr
    done = shell(line('convert', folder, binary), **env)
    assert done.returncode == 0 and os.path.exists(binary), done.stderr

@posix
@pytest.mark.parametrize('how', ['>&-', '2>&-', '>&- 2>&- <&-', '| head -c 0',
                                 '2>&1 | head -c 0', '> /dev/full'])
def test_closed_output(here, vectors, how):
    "The files are there, so the exit status is 0, and nothing else is said"
    full = 'full' in how
    if full and not Path('/dev/full').exists(): pytest.skip('needs /dev/full')
    assert_clean(shell(f"{line('train', 'my.txt', *SMALL)} {how}"))
    assert Path('w2v_my/vectors.txt').exists()
    assert_clean(shell(f"{line('convert', vectors, 'v.bin')} {how}"))
    assert Path('v.bin').exists()
    done = shell(f"{line('similar', vectors, 'London')} {how}") # its answer is the work
    if not full: return assert_clean(done)
    assert done.returncode == 2 and b'Traceback' not in done.stderr, done.stderr
    assert b'Exception' not in done.stderr, done.stderr

@posix
@pytest.mark.parametrize('setting', ['text.usetex: True', 'backend: nothing'])
def test_a_picture_that_fails(here, setting):
    """Someone's own matplotlibrc must not cost the training, and no older picture is left
    with new vectors"""
    tex = 'usetex' in setting
    if tex and shutil.which('latex'): pytest.skip('there is LaTeX')
    for name in 'rc', 'w2v_my': (here/name).mkdir()
    (here/'rc'/'matplotlibrc').write_text(setting + '\n')
    (here/'w2v_my'/'loss.png').write_text('old')
    path = str(Path(sys.executable).parent) + ':/bin:/usr/bin'
    env = dict(MPLCONFIGDIR=str(here/'rc'), MATPLOTLIBRC=str(here/'rc'/'matplotlibrc'))
    done = shell(line('train', 'my.txt', '--overwrite', *SMALL), PATH=path, **env)
    assert_clean(done)
    failed = 'could not make loss.png' in done.stderr.decode()
    assert written('w2v_my') == (FILES[1:] if failed else FILES)
    if not failed: assert (here/'w2v_my'/'loss.png').stat().st_size > 1000
    assert not (tex and failed) # plots of ours need no LaTeX

def test_a_table_that_fails(here, capsys, monkeypatch):
    from w2v_nb.base.history import History
    def broken(self): raise RuntimeError('no table today')
    monkeypatch.setattr(History, '__repr__', broken)
    assert cli.main(['train', 'my.txt', *SMALL]) == 0
    note = 'note: could not make the table of epochs: no table today'
    assert note in capsys.readouterr().err

@posix
def test_in_the_background_of_a_script(here):
    "There Ctrl-C is ignored"
    ignore = lambda: signal.signal(signal.SIGINT, signal.SIG_IGN)
    words = 'train', 'my.txt', *SMALL, '--checkpoint', 'states'
    done = subprocess.run([sys.executable, '-m', 'w2v_nb', *words], preexec_fn=ignore,
                          env=os.environ | {'PYTHONPATH': str(root)}, capture_output=True)
    assert_clean(done)
    assert written('w2v_my') == FILES


def test_refused_before_the_text_is_read(here, capsys, monkeypatch):
    "And what is to be typed instead is the whole command"
    assert cli.main(['train', 'my.txt', *SMALL, '-q', '--checkpoint', 'states']) == 0
    capsys.readouterr()
    monkeypatch.setattr('w2v_nb.engine.corpus.Corpus.from_file', None)
    monkeypatch.setattr('w2v_nb.engine.corpus.begins_as_prose', None)
    for more, says in {
        '': 'w2v_my exists and is not empty; to replace it, add --overwrite: '
            'w2v train my.txt --overwrite\n',
        '--min_count 3': ': w2v train my.txt --min_count 3 --overwrite\n',
        '-o x --checkpoint states': ': w2v train --resume states\n',
        '-o x --checkpoint my.txt':
            'my.txt exists and is not a folder; choose another --checkpoint',
        '-o x --resume none': 'there is no folder none',
        '-o x --checkpoint y --every soon': "--every must be a time such as '60s'",
        '-o x --alpha 11': '--alpha must be',
        '-o x no.txt': 'no.txt is not expected here; names go together',
    }.items(): assert says in refused(capsys, 'train', 'my.txt', *more.split()), says
    assert 'no file or folder no.txt' in refused(capsys, 'train', 'my.txt', 'no.txt')
    assert sorted(p.name for p in here.iterdir()) == ['my.txt', 'states', 'w2v_my']

@pytest.mark.skipif(not why_no_gpu(), reason='there is a GPU')
def test_no_gpu(here, capsys):
    err = refused(capsys, 'train', 'my.txt', '-o', 'x', '--device', 'cuda')
    assert 'Train with --device cpu' in err and not Path('x').exists()

def test_names_that_are_empty(here, vectors, capsys):
    for words in (['train', ''], ['train', 'my.txt', ''], ['train', 'my.txt', '-o', ''],
                  ['similar', '', 'w1'], ['convert', vectors, ''], ['map', '', 'x.html']):
        assert 'empty' in refused(capsys, *words)

HABITS = {'--dim': '--vector-size', '--size': '--vector-size', '-size': '--vector-size',
          '--vectorsize': '--vector-size', '--lowercase': '--tokenize words',
          '--gpu': '--device cuda', '--iter': '--epochs', '--epoch': '--epochs',
          '-output': '--output'}

@pytest.mark.parametrize('option', HABITS)
def test_options_of_other_tools(here, capsys, option):
    says = f'there is no option {option}; did you mean {HABITS[option]}? (help'
    assert says in refused(capsys, 'train', 'my.txt', option, '5')

def test_options_that_nobody_knows(here, vectors, capsys):
    for far in '--colour', '--foo', '--min':
        assert 'mean' not in refused(capsys, 'train', 'my.txt', far, '5')
    assert 'did you mean --topn?' in refused(capsys, 'similar', vectors, 'w1', '--k', '3')

@pytest.mark.parametrize('command', cli.COMMANDS)
def test_help_and_version(capsys, command):
    with pytest.raises(SystemExit) as e: cli.main([command, '--version'])
    assert e.value.code == 0 and capsys.readouterr().out == f'w2v_nb {cli.__version__}\n'
    with pytest.raises(SystemExit) as e: cli.main([command, '--help'])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f'usage: w2v {command} ') and max(map(len, lines)) <= 80

def test_words_that_look_like_options(here, capsys):
    WordVectors(np.eye(3), ['--foo_bar', 'b', 'c']).save('v.safetensors')
    assert cli.main(['similar', 'v.safetensors', '--topn', '1', '--', '--foo_bar']) == 0
    assert cli.main(['similar', 'v.safetensors', '--', '--foo_bar', 'b']) == 0
    assert "'--foo-bar'" in refused(capsys, 'similar', 'v.safetensors', '--', '--foo-bar')


def test_several_texts(here, capsys):
    for name in 'one.txt', 'two.txt', 'three.txt': shutil.copy('my.txt', name)
    assert cli.main(['train', 'one.txt', 'two.txt', 'three.txt', *SMALL]) == 0
    assert '16,200 words in 1,800 sentences' in capsys.readouterr().out
    assert written('w2v_one_and_2_more') == FILES
    chapter = '--recipe', 'chapter', *SMALL[:-2], '-o', 'chapter'
    assert cli.main(['train', 'one.txt', 'two.txt', *chapter]) == 0
    capsys.readouterr()
    alone = "ptb can't be combined with other texts"
    assert alone in refused(capsys, 'train', 'ptb', 'one.txt')

def test_a_bad_file_among_texts(here, capsys):
    (here/'texts').mkdir()
    shutil.copy('my.txt', 'texts/a.txt')
    (here/'texts'/'b.zip').write_bytes(b'PK\x03\x04' + bytes(range(256)))
    assert '--skip-bad' in refused(capsys, 'train', 'texts', *SMALL)
    assert cli.main(['train', 'texts', '--skip-bad', *SMALL]) == 0
    assert 'b.zip' in capsys.readouterr().err

def test_prose_by_itself(here, capsys):
    "What was trained on prose can be asked in lower case"
    text = ('He went to London, and she, who knew Paris, stayed there.\n'
            'The house, he said, was old. London was not.\n')
    (here/'prose.txt').write_text(text*200)
    assert cli.main(['train', 'prose.txt', *SMALL]) == 0
    assert 'read as prose' in capsys.readouterr().out
    assert cli.main(['similar', 'w2v_prose', 'london', '--topn', '3']) == 0
    assert capsys.readouterr().out.count('\n') == 3
    assert cli.main(['train', 'prose.txt', '--tokenize', 'split', '-o', 'split', *SMALL]) == 0
    assert 'read as prose' not in capsys.readouterr().out
    assert "did you mean 'London'" in refused(capsys, 'similar', 'split', 'LONDON')

def test_a_tokenizer_of_ones_own(here, capsys, monkeypatch):
    "It is found in the current folder, and again when the run is resumed elsewhere"
    monkeypatch.setattr(sys, 'path', [p for p in sys.path if p])
    code = 'def halves(line): return [w[:3] for w in line.split()]\nnumber = 3\n'
    (here/'halves_for_tests.py').write_text(code)
    how = ['--tokenize', 'halves_for_tests:halves', '--deterministic', *SMALL]
    assert cli.main(['train', 'my.txt', *how, '--checkpoint', 'states']) == 0
    assert set(WordVectors.load('w2v_my/vectors.safetensors').index_to_key) == {'grö', 'сло'}
    (here/'elsewhere').mkdir()
    monkeypatch.chdir(here/'elsewhere')
    sys.modules.pop('halves_for_tests')
    assert cli.main(['train', '--resume', '../states', '--output', 'again']) == 0
    first, again = here/'w2v_my'/'vectors.txt', here/'elsewhere'/'again'/'vectors.txt'
    assert again.read_bytes() == first.read_bytes()
    monkeypatch.chdir(here)
    capsys.readouterr()
    for name, says in {
        'halves_for_tests:number': 'is not a function',
        'halves_for_tests:no': 'has no attribute',
        'nothere:f': 'is nothere installed',
        'jieba': 'must be split, words or module:function',
    }.items():
        assert says in refused(capsys, 'train', 'my.txt', '-o', 'x', '--tokenize', name)


def test_reading_options(here, capsys):
    (here/'twice.vec').write_text('3 2\na 1 2\na 3 1\nb 1 1\n')
    (here/'latin.vec').write_bytes(b'3 2\ncaf\xe9 1 2\nb 3 1\nc 1 1\n')
    for file, option in {'twice.vec': '--on-duplicate first',
                         'latin.vec': '--unicode-errors replace'}.items():
        for words in ['similar', file, 'b'], ['convert', file, 'out.bin', '--overwrite']:
            assert option in refused(capsys, *words)
            assert cli.main([*words, *option.split()]) == 0
    options = '--from text --unicode-errors ignore --limit 2'
    assert cli.main(['similar', 'latin.vec', 'b', *options.split()]) == 0
    (here/'glove.txt').write_text('b 1 2\nc 2 1\n')
    capsys.readouterr()
    assert '--from glove' in refused(capsys, 'similar', 'glove.txt', 'b', '--from', 'text')

def test_first_words_keep_their_counts(here, capsys):
    assert cli.main(['train', 'my.txt', *SMALL, '-q']) == 0
    assert cli.main(['convert', 'w2v_my', 'few.safetensors', '--limit', '7', '-q']) == 0
    files = 'w2v_my/vectors.safetensors', 'few.safetensors'
    whole, few = map(WordVectors.load, files)
    assert few.index_to_key == whole.index_to_key[:7]
    for table in 'counts', 'vectors', 'output_vectors':
        assert (getattr(few, table) == getattr(whole, table)[:7]).all()

def test_each_and_json(here, vectors, capsys):
    def ask(*options):
        assert cli.main(['similar', vectors, 'größe', 'w1', *options]) == 0
        return capsys.readouterr().out
    wv = WordVectors.load(vectors)
    words = lambda rows: [row['word'] for row in rows]
    near = lambda asked: wv.most_similar(asked, topn=3)
    both = json.loads(ask('--json', '--topn', '3'))
    assert [(row['word'], round(row['cosine'], 4)) for row in both] == [
        (word, round(cosine, 4)) for word, cosine in near(['größe', 'w1'])]
    each = json.loads(ask('--each', '--json', '--topn', '3'))
    assert {word: words(rows) for word, rows in each.items()} == {
        word: [other for other, _ in near(word)] for word in ('größe', 'w1')}
    lines = ask('--each', '--topn', '2').splitlines()
    assert [line.split('\t')[0] for line in lines] == ['größe', 'größe', 'w1', 'w1']


def test_a_long_table_is_shortened(here, capsys):
    assert cli.main(['train', 'my.txt', *SMALL, '--epochs', '40', '-o', 'long']) == 0
    out = capsys.readouterr().out
    rows = re.findall(r'^ +(\d+) ', out, re.MULTILINE)
    assert len(rows) == 12 and rows[0] == '1' and rows[-1] == '40'
    assert 'on cpu, 12 of 40 epochs' in out

def test_epochs_and_notes_agree(here, capsys):
    assert cli.main(['train', 'my.txt', *SMALL, '-o', 'one']) == 0
    printed = capsys.readouterr()
    few = '1 epoch: a text of 5,400 words usually needs 100 (leave out --epochs)'
    assert few in printed.out and 'try more epochs' in printed.err
    Path('my.txt').write_text('a b c d\n'*20)
    assert cli.main(['train', 'my.txt', *SMALL[2:], '-o', 'two']) == 0
    printed = capsys.readouterr()
    assert '100 epochs, as usual for 80 words (--epochs N for others)' in printed.out
    assert 'give more text' in printed.err and 'try more epochs' not in printed.err

def test_the_lists_are_english(here, vectors, capsys):
    assert 'are English' in ' '.join(cli.eval_parser().format_help().split())
    Path('pairs.tsv').write_text('w1\tw2\t3\nw3\tw4\t5\n')
    assert cli.main(['eval', vectors, '--pairs', 'pairs.tsv']) == 0
    assert 'English' not in capsys.readouterr().err

def test_a_map_without_scikit_learn(here, vectors, capsys, monkeypatch):
    from w2v_nb.vectors import plots
    for module in cli, plots: monkeypatch.setattr(module, 'find_spec', lambda name: None)
    assert cli.main(['map', vectors, 'map.html']) == 0
    assert 'pip install scikit-learn' in capsys.readouterr().err
    assert cli.main(['map', vectors, 'map.html', '--overwrite', '--method', 'pca']) == 0
    assert 'scikit-learn' not in capsys.readouterr().err
