"""How many centres may be worked on at the same time? On a GPU, thousands of windows read
their rows before any has written its changes. Here that is played through on the CPU, at its
worst: `batch` centres, four after one another from each of so many places of the text, read
the same old tables, then all their changes are added. `limit` is the most that the pairs of a
batch may do to a row, in learning rates: rows that are changed more often have a lower learning
rate (none: all have the same). Judged by the loss on unseen sentences, the same questions for
all; `batch` 0 is the ordinary kernel of the CPU."""
import math
from itertools import product
from typing import NamedTuple

import numpy as np
from numba import njit

from record import options, save
from w2v_nb.all import Corpus, HeldOut, Text, Word2Vec, read_ptb, read_pydoc, split_text
from w2v_nb.engine.tables import Schedule, learning_rate, make_tables
from w2v_nb.engine.gpu import pairs_a_centre
from w2v_nb.engine.sampling import draw_block, make_block, make_sampling

BATCHES, LIMITS = [1024, 4096, 16384], [None, 16, 4]
SAMPLES, ALPHAS, EPOCHS, GROUP = [1e-4, 1e-3], [.025, .05], 5, 4


class Table(NamedTuple):
    "A table, and what is to be added to it."
    values:np.ndarray  # float32 [V, D]
    changes:np.ndarray # float32 [V, D + 1]; the last column is 1 for rows that have any
    rows:np.ndarray    # int32 [V]: the rows that have changes ...
    n:np.ndarray       # int64 [1]: ... and how many there are
    highest:np.ndarray # float32 [V]: largest learning rate of each row

class Draws(NamedTuple):
    "What is drawn for an epoch, of n kept words."
    words:np.ndarray     # int32 [n]
    begin:np.ndarray     # int64 [n]: where the window of each begins among the kept words ...
    end:np.ndarray       # int64 [n]: ... and ends
    noise:np.ndarray     # int32 [n, negative]
    positions:np.ndarray # int64 [n]: in the text


@njit
def note_change(table, row):
    "Put a row on the list of those that have changes."
    last = table.changes.shape[1] - 1
    if table.changes[row, last] == 0:
        table.changes[row, last] = 1
        table.rows[table.n[0]] = row
        table.n[0] += 1

@njit(nogil=True, fastmath={'contract', 'reassoc', 'nsz', 'arcp'}, error_model='numpy')
def add_up(inputs, outputs, draws, order, rates):
    "Changes of some centres, all from the same tables."
    X, U, D = inputs.values, outputs.values, inputs.values.shape[1]
    for i in order:
        centre = draws.words[i]
        for c in range(draws.begin[i], draws.end[i]):
            if c == i: continue
            x = draws.words[c]
            note_change(inputs, x)
            for k in range(draws.noise.shape[1] + 1):
                u = centre if k == 0 else draws.noise[i, k - 1]
                if k > 0 and u == centre: continue
                note_change(outputs, u)
                score = np.float32(0)
                for d in range(D): score += X[x, d]*U[u, d]
                sigmoid = np.float32(1)/(np.float32(1) + np.exp(-score))
                slope = rates[i]*(np.float32(k == 0) - sigmoid)
                for d in range(D):
                    inputs.changes[x, d] += slope*U[u, d]
                    outputs.changes[u, d] += slope*X[x, d]

@njit(nogil=True)
def write_back(table, rate):
    "Add the changes to a table, smaller where a row has a lower rate; none are left."
    for i in range(table.n[0]):
        row = table.rows[i]
        slower = min(np.float32(1), table.highest[row]/rate)
        for d in range(table.values.shape[1]):
            table.values[row, d] += slower*table.changes[row, d]
        for d in range(table.changes.shape[1]): table.changes[row, d] = 0
    table.n[0] = 0


def draw_epoch(ids, offsets, epoch, sampling, block):
    "The draws of a whole epoch"
    lo, kept, parts = 0, 0, []
    while lo < len(ids):
        first, last, lo = draw_block(ids, offsets, lo, len(ids), epoch, sampling, block)
        i, shift = slice(first, last), kept - first
        parts.append((block.words[i].copy(), block.window_begin[i] + shift,
                      block.window_end[i] + shift, block.noise[i].copy(),
                      block.positions[i].copy()))
        kept += last - first
    return Draws(*[np.concatenate(part) for part in zip(*parts)])

