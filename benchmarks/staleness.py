"""How many centres may be worked on at the same time? On a GPU, thousands of windows read their rows before any has written its changes. Here
that is played through on the CPU, at its worst: `batch` centres, four after one another from each of so many places of the text, read the same old
tables, then all their changes are added. `limit` is the most that the pairs of a batch may do to a row, in learning rates: rows that are changed
more often have a lower learning rate (none: all have the same). Judged by the loss on unseen sentences, the same questions for all; `batch` 0 is
the ordinary kernel of the CPU."""
import math

import numpy as np
from numba import njit

from record import options, save
from w2v_nb.all import Corpus, HeldOut, Text, Word2Vec, read_ptb, read_pydoc, split_text
from w2v_nb.cpu import Schedule, learning_rate, make_tables
from w2v_nb.gpu import pairs_a_centre
from w2v_nb.sampling import draw_block, make_block, make_sampling

BATCHES, LIMITS, SAMPLES, ALPHAS, EPOCHS, GROUP = [1024, 4096, 16384], [None, 16, 4], [1e-4, 1e-3], [.025, .05], 5, 4


@njit(nogil=True, fastmath={'contract', 'reassoc', 'nsz', 'arcp'}, error_model='numpy')
def add_up(X, U, dX, dU, rows_x, rows_u, n, words, noise, left, right, order, rates):
    "Changes of some centres, all from the same tables; `n` counts the rows that have any."
    D = X.shape[1]
    for i in order:
        centre = words[i]
        for c in range(left[i], right[i]):
            if c == i: continue
            x = words[c]
            if dX[x, D] == 0: dX[x, D] = 1; rows_x[n[0]] = x; n[0] += 1
            for k in range(noise.shape[1] + 1):
                u = centre if k == 0 else noise[i, k - 1]
                if k > 0 and u == centre: continue
                if dU[u, D] == 0: dU[u, D] = 1; rows_u[n[1]] = u; n[1] += 1
                score = np.float32(0)
                for d in range(D): score += X[x, d]*U[u, d]
                slope = rates[i]*(np.float32(k == 0) - np.float32(1)/(np.float32(1) + np.exp(-score)))
                for d in range(D):
                    dX[x, d] += slope*U[u, d]
                    dU[u, d] += slope*X[x, d]


@njit(nogil=True)
def write_back(T, dT, rows, n, rate, most):
    for i in range(n):
        w = rows[i]
        slower = min(np.float32(1), most[w]/rate)
        for d in range(T.shape[1]): T[w, d] += slower*dT[w, d]
        for d in range(dT.shape[1]): dT[w, d] = 0


def train_stale(corpus, batch, limit, sample, alpha, epochs, seed, dim=100):
    "Tables, after training with `batch` centres at the same time."
    ids, offsets, V = np.asarray(corpus.ids), np.asarray(corpus.offsets), len(corpus.vocab)
    s, schedule, t = make_sampling(corpus.counts, sample=sample, seed=seed), Schedule(alpha, 1e-4, len(ids), epochs), make_tables(V, dim, seed)
    X, U = (np.ascontiguousarray(v) for v in t.views())
    most = [(math.inf if limit is None else limit/batch)/np.maximum(h, 1e-12) for h in pairs_a_centre(corpus.counts, s)]
    most_x, most_u = (np.broadcast_to(m, V).astype(np.float32) for m in most)
    dX, dU = np.zeros((V, dim + 1), np.float32), np.zeros((V, dim + 1), np.float32)
    rows_x, rows_u, n, block = np.zeros(V, np.int32), np.zeros(V, np.int32), np.zeros(2, np.int64), make_block(s, 1 << 15)
    for epoch in range(epochs):
        lo, kept, parts = 0, 0, []
        while lo < len(ids):                                     # the draws of a whole epoch
            first, last, lo = draw_block(ids, offsets, lo, len(ids), epoch, s, block)
            parts.append([block.words[first:last].copy(), block.left[first:last] + kept - first, block.right[first:last] + kept - first, block.noise[first:last].copy(), block.places[first:last].copy()])
            kept += last - first
        words, left, right, noise, places = (np.concatenate(p) for p in zip(*parts))
        rates = learning_rate.py_func(schedule, epoch, places).astype(np.float32)
        share = -(-kept//batch)*GROUP                            # centres for each of batch/GROUP programs
        for step in range(0, share, GROUP):
            order = (np.arange(0, kept, share)[:, None] + np.arange(step, min(step + GROUP, share))).ravel()
            order = order[order < kept]
            add_up(X, U, dX, dU, rows_x, rows_u, n, words, noise, left, right, order, rates)
            write_back(X, dX, rows_x, n[0], rates[order[0]], most_x); write_back(U, dU, rows_u, n[1], rates[order[0]], most_u); n[:] = 0
    return X, U


def texts(small):
    "Name, training sentences, unseen sentences, min_count"
    if small: training, unseen = split_text(Text('pydoc', read_pydoc(['numba'])[:3000])); yield 'pydoc', training, unseen, 5; return
    yield 'ptb', read_ptb(), read_ptb('valid'), 10
    yield 'pydoc', *split_text(Text('pydoc', read_pydoc())), 10


if __name__ == '__main__':
    args = options(__doc__, seeds=3)
    rows = []
    for name, training, unseen, min_count in list(texts(args.small))[::-1]:
        corpus = Corpus.from_sentences(training, min_count=min_count, name=name)
        judge = HeldOut(Corpus.from_sentences(unseen, vocab=corpus.vocab))
        for sample in SAMPLES[:1] if args.small else SAMPLES[::-1]:
            for alpha in ALPHAS[:1] if args.small or name == 'pydoc' else ALPHAS:
                shared = dict(text=name, sample=sample, alpha=alpha, hottest=float(pairs_a_centre(corpus.counts, make_sampling(corpus.counts, sample=sample)).max()))
                losses = [judge.loss(*Word2Vec(sample=sample, alpha=alpha, epochs=EPOCHS, seed=seed).fit(corpus, quiet=True).tables.views()).loss for seed in range(1 if args.small else args.seeds)]
                rows.append(dict(**shared, batch=0, limit=None, val_loss=losses)); print(rows[-1], flush=True)
                for batch in BATCHES[:1] if args.small else BATCHES:
                    for limit in LIMITS[:2] if args.small else LIMITS:
                        try: loss = judge.loss(*train_stale(corpus, batch, limit, sample, alpha, EPOCHS, 0)).loss
                        except ValueError: loss = None           # no longer numbers
                        rows.append(dict(**shared, batch=batch, limit=limit, val_loss=[loss])); print(rows[-1], flush=True)
    save('staleness', dict(epochs=EPOCHS, rows=rows), args.out)
