"""Half an hour of training, saving, loading, interrupting and resuming in one process: memory, file descriptors and threads, by thirds."""
import gc, os, random, tempfile, threading, time, warnings
from pathlib import Path

import numpy as np

from record import options, save


def kilobytes(name):
    "A figure of this process, in kB, or 0 where /proc is not there"
    try: return next(int(line.split()[1]) for line in Path('/proc/self/status').read_text().splitlines() if line.startswith(name))
    except OSError: return 0


def forget_peak():
    "Count the peak of memory from here on"
    try: Path('/proc/self/clear_refs').write_text('5')
    except OSError: pass


def write_text(path, words=200_000, V=3000):
    ids = np.random.default_rng(0).zipf(1.3, size=words) % V
    path.write_text('\n'.join(' '.join(f'w{i}' for i in ids[lo:lo + 20]) for lo in range(0, words, 20)))
    return path


def once(folder, seed, rng):
    "All that a user does with a run, and things that go wrong"
    from w2v_nb.corpus import Corpus
    from w2v_nb.heldout import HeldOut
    from w2v_nb.vectors import WordVectors
    from w2v_nb.word2vec import Word2Vec
    corpus = Corpus.load(Corpus.from_file(folder/'text.txt', quiet=True).save(folder/'corpus'))
    stop = rng.randrange(1, 4)
    def interrupt(model):
        if len(model.history) == stop: raise KeyboardInterrupt
    heldout, states = HeldOut(corpus, n=2000), folder/f'states{seed}'
    try: Word2Vec(vector_size=64, epochs=4, workers=2, seed=seed).fit(corpus, heldout=heldout, checkpoint=states, every=rng.choice([50_000, '1s']), callbacks=[interrupt], quiet=True)
    except KeyboardInterrupt: pass
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        try: model = Word2Vec.resume(states, corpus, heldout=heldout, quiet=True)
        except ValueError: model = Word2Vec(vector_size=64, epochs=4, seed=seed).fit(corpus, quiet=True) # there was no checkpoint yet
    for name, how in ('v.safetensors', None), ('v.bin', True), ('v.txt', False):
        if how is None: model.wv.save(folder/name)
        else: model.wv.save_word2vec_format(folder/name, binary=how)
        wv = WordVectors.load(folder/name) if how is None else WordVectors.load_word2vec_format(folder/name, binary=how)
        wv.most_similar('w1')
    (folder/'v.txt').write_bytes((folder/'v.txt').read_bytes()[:-rng.randrange(100, 5000)])
    try: WordVectors.load_word2vec_format(folder/'v.txt', binary=False); raise AssertionError('a truncated file was read')
    except ValueError: pass
    for p in states.iterdir(): p.unlink()
    states.rmdir()


def counts(): return dict(descriptors=len(os.listdir('/proc/self/fd')) if os.path.isdir('/proc/self/fd') else 0, threads=threading.active_count())


if __name__ == '__main__':
    args = options(__doc__, minutes=30)
    minutes, rng, thirds, done = .1 if args.small else args.minutes, random.Random(0), [], 0
    with tempfile.TemporaryDirectory() as d:
        folder = Path(d)
        write_text(folder/'text.txt')
        for i in range(2 if args.small else 20): once(folder, i, rng)               # what is loaded and compiled once
        gc.collect(); before = counts()
        for third in range(3):
            forget_peak(); until = time.time() + minutes*20
            since = done
            while time.time() < until or done == since: once(folder, done, rng); done += 1
            thirds.append(dict(runs=done - since, peak_kb=kilobytes('VmHWM'), **counts()))
            print(thirds[-1], flush=True)
        gc.collect(); after = counts()
    save('soak', dict(minutes=minutes, runs=done, thirds=thirds, before=before, after=after), args.out)
