"""word2vec, told in notebooks: learn skip-gram line by line, then train it on your own text.

From a shell (`w2v --help` says more):

  w2v train my.txt            word vectors of a text; writes the folder w2v_my
  w2v similar w2v_my london   the neighbours of a word
  w2v eval w2v_my             scores on word pairs and analogies
  w2v map w2v_my map.html     a map of the words, to open in a browser
  w2v convert w2v_my my.bin   the vectors in another format
  w2v phrases my.txt -o joined.txt  words that belong together, joined
  w2v learn my-lessons        the chapter's notebooks, with code left to write

From Python:

  from w2v_nb import Corpus, Word2Vec, WordVectors
  model = Word2Vec().fit('my.txt')
  model.wv.most_similar('word')

Every notebook is a module, in a subpackage of its room, and a page of https://w2v-nb.github.io/w2v_nb:

  chapter   text, data, embedding, forward, loss, training, application, exercises
  vectors   wordvectors, formats, storage, interop, evaluation, plots, map, subwords
  engine    corpus, phrases, sampling, tables, simd, skipgram, tree, subwords, gpu
  runs      heldout, rounds, checkpoint, word2vec, stability
  tools     learn, cli
  base      files, progress, history, machine, pydoc, docstrings, checks, filekinds, stopping,
            ngrams, figures, moving
"""
__version__ = "0.0.1"
from typing import TYPE_CHECKING
from ._doors import door

__getattr__, __dir__, __all__ = door(__name__, {
    '.chapter.text':
        'Text Vocab count_tokens has_ptb keep_probability read_file read_ptb '
        'read_sentences split_lines split_text subsample',
    '.vectors.wordvectors .vectors.formats .vectors.storage .vectors.interop '
    '.vectors.subwords': 'WordVectors MissingWord',
    '.vectors.subwords': 'SubwordVectors',
    '.vectors.evaluation': 'Report evaluate evaluate_word_analogies evaluate_word_pairs',
    '.vectors.plots': 'plot_analogy plot_history plot_map plot_neighbours plot_similarity',
    '.vectors.map': 'export_map',
    '.engine.corpus .engine.phrases': 'Corpus tokenize',
    '.engine.phrases': 'ENGLISH_CONNECTOR_WORDS Phrases',
    '.engine.sampling':
        'Sampling alias_table keep_probabilities make_sampling noise_probabilities '
        'plain_draws',
    '.engine.tables': 'Diverged Schedule Tables make_tables',
    '.engine.skipgram': 'train_threads',
    '.runs.heldout': 'HeldOut Judged match_rows',
    '.runs.rounds': 'train_rounds',
    '.runs.checkpoint': 'Checkpoints newest_checkpoint read_checkpoint',
    '.runs.word2vec': 'SmallText Word2Vec',
    '.runs.stability': 'Stability neighbour_stability train_seeds',
    '.base.progress': 'facts_table progress_bar some_words',
    '.base.history': 'History LiveLoss Row',
    '.base.machine': 'available_cores compiled free_memory',
    '.base.pydoc': 'read_pydoc',
})

if TYPE_CHECKING:
    from .chapter.text import Text, Vocab, count_tokens, has_ptb, keep_probability, read_file
    from .chapter.text import read_ptb, read_sentences, split_lines, split_text, subsample
    from .vectors.wordvectors import WordVectors, MissingWord
    from .vectors.subwords import SubwordVectors
    from .vectors.evaluation import Report, evaluate, evaluate_word_analogies
    from .vectors.evaluation import evaluate_word_pairs
    from .vectors.plots import plot_analogy, plot_history, plot_map, plot_neighbours
    from .vectors.plots import plot_similarity
    from .vectors.map import export_map
    from .engine.corpus import Corpus, tokenize
    from .engine.phrases import ENGLISH_CONNECTOR_WORDS, Phrases
    from .engine.sampling import Sampling, alias_table, keep_probabilities, make_sampling
    from .engine.sampling import noise_probabilities, plain_draws
    from .engine.tables import Diverged, Schedule, Tables, make_tables
    from .engine.skipgram import train_threads
    from .runs.heldout import HeldOut, Judged, match_rows
    from .runs.rounds import train_rounds
    from .runs.checkpoint import Checkpoints, newest_checkpoint, read_checkpoint
    from .runs.word2vec import SmallText, Word2Vec
    from .runs.stability import Stability, neighbour_stability, train_seeds
    from .base.progress import facts_table, progress_bar, some_words
    from .base.history import History, LiveLoss, Row
    from .base.machine import available_cores, compiled, free_memory
    from .base.pydoc import read_pydoc
