"""What 04_embedding asks for. A class is an exercise, its functions are checks, and their
docstrings what to say where one fails. `hints` are a nudge and something more concrete, never
the answer. START.ipynb quotes what the lesson teaches, and about how many minutes it takes."""

import math
import torch
from fastcore.test import test_eq, test_close
from torch import nn

TEACHES = 'A table with a vector for each word, and its initial values'
MINUTES = 20


class init_bounds:
    hints = (
        'The list above the cell has the three recipes. Each gives two bounds, one for the '
        'centre table and one for the context table.',
        'A dict, in the order xavier, uniform, word2vec. Xavier: the root of 6 over rows '
        'plus columns, twice. Uniform: `UNIFORM_BOUND`, twice. word2vec: half of 1/D, and '
        '0.',
    )

    def recipes(f):
        """Three recipes, 'xavier', 'uniform' and 'word2vec', in this order, each with two
        numbers."""
        out = f(50, 10)
        test_eq(list(out), ['xavier', 'uniform', 'word2vec'])
        test_eq([len(b) for b in out.values()], [2, 2, 2])

    def xavier(f):
        "Xavier: the root of 6 over the sum of rows and columns, for both tables."
        for V, D in (2, 4), (50, 10), (6719, 100):
            test_close(f(V, D)['xavier'], [math.sqrt(6 / (V + D))] * 2, eps=1e-12)

    def uniform(f):
        "MXNet's bound is 0.07, whatever the shape."
        for V, D in (2, 4), (6719, 300):
            test_eq(tuple(f(V, D)['uniform']), (0.07, 0.07))

    def word2vec(f):
        "word2vec: half of 1/D for the centres, and nothing but zeros for the contexts."
        for V, D in (2, 4), (6719, 100):
            test_close(f(V, D)['word2vec'], [1 / (2 * D), 0], eps=1e-12)


def seeded(seed):
    return torch.Generator().manual_seed(seed)


class init_embedding:
    hints = (
        "Change the numbers in the table that is there; don't make another table. Autograd "
        "shouldn't see it happen.",
        '`uniform_`, a method of tensors, fills `embed.weight` in place, from a given '
        'generator; `torch.no_grad()` keeps autograd out of it. Return the layer.',
    )

    def the_same_layer(f):
        "The layer that came in is filled, and returned."
        embed = nn.Embedding(5, 3)
        weight, before = embed.weight, embed.weight.detach().clone()
        assert f(embed, 0.1) is embed, 'another layer came out'
        assert embed.weight is weight, 'another table came out'
        assert not torch.equal(weight.detach(), before)

    def still_trained(f):
        "The table must remain a parameter that has a gradient, without a history of its own."
        w = f(nn.Embedding(5, 3), 0.1).weight
        assert isinstance(w, nn.Parameter)
        assert w.requires_grad and w.is_leaf and w.grad_fn is None

    def bounds(f):
        "All numbers lie between -bound and bound, and they reach nearly as far as both."
        for bound in 0.07, 2.0:
            w = f(nn.Embedding(400, 50), bound, seeded(0)).weight.detach()
            low, high = w.min(), w.max()
            assert -bound <= low < -0.99 * bound and 0.99 * bound < high <= bound, (low, high)
        assert not f(nn.Embedding(4, 2), 0.0).weight.any()

    def uniform(f):
        "Evenly distributed: a quarter of the numbers in each quarter."
        w = f(nn.Embedding(400, 50), 1.0, seeded(1)).weight.detach().flatten()
        test_close((torch.histc(w, 4, -1, 1) / len(w)).tolist(), [0.25] * 4, eps=0.02)

    def generator(f):
        """The numbers are the generator's: those that `uniform_` draws from it, and from the
        global one if none is given."""
        drawn = lambda g: torch.empty(6, 4).uniform_(-0.3, 0.3, generator=g)
        filled = f(nn.Embedding(6, 4), 0.3, seeded(5)).weight.detach()
        test_close(filled, drawn(seeded(5)), eps=1e-7)
        embed = nn.Embedding(6, 4)
        torch.manual_seed(3)
        f(embed, 0.3)
        torch.manual_seed(3)
        test_close(embed.weight.detach(), drawn(None), eps=1e-7)
