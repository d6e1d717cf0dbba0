"""Coverage-guided fuzzing of `Corpus.from_file` and `Corpus.load`.

Whatever the bytes, they give a sound corpus or a `ValueError`. A text is read with both
tables of words, which must agree; as plain UTF-8 it must come out as plain Python reads it.
In a saved corpus half of the changes are signed anew, with sizes and digests that fit. The
inputs that atheris found worth keeping are in tests/seeds, replayed by pytest."""
import gzip, hashlib, json, random, struct, tempfile, warnings
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np

from fuzz import child_options, lines_reached, run
from w2v_nb.base.files import GZIP

READERS = 'corpus-text', 'corpus-saved'
FUNCTIONS = {
    'corpus-text': """
        cut_point cut_blocks decode not_utf8 refuse_kind recoding_command read_blocks check_end
        text_files path_name checked_path files_at look_into check_files refuse_json check_table
        split_rows table_rows json_fields open_call train_line find_words scan_bytes fill_table
        read_items count_numbers renumber make_vocab all_rare shorten ends_in_punctuation
        punctuated_share count_scripts check_scripts check_spaces finish_corpus ids_of
        rewrite_words join_lines number_sentences number_texts warn_replaced check_punctuation
        """.split(),
    'corpus-saved': """
        vocab_bytes read_corpus_header parse_corpus_header check_fields check_sizes parse_vocab
        read_vocab check_arrays
        """.split(),
}
TEXTS = [
    'the cat sat\non the mat\r\nthe end',
    '\ufeffa b a\n\n\n b c\x0b\x1c a',
    'été 語 語語 \U0001f339\u0301 a\u2003b\x85c',
    "don't stop_it — ‘it’s’ नमस्ते\n" * 3,
    'x' * 300 + ' y',
    'a\0b',
    'w1 w2 w3 w4 w5 w6\n' * 4,
    '',
]


def pack(option, *parts):
    "An input of a saved corpus: an option and the bytes of header, vocabulary, ids and offsets"
    lengths = struct.pack('<HHH', *map(len, parts[:3]))
    return b''.join([bytes([option]), lengths, *parts])


def unpack(data):
    "Option, header, vocabulary, ids and offsets of an input"
    lengths = struct.unpack('<HHH', data[1:7].ljust(6, b'\0'))
    parts, rest = [], data[7:]
    for length in lengths:
        parts.append(rest[:length])
        rest = rest[length:]
    return (data[:1] or b'\0')[0], *parts, rest


