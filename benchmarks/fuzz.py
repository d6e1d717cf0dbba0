"""Coverage-guided fuzzing of the three readers of vectors: whatever a file holds, they return sound vectors or raise a `ValueError`.
The text reader is run by its plain and by its fast loop (in Python, where reading past the end is an error), which must agree.
The inputs that atheris found worth keeping are stored in tests/seeds and replayed by pytest; the report tells what they reach."""
import argparse, io, json, math, os, random, struct, subprocess, sys, tempfile, time, zipfile
from pathlib import Path

from record import RESULTS, options, save

READERS = 'text', 'binary', 'safetensors'
SEEDS = Path(__file__).resolve().parent.parent/'tests'/'seeds'
SHARED = 'unpacked read_header no_more line_blocks named bad_file as_table as_words bad_row'.split()
FUNCTIONS = dict(text=[*SHARED, *'number parse_line parse_rows read_text'.split()], binary=[s for s in SHARED if s not in ('no_more', 'line_blocks')] + ['read_binary'],
                 safetensors='map_tensors as_words bad_row bad_file'.split())


def first_inputs(reader):
    "What to start from: sound files, and some that are not. The first byte chooses options."
    from w2v_nb.vectors import WordVectors
    table = [[.5, -1.25e-3, 3], [1e-7, 2**-20, -4.5], [7, 8, 9.25]]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)/'v'
        for words, counts in ((['a', 'été', 'third'], None), (['x', 'y', 'a-long-word'], [3, 2, 1])):
            wv = WordVectors(table, words, counts=counts, output_vectors=table if counts else None, params=dict(seed=1))
            if reader == 'safetensors': wv.save(path)
            else: wv.save_word2vec_format(path, binary=reader == 'binary')
            raw = path.read_bytes()
            for option in range(0, 64, 7): yield bytes([option]) + raw
            if reader == 'text': yield b'\x01' + raw.split(b'\n', 1)[1]
            if reader != 'safetensors':
                wv.save_word2vec_format(Path(folder)/'v.gz', binary=reader == 'binary')
                yield b'\0' + (Path(folder)/'v.gz').read_bytes()
    if reader == 'text': yield from (b'\x00' + t for t in (b'1000000000000 300\na 1', b'1 -1\na 1\n', b'2 2\na 1 2\na 3 4\n', b'2 2\na 1 nan\nb 1 inf\n', b'1 2\nNew York 1 2\n', b'1 2\na 1 2 3\n', b'1 2\n\xff 1 2\n', b'1 1\na 1\n\n\n', b'1 1\na 1_0\n', b'2 1\na 12345678901234567890 \r\nb .5e-30\n'))
    if reader == 'binary': yield from (b'\x00' + t for t in (b'1 1\na \0\0\0\0', b'2 1\na \0\0\0\0\n\n\nb \0\0\x80\x3f\n', b'1 1\na \0\0\xc0\x7f', b'1 1\n \0\0\0\0', b'1 1\na \0\0\0\0more', b'1 1\na \0\0\0\0' + b'\n'*300))


