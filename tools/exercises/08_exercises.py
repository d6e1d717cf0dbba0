"What the exercises of 08_exercises ask for: each class is an exercise, each of its functions with a docstring a check, and the docstring what to think about where it fails."
import numpy as np
import torch
from fastcore.test import test_eq
from w2v_nb.data import center_places
from w2v_nb.text import Vocab


WORDS = [f'w{i}' for i in range(40)]
SENTENCE = WORDS[:30]                                        # thirty different words: a context's place can be read off
TEXT = [SENTENCE, ['w30', 'w31'], ['w32'], WORDS[33:]]*3
def loader(f, sentences=TEXT, batch_size=7, window=3, noise=2, seed=0, t=1., min_freq=1):
    vocab = Vocab(sentences, min_freq)
    return f(*vocab.encode(sentences), vocab, batch_size, window, noise, seed, t)

class Resampled_draw:
    "`rng = np.random.default_rng([self.seed, self.epoch, 0])`: `self.kept` is what `subsample` keeps of the *whole* text with it, `self.places` a permutation of the `center_places` of what is kept."
    exercise = 'Resampled.draw'
    def kept(f):
        "`self.kept` is a pair, ids and offsets, and with t=1 holds the whole text."
        it = loader(f)
        for a, b in zip(it.kept, (it.ids, it.offsets)): test_eq(a, b)
    def places(f):
        "`self.places` holds each place of what is *kept* whose word has a neighbour there, once."
        for t in 1., 3e-3:
            it = loader(f, t=t)
            test_eq(sorted(it.places.tolist()), center_places(it.kept[1]).tolist())
    def shuffled(f):
        "The places come in any order, or a minibatch would be one sentence."
        places = loader(f).places
        assert np.abs(np.corrcoef(places, np.arange(len(places)))[0, 1]) < .4
    def every_epoch(f):
        "Another epoch, other words kept and another order; and always from the whole text, so that nothing is lost for good."
        it = loader(f, t=3e-3)
        seen = []
        for it.epoch in range(30): it.draw(); seen.append((it.kept[0].tolist(), it.places.tolist()))
        assert len({str(k) for k, _ in seen}) > 25 and len({str(p) for _, p in seen}) > 25
        sizes = [len(k) for k, _ in seen]
        assert min(sizes[15:]) > .5*np.mean(sizes[:5]), sizes
        test_eq(set(sum((k for k, _ in seen), [])), set(it.ids.tolist()))
    def seeds(f):
        "What is drawn follows from the seed and the epoch alone, and from nothing that was drawn before."
        state = lambda it: [it.kept[0].tolist(), it.places.tolist()]
        one, two, other = (loader(f, seed=s, t=3e-3) for s in (1, 1, 2))
        assert state(one) == state(two) != state(other)
        before = state(one)
        one.epoch = 5; one.draw(); assert state(one) != before
        one.epoch = 0; one.draw(); test_eq(state(one), before)
    def how_often(f):
        "A word is kept as often as subsampling with `self.t` says."
        it = loader(f, [['a', 'b', 'c', 'd']]*2000, t=.04)
        assert abs(len(it.kept[0]) / len(it.ids) - .4) < .05, len(it.kept[0]) / len(it.ids)


def epoch(it): return [[t.tolist() for t in b] for b in it]
def rows(it): return [(c[0], [w for w, l in zip(words, label) if l], [w for w, m, l in zip(words, mask, label) if m > l])
                      for b in epoch(it) for c, words, mask, label in zip(*b)]

