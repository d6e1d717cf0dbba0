"""Base: plumbing that every room uses and no reader needs to read first."""
from typing import TYPE_CHECKING
from .._doors import door

__getattr__, __dir__, __all__ = door(__name__, {
    '.files': 'atomic_folder atomic_write cache_folder folder_lock open_packed',
    '.progress': 'facts_table progress_bar some_words',
    '.history': 'History LiveLoss Row',
    '.machine': 'available_cores compiled free_memory',
    '.pydoc': 'read_pydoc',
    '.checks': 'check_key check_keys one_of real_number switch whole_number',
    '.filekinds': 'kind_of_file',
    '.stopping': 'in_threads signals_held',
    '.docstrings': 'document',
    '.ngrams': 'NgramSettings Ngrams char_ngrams ngram_hash ngram_settings vocab_ngrams '
               'word_buckets',
})

if TYPE_CHECKING:
    from .files import atomic_folder, atomic_write, cache_folder, folder_lock, open_packed
    from .progress import facts_table, progress_bar, some_words
    from .history import History, LiveLoss, Row
    from .machine import available_cores, compiled, free_memory
    from .pydoc import read_pydoc
    from .checks import check_key, check_keys, one_of, real_number, switch, whole_number
    from .filekinds import kind_of_file
    from .stopping import in_threads, signals_held
    from .docstrings import document
    from .ngrams import NgramSettings, Ngrams, char_ngrams, ngram_hash, ngram_settings
    from .ngrams import vocab_ngrams, word_buckets
