"""What D2L's code passes: masks and labels of whole numbers, its `unk`, its network; and what
would pass in silence."""

import warnings

import numpy as np
import pytest
import torch
from torch import nn

from w2v_nb.chapter.data import load_data
from w2v_nb.chapter.embedding import make_embeddings
from w2v_nb.chapter.text import Vocab
from w2v_nb.chapter.training import train

TEXT = [list('abcdefgh')] * 20


def load(text=TEXT, sizes=(8, 2, 2), **kwargs):
    "Minibatches and vocabulary, with every word kept"
    return load_data(text, *sizes, min_freq=1, t=1, **kwargs)


def test_unk_compares_as_theirs():
    vocab = Vocab(TEXT)
    assert vocab.unk == 0 and 0 == vocab.unk
    assert vocab['zzz'] == vocab.unk and not vocab['zzz'] != vocab.unk
    assert vocab['a'] != vocab.unk and not vocab['a'] == vocab.unk
    assert vocab.unk == '<unk>' and hash(vocab.unk) == hash('<unk>')
    assert vocab.unk != 'a' and vocab[vocab.unk] == 0
    assert type(vocab.idx_to_token[0]) is str and Vocab(TEXT, unk=None).unk is None


def test_whole_masks_and_labels():
    loader, vocab = load()
    batches = list(loader)
    whole = [[tensor.long() for tensor in batch] for batch in batches]
    one, two = make_embeddings(len(vocab), 8), make_embeddings(len(vocab), 8)
    expected = train(one, batches, 0.01, 2, quiet=True)['loss']
    assert train(two, whole, 0.01, 2, quiet=True)['loss'] == expected
    assert torch.equal(one[0].weight, two[0].weight)


def test_untouched_network_is_noticed():
    loader, vocab = load()
    net = nn.Sequential(nn.Embedding(len(vocab), 200), nn.Embedding(len(vocab), 200))
    with pytest.warns(UserWarning, match='make_embeddings'):
        train(net, loader, 0.01, 1, quiet=True)
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        for init in 'xavier', 'uniform', 'word2vec':
            train(make_embeddings(len(vocab), 200, init), loader, 0.01, 1, quiet=True)


@pytest.mark.parametrize('vocab', [None, Vocab(TEXT)])
@pytest.mark.parametrize('text', ['a b c', [['a'], 'd e f'], ['a b', 'c d']])
def test_strings_are_no_lists(text, vocab):
    with pytest.raises((TypeError, ValueError), match='split|must be'):
        load(text, vocab=vocab)


WRONG_SIZES = [
    (0, 2, 2),
    (-1, 2, 2),
    (8, 0, 2),
    (8, 2, 0),
    (8, 2, -3),
    (2.5, 2, 2),
    (8, '2', 2),
    (8, 2, True),
]


@pytest.mark.parametrize('sizes', WRONG_SIZES)
def test_sizes(sizes):
    names = 'batch_size|max_window_size|num_noise_words'
    with pytest.raises((TypeError, ValueError), match=names):
        load(sizes=sizes)


def test_numpy_sizes():
    assert load(sizes=map(np.int64, (8, 2, 2)))


WRONG_SETTINGS = [
    dict(lr=0),
    dict(lr='a'),
    dict(num_epochs=1.5),
    dict(num_epochs=0),
    dict(quiet='no'),
    dict(fused='no'),
]


@pytest.mark.parametrize('wrong', WRONG_SETTINGS)
def test_training_settings(wrong):
    loader, vocab = load()
    settings = dict(lr=0.01, num_epochs=1, quiet=True) | wrong
    with pytest.raises((TypeError, ValueError), match=next(iter(wrong))):
        train(make_embeddings(len(vocab), 8), loader, **settings)
