"""Coverage-guided fuzzing of `Corpus.from_file` and `Corpus.load`: whatever the bytes, a sound corpus or a `ValueError`.
A text is read with both tables of words, which must agree; as plain UTF-8 it must come out as plain Python reads it. In a saved corpus half of the
changes are signed anew, with sizes and digests that fit. The inputs that atheris found worth keeping are in tests/seeds, replayed by pytest."""
import gzip, hashlib, json, random, struct, tempfile, warnings
from collections import Counter
from pathlib import Path

import numpy as np

from fuzz import child_options, lines_reached, run

READERS = 'corpus-text', 'corpus-saved'
FUNCTIONS = {'corpus-text': 'cut_point decode read_blocks text_files find_words scan_bytes fill_table read_items count_numbers renumber make_vocab shorten punctuated_share check_spaces finish rewrite_words join_lines number_sentences number_texts check_punctuation'.split(),
             'corpus-saved': 'vocab_bytes read_header read_vocab check_arrays'.split()}
TEXTS = ['the cat sat\non the mat\r\nthe end', '\ufeffa b a\n\n\n b c\x0b\x1c a', 'été 語 語語 \U0001f339\u0301 a\u2003b\x85c', "don't stop_it — ‘it’s’ नमस्ते\n" * 3, 'x' * 300 + ' y', 'a\0b', 'w1 w2 w3 w4 w5 w6\n' * 4, '']


def pack(option, header, vocab, ids, offsets): return bytes([option]) + struct.pack('<HHH', len(header), len(vocab), len(ids)) + header + vocab + ids + offsets

def unpack(data):
    "Option, header, vocabulary, ids and offsets of an input"
    a, b, c = struct.unpack('<HHH', data[1:7].ljust(6, b'\0'))
    return (data[:1] or b'\0')[0], data[7:7 + a], data[7 + a:7 + a + b], data[7 + a + b:7 + a + b + c], data[7 + a + b + c:]


