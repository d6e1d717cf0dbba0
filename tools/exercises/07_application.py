"What the exercise of 07_application asks for: each function with a docstring is a check, and the docstring what to think about where it fails."
import warnings
import numpy as np
import torch
from fastcore.test import test_eq, test_close, expect_fail
from torch import nn
from w2v_nb.text import Vocab


class get_similar_tokens:
    "Divide each row by its length (never by 0) and multiply by the query's row; put -inf where the query is, and `<unk>` at 0 if there is one; `topk` finds the largest; give back pairs of a word and a float."
    vocab = Vocab(dict(north=4, south=3, east=2, west=1))
    rows = [[9., 9.], [0., 2.], [0., -1.], [3., 0.], [-1., .1]]                   # <unk>, north, south, east, west
    layer = nn.Embedding.from_pretrained(torch.tensor(rows))
    def words(f, query, k, layer, vocab): return [w for w, _ in f(query, k, layer, vocab)]
    def by_hand(f):
        "The nearest directions first: of north they are west (a little), east (a right angle), south (the opposite)."
        test_eq(get_similar_tokens.words(f, 'north', 3, get_similar_tokens.layer, get_similar_tokens.vocab), ['west', 'east', 'south'])
        test_close([c for _, c in f('north', 3, get_similar_tokens.layer, get_similar_tokens.vocab)], [.1/np.sqrt(1.01), 0, -1], eps=1e-6)
    def cosines(f):
        "The length of a vector must not matter, neither of the word's nor of the query's: a cosine is never above 1."
        long = nn.Embedding.from_pretrained(torch.tensor([[0., 1.], [50., 0.], [90., 90.], [.3, .1], [.2, -.9]]))
        out = f('north', 3, long, get_similar_tokens.vocab)
        test_eq([w for w, _ in out], ['east', 'south', 'west'])
        test_close([c for _, c in out], [.3/np.sqrt(.1), np.sqrt(.5), .2/np.sqrt(.85)], eps=1e-6)
    def not_itself(f):
        "The word itself is left out, and so is `<unk>`, however near it is; another word with the same vector is not."
        same = nn.Embedding.from_pretrained(torch.ones(5, 2))
        test_eq(sorted(get_similar_tokens.words(f, 'east', 3, same, get_similar_tokens.vocab)), ['north', 'south', 'west'])
    def without_unk(f):
        "A vocabulary without `unk` has a word at 0 like any other."
        test_eq(get_similar_tokens.words(f, 'b', 1, nn.Embedding.from_pretrained(torch.tensor([[1., 0.], [1., 0.], [0., 1.]])), Vocab(dict(a=3, b=2, c=1), unk=None)), ['a'])
    def how_many(f):
        "k pairs, or all other words if there are fewer; a k below 1 is a `ValueError`."
        for k, n in (1, 1), (2, 2), (3, 3), (9, 3): test_eq(len(f('west', k, get_similar_tokens.layer, get_similar_tokens.vocab)), n)
        with expect_fail(ValueError): f('west', 0, get_similar_tokens.layer, get_similar_tokens.vocab)
    def kinds(f):
        "A list of pairs of a string and a plain float; the table is not changed, and needs no gradient."
        layer = nn.Embedding.from_pretrained(torch.tensor(get_similar_tokens.rows), freeze=False)
        out = f('north', 2, layer, get_similar_tokens.vocab)
        test_eq((type(out), type(out[0]), [type(x) for x in out[0]]), (list, tuple, [str, float]))
        test_eq(layer.weight.tolist(), nn.Embedding.from_pretrained(torch.tensor(get_similar_tokens.rows)).weight.tolist())
    def rows_of_zeros(f):
        "A vector without length has the cosine 0 with everything, not NaN."
        test_eq([c for _, c in f('north', 3, nn.Embedding.from_pretrained(torch.zeros(5, 2)), get_similar_tokens.vocab)], [0., 0., 0.])
    def unknown(f):
        "An unknown word, or `<unk>` itself, is a `KeyError`; a layer with another number of rows than the vocabulary has words is a `ValueError`."
        for word in 'nort', '<unk>':
            with expect_fail(KeyError, contains=word): f(word, 3, get_similar_tokens.layer, get_similar_tokens.vocab)
        with expect_fail(ValueError): f('a', 1, get_similar_tokens.layer, Vocab(dict(a=1, b=1)))
    def many(f):
        "Three hundred words, against a loop."
        W = torch.randn(301, 12, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
        vocab = Vocab({f'w{i:03}': 1 for i in range(300)})
        unit = W / W.norm(dim=1, keepdim=True)
        expected = sorted(((unit[i] @ unit[vocab['w007']]).item(), w) for i, w in enumerate(vocab) if w not in ('w007', '<unk>'))[::-1][:10]
        out = f('w007', 10, nn.Embedding.from_pretrained(W), vocab)
        test_eq([w for w, _ in out], [w for _, w in expected]); test_close([c for _, c in out], [c for c, _ in expected], eps=1e-12)
