"""What 03_data asks for. A class is an exercise, its functions are checks, and their
docstrings what to say where one fails. `hints` are a nudge and something more concrete, never
the answer. START.ipynb quotes what the lesson teaches, and about how many minutes it takes."""

import numpy as np
import torch
from fastcore.test import test_eq, expect_fail
from w2v_nb.chapter.data import Examples, RandomGenerator as Given

TEACHES = 'Windows, negative samples, and minibatches with padding and masks'
MINUTES = 90


def ids_of(*ids):
    return np.array(ids, dtype=np.int32)


def text(*sentences):
    return ids_of(*sum(sentences, [])), np.cumsum([0, *map(len, sentences)])


def parts(flat, starts):
    return [flat[a:b].tolist() for a, b in zip(starts, starts[1:])]


TOY = text([10, 11, 12, 13, 14], [20], [30, 31])


class contexts_at:
    hints = (
        "Where does each centre's window begin and end, if it may not leave its sentence? "
        'The rest is counting upwards inside each window, and stepping over the centre.',
        "Each centre sees the positions from `lo` to `hi`, cut off at its sentence's ends "
        '(`np.searchsorted` finds the sentence). Laid end to end that is a count upwards: '
        "`np.arange`, plus `np.repeat` of where each centre's part begins, plus 1 from the "
        'centre on.',
    )

    def by_hand(f):
        "A window of w reaches w words to the left and w to the right."
        contexts, starts = f(*TOY, np.array([2, 2, 0, 4]), np.array([1, 2, 1, 2]))
        test_eq(parts(contexts, starts), [[11, 13], [10, 11, 13, 14], [11], [12, 13]])
        test_eq(starts, [0, 2, 6, 7, 9])

    def ends(f):
        "No window leaves its sentence, however wide it is."
        contexts, starts = f(*TOY, np.array([0, 4, 6, 7]), np.array([9, 9, 9, 9]))
        test_eq(parts(contexts, starts), [[11, 12, 13, 14], [10, 11, 12, 13], [31], [30]])

    def alone(f):
        """A sentence of one word gives its centre no context, and an empty list of positions
        gives nothing at all."""
        out = f(*TOY, np.array([5, 1]), np.array([3, 1]))
        test_eq([array.tolist() for array in out], [[10, 12], [0, 0, 2]])
        contexts, starts = f(*TOY, np.array([], dtype=np.int64), np.array([], dtype=np.int64))
        test_eq((len(contexts), starts.tolist()), (0, [0]))

    def the_same_word_again(f):
        """What is left out is the centre's position, not its word, which may be its own
        neighbour."""
        contexts, starts = f(*text([7, 7, 8, 7]), np.array([0, 1]), np.array([2, 2]))
        test_eq(parts(contexts, starts), [[7, 8], [7, 8, 7]])

    def kinds(f):
        "int32 for the words, int64 for the starts."
        contexts, starts = f(*TOY, np.array([1, 2]), np.array([2, 1]))
        test_eq([contexts.dtype, starts.dtype], [np.dtype('int32'), np.dtype('int64')])

    def many(f):
        "Positions in any order, some of them twice, against plain loops."
        rng = np.random.default_rng(0)
        lengths = rng.integers(0, 12, 200)
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        ids = rng.integers(1, 30, offsets[-1]).astype(np.int32)
        positions, windows = rng.integers(0, len(ids), 500), rng.integers(1, 6, 500)
        plain = []
        for i, w in zip(positions.tolist(), windows.tolist()):
            s = np.searchsorted(offsets, i, side='right') - 1
            lo, hi = max(offsets[s], i - w), min(offsets[s + 1], i + w + 1)
            plain.append(ids[lo:i].tolist() + ids[i + 1 : hi].tolist())
        test_eq(parts(*f(ids, offsets, positions, windows)), plain)