def settings(option):
    "Options of a reader from a byte"
    return dict(no_header=bool(option & 1), on_duplicate='first' if option & 2 else 'error', unicode_errors=('strict', 'replace', 'ignore')[option // 4 % 3], limit=2 if option & 32 else None)


def read(vectors, reader, path, option, fast=False):
    "One file, all that its reader does: vectors, or the text of its `ValueError`"
    vectors.AT_A_TIME, vectors.LONGEST = (64, 256) if option & 64 else (2**22, 2**20) # small blocks: their ends are met by short inputs
    vectors.LARGE = -1 if fast else 2**40
    try:
        if reader == 'safetensors':
            wv = vectors.WordVectors.load(path)
            wv.key_to_index, wv.vectors, wv.counts, wv.output_vectors
        else:
            how = settings(option)
            if reader == 'binary': how['no_header'] = False
            wv = vectors.WordVectors.load_word2vec_format(path, binary=reader == 'binary', **how)
    except ValueError as e: return str(e)
    assert wv.vectors.shape == (len(wv), wv.vector_size) and len(wv.key_to_index) == len(wv) >= 1 and wv.vector_size >= 1
    assert math.isfinite(float(wv.vectors.min())) and math.isfinite(float(wv.vectors.max())) and all(wv.index_to_key)
    return wv


def check(vectors, reader, path, data):
    "Write an input to a file and read it, in both ways if there are two"
    path.write_bytes(data[1:])
    option = data[0] if data else 0
    found = read(vectors, reader, path, option)
    if reader == 'text':
        other = read(vectors, reader, path, option, fast=True)
        assert type(other) == type(found) and (other == found if isinstance(found, str) else other.index_to_key == found.index_to_key and (other.vectors == found.vectors).all()), (found, other)
    return found


def python_rows(vectors):
    "The fast loop, not compiled: an index past the end is an `IndexError` there"
    return lambda: lambda data, pos, values, bounds: vectors.parse_rows(data.tobytes(), pos, values, bounds)


def split(reader, data):
    "Option and header of an input, and the rest"
    if reader == 'safetensors':
        size = int.from_bytes(data[1:9], 'little')
        return data[:9 + size], data[9 + size:]
    end = data.find(b'\n') + 1
    return data[:end], data[end:]


def mutator(reader):
    "Mutations that mostly leave the header readable: random bytes there only test that it is refused"
    import atheris
    def other_numbers(head, rng):
        try: header = json.loads(head[9:])
        except ValueError: return head
        name = rng.choice(list(header))
        if name == '__metadata__': header[name][rng.choice(['format', 'params', 'w2v_nb'])] = rng.choice(['', '{}', '[', '[1]', 'w2v_nb vectors 1', 'NaN'])
        elif isinstance(header[name], dict):
            what = rng.choice(['shape', 'dtype', 'data_offsets', 'gone'])
            if what == 'gone': del header[name]
            elif what == 'dtype': header[name][what] = rng.choice(['F32', 'I64', 'U8', 'F64', 'I32', 'BOOL'])
            elif isinstance(values := header[name].get(what), list):
                values = [v + rng.choice([0, 0, 1, -1, 3]) if isinstance(v, int) else v for v in values]
                header[name][what] = rng.choice([values, values[::-1], [1, *values], values[1:]])
        text = json.dumps(header).encode()
        return head[:1] + len(text).to_bytes(8, 'little') + text
    def mutate(data, max_size, seed):
        rng = random.Random(seed)
        head, body = split(reader, data)
        if not head or not body or rng.random() < .03: return atheris.Mutate(data, max_size)[:max_size]
        if rng.random() < .2: head = bytes([rng.randrange(128)]) + head[1:]
        if reader == 'safetensors':
            if rng.random() < .12: head = other_numbers(head, rng)
            return (head + (atheris.Mutate(body, len(body)) + bytes(len(body)))[:len(body)])[:max_size]
        if rng.random() < .1: head = head[:1] + b'%d %d\n' % (rng.randrange(1, 5), rng.randrange(1, 5))
        return head + atheris.Mutate(body, max(max_size - len(head), 1))
    return mutate


def child(reader, runs, corpus, report):
    "The fuzzing process: it ends with libFuzzer's exit"
    import atheris
    with atheris.instrument_imports(include=['w2v_nb.vectors']):
        import w2v_nb.vectors as vectors
    vectors.fast_rows = python_rows(vectors)
    seen = dict(inputs=0, past_header=0, loaded=0)
    def counting(f):
        def inner(*args, **kwargs):
            result = f(*args, **kwargs)
            seen['past_header'] += vectors.LARGE > 0 # the plain way only
            return result
        return inner
    for name in ('read_text', 'read_binary', 'map_tensors'): setattr(vectors, name, counting(getattr(vectors, name)))
    path = Path(report).parent/f'{reader}.input'
    def one(data):
        seen['inputs'] += 1
        seen['loaded'] += not isinstance(check(vectors, reader, path, data), str)
        if seen['inputs'] % 1000 == 0 or seen['inputs'] >= runs: Path(report).write_text(json.dumps(seen))
    atheris.Setup([sys.argv[0], f'-runs={runs}', '-max_len=2000', '-rss_limit_mb=2048', '-timeout=20', '-seed=1', '-print_final_stats=1', '-artifact_prefix=' + str(Path(report).parent) + '/', str(corpus)],
                  one, custom_mutator=mutator(reader))
    atheris.Fuzz()


def lines_reached(module, functions, one, inputs):
    "Which lines of some functions the inputs run, each by `one(input)`: how many there are, and those that were not run"
    codes = []
    for f in functions:
        code = getattr(f, '__wrapped__', getattr(f, 'py_func', f)).__code__
        codes += [code, *(c for c in code.co_consts if hasattr(c, 'co_lines'))]
    want = {line for c in codes for *_, line in c.co_lines() if line and line != c.co_firstlineno}
    hit, mine = set(), set(codes)
    def trace(frame, event, arg):
        if frame.f_code not in mine: return None
        def local(frame, event, arg):
            hit.add(frame.f_lineno)
            return local
        return local
    sys.settrace(trace)
    try:
        for data in inputs: one(data)
    finally: sys.settrace(None)
    source = Path(module.__file__).read_text().splitlines()
    return dict(lines=len(want), not_run=[source[line - 1].strip()[:160] for line in sorted(want - hit)])


def reached(reader, inputs):
    "Lines of the readers of vectors"
    import w2v_nb.vectors as vectors
    functions = [getattr(vectors, name) for name in FUNCTIONS[reader]]
    functions += [getattr(f, '__func__', f) for f in ([vectors.WordVectors.load] + [getattr(vectors.MappedVectors, n) for n in ('__init__', '_table')] + [getattr(vectors.MappedVectors, n).func for n in ('vectors', 'output_vectors', 'counts', 'key_to_index')]
                  if reader == 'safetensors' else [vectors.WordVectors.load_word2vec_format])]
    vectors.fast_rows = python_rows(vectors)
    with tempfile.TemporaryDirectory() as folder: return lines_reached(vectors, functions, lambda data: check(vectors, reader, Path(folder)/'input', data), inputs)


def fuzz(reader, runs, folder, first, script=__file__):
    "One reader, by `script --child`: what was counted, and the inputs worth keeping"
    corpus = Path(folder)/reader
    corpus.mkdir()
    for i, data in enumerate(first): (corpus/f'first{i:03}').write_bytes(data)
    report, start = Path(folder)/f'{reader}.json', time.time()
    done = subprocess.run([sys.executable, script, '--child', reader, '--runs', str(runs), '--corpus', corpus, '--report', report], capture_output=True, text=True)
    if done.returncode: raise SystemExit(f'{reader}: {done.stdout[-3000:]}{done.stderr[-1500:]}\nthe input: {[p.read_bytes() for p in Path(folder).glob("crash-*")]}')
    inputs = sorted(({p.read_bytes() for p in corpus.iterdir()}), key=lambda d: (len(d), d))
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
        for i, data in enumerate(inputs): z.writestr(zipfile.ZipInfo(f'{i:04}', (2026, 1, 1, 0, 0, 0)), data, zipfile.ZIP_DEFLATED)


def child_options():
    "What the fuzzing process is told, or None in another"
    if '--child' not in sys.argv: return None
    p = argparse.ArgumentParser()
    for name in 'child', 'runs', 'corpus', 'report': p.add_argument(f'--{name}')
    return p.parse_args()


def run(name, doc, readers, first_inputs, reached, script):
    "All readers: a results file, and the inputs worth keeping"
    args, rows = options(doc, runs=250_000), []
    with tempfile.TemporaryDirectory(dir='/dev/shm' if os.path.isdir('/dev/shm') else None) as folder:
        for reader in readers:
            row, inputs = fuzz(reader, 500 if args.small else args.runs, folder, [*first_inputs(reader), *stored(reader)], script)
            rows.append(row | reached(reader, inputs))
            if args.out == RESULTS and not args.small: store(reader, inputs)
    save(name, dict(readers=rows), args.out)


if __name__ == '__main__':
    if told := child_options(): child(told.child, int(told.runs), told.corpus, told.report)
    run('fuzz', __doc__, READERS, first_inputs, reached, __file__)
