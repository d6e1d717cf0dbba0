"""What 09_exercises asks for. A class is an exercise, its functions are checks, and their
docstrings what to say where one fails. `hints` are a nudge and something more concrete, never
the answer. START.ipynb quotes what the lesson teaches, and about how many minutes it takes."""

import numpy as np
import torch
from fastcore.test import test_eq
from w2v_nb.chapter.data import center_positions
from w2v_nb.chapter.text import Vocab

TEACHES = 'Other words, other settings, and fresh samples in every epoch'
MINUTES = 45


WORDS = [f'w{i}' for i in range(40)]
SENTENCE = WORDS[:30]  # thirty different words: a context's position can be read off
TEXT = [SENTENCE, ['w30', 'w31'], ['w32'], WORDS[33:]] * 3


def loader(f, sentences=TEXT, batch_size=7, window=3, noise=2, seed=0, t=1.0, min_freq=1):
    vocab = Vocab(sentences, min_freq)
    return f(*vocab.encode(sentences), vocab, batch_size, window, noise, seed, t)


class Resampled_draw:
    exercise = 'Resampled.draw'
    hints = (
        'Each epoch starts from the whole text again, and its random numbers follow from '
        'seed and epoch alone. What is drawn first, and what is shuffled then?',
        'Make a generator of `self.seed`, `self.epoch` and a 0. `self.kept` is what '
        '`subsample` keeps of the *whole* text with it, `self.positions` a permutation of '
        'the `center_positions` of what is kept.',
    )

    def kept(f):
        "`self.kept` is a pair, ids and offsets, and with t=1 holds the whole text."
        it = loader(f)
        for a, b in zip(it.kept, (it.ids, it.offsets)):
            test_eq(a, b)

    def positions(f):
        """`self.positions` holds, once, each position in what is *kept* that has a neighbour
        there."""
        for t in 1.0, 3e-3:
            it = loader(f, t=t)
            test_eq(sorted(it.positions.tolist()), center_positions(it.kept[1]).tolist())

    def shuffled(f):
        "The positions come in any order, or a minibatch would be one sentence."
        positions = loader(f).positions
        assert np.abs(np.corrcoef(positions, np.arange(len(positions)))[0, 1]) < 0.4

    def every_epoch(f):
        """Another epoch, other words kept and another order; and always from the whole text,
        so that nothing is lost for good."""
        it = loader(f, t=3e-3)
        seen = []
        for it.epoch in range(30):
            it.draw()
            seen.append((it.kept[0].tolist(), it.positions.tolist()))
        assert len({str(k) for k, _ in seen}) > 25 and len({str(p) for _, p in seen}) > 25
        sizes = [len(k) for k, _ in seen]
        assert min(sizes[15:]) > 0.5 * np.mean(sizes[:5]), sizes
        test_eq(set(sum((k for k, _ in seen), [])), set(it.ids.tolist()))

    def seeds(f):
        """What is drawn follows from the seed and the epoch alone, and from nothing that was
        drawn before."""
        state = lambda it: [it.kept[0].tolist(), it.positions.tolist()]
        one, two, other = (loader(f, seed=s, t=3e-3) for s in (1, 1, 2))
        assert state(one) == state(two) != state(other)
        before = state(one)
        one.epoch = 5
        one.draw()
        assert state(one) != before
        one.epoch = 0
        one.draw()
        test_eq(state(one), before)

    def how_often(f):
        "A word is kept as often as subsampling with `self.t` says."
        it = loader(f, [['a', 'b', 'c', 'd']] * 2000, t=0.04)
        assert abs(len(it.kept[0]) / len(it.ids) - 0.4) < 0.05, len(it.kept[0]) / len(it.ids)


def epoch(it):
    return [[t.tolist() for t in b] for b in it]


def rows(it):
    "Centre, contexts and noise words of each row of an epoch"
    out = []
    for batch in epoch(it):
        for (centre,), words, mask, label in zip(*batch):
            contexts = [w for w, l in zip(words, label) if l]
            noise = [w for w, m, l in zip(words, mask, label) if m > l]
            out.append((centre, contexts, noise))
    return out


