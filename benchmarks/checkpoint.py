"""What checkpoints cost: training with and without them, in turn, on a synthetic text of 40,000 words by Zipf's law, much more often
than by default so that the cost can be seen; how long the workers wait, and how long a write takes."""
import statistics, tempfile, time
from pathlib import Path

import numpy as np
from record import options, save

from w2v_nb.checkpoint import Checkpoints, checkpoint_files
from w2v_nb.corpus import Corpus
from w2v_nb.word2vec import Word2Vec


def zipf_corpus(words, V, seed=0):
    "Sentences of 20 words"
    rng = np.random.default_rng(seed)
    p = 1/np.arange(1, V + 1)
    ids = np.concatenate([np.arange(V), rng.choice(V, size=words - V, p=p/p.sum())])
    rng.shuffle(ids)
    names = np.array([f'w{i}' for i in range(V)])
    return Corpus.from_sentences((names[ids[lo:lo + 20]].tolist() for lo in range(0, words, 20)), min_count=1)


def train(corpus, dim, epochs, every=None):
    "Seconds of training, by the history; with checkpoints: the longest wait and the seconds of each write"
    waits, writes = [], []
    if every is None: return sum(Word2Vec(vector_size=dim, epochs=epochs).fit(corpus, quiet=True).history['seconds']), waits, writes
    def timed(into, real):
        def inner(*args, **kwargs):
            start = time.perf_counter()
            try: return real(*args, **kwargs)
            finally: into.append(time.perf_counter() - start)
        return inner
    save, write = Checkpoints.save, Checkpoints.write
    Checkpoints.save, Checkpoints.write = timed(waits, save), timed(writes, write)
    try:
        with tempfile.TemporaryDirectory() as folder:
            seconds = sum(Word2Vec(vector_size=dim, epochs=epochs).fit(corpus, checkpoint=folder, every=every, quiet=True).history['seconds'])
            size = checkpoint_files(folder)[0].stat().st_size
    finally: Checkpoints.save, Checkpoints.write = save, write
    return seconds, waits[:-1], writes[:-1], size # the last one waits for its end, after training


if __name__ == '__main__':
    args = options(__doc__)
    words, V, dim, epochs, rounds, every = (60_000, 500, 20, 2, 1, '0.01s') if args.small else (12_000_000, 40_000, 100, 3, 5, '1s')
    corpus, runs = zipf_corpus(words, V), []
    train(corpus, dim, 1)
    for _ in range(rounds):
        plain, with_them = train(corpus, dim, epochs)[0], train(corpus, dim, epochs, every)
        seconds, waits, writes, size = with_them
        runs.append(dict(plain=plain, seconds=seconds, checkpoints=len(waits), wait=statistics.median(waits or [0.]), longest_wait=max(waits or [0.]), write=statistics.median(writes or [0.])))
        print(runs[-1], flush=True)
    median = {k: round(statistics.median(r[k] for r in runs), 5) for k in runs[0]}
    share = statistics.median((r['seconds'] - r['plain'])/max(r['checkpoints'], 1) for r in runs) # seconds lost to each
    save('checkpoint', dict(words=words, vocabulary=V, dim=dim, epochs=epochs, every=every, bytes=size, rounds=runs, median=median, lost_each=round(share, 5), at_60s=round(share/60, 6)), args.out)
