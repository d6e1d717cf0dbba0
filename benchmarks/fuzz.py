"""Coverage-guided fuzzing of the readers of vectors, fastText's models among them.
Whatever a file holds, they return sound vectors or raise a `ValueError`. The text reader is run
by its plain loop and by its fast one (in Python, where reading past the end is an error), which
must agree. The inputs that atheris found worth keeping are stored in tests/seeds and replayed
by pytest; the report tells what they reach."""
import argparse, json, math, os, random, subprocess, sys, tempfile, time, zipfile
from pathlib import Path

from record import RESULTS, options, save

READERS = 'text', 'binary', 'safetensors', 'fasttext'
SEEDS = Path(__file__).resolve().parent.parent/'tests'/'seeds'
SHARED = ('unpacked read_header parse_header read_rows new_rows check_finite bad_file as_table '
          'as_words bad_row').split()
FUNCTIONS = dict(
    text=[*SHARED, *('number parse_line parse_rows line_blocks text_block read_text '
                     'no_more').split()],
    binary=[*SHARED, *'read_binary binary_records check_record check_binary_end'.split()],
    safetensors=('map_file map_tensor map_tensors check_shapes read_params decode_words '
                 'as_words bad_row bad_file').split(),
    fasttext=('read_model read_fasttext_header check_kind check_model_sizes read_entries '
              'check_matrices read_matrix decode_entries model_params').split())


def module_of(reader):
    "The module with a reader's functions"
    from w2v_nb.vectors import formats, storage, subwords
    return dict(safetensors=storage, fasttext=subwords).get(reader, formats)


def sound_models():
    "Models of fastText's with nothing wrong, with a byte of options before them."
    from w2v_nb.vectors import SubwordVectors
    words, table = ['a', 'été', 'third'], [[.5, -1.25e-3], [2**-20, 3], [7, -4.5]]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)/'model.bin'
        for bucket in 1, 3:
            wv = SubwordVectors.compose(table, words, table[:bucket], min_n=2, max_n=3)
            wv.save_fasttext(path)
            for option in range(0, 64, 7): yield bytes([option]) + path.read_bytes()


def sound_files(reader):
    "Files with nothing wrong, with a byte of options before them."
    if reader == 'fasttext':
        yield from sound_models()
        return
    from w2v_nb.vectors import WordVectors
    table = [[.5, -1.25e-3, 3], [1e-7, 2**-20, -4.5], [7, 8, 9.25]]
    plain = WordVectors(table, ['a', 'été', 'third'], params=dict(seed=1))
    full = WordVectors(table, ['x', 'y', 'a-long-word'], counts=[3, 2, 1],
                       output_vectors=table, params=dict(seed=1))
    with tempfile.TemporaryDirectory() as folder:
        path, packed = Path(folder)/'v', Path(folder)/'v.gz'
        for wv in plain, full:
            if reader == 'safetensors': wv.save(path)
            else: wv.save_word2vec_format(path, binary=reader == 'binary')
            raw = path.read_bytes()
            for option in range(0, 64, 7): yield bytes([option]) + raw
            if reader == 'text': yield b'\x01' + raw.split(b'\n', 1)[1]
            if reader != 'safetensors':
                wv.save_word2vec_format(packed, binary=reader == 'binary')
                yield b'\0' + packed.read_bytes()


FAULTY = dict(
    text=[b'1000000000000 300\na 1', b'1 -1\na 1\n', b'2 2\na 1 2\na 3 4\n',
          b'2 2\na 1 nan\nb 1 inf\n', b'1 2\nNew York 1 2\n', b'1 2\na 1 2 3\n',
          b'1 2\n\xff 1 2\n', b'1 1\na 1\n\n\n', b'1 1\na 1_0\n',
          b'2 1\na 12345678901234567890 \r\nb .5e-30\n'],
    binary=[b'1 1\na \0\0\0\0', b'2 1\na \0\0\0\0\n\n\nb \0\0\x80\x3f\n',
            b'1 1\na \0\0\xc0\x7f', b'1 1\n \0\0\0\0', b'1 1\na \0\0\0\0more',
            b'1 1\na \0\0\0\0' + b'\n'*300],
    safetensors=[], fasttext=[])