class RandomGenerator_draw:
    exercise = 'RandomGenerator.draw'
    hints = (
        "Don't draw n times. How often does each id come in n draws? And in what order?",
        'How often each id comes is one draw of `self.rng.multinomial`; `np.repeat` writes '
        'the ids (int32) that often, and `self.rng.permutation` shuffles them.',
    )

    def shape_and_kind(f):
        "A row of n ids, int32; none for n = 0."
        for n in 0, 1, 1000:
            out = f([1, 2, 3]).draw(n)
            test_eq((out.shape, out.dtype), ((n,), np.dtype('int32')))

    def shares(f):
        "Each id comes in proportion to its weight, and one of weight 0 never."
        n, p = 40_000, np.array([0, 0.2, 0.6, 0.2, 0])
        seen = np.bincount(f([0, 2, 6, 2, 0], seed=1).draw(n), minlength=5)
        assert (np.abs(seen - n * p) <= 5 * np.sqrt(n * p * (1 - p))).all(), seen / n

    def any_order(f):
        """The order is random: the first half is like the second, and which id comes next
        doesn't depend on the last."""
        out = f([1, 1], seed=2).draw(20_000)
        assert abs(out[:10_000].mean() - 0.5) < 0.03, out[:10_000].mean()
        assert abs((out[1:] == out[:-1]).mean() - 0.5) < 0.03, (out[1:] == out[:-1]).mean()

    def independent(f):
        """Draws are independent, so how often an id comes is a matter of chance as well: not
        just its share of n, rounded."""
        g = f([1, 1], seed=3)
        ones = np.array([g.draw(100).sum() for _ in range(400)])
        assert 15 < ones.var() < 35, (
            f'the variance of the number of ones in 100 draws is {ones.var():.1f}; '
            'it should be near 25'
        )

    def seeds(f):
        """The same seed draws the same, another seed something else, and a second call goes
        on where the first ended."""
        one, two, other = f([1, 2, 3], seed=5), f([1, 2, 3], seed=5), f([1, 2, 3], seed=6)
        first, second = one.draw(50).tolist(), one.draw(50).tolist()
        test_eq([first, second], [two.draw(50).tolist(), two.draw(50).tolist()])
        assert first != second and first != other.draw(50).tolist()


class get_negatives:
    hints = (
        'Draw all noise at once, find the draws that are a context of their own centre, and '
        'draw only those again. What if hardly any word is allowed?',
        'See with `context_table`, row by row, which draws are contexts of their own centre '
        '(`np.nonzero`), and draw those again, up to `rounds` times; `draw_outside` draws '
        'what is left. The result is [M, K].',
    )

    def shape_and_kind(f):
        "K noise words in the row of each context: int32 [M, K], and [0, K] for no context."
        noise = f(ids_of(1, 2, 2), np.array([0, 1, 3]), Given([0, 1, 1, 1, 1]), 5)
        test_eq((noise.shape, noise.dtype), ((3, 5), np.dtype('int32')))
        test_eq(f(ids_of(), np.array([0]), Given([0, 1, 1]), 2).shape, (0, 2))

    def no_context(f):
        """A noise word must differ from *all* contexts of its centre, not just from the one in
        its row."""
        contexts, starts = np.tile(ids_of(1, 2, 3), 200), np.arange(0, 601, 3)
        noise = f(contexts, starts, Given([0, 5, 5, 5, 1, 1]), 4)
        assert not np.isin(noise, [0, 1, 2, 3]).any(), np.bincount(noise.ravel())

    def others_may(f):
        "A context of another centre may be noise."
        noise = f(ids_of(*[1, 2] * 300), np.arange(601), Given([0, 1, 1]), 2)
        assert (noise[::2] == 2).all() and (noise[1::2] == 1).all()

    def shares(f):
        "Among the words that are allowed, the noise follows the generator's weights."
        ones, generator = np.ones(20_000, dtype=np.int32), Given([0, 4, 3, 2, 1], seed=1)
        noise = f(ones, np.arange(20_001), generator, 2)
        n, p = 40_000, np.array([0, 0, 3, 2, 1]) / 6
        seen = np.bincount(noise.ravel(), minlength=5)
        assert (np.abs(seen - n * p) <= 5 * np.sqrt(n * p * (1 - p))).all(), seen / n

    def hardly_any_left(f):
        """If the contexts are nearly all that can be drawn, drawing again takes for ever: after
        some rounds, `draw_outside` draws from what is left, in proportion."""
        generator = Given([0, 1e12, 2, 1], seed=2)
        noise = f(ids_of(*[1] * 3000), np.arange(3001), generator, 2)
        seen = np.bincount(noise.ravel(), minlength=4) / noise.size
        assert seen[:2].sum() == 0 and abs(seen[2] - 2 / 3) < 0.05, seen

    def nothing_left(f):
        """If a centre's contexts hold every word that could be noise, that is a `ValueError`,
        not an endless loop; and so is a number of noise words below 1."""
        with expect_fail(ValueError):
            f(ids_of(1, 1, 2), np.array([0, 1, 3]), Given([0, 5, 3]), 2)
        with expect_fail(ValueError):
            f(ids_of(1), np.array([0, 1]), Given([0, 5, 3]), 0)

    def seeds(f):
        "All randomness comes from the generator: the same seed, the same noise."
        contexts, starts = ids_of(1, 2, 3), np.array([0, 1, 3])
        draw = lambda seed: f(contexts, starts, Given(np.ones(99), seed), 9).tolist()
        assert draw(1) == draw(1) != draw(2)


