"""Phrases: learning and joining them, gensim's `Phrases` against ours.

Each side learns the phrases of a text and joins them, in a process of its own that is kept to
one core; the sides alternate. `learn_s` and `join_s` start from words in memory (lists for
gensim, a `Corpus` for us); `file_s` is the whole way from a file to the file of the joined
text, which must be the same on both sides, byte by byte. Ours are of the second time in a
process; `first_file_s` is the first, in which compiled code is loaded from its cache. Seconds
are of the processor, so that other programs matter less. `peak_mb` is the most memory that the
process held by the end of the first time, `before_mb` what it held when all was imported."""
import hashlib, json, os, statistics, subprocess, sys, tempfile, time, warnings
from pathlib import Path

import numpy as np
from reading import peak_mb, zipf_lines

COPIES, WORDS, DISTINCT = 2, 1_000_000, 100_000
CONNECTORS = 'of the and'.split()


def gensim_steps(path, out, connectors):
    "What gensim does, as functions: each gets what the one before returned"
    from gensim.models.phrases import Phrases

    def read():
        with open(path, encoding='utf-8') as f:
            return [line.split() for line in f]

    def learn(sentences):
        return sentences, Phrases(sentences, connector_words=frozenset(connectors))

    def join(learnt):
        sentences, phrases = learnt
        return list(phrases[sentences])

    def write(joined):
        with open(out, 'w', encoding='utf-8', newline='\n') as f:
            f.writelines(' '.join(sentence) + '\n' for sentence in joined)

    return read, learn, join, write


def our_steps(path, out, connectors):
    "What we do, as functions: each gets what the one before returned"
    from w2v_nb import Corpus, Phrases

    def read():
        return Corpus.from_file(path, min_count=1, quiet=True)

    def learn(corpus):
        return corpus, Phrases(corpus, connector_words=connectors, quiet=True)

    def join(learnt):
        corpus, phrases = learnt
        return phrases.join(corpus, quiet=True)

    return read, learn, join, lambda joined: joined.write_text(out)


def measure(side, path, out, *connectors):
    "What a child process does"
    warnings.simplefilter('ignore')
    if hasattr(os, 'sched_setaffinity'):
        os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])
    steps = dict(gensim=gensim_steps, ours=our_steps)[side](path, out, connectors)
    before, first = peak_mb(), run(steps)
    peak, again = peak_mb(), run(steps) if side == 'ours' else first
    digest = hashlib.sha256(Path(out).read_bytes()).hexdigest()
    return dict(first_file_s=sum(first), learn_s=again[1], join_s=again[2], file_s=sum(again),
                before_mb=before, peak_mb=peak, digest=digest)


def run(steps):
    "The seconds of the processor that each step takes"
    seconds, result = [], ()
    for step in steps:
        start = time.process_time()
        result = step(*result)
        seconds.append(time.process_time() - start)
        result = (result,)
    return seconds


def child(side, path, connectors):
    "`measure` in a fresh process"
    command = [sys.executable, __file__, '--child', side, path, f'{path}.{side}', *connectors]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def make_texts(small):
    """Three texts and their connector words: documentation, the same several times over in
    random order, and words drawn by Zipf's law"""
    from w2v_nb.base.pydoc import read_pydoc

    rng, lines = np.random.default_rng(0), [' '.join(words) + '\n' for words in read_pydoc()]
    if small:
        lines = lines[:2000]
    yield 'pydoc', lines, []
    yield 'pydoc, with connector words', lines, CONNECTORS
    order = rng.permutation(np.tile(np.arange(len(lines)), COPIES))
    yield f'pydoc, {COPIES} times, shuffled', [lines[i] for i in order], []
    words, distinct = (20_000, 2000) if small else (WORDS, DISTINCT)
    yield f"Zipf's law, {DISTINCT:,} words", zipf_lines(rng, words, distinct), []


def measure_text(path, connectors, rounds):
    "The runs of both sides on a text, in turn"
    runs = dict(gensim=[], ours=[])
    child('ours', str(path), connectors) # compiles, where nothing is compiled yet
    for _ in range(rounds):
        for side in runs:
            runs[side].append(child(side, str(path), connectors))
    assert len({run.pop('digest') for side in runs.values() for run in side}) == 1
    return runs


if __name__ == '__main__':
    if sys.argv[1:2] == ['--child']:
        print(json.dumps(measure(*sys.argv[2:])))
        sys.exit()
    from importlib.metadata import version
    from record import options, save

    args = options(__doc__, rounds=3)
    rounds, texts = 1 if args.small else args.rounds, {}
    with tempfile.TemporaryDirectory() as folder:
        for name, lines, connectors in make_texts(args.small):
            path = Path(folder)/'text.txt'
            with path.open('w', encoding='utf-8', newline='\n') as f:
                f.writelines(lines)
            words = sum(len(line.split()) for line in path.open(encoding='utf-8'))
            runs = measure_text(path, connectors, rounds)
            texts[name] = dict(mb=path.stat().st_size / 1e6, words=words, runs=runs)
            for key in 'learn_s', 'join_s', 'file_s', 'first_file_s', 'peak_mb':
                both = [statistics.median(run[key] for run in runs[side]) for side in runs]
                print(f'{name}: {key} gensim {both[0]:.3f} ours {both[1]:.3f} '
                      f'ratio {both[0] / both[1]:.1f}', flush=True)
    results = dict(gensim=version('gensim'), numba=version('numba'), rounds=rounds)
    save('phrases', results | dict(texts=texts), args.out)
