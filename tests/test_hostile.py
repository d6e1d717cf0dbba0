"The worst afternoons: what is no text, no corpus, no run, no vectors, no setting; and many at once. Each entry point says what is wrong and what to do, in a tested message."
import gzip, hashlib, http.server, json, os, random, re, shutil, subprocess, sys, threading, time, warnings, zipfile, io
from pathlib import Path

import numpy as np, pytest

from w2v_nb import corpus as C
from w2v_nb.checkpoint import checkpoint_files
from w2v_nb.corpus import Corpus
from w2v_nb.vectors import WordVectors
from w2v_nb.word2vec import Word2Vec

root = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(root/'benchmarks'))
posix = pytest.mark.skipif(os.name == 'nt', reason='needs pipes and devices')
SMALL = dict(vector_size=8, workers=1, epochs=1)


def python(code, *args, **more):
    "A child process; `more` joins its environment"
    return subprocess.Popen([sys.executable, '-c', code, *map(str, args)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=root, env=os.environ | {'PYTHONPATH': str(root)} | more)


REFUSED = dict( # texts that are none, or too little: bytes, options, message
    binary=(random.Random(0).randbytes(5000), {}, r'is no UTF-8 text: line \d \(from 1\), byte \d+ of the file'),
    nul=(b'a b\nc \0 d', {}, r'line 2 \(from 1\), byte 6 of the file .*is 0x00'),
    utf16=('a few words\n'.encode('utf-16-le'), {}, 'utf-16, where every other byte is 0x00'),
    latin1=('ein schöner Satz'.encode('latin-1'), {}, 'is 0xf6. Convert it, e.g. with iconv'),
    cut_off=('été'.encode()[:-1], {}, 'byte 3 of the file'),
    empty=(b'', {}, 'has no words in it'),
    only_space=(b' \n\t\r\n\n', {}, 'has no words in it'),
    only_bom=(C.BOM, {}, 'has no words in it'),
    rare_words=(b'each word once', {}, "none of the 3 different words occurs min_count=5 times"),
    rare_million=(b'x'*10**6, {}, r"the commonest, 'x{40}'\.\.\. \(1,000,000 characters\), occurs 1 times"),
    punctuation=(b'... !!! ???', dict(tokenize='words'), 'has no words in it'),
    torn_gzip=(gzip.compress(b'a b c'*1000)[:-9], {}, 'damaged gzip file.*test it with gzip -t'),
    junk_gzip=(C.GZIP + bytes(range(200)), {}, 'damaged gzip file'),
    stranger=(b'a b', dict(vocab=Corpus.from_sentences([['x', 'y']], 1).vocab), 'none of the 2 different words of text is in the given vocabulary'),
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
    assert sorted(p.name for p in tmp_path.iterdir()) == before and (tmp_path/'text').read_bytes() == raw


READ = dict( # odd texts that are read: bytes, options, sentences
    mixed_line_ends=(b'a b\r\nb a\rc\nc a', {}, [['a', 'b'], ['b', 'a', 'c'], ['c', 'a']]),
    bom=('\ufeffa b'.encode(), {}, [['a', 'b']]),
    bom_inside=('a \ufeffb'.encode(), {}, [['a', '\ufeffb']]),
    astral=('\U0001f339 \U00020000\U0001f339'.encode(), {}, [['\U0001f339', '\U00020000\U0001f339']]),
    combining=('e\u0301 é'.encode(), {}, [['e\u0301', 'é']]),
    combining_words=('नमस्ते, e\u0301té!'.encode(), dict(tokenize='words'), [['नमस्ते', 'e\u0301té']]),
    every_space=('a\u2003b\x0bc\x85d\u3000e'.encode(), {}, [list('abcde')]),
    no_line_end=(b'a b', {}, [['a', 'b']]),
    long_word=(b'x'*10**6 + b' y', {}, [['x'*10**6, 'y']]),
    one_word=(b'a '*1000, {}, [['a']*1000]),
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
    "It is refused early, in little memory. (The file is one hole, which takes no place on the disk.)"
    with (tmp_path/'huge').open('wb') as f: f.truncate(10**9)
    code = ("import re, sys; from w2v_nb.corpus import Corpus\ntry: Corpus.from_file(sys.argv[1], quiet=True)\nexcept ValueError as e: print(e)\n"
            r"print(re.search(r'VmHWM:\s+(\d+)', open('/proc/self/status').read())[1] if sys.platform == 'linux' else 0)")
    out, err = python(code, tmp_path/'huge').communicate(timeout=60)
    message, peak = out.splitlines() if out.count('\n') == 2 else ('', 0)
    assert 'more than 16,777,216 bytes without white space, from line 1 on: is it a text?' in message and int(peak) < 400_000, out + err # kB


@pytest.mark.parametrize('raw, says', [(b'a ' * 1000, 'the vocabulary has 1 word; at least two are needed'), (b'a\nb\n' * 50, 'no sentence has two known words')])
def test_texts_that_teach_nothing(tmp_path, raw, says):
    (tmp_path/'text').write_bytes(raw)
    with pytest.raises(ValueError, match=says): Word2Vec(**SMALL).fit(tmp_path/'text', quiet=True)

def test_only_stop_words_can_be_trained(tmp_path):
    (tmp_path/'text').write_text('the of and to in\n'*500)
    wv = Word2Vec(**SMALL).fit(tmp_path/'text', quiet=True).wv
    assert np.isfinite(wv.vectors).all() and len(wv) == 5


@posix
def test_pipes_and_devices_are_refused(tmp_path):
    os.mkfifo(tmp_path/'pipe')
    for path in tmp_path/'pipe', Path('/dev/null'), Path('/dev/zero'):
        with pytest.raises(ValueError, match='is a pipe or a device, no file: write the text to a file first'): Corpus.from_file(path, quiet=True) # and it does not wait for ever
    (tmp_path/'text').write_text('a b\n')
    assert list(Corpus.from_file(tmp_path, 1, quiet=True)) == [['a', 'b']] # in a folder it is passed over


class Meanwhile:
    "`read_blocks` with something that happens after the first block"
    def __init__(self, do): self.do, self.real = do, C.read_blocks
    def __call__(self, *args):
        for i, block in enumerate(self.real(*args)):
            if i == 0: self.do()
            yield block

def test_a_file_that_changes_while_it_is_read(tmp_path, monkeypatch):
    path, line = tmp_path/'text', 'some words in a line\n'
    def write(n): path.write_text(line*n)
    def grow():
        with path.open('a') as f: f.write(line*30_000)
    write(30_000); monkeypatch.setattr(C, 'read_blocks', Meanwhile(lambda: write(10)))
    with pytest.raises(ValueError, match='had 630,000 bytes, and 210 by the end of reading: something writes to it; read a copy'): Corpus.from_file(path, quiet=True)
    monkeypatch.undo()
    write(30_000); monkeypatch.setattr(C, 'read_blocks', Meanwhile(grow))
    with pytest.warns(UserWarning, match='was written to while it was read'): corpus = Corpus.from_file(path, quiet=True)
    assert len(corpus) >= 30_000 and set(corpus.vocab) == set(line.split())


FOLDERS = dict( # damaged saved corpora: what is done to the folder, message
    no_header=(lambda d: (d/C.HEADER).unlink(), 'is no saved corpus: there is no'),
    no_ids=(lambda d: (d/C.IDS).unlink(), 'missing found; make the corpus again'),
    truncated=(lambda d: os.truncate(d/C.IDS, 4), 'bytes expected, 4 found; make the corpus again'),
    header_cut=(lambda d: os.truncate(d/C.HEADER, 40), 'header.json is damaged'),
    header_deep=(lambda d: (d/C.HEADER).write_text('['*60_000), 'header.json is damaged'),
    header_other=(lambda d: (d/C.HEADER).write_text('{}'), 'is not the header of a saved corpus'),
    newer=(lambda d: (d/C.HEADER).write_text((d/C.HEADER).read_text().replace('"version": 1', '"version": 9')), 'has version 9 of the format, and only 1 is known'),
    other_vocabulary=(lambda d: (d/C.VOCAB).write_bytes((d/C.VOCAB).read_bytes().replace(b'"a"', b'"z"')), 'is not the vocabulary that was saved'),
    other_ids=(lambda d: (d/C.IDS).write_bytes((d/C.IDS).read_bytes()[::-1]), 'is damaged'),
    a_file=(lambda d: (shutil.rmtree(d), d.write_text('x')), 'is no saved corpus'),
)

@pytest.mark.parametrize('name', FOLDERS)
def test_damaged_corpora(tmp_path, name):
    saved = Corpus.from_sentences([['a', 'b', 'a'], ['c']], 1).save(tmp_path/'saved')
    damage, says = FOLDERS[name]
    damage(saved)
    with pytest.raises((ValueError, FileNotFoundError), match=says): Corpus.load(saved)


STATES = dict( # folders of checkpoints that cannot be gone on with
    nowhere=(lambda d: shutil.rmtree(d), FileNotFoundError, 'there is no folder'),
    empty=(lambda d: [p.unlink() for p in d.iterdir()], ValueError, 'has no checkpoint to go on from'),
    all_cut=(lambda d: [os.truncate(p, 100) for p in checkpoint_files(d)], ValueError, 'has no checkpoint to go on from; .*is damaged'),
    vectors=(lambda d: [WordVectors(np.eye(2), ['a', 'b']).save(p) for p in checkpoint_files(d)], ValueError, 'is no checkpoint'),
    text=(lambda d: [p.write_text('2 2\na 1 2\nb 1 2\n') for p in checkpoint_files(d)], ValueError, 'has no checkpoint to go on from'),
)

@pytest.mark.parametrize('name', STATES)
def test_damaged_checkpoints(tmp_path, name):
    corpus, folder = Corpus.from_sentences([['a', 'b', 'c']]*50), tmp_path/'states'
    Word2Vec(**SMALL).fit(corpus, checkpoint=folder, quiet=True)
    damage, error, says = STATES[name]
    damage(folder)
    with warnings.catch_warnings(), pytest.raises(error, match=says):
        warnings.simplefilter('ignore')
        Word2Vec.resume(folder, corpus, quiet=True)


CALLS = dict( # what is given to `fit`, and what it says
    none=(None, 'sentences must be|not None|None'), number=(3, 'the text must be a Corpus, the path of a file, or lists of words, not 3'), a_string_of_words=([['a', 'b'], 'a b'], 'must be a list of tokens, not the string'),
    no_strings=([['a', 1]], 'must be a str, not 1'), nested=([[['a']]], 'no list of strings'), exhausted=(iter([]), 'A generator can be read only once'),
    no_file=('nowhere.txt', 'there is no file or folder nowhere.txt'),
)

@pytest.mark.parametrize('name', CALLS)
def test_what_is_no_text(name):
    given, says = CALLS[name]
    with pytest.raises((ValueError, TypeError, FileNotFoundError), match=says): Word2Vec(**SMALL).fit(given, quiet=True)


@pytest.mark.parametrize('reader', ['corpus-text', 'corpus-saved'])
def test_what_fuzzing_found(tmp_path, monkeypatch, reader):
    "The inputs that a fuzzer kept: a sound corpus or a `ValueError`; both tables of words agree, compiled."
    import fuzz, fuzz_corpus
    for name in 'BLOCK', 'LONGEST', 'FAST_FROM': monkeypatch.setattr(C, name, getattr(C, name))
    kept = fuzz.stored(reader)
    loaded = sum(not isinstance(fuzz_corpus.check(C, reader, tmp_path/'input', data), str) for data in kept)
    assert len(kept) > 50 and 0 < loaded < len(kept)


def write_text(path, words=60_000, V=300):
    ids = np.random.default_rng(0).zipf(1.3, size=words) % V
    path.write_text('\n'.join(' '.join(f'w{i}' for i in ids[lo:lo + 20]) for lo in range(0, words, 20)))
    return path

@posix
@pytest.mark.parametrize('overwrite', [False, True])
def test_eight_trainings_at_once(tmp_path, overwrite):
    "Into one folder, with one new cache of compiled code: each result is that of one run, and none is lost that may not be overwritten."
    text, out, cache = write_text(tmp_path/'text.txt'), tmp_path/'out', tmp_path/'cache'
    if overwrite: out.mkdir(); (out/'mine.txt').write_text('mine')
    else: cache = Path(os.environ.get('NUMBA_CACHE_DIR') or cache) # compile anew once is enough
    code = "import sys; from w2v_nb.cli import w2v_train; sys.exit(w2v_train(sys.argv[1:]))"
    more = ['--overwrite'] if overwrite else []
    children = [python(code, text, '--output', out, '--seed', i, '--epochs', 1, '--vector-size', 16, '--workers', 1, *more, NUMBA_CACHE_DIR=str(cache)) for i in range(8)]
    ended = [(c, *c.communicate(timeout=300)) for c in children]
    assert all(c.returncode == 0 for c, *_ in ended), [e for *_, e in ended]
    folders = [Path(re.search(r'^wrote (.*)/vectors.txt', o, re.M)[1]) for _, o, _ in ended]
    assert set(folders) == ({out} if overwrite else {out, *(tmp_path/f'out-{i}' for i in range(2, 9))})
    seeds = set()
    for folder in set(folders):
        wv, again = WordVectors.load(folder/'vectors.safetensors'), WordVectors.load_word2vec_format(folder/'vectors.txt', binary=False)
        assert (wv.vectors == again.vectors).all() and (folder/'loss.png').stat().st_size > 1000
        seeds.add(wv.params['seed'])
    assert len(seeds) == (1 if overwrite else 8)
    assert not [p for p in [*tmp_path.iterdir(), *out.iterdir()] if p.name.startswith('.w2v')]
    if overwrite: assert (out/'mine.txt').read_text() == 'mine'


@posix
def test_eight_readers_fill_one_cache(tmp_path):
    "The cache of pydoc, and a corpus saved to one place: whoever comes last, both are whole."
    code = ("import sys; from pathlib import Path; from w2v_nb.text import read_pydoc; from w2v_nb.corpus import Corpus\n"
            "c = Corpus.from_sentences(read_pydoc(['numba'], Path(sys.argv[1])/'cache'))\nfor _ in range(20):\n    try: c.save(Path(sys.argv[1])/'saved')\n    except OSError: pass\n    print(c.digest)")
    ended = [(c, *c.communicate(timeout=300)) for c in [python(code, tmp_path) for _ in range(8)]]
    digests = {d for _, out, _ in ended for d in out.split()}
    assert len(digests) == 1 and all(c.returncode == 0 for c, *_ in ended), [e for *_, e in ended]
    assert {Corpus.load(tmp_path/'saved').digest} == digests
    assert [p.name for p in tmp_path.iterdir() if p.name not in ('cache', 'saved')] == []