def examples(*rows, K=2):  # a centre, its contexts, the noise words of each
    centers, contexts, noise = zip(*rows)
    return Examples(
        torch.tensor(centers, dtype=torch.int32),
        torch.tensor(sum(contexts, []), dtype=torch.int32),
        torch.tensor(np.cumsum([0, *map(len, contexts)])),
        torch.tensor(sum(noise, []), dtype=torch.int32).reshape(-1, K),
    )


class batchify:
    hints = (
        'Look at one row: in which columns are its contexts, its noise words, its padding? '
        'For all rows at once, compare a row of column numbers with a column of sizes.',
        'Column j of a row is a context if j < size, the number of contexts, a noise word '
        "if j < size (1 + K), else padding; `starts[rows]` says where a row's contexts are, "
        'and its noise words are at K times that. `torch.where` chooses, `clamp` keeps '
        'columns that are not used within bounds.',
    )

    three = examples(
        (4, [5, 6], [[7, 8], [9, 10]]),
        (5, [4], [[11, 12]]),
        (6, [1, 2, 3], [[13, 14], [15, 16], [17, 18]]),
    )

    def by_hand(f):
        "Contexts first, then their noise words in order, then zeros."
        centers, words, _, _ = f(batchify.three, torch.tensor([0, 1]), 6)
        test_eq(centers.tolist(), [[4], [5]])
        test_eq(words.tolist(), [[5, 6, 7, 8, 9, 10], [4, 11, 12, 0, 0, 0]])

    def masks_and_labels(f):
        """Masks are 1 for contexts and noise words alike, labels for contexts only; both are
        0 for padding."""
        _, _, masks, labels = f(batchify.three, torch.tensor([0, 1]), 7)
        test_eq(masks.tolist(), [[1, 1, 1, 1, 1, 1, 0], [1, 1, 1, 0, 0, 0, 0]])
        test_eq(labels.tolist(), [[1, 1, 0, 0, 0, 0, 0], [1, 0, 0, 0, 0, 0, 0]])

    def any_rows(f):
        """Rows may come in any order and more than once; the last one of all is a row like
        any other, and the width is the one that was asked for."""
        centers, words, masks, labels = f(batchify.three, torch.tensor([2, 0, 2]), 10)
        last = [1, 2, 3, 13, 14, 15, 16, 17, 18, 0]
        test_eq(centers.tolist(), [[6], [4], [6]])
        test_eq(words.tolist(), [last, [5, 6, 7, 8, 9, 10, 0, 0, 0, 0], last])
        test_eq((masks.sum(1).tolist(), labels.sum(1).tolist()), ([9, 6, 9], [3, 2, 3]))
        test_eq(f(batchify.three, torch.tensor([1]), 40)[1].tolist(), [[4, 11, 12] + [0] * 37])

    def shapes_and_kinds(f):
        "Ids are int64, masks and labels float32; the centres are a column."
        out = f(batchify.three, torch.tensor([0, 2]), 9)
        test_eq([tuple(t.shape) for t in out], [(2, 1), (2, 9), (2, 9), (2, 9)])
        test_eq([t.dtype for t in out], [torch.int64] * 2 + [torch.float32] * 2)

    def many(f):
        "Other numbers of noise words, against plain loops."
        rng = np.random.default_rng(0)
        draw = lambda *shape: rng.integers(1, 99, shape).tolist()
        for K in 1, 5:
            sizes, width = rng.integers(1, 8, 60).tolist(), 7 * (1 + K)
            data = [(centre, draw(n), draw(n, K)) for centre, n in enumerate(sizes)]
            rows = rng.permutation(60)[:30]
            out = f(examples(*data, K=K), torch.tensor(rows), width)
            centers, words, masks, labels = (t.tolist() for t in out)
            fill = lambda row: row + [0] * (width - len(row))
            for i, row in enumerate(rows):
                centre, contexts, noise = data[row]
                test_eq((centers[i], words[i]), ([centre], fill(contexts + sum(noise, []))))
                test_eq(masks[i], fill([1] * len(contexts) * (1 + K)))
                test_eq(labels[i], fill([1] * len(contexts)))
