"Vectors, wherever they come from: queries, files, evaluation, pictures."
from typing import TYPE_CHECKING
from .._doors import door

__getattr__, __dir__, __all__ = door(__name__, {
    '.wordvectors .formats .storage .interop .subwords': 'WordVectors MissingWord',
    '.subwords': 'SubwordVectors',
    '.evaluation': 'Report evaluate evaluate_word_analogies evaluate_word_pairs',
    '.plots': 'plot_analogy plot_history plot_map plot_neighbours plot_similarity',
    '.map': 'export_map',
})

if TYPE_CHECKING:
    from .wordvectors import WordVectors, MissingWord
    from .subwords import SubwordVectors
    from .evaluation import Report, evaluate, evaluate_word_analogies, evaluate_word_pairs
    from .plots import plot_analogy, plot_history, plot_map, plot_neighbours, plot_similarity
    from .map import export_map
