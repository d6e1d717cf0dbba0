"""What 06_loss asks for. A class is an exercise, its functions are checks, and their
docstrings what to say where one fails. `hints` are a nudge and something more concrete, never
the answer. START.ipynb quotes what the lesson teaches, and about how many minutes it takes."""

import math
import torch
from fastcore.test import test_eq, test_close, expect_fail
from torch.nn import functional as F

TEACHES = 'The loss of a minibatch with masks, and its gradient by hand'
MINUTES = 50


class masked_mean:
    hints = (
        'A mean is a sum over a number of values: which sum, which number? Think of a row '
        "with an infinity that doesn't count, and of one in which nothing counts.",
        'Put 0 where the mask is 0 (`masked_fill`: infinity times 0 would be NaN), sum each '
        'row, and divide by the number of ones in its mask, or by 1 if there are none '
        '(`clamp`). Refuse a mask of another shape.',
    )

    def without_a_mask(f):
        "With no mask, the mean of each row."
        test_eq(f(torch.tensor([[1.0, 2.0, 3.0], [0.0, 0.0, 6.0]])).tolist(), [2.0, 2.0])

    def what_counts(f):
        """A masked value counts neither in the sum nor in the number: divide by the number of
        values that count, not by the width."""
        values = torch.tensor([[1.0, 2.0, 3.0, 6.0], [4.0, 5.0, 100.0, 9.0]])
        test_eq(f(values, torch.tensor([[1, 1, 1, 1], [1, 0, 0, 1]])).tolist(), [3.0, 6.5])
        mask = torch.tensor([[0.0, 0.0, 0.0, 1.0], [0.0, 1.0, 1.0, 0.0]])
        test_eq(f(values, mask).tolist(), [6.0, 52.5])

    def left_out(f):
        "Zero times infinity is NaN: leave out what doesn't count, don't multiply it by 0."
        values = torch.tensor([[4.0, 5.0, math.inf], [math.nan, 7.0, 8.0]])
        test_eq(f(values, torch.tensor([[1, 1, 0], [0, 1, 1]])).tolist(), [4.5, 7.5])

    def nothing_counts(f):
        "A row in which nothing counts is 0, not 0/0."
        values = torch.tensor([[1.0, 2.0], [math.nan, 3.0]])
        test_eq(f(values, torch.tensor([[0, 0], [0, 0]])).tolist(), [0.0, 0.0])

    def shapes(f):
        """One number a row; a mask of another shape is a `ValueError`, even if it could be
        broadcast."""
        test_eq(f(torch.ones(5, 3), torch.ones(5, 3)).shape, (5,))
        for shape in (5, 1), (1, 3), (5, 2):
            with expect_fail(ValueError):
                f(torch.ones(5, 3), torch.ones(*shape))

    def gradients(f):
        "The gradient of a mean is 1/n where a value counts, and 0 where not."
        x = torch.tensor([[1.0, 2.0, 3.0, 4.0]], requires_grad=True)
        f(x, torch.tensor([[1, 0, 1, 0]])).sum().backward()
        test_eq(x.grad.tolist(), [[0.5, 0.0, 0.5, 0.0]])


