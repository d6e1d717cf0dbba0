"""The chapter: the lesson in plain PyTorch, and the reference for all that follows."""
from typing import TYPE_CHECKING
from .._doors import door

__getattr__, __dir__, __all__ = door(__name__, {
    '.text':
        'Text Vocab count_tokens has_ptb keep_probability read_file read_ptb '
        'read_sentences split_lines split_text subsample',
    '.data': 'Examples batchify get_negatives load_data load_data_ptb',
    '.embedding': 'make_embeddings',
    '.forward': 'skip_gram',
    '.loss': 'SigmoidBCELoss masked_mean sgns_grad',
    '.training': 'batch_loss evaluate_loss train try_gpu',
    '.application': 'get_similar_tokens',
    '.exercises': 'resampled_loader',
})

if TYPE_CHECKING:
    from .text import Text, Vocab, count_tokens, has_ptb, keep_probability, read_file, read_ptb
    from .text import read_sentences, split_lines, split_text, subsample
    from .data import Examples, batchify, get_negatives, load_data, load_data_ptb
    from .embedding import make_embeddings
    from .forward import skip_gram
    from .loss import SigmoidBCELoss, masked_mean, sgns_grad
    from .training import batch_loss, evaluate_loss, train, try_gpu
    from .application import get_similar_tokens
    from .exercises import resampled_loader