def first_inputs(reader):
    "What to start from: sound files, and some that are not. The first byte chooses options."
    yield from sound_files(reader)
    yield from (b'\0' + content for content in FAULTY[reader])


def settings(option):
    "Options of a reader from a byte"
    return dict(no_header=bool(option & 1), on_duplicate='first' if option & 2 else 'error',
                unicode_errors=('strict', 'replace', 'ignore')[option // 4 % 3],
                limit=2 if option & 32 else None)


def read(vectors, reader, path, option, fast=False):
    "One file, all that its reader does: vectors, or the text of its `ValueError`"
    # small blocks: their ends are met by short inputs
    vectors.BLOCK_BYTES, vectors.LONGEST_TOKEN = (64, 256) if option & 64 else (2**22, 2**20)
    vectors.LARGE_FILE = -1 if fast else 2**40
    try:
        if reader == 'safetensors':
            wv = vectors.WordVectors.load(path)
            wv.key_to_index, wv.vectors, wv.counts, wv.output_vectors
        elif reader == 'fasttext':
            how = settings(option)
            wv = vectors.SubwordVectors.load_fasttext(path, how['limit'],
                                                      unicode_errors=how['unicode_errors'])
        else:
            how = settings(option) | dict(binary=reader == 'binary')
            if reader == 'binary': how['no_header'] = False
            wv = vectors.WordVectors.load_word2vec_format(path, **how)
    except ValueError as e: return str(e)
    assert wv.vectors.shape == (len(wv), wv.vector_size)
    assert len(wv.key_to_index) == len(wv) >= 1
    assert wv.vector_size >= 1
    assert math.isfinite(float(wv.vectors.min()))
    assert math.isfinite(float(wv.vectors.max()))
    assert all(wv.index_to_key)
    return wv


def agree(one, other):
    "Are these the same vectors, or the same error?"
    if type(one) != type(other): return False
    if isinstance(one, str): return one == other
    return one.index_to_key == other.index_to_key and (one.vectors == other.vectors).all()


def check(vectors, reader, path, data):
    "Write an input to a file and read it, in both ways if there are two"
    path.write_bytes(data[1:])
    option = data[0] if data else 0
    found = read(vectors, reader, path, option)
    if reader == 'text':
        other = read(vectors, reader, path, option, fast=True)
        assert agree(found, other), (found, other)
    return found


def python_rows(vectors):
    "The fast loop, not compiled: an index past the end is an `IndexError` there"
    def rows(data, pos, values, bounds):
        return vectors.parse_rows(data.tobytes(), pos, values, bounds)
    return lambda: rows


def run_plain(vectors):
    "Have a module's loops run in Python: atheris instruments them, which Numba can't compile"
    from w2v_nb.base import ngrams
    vectors.fast_rows = python_rows(vectors)
    ngrams.fast_ngrams = lambda: (ngrams.count_ngrams, ngrams.write_buckets)
    if hasattr(vectors, 'sum_ngrams'): vectors.fast_sums = lambda: vectors.sum_ngrams


def split(reader, data):
    "Option and header of an input, and the rest"
    if reader == 'safetensors':
        size = int.from_bytes(data[1:9], 'little')
        return data[:9 + size], data[9 + size:]
    if reader == 'fasttext': return data[:1 + MODEL_HEADER], data[1 + MODEL_HEADER:]
    end = data.find(b'\n') + 1
    return data[:end], data[end:]


MODEL_HEADER = 92 # bytes
def change_model(head, rng):
    "A change to one of the numbers that begin a model of fastText's; an option comes before it"
    at = 1 + 4*rng.randrange(MODEL_HEADER // 4)
    value = rng.choice([0, 1, 2, 3, 4, 12, -1, 2**31 - 1, -2**31, rng.randrange(-9, 99)])
    return head[:at] + value.to_bytes(4, 'little', signed=True) + head[at + 4:]


METADATA = ['', '{}', '[', '[1]', 'w2v_nb vectors 1', 'NaN']
DTYPES = ['F32', 'I64', 'U8', 'F64', 'I32', 'BOOL']
def change_tensor(header, name, rng):
    "Another type, shape or place of a tensor, or none"
    what = rng.choice(['shape', 'dtype', 'data_offsets', 'gone'])
    if what == 'gone': del header[name]
    elif what == 'dtype': header[name][what] = rng.choice(DTYPES)
    elif isinstance(values := header[name].get(what), list):
        values = [v + rng.choice([0, 0, 1, -1, 3]) if isinstance(v, int) else v for v in values]
        header[name][what] = rng.choice([values, values[::-1], [1, *values], values[1:]])


def change_header(head, rng):
    "A change to the header of a safetensors file; an option and a length come before it"
    try: header = json.loads(head[9:])
    except ValueError: return head
    name = rng.choice(list(header))
    if name == '__metadata__':
        header[name][rng.choice(['format', 'params', 'w2v_nb'])] = rng.choice(METADATA)
    elif isinstance(header[name], dict): change_tensor(header, name, rng)
    text = json.dumps(header).encode()
    return head[:1] + len(text).to_bytes(8, 'little') + text


def mutator(reader):
    "Mutations that mostly leave the header readable: random bytes there are merely refused"
    import atheris
    def mutate(data, max_size, seed):
        rng = random.Random(seed)
        head, body = split(reader, data)
        if not head or not body or rng.random() < .03:
            return atheris.Mutate(data, max_size)[:max_size]
        if rng.random() < .2: head = bytes([rng.randrange(128)]) + head[1:]
        if reader == 'safetensors':
            if rng.random() < .12: head = change_header(head, rng)
            size = len(body)
            body = (atheris.Mutate(body, size) + bytes(size))[:size]
            return (head + body)[:max_size]
        if reader == 'fasttext':
            if rng.random() < .15: head = change_model(head, rng)
            size = len(body)
            body = atheris.Mutate(body, size)
            if rng.random() < .9: body = (body + bytes(size))[:size] # else it's shorter
            return (head + body)[:max_size]
        if rng.random() < .1:
            head = head[:1] + b'%d %d\n' % (rng.randrange(1, 5), rng.randrange(1, 5))
        return head + atheris.Mutate(body, max(max_size - len(head), 1))
    return mutate


def child(reader, runs, corpus, report):
    "The fuzzing process: it ends with libFuzzer's exit"
    import atheris
    modules = [f'w2v_nb.vectors.{name}' for name in ('wordvectors', 'formats', 'storage',
                                                       'subwords')]
    with atheris.instrument_imports(include=modules): vectors = module_of(reader)
    run_plain(vectors)
    seen = dict(inputs=0, past_header=0, loaded=0)
    def counting(f):
        def inner(*args, **kwargs):
            result = f(*args, **kwargs)
            seen['past_header'] += vectors.LARGE_FILE > 0 # the plain way only
            return result
        return inner
    for name in {'read_text', 'read_binary', 'map_tensors', 'read_entries'} & {*vars(vectors)}:
        setattr(vectors, name, counting(getattr(vectors, name)))
    path = Path(report).parent/f'{reader}.input'
    def one(data):
        seen['inputs'] += 1
        seen['loaded'] += not isinstance(check(vectors, reader, path, data), str)
        if seen['inputs'] % 1000 == 0 or seen['inputs'] >= runs:
            Path(report).write_text(json.dumps(seen))
    flags = [f'-runs={runs}', '-max_len=2000', '-rss_limit_mb=2048', '-timeout=20',
             '-seed=1', '-print_final_stats=1', f'-artifact_prefix={Path(report).parent}/']
    atheris.Setup([sys.argv[0], *flags, str(corpus)], one, custom_mutator=mutator(reader))
    atheris.Fuzz()


def lines_reached(functions, one, inputs):
    "How many lines some functions have, and which of them no input runs (each by `one(input)`)"
    codes = []
    for f in functions:
        code = getattr(f, '__wrapped__', getattr(f, 'py_func', f)).__code__
        codes += [code, *(c for c in code.co_consts if hasattr(c, 'co_lines'))]
    want = {(code.co_filename, line) for code in codes for *_, line in code.co_lines()
            if line and line != code.co_firstlineno}
    hit, mine = set(), set(codes)
    def trace(frame, event, arg):
        if frame.f_code not in mine: return None
        def local(frame, event, arg):
            hit.add((frame.f_code.co_filename, frame.f_lineno))
            return local
        return local
    sys.settrace(trace)
    try:
        for data in inputs: one(data)
    finally: sys.settrace(None)
    source = {name: Path(name).read_text().splitlines() for name, _ in want}
    not_run = [source[name][line - 1].strip()[:160] for name, line in sorted(want - hit)]
    return dict(lines=len(want), not_run=not_run)


def functions_of(reader):
    "The functions and methods of a reader"
    from w2v_nb.vectors import wordvectors
    vectors = module_of(reader)
    functions = [getattr(vectors, name, None) or getattr(wordvectors, name)
                 for name in FUNCTIONS[reader]]
    if reader == 'fasttext':
        return functions + [vectors.SubwordVectors.load_fasttext.__func__]
    if reader != 'safetensors':
        return functions + [vectors.WordVectors.load_word2vec_format.__func__]
    mapped = vectors.MappedVectors
    lazy = [mapped.vectors, mapped.output_vectors, mapped.counts, mapped.key_to_index]
    methods = [vectors.WordVectors.load.__func__, mapped.__init__, mapped._table]
    return functions + methods + [prop.func for prop in lazy]


def reached(reader, inputs):
    "Lines of the readers of vectors"
    vectors = module_of(reader)
    functions = functions_of(reader)
    run_plain(vectors)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)/'input'
        return lines_reached(functions, lambda data: check(vectors, reader, path, data), inputs)


def fuzz(reader, runs, folder, first, script=__file__):
    "One reader, by `script --child`: what was counted, and the inputs worth keeping"
    corpus = Path(folder)/reader
    corpus.mkdir()
    for i, data in enumerate(first): (corpus/f'first{i:03}').write_bytes(data)
    report, start = Path(folder)/f'{reader}.json', time.time()
    done = subprocess.run([sys.executable, script, '--child', reader, '--runs', str(runs),
                           '--corpus', corpus, '--report', report], capture_output=True,
                          text=True)
    if done.returncode:
        found = [p.read_bytes() for p in Path(folder).glob('crash-*')]
        raise SystemExit(f'{reader}: {done.stdout[-3000:]}{done.stderr[-1500:]}\n'
                         f'the input: {found}')
    inputs = sorted({p.read_bytes() for p in corpus.iterdir()}, key=lambda d: (len(d), d))
    seen = json.loads(report.read_text()) | dict(seconds=round(time.time() - start))
    print(reader, seen, f'{len(inputs)} inputs', flush=True)
    return dict(reader=reader) | seen, inputs


def stored(reader):
    "The inputs in tests/seeds"
    path = SEEDS/f'{reader}.zip'
    if not path.exists(): return []
    with zipfile.ZipFile(path) as z: return [z.read(name) for name in z.namelist()]


def store(reader, inputs):
    "Keep inputs in one packed file, the same bytes each time"
    SEEDS.mkdir(exist_ok=True)
    with zipfile.ZipFile(SEEDS/f'{reader}.zip', 'w', zipfile.ZIP_DEFLATED) as z:
        for i, data in enumerate(inputs):
            z.writestr(zipfile.ZipInfo(f'{i:04}', (2026, 1, 1, 0, 0, 0)), data,
                       zipfile.ZIP_DEFLATED)


def child_options():
    "What the fuzzing process is told, or None in another"
    if '--child' not in sys.argv: return None
    p = argparse.ArgumentParser()
    for name in 'child', 'runs', 'corpus', 'report': p.add_argument(f'--{name}')
    return p.parse_args()


def run(name, doc, readers, first_inputs, reached, script):
    "All readers: a results file, and the inputs worth keeping"
    args, rows = options(doc, runs=250_000), []
    in_memory = '/dev/shm' if os.path.isdir('/dev/shm') else None
    with tempfile.TemporaryDirectory(dir=in_memory) as folder:
        for reader in readers:
            row, inputs = fuzz(reader, 500 if args.small else args.runs, folder,
                               [*first_inputs(reader), *stored(reader)], script)
            rows.append(row | reached(reader, inputs))
            if args.out == RESULTS and not args.small: store(reader, inputs)
    save(name, dict(readers=rows), args.out)


if __name__ == '__main__':
    if told := child_options(): child(told.child, int(told.runs), told.corpus, told.report)
    run('fuzz', __doc__, READERS, first_inputs, reached, __file__)