def stale_tables(corpus, batch, limit, sampling):
    "Fresh tables, for `batch` centres at the same time"
    V, tables = len(corpus.vocab), make_tables(len(corpus.vocab), 100, 0)
    made = []
    for view, h in zip(tables.views(), pairs_a_centre(corpus.counts, sampling)):
        highest = (math.inf if limit is None else limit/batch)/np.maximum(h, 1e-12)
        values = np.ascontiguousarray(view)
        made.append(Table(values, np.zeros((V, values.shape[1] + 1), np.float32),
                          np.zeros(V, np.int32), np.zeros(1, np.int64),
                          np.broadcast_to(highest, V).astype(np.float32)))
    return made

def train_stale(corpus, batch, limit, sample, alpha):
    "Tables, after training with `batch` centres at the same time"
    ids, offsets = np.asarray(corpus.ids), np.asarray(corpus.offsets)
    sampling = make_sampling(corpus.counts, sample=sample)
    schedule, block = Schedule(alpha, 1e-4, len(ids), EPOCHS), make_block(sampling, 1 << 15)
    inputs, outputs = stale_tables(corpus, batch, limit, sampling)
    for epoch in range(EPOCHS):
        draws = draw_epoch(ids, offsets, epoch, sampling, block)
        kept = len(draws.words)
        rates = learning_rate.py_func(schedule, epoch, draws.positions).astype(np.float32)
        share = -(-kept//batch)*GROUP # centres for each of batch/GROUP programs
        starts = np.arange(0, kept, share)[:, None]
        for step in range(0, share, GROUP):
            order = (starts + np.arange(step, min(step + GROUP, share))).ravel()
            order = order[order < kept]
            add_up(inputs, outputs, draws, order, rates)
            for table in inputs, outputs: write_back(table, rates[order[0]])
    return inputs.values, outputs.values


def texts(small):
    "Name, training sentences, unseen sentences, min_count"
    if small:
        yield 'pydoc', *split_text(Text('pydoc', read_pydoc(['numba'])[:3000])), 5
        return
    yield 'pydoc', *split_text(Text('pydoc', read_pydoc())), 10
    yield 'ptb', read_ptb(), read_ptb('valid'), 10

def ordinary_losses(corpus, questions, seeds, **settings):
    "Held-out losses of the ordinary kernel, by seeds"
    models = [Word2Vec(epochs=EPOCHS, seed=seed, **settings) for seed in range(seeds)]
    for model in models: model.fit(corpus, quiet=True)
    return [questions.loss(*model.tables.views()).loss for model in models]

def stale_loss(corpus, questions, *settings):
    "Held-out loss of a stale training; None where it diverged"
    try: return questions.loss(*train_stale(corpus, *settings)).loss
    except ValueError: return None

def measure(args, rows):
    "All settings, text by text; each row is added to `rows` as soon as it is there"
    def add(row):
        rows.append(row)
        print(row, flush=True)
    for name, training, unseen, min_count in texts(args.small):
        corpus = Corpus.from_sentences(training, min_count=min_count, name=name)
        questions = HeldOut(Corpus.from_sentences(unseen, vocab=corpus.vocab))
        samples = SAMPLES[:1] if args.small else SAMPLES[::-1]
        alphas = ALPHAS[:1] if args.small or name == 'pydoc' else ALPHAS
        for sample, alpha in product(samples, alphas):
            pairs = pairs_a_centre(corpus.counts, make_sampling(corpus.counts, sample=sample))
            shared = dict(text=name, sample=sample, alpha=alpha, hottest=float(pairs.max()))
            losses = ordinary_losses(corpus, questions, 1 if args.small else args.seeds,
                                     sample=sample, alpha=alpha)
            add(dict(**shared, batch=0, limit=None, val_loss=losses))
            batches = BATCHES[:1] if args.small else BATCHES
            for batch, limit in product(batches, LIMITS[:2] if args.small else LIMITS):
                loss = stale_loss(corpus, questions, batch, limit, sample, alpha)
                add(dict(**shared, batch=batch, limit=limit, val_loss=[loss]))


if __name__ == '__main__':
    args = options(__doc__, seeds=3)
    rows = []
    measure(args, rows)
    save('staleness', dict(epochs=EPOCHS, rows=rows), args.out)
