"""The worst afternoons: no text, no corpus, no run, no vectors; and many trainings at once.

Each entry point says what is wrong and what to do, in a tested message."""
import gzip, os, random, re, shutil, subprocess, sys, warnings
from pathlib import Path

import numpy as np, pytest

from w2v_nb.base.files import GZIP
from w2v_nb.engine import corpus as C
from w2v_nb.runs.checkpoint import checkpoint_files
from w2v_nb.engine.corpus import Corpus
from w2v_nb.vectors import WordVectors
from w2v_nb.runs.word2vec import Word2Vec

root = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(root/'benchmarks'))
posix = pytest.mark.skipif(os.name == 'nt', reason='needs pipes and devices')
SMALL = dict(sample=0, vector_size=8, workers=1, epochs=1)


def python(code, *args, **more):
    "A child process; `more` joins its environment"
    return subprocess.Popen(
        [sys.executable, '-c', code, *map(str, args)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=root,
        env=os.environ | {'PYTHONPATH': str(root)} | more,
    )


REFUSED = dict(  # what isn't a text, or too little of one: bytes, options, message
    binary=(
        random.Random(0).randbytes(5000),
        {},
        r'is not UTF-8 text: line \d \(from 1\), byte \d+ of the file',
    ),
    nul=(b'a b\nc \0 d', {}, r'line 2 \(from 1\), byte 6 of the file .*is 0x00'),
    utf16=(
        'a few words\n'.encode('utf-16-le'),
        {},
        'is a text in UTF-16, not plain text. Get its text with: iconv -f utf-16le -t utf-8',
    ),
    latin1=('ein schöner Satz'.encode('latin-1'), {}, 'is 0xf6. Convert it, e.g. with iconv'),
    cut_off=('été'.encode()[:-1], {}, 'byte 3 of the file'),
    empty=(b'', {}, 'has no words in it'),
    only_space=(b' \n\t\r\n\n', {}, 'has no words in it'),
    only_bom=(C.BOM, {}, 'has no words in it'),
    rare_words=(b'each word once', {}, 'none of the 3 different words occurs min_count=5'),
    rare_million=(
        b'x' * 10**6,
        {},
        r"the commonest, 'x{40}'\.\.\. \(1,000,000 characters\), occurs once",
    ),
    punctuation=(b'... !!! ???', dict(tokenize='words'), 'has no words in it'),
    torn_gzip=(gzip.compress(b'a b c' * 1000)[:-9], {}, 'damaged gzip.*test it with gzip -t'),
    junk_gzip=(GZIP + bytes(range(200)), {}, 'damaged gzip file'),
    stranger=(
        b'a b',
        dict(vocab=Corpus.from_sentences([['x', 'y']], 1).vocab),
        'none of the 2 different words of text is in the given vocabulary',
    ),
)


@pytest.mark.parametrize('name', REFUSED)
@pytest.mark.parametrize('fast', [False, True])
def test_texts_that_are_refused(tmp_path, monkeypatch, name, fast):
    raw, options, says = REFUSED[name]
    (tmp_path/'text').write_bytes(raw)
    monkeypatch.setattr(C, 'FAST_FROM', 0 if fast else 2**40)
    before = sorted(p.name for p in tmp_path.iterdir())
    with warnings.catch_warnings(), pytest.raises(ValueError, match=says):
        warnings.simplefilter('ignore')
        Corpus.from_file(tmp_path/'text', quiet=True, **options)
    assert sorted(p.name for p in tmp_path.iterdir()) == before
    assert (tmp_path/'text').read_bytes() == raw


READ = dict(  # odd texts that are read: bytes, options, sentences
    mixed_line_ends=(b'a b\r\nb a\rc\nc a', {}, [['a', 'b'], ['b', 'a', 'c'], ['c', 'a']]),
    bom=('\ufeffa b'.encode(), {}, [['a', 'b']]),
    bom_inside=('a \ufeffb'.encode(), {}, [['a', '\ufeffb']]),
    astral=(
        '\U0001f339 \U00020000\U0001f339'.encode(),
        {},
        [['\U0001f339', '\U00020000\U0001f339']],
    ),
    combining=('e\u0301 é'.encode(), {}, [['e\u0301', 'é']]),
    combining_words=(
        'नमस्ते, e\u0301té!'.encode(),
        dict(tokenize='words'),
        [['नमस्ते', 'e\u0301té']],
    ),
    every_space=('a\u2003b\x0bc\x85d\u3000e'.encode(), {}, [list('abcde')]),
    no_line_end=(b'a b', {}, [['a', 'b']]),
    long_word=(b'x' * 10**6 + b' y', {}, [['x' * 10**6, 'y']]),
    one_word=(b'a ' * 1000, {}, [['a'] * 1000]),
    one_sentence=(b'a b c', {}, [['a', 'b', 'c']]),
    replaced=(b'a \xff\0 b', dict(errors='replace'), [['a', '\ufffd\ufffd', 'b']]),
)


@pytest.mark.parametrize('name', READ)
@pytest.mark.parametrize('fast', [False, True])
def test_odd_texts_that_are_read(tmp_path, monkeypatch, name, fast):
    raw, options, sentences = READ[name]
    path = tmp_path/'a name with spaces, ünïcödé 🌹 and "quotes".txt'
    path.write_bytes(raw)
    monkeypatch.setattr(C, 'FAST_FROM', 0 if fast else 2**40)
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        assert list(Corpus.from_file(path, 1, quiet=True, **options)) == sentences


def test_a_gigabyte_without_a_space(tmp_path):
    "It is refused early, in little memory. (The file is one hole, and takes no place on disk.)"
    with (tmp_path/'huge').open('wb') as f:
        f.truncate(10**9)
    code = r"""
import re, sys
from w2v_nb.engine.corpus import Corpus
try: Corpus.from_file(sys.argv[1], quiet=True)
except ValueError as e: print(e)
if sys.platform == 'linux':
    print(re.search(r'VmHWM:\s+(\d+)', open('/proc/self/status').read())[1])
else: print(0)
"""
    out, err = python(code, tmp_path/'huge').communicate(timeout=600)
    message, peak = out.splitlines() if out.count('\n') == 2 else ('', 0)
    says = 'more than 16,777,216 bytes without white space, from line 1 on: is it a text?'
    assert says in message, out + err
    assert int(peak) < 400_000  # kB


@pytest.mark.parametrize(
    'raw, says',
    [
        (b'a ' * 1000, 'the vocabulary has 1 word; at least two are needed'),
        (b'a\nb\n' * 50, 'no sentence has two known words'),
    ],
)
def test_texts_that_teach_nothing(tmp_path, raw, says):
    (tmp_path/'text').write_bytes(raw)
    with pytest.raises(ValueError, match=says):
        Word2Vec(**SMALL).fit(tmp_path/'text', quiet=True)


def test_only_stop_words_can_be_trained(tmp_path):
    (tmp_path/'text').write_text('the of and to in\n' * 500)
    wv = Word2Vec(**SMALL).fit(tmp_path/'text', quiet=True).wv
    assert np.isfinite(wv.vectors).all() and len(wv) == 5


@posix
def test_pipes_and_devices_are_refused(tmp_path):
    os.mkfifo(tmp_path/'pipe')
    says = 'is a pipe or a device, not a file: write the text to a file first'
    for path in tmp_path/'pipe', Path('/dev/null'), Path('/dev/zero'):
        with pytest.raises(ValueError, match=says):
            Corpus.from_file(path, quiet=True)  # and it does not wait for ever
    (tmp_path/'text').write_text('a b\n')
    found = list(Corpus.from_file(tmp_path, 1, quiet=True))
    assert found == [['a', 'b']]  # in a folder the pipe is passed over


class Meanwhile:
    "`read_blocks`, with something that happens after the first block of the second call"

    def __init__(self, do):
        self.do, self.real, self.calls = do, C.read_blocks, 0

    def __call__(self, *args):
        self.calls += 1
        for i, block in enumerate(self.real(*args)):
            if i == 0 and self.calls == 2:
                self.do()
            yield block


def test_a_file_that_changes_while_it_is_read(tmp_path, monkeypatch):
    path, line = tmp_path/'text', 'some words in a line\n'

    def write(n):
        path.write_text(line * n)

    def grow():
        with path.open('a') as f:
            f.write(line * 30_000)

    write(30_000)
    monkeypatch.setattr(C, 'read_blocks', Meanwhile(lambda: write(10)))
    with pytest.raises(
        ValueError, match='shrank from 630,000 to 210 bytes while it was read; read a copy'
    ):
        Corpus.from_file(path, quiet=True)
    monkeypatch.undo()
    write(30_000)
    monkeypatch.setattr(C, 'read_blocks', Meanwhile(grow))
    with pytest.warns(UserWarning, match='was written to while it was read'):
        corpus = Corpus.from_file(path, quiet=True)
    assert len(corpus) >= 30_000 and set(corpus.vocab) == set(line.split())


FILES = dict(  # damaged saved corpora: a file, what becomes of its bytes, message
    no_header=(C.HEADER_FILE, lambda data: None, 'is not a saved corpus: there is no'),
    no_ids=(C.IDS, lambda data: None, 'missing found; make the corpus again'),
    truncated=(C.IDS, lambda data: data[:4], 'expected, 4 found; make the corpus again'),
    header_cut=(C.HEADER_FILE, lambda data: data[:40], 'header.json is damaged'),
    header_deep=(C.HEADER_FILE, lambda data: b'[' * 60_000, 'header.json is damaged'),
    header_other=(C.HEADER_FILE, lambda data: b'{}', 'is not the header of a saved corpus'),
    newer=(
        C.HEADER_FILE,
        lambda data: data.replace(b'"version": 1', b'"version": 9'),
        'has version 9 of the format, but only version 1 is known',
    ),
    other_vocabulary=(
        C.VOCAB,
        lambda data: data.replace(b'"a"', b'"z"'),
        'is not the vocabulary that was saved',
    ),
    other_ids=(C.IDS, lambda data: data[::-1], 'is damaged'),
)


@pytest.mark.parametrize('name', FILES)
def test_damaged_corpora(tmp_path, name):
    saved = Corpus.from_sentences([['a', 'b', 'a'], ['c']], 1).save(tmp_path/'saved')
    file, change, says = FILES[name]
    data = change((saved/file).read_bytes())
    if data is None:
        (saved/file).unlink()
    else:
        (saved/file).write_bytes(data)
    with pytest.raises((ValueError, FileNotFoundError), match=says):
        Corpus.load(saved)


def test_a_file_is_not_a_saved_corpus(tmp_path):
    (tmp_path/'saved').write_text('x')
    with pytest.raises(FileNotFoundError, match='is not a saved corpus'):
        Corpus.load(tmp_path/'saved')


def save_vectors(path):
    WordVectors(np.eye(2), ['a', 'b']).save(path)


STATES = dict(  # checkpoints that can't be resumed: what is done to each, message
    empty=(Path.unlink, 'has no checkpoint to go on from'),
    all_cut=(
        lambda path: os.truncate(path, 100),
        'has no checkpoint to go on from; .*is damaged',
    ),
    vectors=(save_vectors, "isn't a checkpoint"),
    text=(
        lambda path: path.write_text('2 2\na 1 2\nb 1 2\n'),
        'has no checkpoint to go on from',
    ),
)


@pytest.fixture
def checkpoints(tmp_path):
    "A corpus, and the folder of a training on it"
    corpus, folder = Corpus.from_sentences([['a', 'b', 'c']] * 50), tmp_path/'states'
    Word2Vec(**SMALL).fit(corpus, checkpoint=folder, quiet=True)
    return corpus, folder


@pytest.mark.parametrize('name', STATES)
def test_damaged_checkpoints(checkpoints, name):
    corpus, folder = checkpoints
    damage, says = STATES[name]
    for path in checkpoint_files(folder):
        damage(path)
    with warnings.catch_warnings(), pytest.raises(ValueError, match=says):
        warnings.simplefilter('ignore')
        Word2Vec.resume(folder, corpus, quiet=True)


def test_no_checkpoints(checkpoints):
    corpus, folder = checkpoints
    shutil.rmtree(folder)
    with pytest.raises(FileNotFoundError, match='there is no folder'):
        Word2Vec.resume(folder, corpus, quiet=True)


CALLS = dict(  # what is given to `fit`, and what it says
    none=(None, 'sentences must be|not None|None'),
    number=(3, 'the text must be a Corpus, the path of a file, or lists of words, not 3'),
    a_string_of_words=([['a', 'b'], 'a b'], 'must be a list of tokens, not the string'),
    no_strings=([['a', 1]], 'must be a str, not 1'),
    nested=([[['a']]], 'not a list of strings'),
    exhausted=(iter([]), 'A generator can be read only once'),
    no_file=('nowhere.txt', 'there is no file or folder nowhere.txt'),
)


@pytest.mark.parametrize('name', CALLS)
def test_what_is_no_text(name):
    given, says = CALLS[name]
    with pytest.raises((ValueError, TypeError, FileNotFoundError), match=says):
        Word2Vec(**SMALL).fit(given, quiet=True)


@pytest.mark.parametrize('reader', ['corpus-text', 'corpus-saved'])
def test_what_fuzzing_found(tmp_path, monkeypatch, reader):
    "What a fuzzer kept: a sound corpus or a `ValueError`; compiled, both tables agree."
    import fuzz, fuzz_corpus

    for name in 'READ_BYTES', 'LONGEST_WORD', 'FAST_FROM':
        monkeypatch.setattr(C, name, getattr(C, name))
    kept = fuzz.stored(reader)
    found = [fuzz_corpus.check(C, reader, tmp_path/'input', data) for data in kept]
    loaded = sum(not isinstance(result, str) for result in found)
    assert len(kept) > 50 and 0 < loaded < len(kept)


def write_text(path, num_words=60_000, distinct=300):
    "A text of random words, 20 in a line"
    ids = np.random.default_rng(0).zipf(1.3, size=num_words) % distinct
    lines = [' '.join(f'w{i}' for i in line) for line in ids.reshape(-1, 20)]
    path.write_text('\n'.join(lines))
    return path


AT_ONCE = 4  # processes


def ended_well(children):
    "What each child printed; all must have ended without an error"
    ended = [(child, *child.communicate(timeout=600)) for child in children]
    assert all(child.returncode == 0 for child, *_ in ended), [err for *_, err in ended]
    return [out for _, out, _ in ended]


def train_at_once(text, out, cache, *more):
    "Train in several processes, each with its own seed; the folders that they wrote to"
    code = "import sys; from w2v_nb.tools.cli import main; sys.exit(main(sys.argv[1:]))"
    small = '--epochs', 1, '--vector-size', 16, '--workers', 1
    arguments = 'train', text, '--output', out, *small, *more
    children = [
        python(code, *arguments, '--seed', seed, NUMBA_CACHE_DIR=str(cache))
        for seed in range(AT_ONCE)
    ]
    wrote = re.compile(r'^wrote (.*)/vectors.txt', re.M)
    return [Path(wrote.search(printed)[1]) for printed in ended_well(children)]


def whole_seed(folder):
    "The seed of a run, whose files must all be there and agree"
    wv = WordVectors.load(folder/'vectors.safetensors')
    again = WordVectors.load_word2vec_format(folder/'vectors.txt', binary=False)
    assert (wv.vectors == again.vectors).all()
    assert (folder/'loss.png').stat().st_size > 1000
    return wv.params['seed']


def nothing_left(*folders):
    "No temporary folders of runs"
    return not [path for folder in folders for path in folder.glob('.w2v*')]


@posix
def test_four_trainings_at_once(tmp_path):
    "Into one folder: each result is that of one run, and none is lost."
    text, out = write_text(tmp_path/'text.txt'), tmp_path/'out'
    cache = os.environ.get('NUMBA_CACHE_DIR') or tmp_path/'cache'  # compiling once is enough
    folders = set(train_at_once(text, out, cache))
    assert folders == {out, *(tmp_path/f'out-{i}' for i in range(2, AT_ONCE + 1))}
    assert len(set(map(whole_seed, folders))) == AT_ONCE
    assert nothing_left(tmp_path, out)


@posix
def test_four_trainings_overwrite_one_another(tmp_path):
    "In one folder, with one new cache of compiled code: the last one stays, complete."
    text, out = write_text(tmp_path/'text.txt'), tmp_path/'out'
    out.mkdir()
    (out/'mine.txt').write_text('mine')
    assert set(train_at_once(text, out, tmp_path/'cache', '--overwrite')) == {out}
    whole_seed(out)
    assert nothing_left(tmp_path, out)
    assert (out/'mine.txt').read_text() == 'mine'


@posix
def test_four_readers_fill_one_cache(tmp_path):
    "The cache of pydoc, and a corpus saved to one place: whoever comes last, both are whole."
    code = """
import sys
from pathlib import Path
from w2v_nb.base.pydoc import read_pydoc
from w2v_nb.engine.corpus import Corpus
folder = Path(sys.argv[1])
corpus = Corpus.from_sentences(read_pydoc(['numba'], folder/'cache'))
for _ in range(20):
    try: corpus.save(folder/'saved')
    except OSError: pass
    print(corpus.digest)
"""
    printed = ended_well([python(code, tmp_path) for _ in range(AT_ONCE)])
    digests = {digest for out in printed for digest in out.split()}
    assert len(digests) == 1
    assert {Corpus.load(tmp_path/'saved').digest} == digests
    assert {path.name for path in tmp_path.iterdir()} == {'cache', 'saved'}
