"""What can be had without loading torch, in one line: `from w2v_nb.all import *`.
Texts and corpora, training, vectors, and the record of a run. The chapter's names are imported from their own modules,
as in `from w2v_nb.training import train`, and so are the smaller parts of the engine."""
from .text import Text, Vocab, count_tokens, has_ptb, keep_probability, progress, read_file, read_ptb, read_pydoc, read_sentences, split_text, subsample
from .history import History, LiveLoss, Row
from .corpus import Corpus, tokenize
from .sampling import Sampling, alias_table, keep_probabilities, make_sampling, noise_probabilities, plain_draws
from .vectors import MissingWord, WordVectors
from .heldout import HeldOut, Judged, match_rows
from .cpu import Diverged, Schedule, Tables, available_cores, make_tables, train_epoch
from .checkpoint import Checkpoints, newest_checkpoint, read_checkpoint
from .word2vec import Word2Vec
from .evaluation import Report, Stability, evaluate, evaluate_word_analogies, evaluate_word_pairs, neighbour_stability, train_seeds
from .plots import export_map, plot_analogy, plot_history, plot_map, plot_neighbours, plot_similarity

__all__ = [name for name, value in list(globals().items()) if getattr(value, '__module__', '').startswith('w2v_nb.')]
