"""What 08_application asks for. A class is an exercise, its functions are checks, and their
docstrings what to say where one fails. `hints` are a nudge and something more concrete, never
the answer. START.ipynb quotes what the lesson teaches, and about how many minutes it takes."""

import numpy as np
import torch
from fastcore.test import test_eq, test_close, expect_fail
from torch import nn
from w2v_nb.chapter.text import Vocab

TEACHES = 'The nearest words of a word, and a map of words'
MINUTES = 30


VOCAB = Vocab(dict(north=4, south=3, east=2, west=1))
ROWS = torch.tensor([[9, 9], [0, 2], [0, -1], [3, 0], [-1, 0.1]])  # that of <unk> first
LAYER = nn.Embedding.from_pretrained(ROWS)


def layer_of(rows):
    return nn.Embedding.from_pretrained(torch.tensor(rows))


def found(f, query, k, layer=LAYER, vocab=VOCAB):
    "Words and cosines, each in a list"
    pairs = f(query, k, layer, vocab)
    return [word for word, _ in pairs], [cosine for _, cosine in pairs]


class get_similar_tokens:
    hints = (
        'A cosine is the dot product of two vectors of length 1. Which words must not be '
        'among the answers?',
        "Divide each row by its length (never by 0: `clamp`) and multiply by the query's "
        'row; put -inf where the query is, and `<unk>` at 0 if there is one; `topk` finds '
        'the largest, as many as are left at most; give back pairs of a word and a float.',
    )

    def by_hand(f):
        """The nearest directions first: of north they are west (a little), east (a right
        angle), south (the opposite)."""
        words, cosines = found(f, 'north', 3)
        test_eq(words, ['west', 'east', 'south'])
        test_close(cosines, [0.1 / np.sqrt(1.01), 0, -1], eps=1e-6)

    def cosines(f):
        """The length of a vector must not matter, neither of the word's nor of the query's: a
        cosine is never above 1."""
        long = layer_of([[0.0, 1.0], [50.0, 0.0], [90.0, 90.0], [0.3, 0.1], [0.2, -0.9]])
        words, cosines = found(f, 'north', 3, long)
        test_eq(words, ['east', 'south', 'west'])
        test_close(cosines, [0.3 / np.sqrt(0.1), np.sqrt(0.5), 0.2 / np.sqrt(0.85)], eps=1e-6)

    def not_itself(f):
        """The word itself is left out, and so is `<unk>`, however near it is; another word
        with the same vector is not."""
        same = nn.Embedding.from_pretrained(torch.ones(5, 2))
        words, _ = found(f, 'east', 3, same)
        test_eq(sorted(words), ['north', 'south', 'west'])

    def without_unk(f):
        "A vocabulary without `unk` has a word at 0 like any other."
        layer, vocab = layer_of([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]), dict(a=3, b=2, c=1)
        test_eq(found(f, 'b', 1, layer, Vocab(vocab, unk=None))[0], ['a'])

    def how_many(f):
        "k pairs, or all other words if there are fewer; a k below 1 is a `ValueError`."
        for k, n in (1, 1), (2, 2), (3, 3), (9, 3):
            test_eq(len(f('west', k, LAYER, VOCAB)), n)
        with expect_fail(ValueError):
            f('west', 0, LAYER, VOCAB)

    def kinds(f):
        """A list of pairs of a string and a plain float; the table is not changed, and needs
        no gradient."""
        layer = nn.Embedding.from_pretrained(ROWS.clone(), freeze=False)
        out = f('north', 2, layer, VOCAB)
        test_eq([type(out), type(out[0]), *map(type, out[0])], [list, tuple, str, float])
        test_eq(layer.weight.tolist(), ROWS.tolist())

    def rows_of_zeros(f):
        "A vector without length has the cosine 0 with everything, not NaN."
        zeros = nn.Embedding.from_pretrained(torch.zeros(5, 2))
        test_eq(found(f, 'north', 3, zeros)[1], [0.0, 0.0, 0.0])

    def unknown(f):
        """An unknown word, or `<unk>` itself, is a `KeyError`; a layer with another number of
        rows than the vocabulary has words is a `ValueError`."""
        for word in 'nort', '<unk>':
            with expect_fail(KeyError, contains=word):
                f(word, 3, LAYER, VOCAB)
        with expect_fail(ValueError):
            f('a', 1, LAYER, Vocab(dict(a=1, b=1)))

    def many(f):
        "Three hundred words, against a loop."
        g = torch.Generator().manual_seed(0)
        W = torch.randn(301, 12, generator=g, dtype=torch.float64)
        vocab = Vocab({f'w{i:03}': 1 for i in range(300)})
        unit, expected = W / W.norm(dim=1, keepdim=True), []
        for i, word in enumerate(vocab):
            if word not in ('w007', '<unk>'):
                expected.append(((unit[i] @ unit[vocab['w007']]).item(), word))
        best = sorted(expected)[::-1][:10]
        words, cosines = found(f, 'w007', 10, nn.Embedding.from_pretrained(W), vocab)
        test_eq(words, [word for _, word in best])
        test_close(cosines, [cosine for cosine, _ in best], eps=1e-12)