class Resampled_iter:
    exercise = 'Resampled.__iter__'
    hints = (
        'A pass is a loop over slices of the positions, and each slice goes through '
        'functions that you know: windows, contexts, negatives, minibatch. When must the '
        'next epoch be drawn, if a pass that is interrupted should count?',
        "Keep this epoch's `self.kept` and `self.positions`, then count `self.epoch` up and "
        'draw for the next pass. For each `batch_size` positions draw windows from 1 to '
        '`max_window_size`, look up `contexts_at`, draw `get_negatives`, and yield what '
        '`batchify` makes of them, moved to `self.device`; all randomness from one '
        'generator of this seed and epoch.',
    )

    def shapes(f):
        """Minibatches of `batch_size` rows, the last one with what is left; width 2 window (1
        + noise), for all alike; as many as `len` says."""
        it = loader(f)
        n = len(it)
        batches = list(it)
        test_eq(len(batches), n)
        last = len(rows(loader(f))) - 7 * (n - 1)
        test_eq([len(b[0]) for b in batches], [7] * (n - 1) + [last])
        test_eq([tuple(t.shape) for t in batches[0]], [(7, 1), (7, 18), (7, 18), (7, 18)])
        test_eq([t.dtype for t in batches[0]], [torch.int64] * 2 + [torch.float32] * 2)

    def every_centre(f):
        "Each centre that has a neighbour comes once in an epoch."
        it = loader(f)
        wanted = sorted(it.kept[0][it.positions].tolist())
        test_eq(sorted(c for c, _, _ in rows(it)), wanted)

    def contexts(f):
        """The contexts are the words of a window around the centre, among those that are kept
        of its sentence, up to the largest window and not beyond."""
        for t in 1.0, 0.01:
            it, widest, sizes = loader(f, [SENTENCE], t=t), 0, set()
            for _ in range(9):
                position = {word: i for i, word in enumerate(it.kept[0].tolist())}
                last = len(position) - 1
                for centre, contexts, _ in rows(it):
                    i, around = position[centre], [position[word] for word in contexts]
                    w = max(abs(j - i) for j in around)
                    window = range(max(0, i - w), min(last, i + w) + 1)
                    test_eq(around, [j for j in window if j != i])
                    widest = max(widest, w)
                    if 3 <= i <= last - 3:
                        sizes.add(w)
            test_eq((widest, sizes), (3, {1, 2, 3}))

    def noise(f):
        """`num_noise_words` noise words for each context, none of them a context of the same
        centre, and never `<unk>`."""
        it = loader(f, TEXT + [['once', 'upon', 'time']], min_freq=3)
        for _, contexts, noise in rows(it):
            test_eq(len(noise), 2 * len(contexts))
            assert not set(contexts) & set(noise) and 0 not in noise

    def how_often(f):
        "Noise follows the counts to the power 0.75."
        it = loader(f, [['a'] * 8 + ['b'], ['c', 'd']] * 600, 50, 1, 5)
        drawn = []
        for _, contexts, noise in rows(it):
            if set(contexts) <= {it.vocab['c'], it.vocab['d']}:
                drawn += noise
        seen = np.bincount(drawn, minlength=5)
        ratio = seen[it.vocab['a']] / seen[it.vocab['b']]
        assert 3.6 < ratio < 6.2, (
            f'a is eight times as frequent as b, so it should be noise {8**0.75:.2f} times '
            f'as often, not {ratio:.2f}'
        )

    def epochs_differ(f):
        """Each pass is an epoch of its own: other windows, other noise, another order, other
        words kept; also after a pass that was interrupted."""
        it = loader(f, t=3e-3)
        passes = [rows(it) for _ in range(3)]
        assert passes[0] != passes[1] != passes[2] != passes[0]
        centres = [[c for c, _, _ in p] for p in passes]
        assert sorted(centres[0]) != sorted(centres[1]), 'the same words are kept in two epochs'
        test_eq(it.epoch, 3)
        one, two = loader(f), loader(f)
        two.epoch = 3
        assert rows(one) != rows(two), (
            'with the same words kept, in the same order, two epochs have the same windows '
            'and noise'
        )
        broken, whole = loader(f), loader(f)
        next(iter(broken))
        next(iter(whole))
        list(whole)
        assert epoch(broken) != epoch(loader(f)) and broken.epoch == 2

    def seeds(f):
        "The same seed gives the same minibatches, epoch by epoch; another seed, others."
        one, two, other = loader(f, seed=4), loader(f, seed=4), loader(f, seed=5)
        first = epoch(one)
        test_eq([first, epoch(one)], [epoch(two), epoch(two)])
        assert first != epoch(other)
        one, other = loader(f, seed=4), loader(f, seed=5)
        other.kept, other.positions = one.kept, one.positions
        assert rows(one) != rows(other), (
            'with the same words kept, in the same order, two seeds have the same windows '
            'and noise'
        )

    def device(f):
        "Minibatches go to `self.device`."
        test_eq({t.device.type for b in loader(f).to('meta') for t in b}, {'meta'})