class SigmoidBCELoss_forward:
    exercise = 'SigmoidBCELoss.forward'
    hints = (
        'PyTorch has this loss, for scores in place of probabilities. You need its terms, '
        'not their mean. Which function of this page takes the mean?',
        "`F.binary_cross_entropy_with_logits(..., reduction='none')` gives the terms, "
        '`masked_mean` their mean. Fill masked inputs with 0 first, so that their gradient '
        'is left out, too.',
    )

    def the_source(f):
        """The source's example: the loss of a row is the mean over the terms that the mask
        lets count."""
        scores = torch.tensor([[1.1, -2.2, 3.3, -4.4]] * 2)
        labels = torch.tensor([[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0]])
        mask = torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0]])
        test_close(f()(scores, labels, mask).tolist(), [0.9352, 1.8462], eps=5e-5)

    def sign(f):
        """A context (label 1) with a high score costs little, a noise word (label 0) with a
        high score much."""
        out = f()(torch.tensor([[3.0], [3.0]]), torch.tensor([[1.0], [0.0]]))
        expected = [math.log(1 + math.exp(s)) for s in (-3, 3)]
        test_close(out.tolist(), expected, eps=1e-6)

    def no_mask(f):
        "With no mask all terms count, and a row of scores 0 costs log 2."
        out = f()(torch.zeros(3, 5), torch.ones(3, 5))
        test_close(out.tolist(), [math.log(2)] * 3, eps=1e-6)

    def large_scores(f):
        """A sigmoid followed by a logarithm overflows at large scores; PyTorch's loss of
        *logits* does not."""
        scores = torch.tensor([[1e4, -1e4, 1e4, -1e4]])
        test_eq(f()(scores, torch.tensor([[1.0, 0.0, 0.0, 1.0]])).tolist(), [5000.0])

    def padding(f):
        "A masked term has no loss and no gradient, even if its score is NaN."
        x = torch.tensor([[1.0, math.nan], [math.inf, math.nan]], requires_grad=True)
        out = f()(x, torch.ones(2, 2), torch.tensor([[1.0, 0.0], [0.0, 0.0]]))
        test_close(out.tolist(), [math.log(1 + math.exp(-1)), 0], eps=1e-6)
        out.sum().backward()
        test_close(x.grad.flatten().tolist(), [1 / (1 + math.exp(-1)) - 1, 0, 0, 0], eps=1e-6)

    def many(f):
        "Other scores in float64, against the formula term by term; one number a row."
        g = torch.Generator().manual_seed(0)
        s = torch.randn(7, 9, generator=g, dtype=torch.float64)
        y, m = (torch.rand(2, 7, 9, generator=g) < 0.6).double()
        terms = torch.log1p(torch.exp(-(2 * y - 1) * s))
        out = f()(s, y, m)
        test_eq(out.shape, (7,))
        test_close(out, (terms * m).sum(1) / m.sum(1).clamp(min=1), eps=1e-12)


g = torch.Generator().manual_seed(1)
V = torch.randn(8, 10, generator=g, dtype=torch.float64)
U = torch.randn(8, 6, 10, generator=g, dtype=torch.float64)
LABELS, MASK = (torch.rand(2, 8, 6, generator=g) < 0.5).double()


def sum_of_terms(v, U, labels, mask):
    scores = torch.einsum('bd,bnd->bn', v, U)
    terms = F.binary_cross_entropy_with_logits(scores, labels, reduction='none')
    return (terms * mask).sum()


def by_autograd(mask):
    v, u = V.clone().requires_grad_(), U.clone().requires_grad_()
    return torch.autograd.grad(sum_of_terms(v, u, LABELS, mask), (v, u))


class sgns_grad:
    hints = (
        'The slope of a term, by its score, is the probability given less the one wanted. '
        'What does the chain rule make of that for each of the two vectors?',
        'With s the dot products [B, N], g is sigmoid(s) less the labels, and 0 where the '
        "mask is 0; then each vector's gradient is g times the other vector, for `v` summed "
        'over the words (`torch.einsum`).',
    )

    def by_hand(f):
        """One centre (1, 2), one context (0, 0): the score is 0, sigmoid(0) - 1 is -1/2; so
        nothing for v, and -(1, 2)/2 for U."""
        dv, dU = f(torch.tensor([[1.0, 2.0]]), torch.zeros(1, 1, 2), torch.ones(1, 1))
        test_eq((dv.tolist(), dU.tolist()), ([[0.0, 0.0]], [[[-0.5, -1.0]]]))

    def shapes(f):
        "Two gradients, of the shapes of v and U."
        test_eq([tuple(t.shape) for t in f(V, U, LABELS)], [(8, 10), (8, 6, 10)])

    def no_mask(f):
        """The slope of a term is the probability given less the one wanted, sigmoid(s) - y;
        autograd says the same of the *sum* of the terms."""
        for ours, theirs in zip(f(V, U, LABELS), by_autograd(torch.ones(8, 6))):
            test_close(ours, theirs, eps=1e-12)

    def masks(f):
        "A term that does not count adds nothing, neither to v nor to its own word."
        for ours, theirs in zip(f(V, U, LABELS, MASK), by_autograd(MASK)):
            test_close(ours, theirs, eps=1e-12)
        dv, dU = f(torch.ones(1, 2), torch.ones(1, 2, 2), torch.ones(1, 2), torch.zeros(1, 2))
        assert not dv.any() and not dU.any()

    def wrong_mask(f):
        "A mask of another shape than the scores is a `ValueError`."
        with expect_fail(ValueError):
            f(V, U, LABELS, MASK[:, :1])

    def a_step(f):
        "A step against the gradient must make the loss smaller."
        dv, dU = f(V, U, LABELS)
        after = sum_of_terms(V - 0.01 * dv, U - 0.01 * dU, LABELS, torch.ones(8, 6))
        assert after < sum_of_terms(V, U, LABELS, torch.ones(8, 6))
