"What is too slow or too rough for the page: any text, damaged folders, kills, memory."
import gzip, json, os, random, signal, subprocess, sys, warnings
from collections import Counter
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from w2v_nb.engine import corpus as C
from w2v_nb.engine.corpus import Corpus, FastNumbers, Numbers

SPACES = ''.join(c for c in map(chr, range(0x3001)) if c.isspace())
few_characters = st.sampled_from('aab.é語\ufeff\U0001f339' + SPACES + '\n\n')
characters = st.characters(exclude_categories=['Cs'], exclude_characters='\0')
texts = st.text(few_characters) | st.text(characters)
in_folder = settings(
    max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def frequent(sentences, min_count):
    "Sentences as the oracle has them: words that are frequent enough, empty sentences dropped"
    counts = Counter(chain.from_iterable(sentences))
    kept = [[word for word in sentence if counts[word] >= min_count] for sentence in sentences]
    return list(filter(None, kept))


def plain(text, min_count):
    "A text as the oracle reads it: sentences, the vocabulary in order, and its counts"
    lines = text.removeprefix('\ufeff').split('\n')
    kept = frequent(list(map(str.split, lines)), min_count)
    counts = Counter(chain.from_iterable(kept))
    words = sorted(counts, key=lambda word: (-counts[word], word))
    return kept, words, [counts[word] for word in words]


@given(st.lists(texts))
@settings(max_examples=300, deadline=None)
def test_both_scans_number_alike(blocks):
    slow, fast = Numbers(), FastNumbers(room=1)
    for text in blocks:
        assert fast.scan(text).tolist() == slow.scan(text).tolist()
    assert len(fast) == len(slow)
    assert fast.words(range(1, len(fast))) == slow.words(range(1, len(slow)))


def integers(most):
    return st.integers(1, most)


@given(texts, integers(3), integers(9), integers(5), st.booleans(), st.booleans())
@in_folder
def test_file_is_what_plain_python_reads(tmp_path, text, min_count, block, items, fast, zipped):
    path = tmp_path/'text'
    path.write_bytes(gzip.compress(text.encode()) if zipped else text.encode())
    sentences, words, counts = plain(text, min_count)
    with pytest.MonkeyPatch.context() as m, warnings.catch_warnings():
        warnings.simplefilter('ignore')
        m.setattr(C, 'READ_BYTES', block)
        m.setattr(C, 'FAST_FROM', 0 if fast else float('inf'))
        m.setattr(C.read_items, '__defaults__', (items,))
        if not words:
            with pytest.raises(ValueError, match='no words in it|none of the'):
                Corpus.from_file(path, min_count)
            return
        corpus = Corpus.from_file(path, min_count)
        if not zipped:
            by_line = Corpus.from_file(path, min_count, tokenize=lambda line: line.split())
            assert list(by_line) == sentences
    assert list(corpus) == sentences
    assert corpus.vocab.idx_to_token == words and corpus.counts.tolist() == counts
    assert corpus.dropped == len(text.removeprefix('\ufeff').split()) - corpus.num_words


words = st.text(max_size=3).filter(lambda w: w.strip() and not C.ODD.search(w))


@given(st.lists(st.lists(words, max_size=5), max_size=8), st.integers(1, 2))
@in_folder
def test_saved_corpus_comes_back(tmp_path, sentences, min_count):
    expected = frequent(sentences, min_count)
    if not expected:
        return
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        corpus = Corpus.from_sentences(iter(sentences), min_count)
    again = Corpus.load(corpus.save(tmp_path/'saved'))
    assert list(again) == list(corpus) == expected
    assert again.digest == corpus.digest and repr(again) == repr(corpus)
    assert [p.name for p in tmp_path.iterdir()] == ['saved']


SAVED = C.HEADER_FILE, C.IDS, C.OFFSETS, C.VOCAB


def damage(data, rng):
    "Bytes cut off, one byte changed, one added or one left out"
    at = rng.randrange(len(data))
    begin, end = data[:at], data[at + 1:]
    changed = begin + bytes([rng.randrange(256)]) + end
    return rng.choice([begin, changed, data + b'x', begin + end])


def test_any_byte_changed_is_an_error_or_changes_nothing(tmp_path):
    corpus = Corpus.from_sentences([['a', 'rose', 'is', 'a', 'rose'], ['a']], 1)
    saved, rng = corpus.save(tmp_path/'saved'), random.Random(0)
    for name in SAVED:
        data = (saved/name).read_bytes()
        for _ in range(150):
            hurt = damage(data, rng)
            (saved/name).write_bytes(hurt)
            try:
                loaded = Corpus.load(saved)
            except (ValueError, FileNotFoundError):
                continue
            # in the header, name, rule and dropped are free text
            assert hurt == data or name == C.HEADER_FILE and loaded.digest == corpus.digest
        (saved/name).write_bytes(data)
    assert Corpus.load(saved).digest == corpus.digest


def test_any_file_that_is_missing_is_an_error(tmp_path):
    saved = Corpus.from_sentences([['a', 'b']], 1).save(tmp_path/'saved')
    for name in SAVED:
        (saved/name).rename(tmp_path/'away')
        with pytest.raises((ValueError, FileNotFoundError)):
            Corpus.load(saved)
        (tmp_path/'away').rename(saved/name)
    assert len(Corpus.load(saved)) == 1


@pytest.mark.parametrize(
    'field, value',
    [
        ('words', 10**12),
        ('sentences', 10**12),
        ('vocabulary', 4),
        ('words', -1),
        ('words', True),
        ('vocab_bytes', 10**15),
        ('words', 1e3),
    ],
)
def test_header_that_lies_allocates_nothing(tmp_path, field, value):
    saved = Corpus.from_sentences([['a', 'b', 'c']], 1).save(tmp_path/'saved')
    header = json.loads((saved/C.HEADER_FILE).read_text())
    (saved/C.HEADER_FILE).write_text(json.dumps(header | {field: value}))
    with pytest.raises(ValueError):
        Corpus.load(saved)


def test_forged_digest_still_meets_the_range_check(tmp_path):
    corpus = Corpus.from_sentences([['a', 'b', 'c']], 1)
    for ids, offsets in (
        ([0, 1, 3], [0, 3]),
        ([0, 1, -1], [0, 3]),
        ([0, 1, 2], [0, 2]),
        ([0, 1, 2], [1, 3]),
        ([0, 1, 2], [0, 3, 2, 3]),
    ):
        bad = Corpus(np.array(ids, np.int32), np.array(offsets, np.int64), corpus.vocab)
        with pytest.raises(ValueError, match='is damaged'):
            Corpus.load(bad.save(tmp_path/'saved'))


def test_save_that_fails_leaves_the_old_one(tmp_path, monkeypatch):
    old, new = Corpus.from_sentences([['a']], 1), Corpus.from_sentences([['b']], 1)
    old.save(tmp_path/'saved')

    def full(*args):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(C.Path, 'write_bytes', full)
    with pytest.raises(OSError):
        new.save(tmp_path/'saved')
    assert [p.name for p in tmp_path.iterdir()] == ['saved']
    assert Corpus.load(tmp_path/'saved').digest == old.digest


def test_words_of_a_long_run_of_marks_take_no_time():
    "Of the square of their length it would be hours"
    code = r"""
from w2v_nb.engine.corpus import find_words
for start, part in ('', '_'), ('', "a'"), ('a', '\u0301'), ('é', "_'"):
    find_words(start + part * (1_000_000 // len(part)))
"""
    subprocess.run([sys.executable, '-c', code], check=True, timeout=600)


def run(code, *args, **kwargs):
    "A child process that runs `code`"
    return subprocess.Popen(
        [sys.executable, '-c', code, *map(str, args)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **kwargs,
    )


@pytest.mark.skipif(os.name == 'nt', reason='POSIX signals')
@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGKILL], ids=['ctrl-c', 'kill'])
def test_interrupted_reading_leaves_nothing(tmp_path, number):
    (tmp_path/'tmp').mkdir()
    (tmp_path/'out').mkdir()
    code = """
from w2v_nb.engine.corpus import Corpus
def endless():
    for i in range(10**12):
        yield ['a', str(i % 99)] * 99
        if i == 20_000: print('on', flush=True)
Corpus.from_sentences(endless())
"""
    child = run(code, env=os.environ | {'TMPDIR': str(tmp_path/'tmp')})
    assert child.stdout.readline() == 'on\n'
    child.send_signal(number)
    _, err = child.communicate(timeout=600)
    assert child.returncode != 0 and (number == signal.SIGKILL or 'KeyboardInterrupt' in err)
    assert not list((tmp_path/'tmp').iterdir())