class Resampled_iter:
    "Keep this epoch's `self.kept` and `self.places`, then count `self.epoch` up and `self.draw()` for the next pass. For each `batch_size` places draw windows from 1 to `max_window_size`, look up `contexts_at`, draw `get_negatives`, and yield what `batchify` makes of them, moved to `self.device`; all chance from one generator of this seed and epoch."
    exercise = 'Resampled.__iter__'
    def shapes(f):
        "Minibatches of `batch_size` rows, the last one with what is left; width 2 window (1 + noise), for all alike; as many as `len` says."
        it = loader(f); n = len(it)
        batches = list(it)
        test_eq([len(batches), *(len(b[0]) for b in batches)], [n] + [7]*(n - 1) + [len(rows(loader(f))) - 7*(n - 1)])
        test_eq([tuple(t.shape) for t in batches[0]], [(7, 1), (7, 18), (7, 18), (7, 18)])
        test_eq([t.dtype for t in batches[0]], [torch.int64, torch.int64, torch.float32, torch.float32])
    def every_centre(f):
        "Each centre that has a neighbour comes once in an epoch."
        it = loader(f)
        wanted = sorted(it.kept[0][it.places].tolist())
        test_eq(sorted(c for c, _, _ in rows(it)), wanted)
    def contexts(f):
        "The contexts are the words of a window around the centre, among those that are kept of its sentence, up to the largest window and not beyond."
        for t in 1., .01:
            it, widest, sizes = loader(f, [SENTENCE], t=t), 0, set()
            for _ in range(9):
                place = {w: i for i, w in enumerate(it.kept[0].tolist())}; last = len(place) - 1
                for c, contexts, _ in rows(it):
                    i, js = place[c], [place[w] for w in contexts]
                    w = max(abs(j - i) for j in js)
                    test_eq(js, [j for j in range(max(0, i - w), min(last, i + w) + 1) if j != i])
                    widest = max(widest, w)
                    if 3 <= i <= last - 3: sizes.add(w)
            test_eq((widest, sizes), (3, {1, 2, 3}))
    def noise(f):
        "`num_noise_words` noise words for each context, none of them a context of the same centre, and never `<unk>`."
        for c, contexts, noise in rows(loader(f, TEXT + [['once', 'upon', 'time']], min_freq=3)):
            test_eq(len(noise), 2*len(contexts)); assert not set(contexts) & set(noise) and 0 not in noise
    def how_often(f):
        "Noise follows the counts to the power 0.75."
        it = loader(f, [['a', 'a', 'a', 'a', 'a', 'a', 'a', 'a', 'b'], ['c', 'd']]*600, 50, 1, 5)
        noise = np.bincount([w for c, contexts, noise in rows(it) if set(contexts) <= {it.vocab['c'], it.vocab['d']} for w in noise], minlength=5)
        a, b = noise[it.vocab['a']], noise[it.vocab['b']]
        assert 3.6 < a / b < 6.2, f'a is eight times as frequent as b, so it should be noise {8**.75:.2f} times as often, not {a/b:.2f}'
    def epochs_differ(f):
        "Each pass is an epoch of its own: other windows, other noise, another order, other words kept; also after a pass that was broken off."
        it = loader(f, t=3e-3)
        passes = [rows(it) for _ in range(3)]
        assert passes[0] != passes[1] != passes[2] != passes[0]
        centres = [[c for c, _, _ in p] for p in passes]
        assert sorted(centres[0]) != sorted(centres[1]), 'the same words are kept in two epochs'
        test_eq(it.epoch, 3)
        one, two = loader(f), loader(f)
        two.epoch = 3
        assert rows(one) != rows(two), 'with the same words kept, in the same order, two epochs have the same windows and noise'
        broken, whole = loader(f), loader(f)
        next(iter(broken)); next(iter(whole)); list(whole)
        assert epoch(broken) != epoch(loader(f)) and broken.epoch == 2
    def seeds(f):
        "The same seed gives the same minibatches, epoch by epoch; another seed, others."
        one, two, other = loader(f, seed=4), loader(f, seed=4), loader(f, seed=5)
        first = epoch(one)
        test_eq([first, epoch(one)], [epoch(two), epoch(two)]); assert first != epoch(other)
        one, other = loader(f, seed=4), loader(f, seed=5)
        other.kept, other.places = one.kept, one.places
        assert rows(one) != rows(other), 'with the same words kept, in the same order, two seeds have the same windows and noise'
    def device(f):
        "Minibatches go to `self.device`."
        test_eq({t.device.type for b in loader(f).to('meta') for t in b}, {'meta'})
