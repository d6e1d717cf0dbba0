"""Runs: an estimator that loses nothing. Held-out loss, rounds, checkpoints, stability."""
from typing import TYPE_CHECKING
from .._doors import door

__getattr__, __dir__, __all__ = door(__name__, {
    '.heldout': 'HeldOut Judged match_rows',
    '.rounds': 'train_rounds',
    '.checkpoint': 'Checkpoints newest_checkpoint read_checkpoint',
    '.word2vec': 'SmallText Word2Vec',
    '.stability': 'Stability neighbour_stability train_seeds',
})

if TYPE_CHECKING:
    from .heldout import HeldOut, Judged, match_rows
    from .rounds import train_rounds
    from .checkpoint import Checkpoints, newest_checkpoint, read_checkpoint
    from .word2vec import SmallText, Word2Vec
    from .stability import Stability, neighbour_stability, train_seeds
