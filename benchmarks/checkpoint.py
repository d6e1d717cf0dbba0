"""What checkpoints cost: training with and without them, in turn, on a synthetic text of 40,000
words by Zipf's law, much more often than by default so that the cost can be seen; how long the
workers wait, and how long a write takes."""
import statistics, tempfile, time

import numpy as np
from record import options, save

from w2v_nb.engine.corpus import Corpus
from w2v_nb.runs.checkpoint import Checkpoints, checkpoint_files
from w2v_nb.runs.word2vec import Word2Vec

SMALL = dict(words=60_000, vocabulary=500, dim=20, epochs=2, every='0.01s')
LARGE = dict(words=12_000_000, vocabulary=40_000, dim=100, epochs=3, every='1s')


def zipf_corpus(words, V, seed=0):
    "Sentences of 20 words"
    rng = np.random.default_rng(seed)
    p = 1/np.arange(1, V + 1)
    ids = np.concatenate([np.arange(V), rng.choice(V, size=words - V, p=p/p.sum())])
    rng.shuffle(ids)
    names = np.array([f'w{i}' for i in range(V)])
    sentences = (names[ids[begin:begin + 20]].tolist() for begin in range(0, words, 20))
    return Corpus.from_sentences(sentences, min_count=1)


def seconds_of(corpus, dim, epochs, **options):
    "Seconds of training, by the history"
    model = Word2Vec(vector_size=dim, epochs=epochs).fit(corpus, quiet=True, **options)
    return sum(model.history['seconds'])


def timed(into, function):
    "The function, whose seconds are noted"
    def inner(*args, **kwargs):
        start = time.perf_counter()
        try: return function(*args, **kwargs)
        finally: into.append(time.perf_counter() - start)
    return inner


def with_checkpoints(corpus, dim, epochs, every):
    "Seconds of training, of each wait and of each write; bytes of a checkpoint"
    waits, writes, save, write = [], [], Checkpoints.save, Checkpoints.write
    Checkpoints.save, Checkpoints.write = timed(waits, save), timed(writes, write)
    try:
        with tempfile.TemporaryDirectory() as folder:
            seconds = seconds_of(corpus, dim, epochs, checkpoint=folder, every=every)
            size = checkpoint_files(folder)[0].stat().st_size
    finally: Checkpoints.save, Checkpoints.write = save, write
    # the last one waits for its end, after training
    return seconds, waits[:-1], writes[:-1], size


def compare(corpus, dim, epochs, every):
    "A row: training without checkpoints, then with them; and the bytes of one"
    plain = seconds_of(corpus, dim, epochs)
    seconds, waits, writes, size = with_checkpoints(corpus, dim, epochs, every)
    return dict(plain=plain, seconds=seconds, checkpoints=len(waits),
                wait=statistics.median(waits or [0.]), longest_wait=max(waits or [0.]),
                write=statistics.median(writes or [0.])), size


if __name__ == '__main__':
    args = options(__doc__)
    sizes = SMALL if args.small else LARGE
    dim, epochs, every = sizes['dim'], sizes['epochs'], sizes['every']
    corpus, rows = zipf_corpus(sizes['words'], sizes['vocabulary']), []
    seconds_of(corpus, dim, 1) # compiles
    for _ in range(1 if args.small else 5):
        row, size = compare(corpus, dim, epochs, every)
        rows.append(row)
        print(row, flush=True)
    median = {name: round(statistics.median(row[name] for row in rows), 5) for name in rows[0]}
    lost = statistics.median((row['seconds'] - row['plain'])/max(row['checkpoints'], 1)
                             for row in rows) # seconds, to each checkpoint
    save('checkpoint', dict(sizes, bytes=size, rounds=rows, median=median,
                            lost_each=round(lost, 5), at_60s=round(lost/60, 6)), args.out)