def sign(option, header, vocab, ids, offsets):
    "An input whose header fits the rest, as somebody would make it who means harm"
    try:
        fields = json.loads(header)
    except ValueError:
        fields = None
    if not isinstance(fields, dict):
        return pack(option, header, vocab, ids, offsets)
    try:
        words = json.loads(vocab)
        size, canonical = len(words[0]), json.dumps(words).encode('ascii')
    except (ValueError, TypeError, IndexError, KeyError, RecursionError):
        size, canonical = fields.get('vocabulary'), vocab
    ids, offsets = ids[: len(ids) // 4 * 4], offsets[: len(offsets) // 8 * 8]
    fields |= dict(
        words=len(ids) // 4,
        sentences=len(offsets) // 8 - 1,
        vocabulary=size,
        vocab_bytes=len(vocab),
        vocab_digest=hashlib.sha256(vocab).hexdigest(),
        digest=hashlib.sha256(canonical + ids + offsets).hexdigest(),
    )
    return pack(option, json.dumps(fields).encode(), vocab, ids, offsets)


OTHER_TEXTS = 'a,b\n1,2\n3,4\n', '{"a": 1}\n', '[{"a": 1}]', 'a\tb\nc\td\ne\tf\n', 'a\rb\r'
LIES = [
    dict(words=10**15),
    dict(sentences=-1),
    dict(version=2),
    dict(format='x'),
    dict(rule=None),
]
VOCABS = [
    b'[["a", "a"], [2, 1]]', b'[["b", "a"], [1, 1]]', b'[["a"], [1.5]]', b'[["a"], [-1]]',
    b'[["a"], [1e30]]', b'[[1], [1]]', b'[[]]', b'[' * 900, b'{}', b'[["a", "b"], [1]]',
    b'[["\\ud800"], [1]]',
]  # fmt: skip
ARRAYS = [
    ((9, -1, 0), (0, 2)),
    ((0, 0, 0), (0, 3)),
    ((0, 0, 0), (1, 3)),
    ((0, 0, 0), (0, 9, 3)),
    ((), ()),
    ((0,), (0, 1, 1)),
]


def first_texts():
    "Texts to start from, each after a byte that chooses options"
    for i, text in enumerate(TEXTS):
        for option in range(i, 128, 9):
            yield bytes([option]) + text.encode()
        yield bytes([i]) + gzip.compress(text.encode())
        yield bytes([i]) + text.encode('utf-16')
    for text in OTHER_TEXTS:
        yield b'\0' + text.encode()


def parts_of(sentences):
    "Header, vocabulary, ids and offsets of a saved corpus"
    from w2v_nb.engine import corpus as C

    with tempfile.TemporaryDirectory() as d:
        saved = C.Corpus.from_sentences(sentences, 1).save(Path(d)/'c')
        names = C.HEADER_FILE, C.VOCAB, C.IDS, C.OFFSETS
        return [(saved/name).read_bytes() for name in names]


def first_saved():
    "Saved corpora to start from, sound and not"
    for sentences in [['a', 'b', 'a'], ['c', 'a']], [['été', 'x']], [['a']]:
        header, vocab, *arrays = parts_of(sentences)
        yield pack(0, header, vocab, *arrays)
        for lie in LIES:
            yield pack(1, json.dumps(json.loads(header) | lie).encode(), vocab, *arrays)
        for other in VOCABS:
            yield sign(2, header, other, *arrays)
        for ids, offsets in ARRAYS:
            ids, offsets = np.array(ids, '<i4'), np.array(offsets, '<i8')
            yield sign(3, header, vocab, ids.tobytes(), offsets.tobytes())


def first_inputs(reader):
    "What to start from"
    return first_texts() if reader == 'corpus-text' else first_saved()


def plain(text, min_count):
    "A text as plain Python reads it: sentences, and the vocabulary's words with their counts"
    sentences = [line.split() for line in text.removeprefix('\ufeff').split('\n')]
    counts = Counter(word for sentence in sentences for word in sentence)
    words = {word: n for word, n in counts.items() if n >= min_count}
    kept = ([word for word in sentence if word in words] for sentence in sentences)
    return list(filter(None, kept)), words


def sound(corpus):
    "What must be true of any corpus"
    ids, offsets, size = np.asarray(corpus.ids), np.asarray(corpus.offsets), len(corpus.vocab)
    assert len(ids) >= 1 and ids.dtype == np.int32 and ids.min() >= 0 and ids.max() < size
    assert offsets.dtype == np.int64 and offsets[0] == 0 and offsets[-1] == len(ids)
    assert (np.diff(offsets) >= 0).all()
    assert len(set(corpus.vocab)) == size == len(corpus.counts) and (corpus.counts >= 0).all()
    assert all(isinstance(word, str) for word in corpus.vocab)
    words = [word for sentence in corpus for word in sentence]
    assert words == [corpus.vocab.idx_to_token[i] for i in ids]
    repr(corpus)
    return corpus


class Options(NamedTuple):
    "How a text is read"

    min_count: int
    max_final_vocab: int | None
    tokenize: object
    errors: str
    small: bool  # blocks and words as small as can be


def options_of(byte):
    "The options that the first byte of an input chooses"
    tokenizers = 'split', 'split', 'words', lambda line: line.split()
    return Options(
        min_count=1 + byte // 8 % 3,
        max_final_vocab=2 if byte & 64 else None,
        tokenize=tokenizers[byte // 2 % 4],
        errors='replace' if byte & 32 else 'strict',
        small=bool(byte & 1),
    )


def read_text(C, path, options, fast):
    "A text, or the text of its `ValueError`"
    C.READ_BYTES, C.LONGEST_WORD = (8, 64) if options.small else (1 << 18, 1 << 24)
    C.FAST_FROM = 0 if fast else 2**40
    *given, errors, _ = options
    try:
        return sound(C.Corpus.from_file(path, *given, errors=errors, quiet=True))
    except ValueError as e:
        return str(e)


def check_text(C, path, data):
    "Read one text in both ways: a corpus, or the text of a `ValueError`"
    options, raw = options_of((data[:1] or b'\0')[0]), data[1:]
    path.write_bytes(raw)
    found, other = (read_text(C, path, options, fast) for fast in (False, True))
    assert type(found) is type(other), (found, other)
    if isinstance(found, str):
        assert found == other
        return found
    assert found.digest == other.digest, (found, other)
    is_plain = options.tokenize != 'words' and options.errors == 'strict'
    if raw[:2] != GZIP and is_plain and options.max_final_vocab is None:
        sentences, words = plain(raw.decode(), options.min_count)
        assert list(found) == sentences
        assert dict(zip(found.vocab, found.counts.tolist())) == words
    return found


def check_saved(C, path, data):
    "Load one saved corpus: a corpus, or the text of a `ValueError`"
    path.mkdir(exist_ok=True)
    for name, part in zip((C.HEADER_FILE, C.VOCAB, C.IDS, C.OFFSETS), unpack(data)[1:]):
        (path/name).write_bytes(part)
    try:
        return sound(C.Corpus.load(path))
    except ValueError as e:
        return str(e)


def check(C, reader, path, data):
    "Read one input: a corpus, or the text of a `ValueError`"
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        read = check_text if reader == 'corpus-text' else check_saved
        return read(C, path, data)


def in_python(C):
    """The fast table, not compiled, so that an index past the end is an `IndexError`; and so
    small that it must grow"""

    def hash_bytes(data, first, last):
        hashed = int(C.FNV_BASIS)
        for byte in data[int(first) : int(last)].tolist():
            hashed = (hashed ^ byte) * int(C.FNV_PRIME) % 2**64
        return np.uint64(hashed ^ hashed >> 32)

    C.hash_bytes = hash_bytes
    for name in 'scan_bytes', 'fill_table':
        function = getattr(C, name)
        setattr(C, name, getattr(function, 'py_func', function))
    C.FastNumbers.__init__.__defaults__ = (1,)


def nearly_right(part, dtype, rng):
    "The bytes of an array with one number changed a little"
    numbers = np.frombuffer(part[: len(part) // dtype.itemsize * dtype.itemsize], dtype).copy()
    if len(numbers):
        numbers[rng.randrange(len(numbers))] += rng.choice([-1, 1, 2, 5])
    return numbers.tobytes()


def mutator(reader):
    "Mutations that keep a saved corpus readable"
    import atheris

    def mutate(data, max_size, seed):
        rng = random.Random(seed)
        if reader == 'corpus-text' or rng.random() < 0.05:
            return atheris.Mutate(data, max_size)[:max_size]
        parts = list(unpack(data))
        which = rng.choice([0, 1, 2, 2, 3, 3, 3, 4, 4, 4])
        if which == 0:
            parts[0] = rng.randrange(256)
        else:
            parts[which] = atheris.Mutate(parts[which], 700)[:700]
        if which in (3, 4) and rng.random() < 0.7:
            dtype = np.dtype('<i4' if which == 3 else '<i8')
            parts[which] = nearly_right(unpack(data)[which], dtype, rng)
        join = sign if which > 1 and rng.random() < 0.75 else pack
        return join(*parts)[:max_size]

    return mutate


def child(reader, runs, corpus, report):
    "The fuzzing process: it ends with libFuzzer's exit"
    import atheris, sys

    with atheris.instrument_imports(include=['w2v_nb.engine.corpus']):
        import w2v_nb.engine.corpus as C
    in_python(C)
    seen = dict(inputs=0, past_header=0, loaded=0)
    # reached where the bytes were text; where a header was sound
    name = 'finish_corpus' if reader == 'corpus-text' else 'read_vocab'
    real = getattr(C, name)

    def counting(*args):
        seen['past_header'] += C.FAST_FROM > 0  # the first way only
        return real(*args)

    setattr(C, name, counting)
    path = Path(report).parent/f'{reader}.input'

    def one(data):
        seen['inputs'] += 1
        seen['loaded'] += not isinstance(check(C, reader, path, data), str)
        if seen['inputs'] % 1000 == 0 or seen['inputs'] >= runs:
            Path(report).write_text(json.dumps(seen))

    limits = [f'-runs={runs}', '-max_len=1200', '-rss_limit_mb=2048', '-timeout=20', '-seed=1']
    artifacts = f'-artifact_prefix={Path(report).parent}/'
    arguments = [sys.argv[0], *limits, artifacts, str(corpus)]
    atheris.Setup(arguments, one, custom_mutator=mutator(reader))
    atheris.Fuzz()


def reached(reader, inputs):
    "Lines of the functions that read a corpus"
    import w2v_nb.engine.corpus as C

    in_python(C)
    entry = C.Corpus.from_file if reader == 'corpus-text' else C.Corpus.load
    functions = [getattr(C, name) for name in FUNCTIONS[reader]] + [entry.__func__]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)/'input'
        return lines_reached(functions, lambda data: check(C, reader, path, data), inputs)


if __name__ == '__main__':
    if told := child_options():
        child(told.child, int(told.runs), told.corpus, told.report)
    run('fuzz_corpus', __doc__, READERS, first_inputs, reached, __file__)
