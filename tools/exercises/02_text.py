"""What 02_text asks for. A class is an exercise, its functions are checks, and their
docstrings what to say where one fails. `hints` are a nudge and something more concrete, never
the answer. START.ipynb quotes what the lesson teaches, and about how many minutes it takes."""

import warnings
import numpy as np
from fastcore.test import test_eq, test_close, expect_fail
from w2v_nb.chapter.text import Vocab, keep_probability as ours

TEACHES = 'From text to numbers: a vocabulary, and which words to keep'
MINUTES = 50


class split_lines:
    hints = (
        'What ends a line, and what separates words? Two uses of one method of `str` do '
        'nearly all of it. Then think of lines with nothing in them.',
        "Take the lines one by one (`text.split` at '\\n'), split each at white space "
        '(`str.split` without an argument), and keep those that have something in them.',
    )

    def lines(f):
        "Each line is a list of its own."
        test_eq(f('the cat sat\non the mat\n'), [['the', 'cat', 'sat'], ['on', 'the', 'mat']])
        test_eq(f('a'), [['a']])

    def white_space(f):
        """White space can be a tab, or several spaces in a row, also before the first word and
        after the last."""
        test_eq(f(' a\t b  c \r\nd\n'), [['a', 'b', 'c'], ['d']])

    def empty_lines(f):
        "A line without words isn't a sentence."
        test_eq(f('\n\na b\n \t\n\nc\n\n'), [['a', 'b'], ['c']])
        test_eq(f(''), [])
        test_eq(f('\n \n'), [])

    def ends(f):
        """Only a line feed ends a line. `str.splitlines` splits at nine other characters too,
        which are white space here."""
        test_eq(f('a\x0bb\x0cc\nd\u2028e\x85f'), [['a', 'b', 'c'], ['d', 'e', 'f']])

    def kinds(f):
        "A list of lists of strings, not tuples or a generator."
        out = f('a b\nc')
        test_eq([type(out), *map(type, out), *map(type, out[0])], [list, list, list, str, str])


class Vocab_getitem:
    exercise = 'Vocab.__getitem__'
    hints = (
        'There are two kinds of questions: one word, or a list of questions. Answer the '
        'first kind, and let the second kind ask the first.',
        'A string: its number in `self.token_to_idx`, or 0, or a `KeyError` that names it '
        'where there is no `unk`. Anything else: a list with `self[...]` of each of its '
        'items.',
    )

    def one(f):
        "The number of a word that is there."
        v = f(dict(rose=3, a=5, thorn=1))
        test_eq([v['a'], v['rose'], v['thorn']], [1, 2, 3])
        test_eq(f(dict(b=2, a=1), unk=None)['b'], 0)

    def unknown(f):
        "A word that is not there has the number 0, where `<unk>` is."
        v = f(dict(rose=3, a=5), min_freq=4)
        test_eq([v['rose'], v['never'], v['<unk>'], v['']], [0, 0, 0, 0])

    def without_unk(f):
        """If `self.unk` is None, 0 is a word like any other, and an unknown word is a
        `KeyError` that names it."""
        with expect_fail(KeyError, contains='never'):
            f(dict(a=1), unk=None)['never']
        with expect_fail(KeyError, contains='never'):
            f(dict(a=1), unk=None)[['a', 'never']]

    def lists(f):
        "A list gives a list, in its order, and lists in lists give the same nesting."
        v = f(dict(rose=3, a=5, thorn=1))
        test_eq(v[['thorn', 'a', 'never', 'a']], [3, 1, 0, 1])
        test_eq(v[[['a', 'rose'], [], ['thorn']]], [[1, 2], [], [3]])
        test_eq(v[[[['a']]]], [[[1]]])

    def whole_words(f):
        "A string is one word, not a list of letters, however long it is."
        test_eq(f(dict(ab=2, a=1, b=1))['ab'], 1)