def sign(option, header, vocab, ids, offsets):
    "An input whose header fits the rest, as somebody would make it who means harm"
    try: fields = json.loads(header)
    except ValueError: fields = None
    if not isinstance(fields, dict): return pack(option, header, vocab, ids, offsets)
    try: words = json.loads(vocab); num, canonical = len(words[0]), json.dumps(words).encode('ascii')
    except (ValueError, TypeError, IndexError, KeyError, RecursionError): num, canonical = fields.get('vocabulary'), vocab
    ids, offsets = ids[:len(ids)//4*4], offsets[:len(offsets)//8*8]
    fields |= dict(words=len(ids)//4, sentences=len(offsets)//8 - 1, vocabulary=num, vocab_bytes=len(vocab), vocab_digest=hashlib.sha256(vocab).hexdigest(), digest=hashlib.sha256(canonical + ids + offsets).hexdigest())
    return pack(option, json.dumps(fields).encode(), vocab, ids, offsets)


def first_inputs(reader):
    "What to start from. The first byte chooses options."
    from w2v_nb import corpus as C
    if reader == 'corpus-text':
        for i, text in enumerate(TEXTS):
            for option in range(i, 128, 9): yield bytes([option]) + text.encode()
            yield bytes([i]) + gzip.compress(text.encode())
            yield bytes([i]) + text.encode('utf-16')
        return
    for words in [['a', 'b', 'a'], ['c', 'a']], [['été', 'x']], [['a']]:
        with tempfile.TemporaryDirectory() as d:
            saved = C.Corpus.from_sentences(words, 1).save(Path(d)/'c')
            parts = [(saved/name).read_bytes() for name in (C.HEADER, C.VOCAB, C.IDS, C.OFFSETS)]
        yield pack(0, *parts)
        for lie in dict(words=10**15), dict(sentences=-1), dict(version=2), dict(format='x'), dict(rule=None): yield pack(1, json.dumps(json.loads(parts[0]) | lie).encode(), *parts[1:])
        for vocab in b'[["a", "a"], [2, 1]]', b'[["b", "a"], [1, 1]]', b'[["a"], [1.5]]', b'[["a"], [-1]]', b'[["a"], [1e30]]', b'[[1], [1]]', b'[[]]', b'[' * 900, b'{}', b'[["a", "b"], [1]]', b'[["\\ud800"], [1]]': yield sign(2, parts[0], vocab, *parts[2:])
        for ids, offsets in ((9, -1, 0), (0, 2)), ((0, 0, 0), (0, 3)), ((0, 0, 0), (1, 3)), ((0, 0, 0), (0, 9, 3)), ((), ()), ((0,), (0, 1, 1)): yield sign(3, parts[0], parts[1], np.array(ids, '<i4').tobytes(), np.array(offsets, '<i8').tobytes())


def plain(text, min_count):
    "A text as plain Python reads it: sentences, and the words of the vocabulary with their counts"
    sentences = [line.split() for line in text.removeprefix('\ufeff').split('\n')]
    counts = Counter(w for s in sentences for w in s)
    return [k for s in sentences if (k := [w for w in s if counts[w] >= min_count])], {w: n for w, n in counts.items() if n >= min_count}


def sound(corpus):
    "What must be true of any corpus"
    ids, offsets, V = np.asarray(corpus.ids), np.asarray(corpus.offsets), len(corpus.vocab)
    assert len(ids) >= 1 and ids.dtype == np.int32 and ids.min() >= 0 and ids.max() < V
    assert offsets.dtype == np.int64 and offsets[0] == 0 and offsets[-1] == len(ids) and (np.diff(offsets) >= 0).all()
    assert len(set(corpus.vocab)) == V == len(corpus.counts) and (corpus.counts >= 0).all() and all(isinstance(w, str) for w in corpus.vocab)
    assert [w for s in corpus for w in s] == [corpus.vocab.idx_to_token[i] for i in ids]
    repr(corpus)
    return corpus


def read_text(C, path, option, fast):
    "A text, or the text of its `ValueError`"
    C.BLOCK, C.LONGEST, C.FAST_FROM = (8, 64, 0 if fast else 2**40) if option & 1 else (1 << 18, 1 << 24, 0 if fast else 2**40)
    tokenize = ('split', 'split', 'words', lambda line: line.split())[option // 2 % 4]
    try: return sound(C.Corpus.from_file(path, 1 + (option // 8) % 3, 2 if option & 64 else None, tokenize, errors='replace' if option & 32 else 'strict', quiet=True))
    except ValueError as e: return str(e)


def check(C, reader, path, data):
    "Read one input: a corpus, or the text of a `ValueError`"
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        if reader == 'corpus-text':
            option, raw = (data[:1] or b'\0')[0], data[1:]
            path.write_bytes(raw)
            found, other = (read_text(C, path, option, fast) for fast in (False, True))
            assert type(found) is type(other) and (found == other if isinstance(found, str) else found.digest == other.digest), (found, other)
            if not isinstance(found, str) and raw[:2] != C.GZIP and option // 2 % 4 != 2 and not option & (32 | 64):
                sentences, words = plain(raw.decode(), 1 + (option // 8) % 3)
                assert list(found) == sentences and dict(zip(found.vocab, found.counts.tolist())) == words
            return found
        path.mkdir(exist_ok=True)
        for name, part in zip((C.HEADER, C.VOCAB, C.IDS, C.OFFSETS), unpack(data)[1:]): (path/name).write_bytes(part)
        try: return sound(C.Corpus.load(path))
        except ValueError as e: return str(e)


def in_python(C):
    "The fast table, not compiled: an index past the end is an `IndexError` there; and small, so that it must grow"
    def hash_bytes(data, first, last):
        h = int(C.FNV_BASIS)
        for byte in data[int(first):int(last)].tolist(): h = (h ^ byte)*int(C.FNV_PRIME) % 2**64
        return np.uint64(h ^ h >> 32)
    C.hash_bytes = hash_bytes
    for name in 'scan_bytes', 'fill_table': setattr(C, name, getattr(getattr(C, name), 'py_func', getattr(C, name)))
    C.FastNumbers.__init__.__defaults__ = (1,)


def mutator(reader):
    "Mutations that keep a saved corpus readable"
    import atheris
    def mutate(data, max_size, seed):
        rng = random.Random(seed)
        if reader == 'corpus-text' or rng.random() < .05: return atheris.Mutate(data, max_size)[:max_size]
        parts = list(unpack(data))
        which = rng.choice([0, 1, 2, 2, 3, 3, 3, 4, 4, 4])
        if which == 0: parts[0] = rng.randrange(256)
        else: parts[which] = atheris.Mutate(parts[which], 700)[:700]
        if which in (3, 4) and rng.random() < .7: # numbers that are nearly right
            kind = '<i4' if which == 3 else '<i8'
            a = np.frombuffer(unpack(data)[which], np.uint8); a = a[:len(a)//np.dtype(kind).itemsize*np.dtype(kind).itemsize].view(kind).copy()
            if len(a): a[rng.randrange(len(a))] += rng.choice([-1, 1, 2, 5])
            parts[which] = a.tobytes()
        return (sign if which > 1 and rng.random() < .75 else pack)(*parts)[:max_size]
    return mutate


def child(reader, runs, corpus, report):
    "The fuzzing process: it ends with libFuzzer's exit"
    import atheris, sys
    with atheris.instrument_imports(include=['w2v_nb.corpus']):
        import w2v_nb.corpus as C
    in_python(C)
    seen = dict(inputs=0, past_header=0, loaded=0)
    name = 'finish' if reader == 'corpus-text' else 'read_vocab' # reached where the bytes were text; where a header was sound
    real = getattr(C, name)
    def counting(*args):
        seen['past_header'] += C.FAST_FROM > 0 # the first way only
        return real(*args)
    setattr(C, name, counting)
    path = Path(report).parent/f'{reader}.input'
    def one(data):
        seen['inputs'] += 1
        seen['loaded'] += not isinstance(check(C, reader, path, data), str)
        if seen['inputs'] % 1000 == 0 or seen['inputs'] >= runs: Path(report).write_text(json.dumps(seen))
    atheris.Setup([sys.argv[0], f'-runs={runs}', '-max_len=1200', '-rss_limit_mb=2048', '-timeout=20', '-seed=1', '-artifact_prefix=' + str(Path(report).parent) + '/', str(corpus)], one, custom_mutator=mutator(reader))
    atheris.Fuzz()


def reached(reader, inputs):
    "Lines of the functions that read a corpus"
    import w2v_nb.corpus as C
    in_python(C)
    functions = [getattr(C, name) for name in FUNCTIONS[reader]] + ([C.Corpus.from_file.__func__] if reader == 'corpus-text' else [C.Corpus.load.__func__])
    with tempfile.TemporaryDirectory() as folder: return lines_reached(C, functions, lambda data: check(C, reader, Path(folder)/'input', data), inputs)


if __name__ == '__main__':
    if told := child_options(): child(told.child, int(told.runs), told.corpus, told.report)
    run('fuzz_corpus', __doc__, READERS, first_inputs, reached, __file__)
