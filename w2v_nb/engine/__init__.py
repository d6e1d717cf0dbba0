"""The engine: the mathematics of the chapter made fast."""
from typing import TYPE_CHECKING
from .._doors import door

__getattr__, __dir__, __all__ = door(__name__, {
    '.corpus .phrases': 'Corpus tokenize',
    '.phrases': 'ENGLISH_CONNECTOR_WORDS Phrases',
    '.sampling':
        'Sampling alias_table keep_probabilities make_sampling noise_probabilities '
        'plain_draws',
    '.tables': 'Diverged Schedule Tables make_tables',
    '.skipgram': 'train_threads',
})

if TYPE_CHECKING:
    from .corpus import Corpus, tokenize
    from .phrases import ENGLISH_CONNECTOR_WORDS, Phrases
    from .sampling import Sampling, alias_table, keep_probabilities, make_sampling
    from .sampling import noise_probabilities, plain_draws
    from .tables import Diverged, Schedule, Tables, make_tables
    from .skipgram import train_threads