@pytest.mark.skipif(
    not Path('/proc/self/status').exists(), reason='Linux says how much memory was used'
)
def test_memory_does_not_grow_with_the_text(tmp_path):
    code = r"""
import re, sys
from w2v_nb.engine.corpus import Corpus
corpus = Corpus.from_file(sys.argv[1], quiet=True)
peak = re.search(r'VmHWM:\s+(\d+)', open('/proc/self/status').read())[1]
print(corpus.num_words, peak)
"""
    peaks, line = [], ' '.join(f'w{i}' for i in range(1000)) + ' '
    for copies in 1500, 15_000:  # 7 and 73 MB; all in one line, 1.5 and 15 million words
        with (tmp_path/'text').open('w') as f:
            for _ in range(copies):
                f.write(line)
        out, err = run(code, tmp_path/'text').communicate(timeout=600)
        words, peak = map(int, out.split())
        assert words == 1000 * copies, err
        peaks.append(peak)
    assert peaks[1] < peaks[0] + 8000, peaks  # kB; the ids alone are 54,000 kB more


def test_progress_is_of_the_bytes_on_disk(tmp_path, monkeypatch):
    (tmp_path/'a.gz').write_bytes(gzip.compress(os.urandom(300_000).hex().encode()))
    (tmp_path/'b').write_text('a b\n' * 100_000)
    bars, real = [], C.progress_bar

    def noted(*args, **kwargs):
        bars.append(real(*args, **kwargs))
        return bars[-1]

    monkeypatch.setattr(C, 'progress_bar', noted)
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        Corpus.from_file(tmp_path, 1)
    assert bars[0].n == bars[0].total == sum(p.stat().st_size for p in tmp_path.iterdir())
