"What the exercise of 03_forward asks for: each function with a docstring is a check, and the docstring what to think about where it fails."
import torch
from fastcore.test import test_eq, test_close
from torch import nn


class skip_gram:
    "Two look-ups, [B, 1, D] and [B, N, D]; turn the second into [B, D, N], and `torch.bmm` multiplies them row by row."
    v, u = torch.tensor([[1., 0.], [2., 3.], [-1., 4.]]), torch.tensor([[5., 1.], [0., 2.], [1., 1.]])
    tables = nn.Embedding.from_pretrained(v), nn.Embedding.from_pretrained(u)
    def shape(f):
        "Scores of shape [B, 1, N], not [B, N]."
        layer = nn.Embedding(20, 4)
        for B, N in (2, 4), (1, 1), (3, 7): test_eq(f(torch.ones(B, 1, dtype=torch.long), torch.ones(B, N, dtype=torch.long), layer, layer).shape, (B, 1, N))
    def by_hand(f):
        "The product of each centre's vector with each of its words' vectors: (2, 3) with (5, 1) is 13."
        out = f(torch.tensor([[1], [2]]), torch.tensor([[0, 1, 2], [2, 2, 0]]), *skip_gram.tables)
        test_eq(out.tolist(), [[[13., 6., 5.]], [[3., 3., -1.]]])
    def which_table(f):
        "Centres are looked up in `embed_v`, the others in `embed_u`: with the tables changed over, the scores change."
        c, w = torch.tensor([[1]]), torch.tensor([[0, 2]])
        test_eq(f(c, w, *skip_gram.tables[::-1]).tolist(), [[[0., 8.]]])
    def scores(f):
        "A score is any real number: no sigmoid, no softmax, no division by a length."
        test_eq(f(torch.tensor([[0]]), torch.tensor([[0]]), *(nn.Embedding.from_pretrained(torch.full((1, 4), x)) for x in (10., -10.))).item(), -400.)
    def rows_alone(f):
        "A row's scores do not depend on the other rows."
        g = torch.Generator().manual_seed(0)
        tables = [nn.Embedding.from_pretrained(torch.randn(30, 8, generator=g, dtype=torch.float64)) for _ in range(2)]
        c, w = torch.randint(30, (6, 1), generator=g), torch.randint(30, (6, 5), generator=g)
        out = f(c, w, *tables)
        test_eq(out.dtype, torch.float64)
        test_close(out, torch.cat([f(c[i:i+1], w[i:i+1], *tables) for i in range(6)]), eps=1e-12)
        test_close(out[:, 0], torch.stack([torch.stack([tables[0].weight[c[b, 0]] @ tables[1].weight[w[b, j]] for j in range(5)]) for b in range(6)]), eps=1e-12)
    def gradients(f):
        "Both tables must get gradients: do not detach, nor leave PyTorch for NumPy."
        tables = [nn.Embedding.from_pretrained(t.clone(), freeze=False) for t in (skip_gram.v, skip_gram.u)]
        f(torch.tensor([[1]]), torch.tensor([[0, 2]]), *tables).sum().backward()
        test_eq(tables[0].weight.grad.tolist(), [[0., 0.], [6., 2.], [0., 0.]])
        test_eq(tables[1].weight.grad.tolist(), [[2., 3.], [0., 0.], [2., 3.]])
