"""From a text file to ids: `Corpus.from_file` against gensim's scan.

gensim's `LineSentence` and `build_vocab` count the words and number none. Each reading has
its own process, kept to one core; the sides alternate. `plain` is ours without compiled
code. Measured are the seconds of the first and of the second reading in the process, and
the most memory that it held by the end of the first, and before it, when all was imported."""
import json, os, re, resource, statistics, subprocess, sys, tempfile, time
from pathlib import Path

import numpy as np

MIN_COUNT, COPIES, WORDS, DISTINCT = 5, 8, 10_000_000, 1_000_000


def peak_mb():
    "Most memory that this process had in use, MB; where Linux does not say, `getrusage` does"
    if (status := Path('/proc/self/status')).exists():
        return int(re.search(r'VmHWM:\s+(\d+) kB', status.read_text())[1]) / 1000
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def reader(side):
    "A function that reads the file at a path and returns the size of its vocabulary"
    if side != 'gensim':
        from w2v_nb.engine import corpus

        corpus.FAST_FROM = 0 if side == 'ours' else float('inf')
        return lambda path: len(corpus.Corpus.from_file(path, MIN_COUNT, quiet=True).vocab)
    from gensim.models import Word2Vec
    from gensim.models.word2vec import LineSentence

    def gensim(path):
        model = Word2Vec(min_count=MIN_COUNT, vector_size=1)
        model.build_vocab(LineSentence(path))
        return len(model.wv)

    return gensim


def measure(side, path):
    "What a child process does"
    if hasattr(os, 'sched_setaffinity'):
        os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])
    read, before = reader(side), peak_mb()
    start = time.perf_counter()
    size = read(path)
    first, peak = time.perf_counter() - start, peak_mb()
    start = time.perf_counter()
    read(path)
    return dict(
        first_s=first,
        again_s=time.perf_counter() - start,
        before_mb=before,
        peak_mb=peak,
        vocabulary=size,
    )


def child(side, path):
    "`measure` in a fresh process"
    env = {k: v for k, v in os.environ.items() if k != 'OPENBLAS_CORETYPE'}
    command = [sys.executable, __file__, '--child', side, path]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=env)
    return json.loads(done.stdout)


def zipf_lines(rng, words, distinct):
    "Lines of 20 words each, drawn with the density 1/rank; numbers that look like words"
    ranks = np.exp(rng.random(words) * np.log(distinct + 1)).astype(np.int64)
    numbers = ranks * 2654435761 % (1 << 32)
    for i in range(0, words, 20):
        yield ' '.join(f'{number:x}' for number in numbers[i : i + 20].tolist()) + '\n'


def make_texts(small):
    """Three texts: the embedded one, its sentences several times in random order, and words
    drawn by Zipf's law"""
    from w2v_nb.base.pydoc import read_pydoc

    rng, lines = np.random.default_rng(0), [' '.join(words) + '\n' for words in read_pydoc()]
    if small:
        lines = lines[:2000]
    yield 'pydoc', lines
    order = rng.permutation(np.tile(np.arange(len(lines)), COPIES))
    yield f'pydoc, {COPIES} times, shuffled', [lines[i] for i in order]
    words, distinct = (20_000, 2000) if small else (WORDS, DISTINCT)
    yield "Zipf's law, 1 M distinct words", zipf_lines(rng, words, distinct)


def measure_text(path, rounds):
    "The runs of all readers on a text, in turn"
    runs = dict(gensim=[], ours=[], plain=[])
    child('ours', str(path))  # compiles, where nothing is compiled yet
    for _ in range(rounds):
        for side in runs:
            runs[side].append(child(side, str(path)))
    assert len({run['vocabulary'] for side in runs.values() for run in side}) == 1
    return runs


def print_medians(name, runs):
    "What a reader at the terminal wants to know"
    for key in 'first_s', 'again_s', 'peak_mb':
        values = {side: statistics.median(run[key] for run in runs[side]) for side in runs}
        line = ' '.join(f'{side} {value:.3f}' for side, value in values.items())
        print(f'{name}: {key} {line}', flush=True)


if __name__ == '__main__':
    if sys.argv[1:2] == ['--child']:
        print(json.dumps(measure(*sys.argv[2:])))
        sys.exit()
    from importlib.metadata import version
    from record import options, save

    args = options(__doc__, rounds=5)
    rounds, texts = 1 if args.small else args.rounds, {}
    with tempfile.TemporaryDirectory() as folder:
        for name, lines in make_texts(args.small):
            path = Path(folder)/'text.txt'
            with path.open('w', encoding='utf-8', newline='\n') as f:
                f.writelines(lines)
            with path.open('rb') as f:
                words = sum(len(line.split()) for line in f)
            runs = measure_text(path, rounds)
            texts[name] = dict(mb=path.stat().st_size / 1e6, words=words, runs=runs)
            print_medians(name, runs)
    results = dict(gensim=version('gensim'), numba=version('numba'), min_count=MIN_COUNT)
    save('reading', results | dict(rounds=rounds, texts=texts), args.out)