class keep_probability:
    hints = (
        "The docstring has the formula; f is a word's share of all counts. Where could it "
        'divide by 0?',
        'f is each count over the sum of all. Take t / f, `np.sqrt`, then `np.minimum` with '
        '1. Keep what you divide by at 1 or more (`np.maximum`), and put 0 where the count '
        "is 0 (`np.where`). Refuse a t that isn't above 0, NaN too.",
    )

    def by_hand(f):
        "Of a word of frequency 100 t, one occurrence in ten is kept."
        test_close(f([100, 900], t=0.009), [np.sqrt(0.009 / 0.1), 0.1], eps=1e-12)
        test_close(f(np.array([1, 99]), t=0.0099), [np.sqrt(0.99), 0.1], eps=1e-12)

    def at_most_one(f):
        "A word that is rarer than t is always kept, and no probability exceeds 1."
        test_eq(list(f([1, 9], t=0.5)), [1, np.sqrt(0.5 / 0.9)])

    def never_seen(f):
        "A count of 0 gives the probability 0, and no warning of a division."
        with warnings.catch_warnings():
            warnings.simplefilter('error')
            test_eq(list(f(np.array([0, 1, 0, 1]), t=1)), [0, 1, 0, 1])
            test_eq(list(f(np.zeros(3, dtype=np.int64))), [0, 0, 0])

    def shape_and_kind(f):
        "A float64 array, one number a word; and t is 1e-4 if none is given."
        out = f(np.array([5, 3, 2], dtype=np.int64))
        test_eq((out.dtype, out.shape), (np.dtype('float64'), (3,)))
        test_close(out, np.sqrt(1e-4 / np.array([0.5, 0.3, 0.2])), eps=1e-12)

    def the_threshold(f):
        "t is a frequency above 0; anything else is a `ValueError`."
        for t in 0, -1e-4, float('nan'):
            with expect_fail(ValueError):
                f([1, 2], t=t)

    def many(f):
        """Other counts, against the formula word by word; the counts that came in must not
        change."""
        counts = np.random.default_rng(0).integers(0, 10_000, 500)
        before = counts.copy()
        total = int(counts.sum())
        formula = lambda n: min(1, (1e-3 / (n / total)) ** 0.5) if n else 0
        test_close(f(counts, t=1e-3), [formula(n) for n in counts.tolist()], eps=1e-12)
        test_eq(counts, before)


def corpus(n=60_000):
    vocab = Vocab(dict(the=900, cat=90, sat=10, rare=9, rarer=8), min_freq=10)
    ids = np.random.default_rng(1).choice(4, size=n, p=[0.1, 0.81, 0.081, 0.009])
    return ids.astype(np.int32), np.arange(0, n + 1, 20), vocab


class subsample:
    hints = (
        'Draw one number for each token and compare it with the probability of its word. '
        'Where does a sentence start when some tokens before it are gone?',
        'Keep a token where `np.random.default_rng(seed).random(len(ids))` is below its '
        "word's `keep_probability`, that of `vocab.known_counts` and t. A running count of "
        'the kept tokens (`np.cumsum`), with a 0 before it, tells where each sentence '
        'starts now.',
    )

    def unknown(f):
        "Unknown words, id 0, always go; with t=1 all others stay."
        vocab = Vocab(dict(a=2, b=1))
        ids, _ = f(np.array([1, 0, 2, 0, 0, 1], dtype=np.int32), np.array([0, 6]), vocab, t=1)
        test_eq(ids, [1, 2, 1])

    def sentences(f):
        """There are as many sentences as before; one that has lost all its words is empty.
        Its offset is the number of tokens kept before it."""
        ids, vocab = np.array([1, 0, 2, 0, 0, 1], dtype=np.int32), Vocab(dict(a=2, b=1))
        ids, offsets = f(ids, np.array([0, 2, 2, 5, 6]), vocab, t=1)
        test_eq(offsets, [0, 1, 1, 2, 3])
        ids, offsets = f(np.zeros(3, dtype=np.int32), np.array([0, 1, 3]), Vocab(dict(a=1)))
        test_eq((len(ids), list(offsets)), (0, [0, 0, 0]))

    def kinds(f):
        "The dtypes stay: ids int32, offsets int64."
        ids, offsets = f(*corpus())
        test_eq([ids.dtype, offsets.dtype], [np.dtype('int32'), np.dtype('int64')])
        test_eq([len(offsets), offsets[-1]], [3001, len(ids)])

    def how_many(f):
        "Each word must be kept as often as its probability says."
        ids, offsets, vocab = corpus()
        kept, _ = f(ids, offsets, vocab, t=1e-2, seed=3)
        p, n = ours(vocab.known_counts, 1e-2), np.bincount(ids, minlength=4)
        num_kept = np.bincount(kept, minlength=4)
        near = np.abs(num_kept - n * p) <= 5 * np.sqrt(n * p * (1 - p))
        assert near.all(), (num_kept / n, p)

    def same_draws(f):
        """One draw for each position of the text, in its order, from
        `np.random.default_rng(seed)`: then the plain way keeps the same tokens."""
        ids, offsets, vocab = corpus(2000)
        draws, p = np.random.default_rng(7).random(2000), ours(vocab.known_counts, 1e-2)
        plain = []
        for start, end in zip(offsets, offsets[1:]):
            plain.append([int(ids[i]) for i in range(start, end) if draws[i] < p[ids[i]]])
        kept, starts = f(ids, offsets, vocab, t=1e-2, seed=7)
        test_eq([kept[a:b].tolist() for a, b in zip(starts, starts[1:])], plain)

    def seeds(f):
        """The same seed keeps the same tokens, another seed others; a `np.random.Generator`
        is taken as it is; what came in is not changed."""
        ids, offsets, vocab = corpus(2000)
        before = ids.copy()
        one, two, other = (f(ids, offsets, vocab, seed=s)[0].tolist() for s in (1, 1, 2))
        assert one == two != other
        test_eq(f(ids, offsets, vocab, seed=np.random.default_rng(1))[0], one)
        test_eq(ids, before)
