"""What 00_words asks for. A class is an exercise, its functions are checks, and their
docstrings what to say where one fails. `hints` are a nudge and something more concrete, never
the answer. START.ipynb quotes what the lesson teaches, and about how many minutes it takes."""

import math
import numpy as np
from fastcore.test import test_eq, test_close

TEACHES = 'Why words in the same company get similar vectors, on thirteen sentences'
MINUTES = 30


class cosine:
    hints = (
        'The formula is above the cell: a dot product, divided by two lengths. What is the '
        'dot product of a vector with itself?',
        '`np.dot` of the two vectors, divided by the root (`np.sqrt`) of two dot products '
        'multiplied: that of x with itself, and that of y with itself.',
    )

    def by_hand(f):
        "The same direction is 1, a right angle 0, the opposite direction -1."
        test_close(f([1, 2], [2, 4]), 1, eps=1e-12)
        test_close(f([1, 2], [-2, 1]), 0, eps=1e-12)
        test_close(f([1, 2], [-2, -4]), -1, eps=1e-12)

    def lengths(f):
        "The length of an arrow must not matter, neither of the first nor of the second."
        x, y = np.array([1.0, 2.0, 2.0]), np.array([2.0, 1.0, 2.0])
        for a, b in (1, 1), (10, 1), (1, 0.1), (7, 3):
            test_close(f(a * x, b * y), 8 / 9, eps=1e-12)

    def counts(f):
        "Arrays of whole numbers do as well, and what came in is not changed."
        x, y = np.array([3, 0, 4]), np.array([0, 2, 0])
        test_close([f(x, x), f(x, y)], [1, 0], eps=1e-12)
        test_eq([x.tolist(), y.tolist()], [[3, 0, 4], [0, 2, 0]])

    def many(f):
        "Longer vectors, against a loop."
        for x, y in np.random.default_rng(0).normal(size=(20, 2, 30)):
            dot, xx, yy = (sum(a * b for a, b in zip(*p)) for p in ((x, y), (x, x), (y, y)))
            test_close(f(x, y), dot / math.sqrt(xx * yy), eps=1e-12)


class sigmoid:
    hints = (
        'It makes a probability of any number: 1/2 of 0, nearly 1 of a large one, nearly 0 '
        'of one far below 0. The formula is on this page, where the two steps are.',
        'The reciprocal of 1 plus a power of e, and the exponent is x with its sign turned. '
        'With `np.exp` it takes arrays as well.',
    )

    def by_hand(f):
        "The sigmoid of 0 is 1/2, that of log 3 is 3/4, and that of -log 3 is 1/4."
        test_close([f(0), f(math.log(3)), f(-math.log(3))], [0.5, 0.75, 0.25], eps=1e-12)

    def arrays(f):
        "An array gives an array of the same shape, number by number."
        x = np.array([[-1.0, 0.0, 2.0], [3.0, -4.0, 5.0]])
        test_eq(np.shape(f(x)), (2, 3))
        test_close(f(x), [[1 / (1 + math.exp(-a)) for a in row] for row in x], eps=1e-12)

    def yes_and_no(f):
        "The probability of yes for x is that of no for -x: the two sum to 1."
        x = np.linspace(-20, 20, 41)
        test_close(f(x) + f(-x), np.ones(41), eps=1e-12)

    def rises(f):
        "It rises with x, and stays between 0 and 1."
        p = f(np.linspace(-30, 30, 61))
        assert (np.diff(p) > 0).all() and 0 < p[0] < 1e-12 and 1 - 1e-12 < p[-1] < 1
