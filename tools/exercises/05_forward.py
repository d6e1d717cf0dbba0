"""What 05_forward asks for. A class is an exercise, its functions are checks, and their
docstrings what to say where one fails. `hints` are a nudge and something more concrete, never
the answer. START.ipynb quotes what the lesson teaches, and about how many minutes it takes."""

import torch
from fastcore.test import test_eq, test_close
from torch import nn

TEACHES = 'All dot products of a minibatch in one product of matrices'
MINUTES = 15


V = torch.tensor([[1.0, 0.0], [2.0, 3.0], [-1.0, 4.0]])
U = torch.tensor([[5.0, 1.0], [0.0, 2.0], [1.0, 1.0]])
TABLES = nn.Embedding.from_pretrained(V), nn.Embedding.from_pretrained(U)


def random_tables(generator):
    for _ in range(2):
        weights = torch.randn(30, 8, generator=generator, dtype=torch.float64)
        yield nn.Embedding.from_pretrained(weights)


class skip_gram:
    hints = (
        'Write down the shapes: [B, 1, D] and [B, N, D] after the look-ups. Which product '
        'gives [B, 1, N], and what must be turned for it?',
        'Two look-ups, [B, 1, D] and [B, N, D]; turn the second into [B, D, N] '
        '(`transpose`), and `torch.bmm` multiplies them row by row.',
    )

    def shape(f):
        "Scores of shape [B, 1, N], not [B, N]."
        layer = nn.Embedding(20, 4)
        for B, N in (2, 4), (1, 1), (3, 7):
            center, words = (torch.ones(B, n, dtype=torch.long) for n in (1, N))
            test_eq(f(center, words, layer, layer).shape, (B, 1, N))

    def by_hand(f):
        """The product of each centre's vector with each of its words' vectors: (2, 3) with
        (5, 1) is 13."""
        out = f(torch.tensor([[1], [2]]), torch.tensor([[0, 1, 2], [2, 2, 0]]), *TABLES)
        test_eq(out.tolist(), [[[13.0, 6.0, 5.0]], [[3.0, 3.0, -1.0]]])

    def which_table(f):
        """Centres are looked up in `embed_v`, the others in `embed_u`: with the tables
        changed over, the scores change."""
        c, w = torch.tensor([[1]]), torch.tensor([[0, 2]])
        test_eq(f(c, w, *TABLES[::-1]).tolist(), [[[0.0, 8.0]]])

    def scores(f):
        "A score is any real number: no sigmoid, no softmax, no division by a length."
        zero = torch.tensor([[0]])
        tens = [nn.Embedding.from_pretrained(torch.full((1, 4), x)) for x in (10.0, -10.0)]
        test_eq(f(zero, zero, *tens).item(), -400.0)

    def rows_alone(f):
        "A row's scores do not depend on the other rows."
        g = torch.Generator().manual_seed(0)
        tables = list(random_tables(g))
        c, w = torch.randint(30, (6, 1), generator=g), torch.randint(30, (6, 5), generator=g)
        out = f(c, w, *tables)
        test_eq(out.dtype, torch.float64)
        v, u = (table.weight for table in tables)
        for i in range(6):
            test_close(out[i : i + 1], f(c[i : i + 1], w[i : i + 1], *tables), eps=1e-12)
            plain = torch.stack([v[c[i, 0]] @ u[w[i, j]] for j in range(5)])
            test_close(out[i, 0], plain, eps=1e-12)

    def gradients(f):
        "Both tables must get gradients: do not detach, nor leave PyTorch for NumPy."
        tables = [nn.Embedding.from_pretrained(t.clone(), freeze=False) for t in (V, U)]
        f(torch.tensor([[1]]), torch.tensor([[0, 2]]), *tables).sum().backward()
        test_eq(tables[0].weight.grad.tolist(), [[0.0, 0.0], [6.0, 2.0], [0.0, 0.0]])
        test_eq(tables[1].weight.grad.tolist(), [[2.0, 3.0], [0.0, 0.0], [2.0, 3.0]])
