"""Half an hour of training, saving, loading, interrupting and resuming in one process: memory,
file descriptors and threads, by thirds."""
import gc, os, random, tempfile, threading, time, warnings
from pathlib import Path

import numpy as np

from record import options, save

from w2v_nb.engine.corpus import Corpus
from w2v_nb.runs.heldout import HeldOut
from w2v_nb.runs.word2vec import Word2Vec
from w2v_nb.vectors import WordVectors


def kilobytes(name):
    "A figure of this process, in kB, or 0 if there is no /proc"
    try: lines = Path('/proc/self/status').read_text().splitlines()
    except OSError: return 0
    return next(int(line.split()[1]) for line in lines if line.startswith(name))


def forget_peak():
    "Count the peak of memory from here on"
    try: Path('/proc/self/clear_refs').write_text('5')
    except OSError: pass


def write_text(path, words=200_000, V=3000):
    names = [f'w{i}' for i in np.random.default_rng(0).zipf(1.3, size=words) % V]
    lines = [' '.join(names[begin:begin + 20]) for begin in range(0, words, 20)]
    path.write_text('\n'.join(lines))


def train(folder, seed, rng):
    "A model that was interrupted, and resumed"
    loaded = Corpus.from_file(folder/'text.txt', quiet=True).save(folder/'corpus')
    corpus = Corpus.load(loaded)
    stop, states = rng.randrange(1, 4), folder/f'states{seed}'
    def interrupt(model):
        if len(model.history) == stop: raise KeyboardInterrupt
    heldout, every = HeldOut(corpus, n=2000), rng.choice([50_000, '1s'])
    settings = dict(vector_size=64, epochs=4, seed=seed)
    try:
        Word2Vec(workers=2, **settings).fit(corpus, heldout=heldout, checkpoint=states,
                                            every=every, callbacks=[interrupt], quiet=True)
    except KeyboardInterrupt: pass
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        try: model = Word2Vec.resume(states, corpus, heldout=heldout, quiet=True)
        except ValueError: # there was no checkpoint yet
            model = Word2Vec(**settings).fit(corpus, quiet=True)
    for path in states.iterdir(): path.unlink()
    states.rmdir()
    return model


def save_and_load(wv, folder, rng):
    "Each format, and a file that is cut short"
    wv.save(folder/'v.safetensors')
    WordVectors.load(folder/'v.safetensors').most_similar('w1')
    for name, binary in ('v.bin', True), ('v.txt', False):
        wv.save_word2vec_format(folder/name, binary=binary)
        WordVectors.load_word2vec_format(folder/name, binary=binary).most_similar('w1')
    path = folder/'v.txt'
    path.write_bytes(path.read_bytes()[:-rng.randrange(100, 5000)])
    try: WordVectors.load_word2vec_format(path, binary=False)
    except ValueError: return
    raise AssertionError('a truncated file was read')


def once(folder, seed, rng):
    "All that a user does with a run, and things that go wrong"
    save_and_load(train(folder, seed, rng).wv, folder, rng)


def counts():
    "Open files and threads"
    files = '/proc/self/fd'
    descriptors = len(os.listdir(files)) if os.path.isdir(files) else 0
    return dict(descriptors=descriptors, threads=threading.active_count())


def third(folder, first, seconds, rng):
    "As many runs as fit into so many seconds"
    forget_peak()
    runs, end = 0, time.time() + seconds
    while time.time() < end or not runs:
        once(folder, first + runs, rng)
        runs += 1
    return dict(runs=runs, peak_kb=kilobytes('VmHWM'), **counts())


if __name__ == '__main__':
    args = options(__doc__, minutes=30)
    minutes, rng, thirds, done = .1 if args.small else args.minutes, random.Random(0), [], 0
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        write_text(folder/'text.txt')
        for seed in range(2 if args.small else 20): once(folder, seed, rng) # loads and compiles
        gc.collect()
        before = counts()
        for _ in range(3):
            thirds.append(third(folder, done, minutes*20, rng))
            done += thirds[-1]['runs']
            print(thirds[-1], flush=True)
        gc.collect()
        after = counts()
    save('soak', dict(minutes=minutes, runs=done, thirds=thirds, before=before, after=after),
         args.out)
