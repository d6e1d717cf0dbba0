"""Which learning rate, number of epochs and threshold of subsampling should be the defaults?
The engine on three texts, by the loss on unseen sentences (the same questions for all), and on
the English text by WordSim-353 as well."""
import statistics, tempfile
from pathlib import Path

from record import options, save
from w2v_nb.all import Corpus, HeldOut, Text, Word2Vec, read_pydoc, read_ptb, split_text

BASE = dict(alpha=.05, sample=1e-4, epochs=5) # what is not said
GRID = [
    *(dict(alpha=alpha) for alpha in (.0125, .025, .05, .075, .1)),
    *(dict(sample=sample) for sample in (1e-5, 1e-3)),
    *(dict(epochs=epochs, alpha=alpha) for epochs in (3, 10) for alpha in (.025, .05, .075)),
]


def texts(small):
    "Name, training sentences, unseen sentences, min_count"
    if small:
        yield 'pydoc', *split_text(Text('pydoc', read_pydoc(['numba'])[:6000])), 5
        return
    yield 'ptb', read_ptb(), read_ptb('valid'), 10
    yield 'pydoc', *split_text(Text('pydoc', read_pydoc())), 10
    from text import english
    lines = english().read_text(encoding='utf-8').splitlines()
    yield 'english', *split_text(Text('english', [line.split() for line in lines])), 5


def similarity(model):
    "WordSim-353, by gensim's evaluator"
    from gensim.models import KeyedVectors
    from gensim.test.utils import datapath
    with tempfile.TemporaryDirectory() as home:
        model.wv.save_word2vec_format(Path(home)/'v.bin', binary=True)
        vectors = KeyedVectors.load_word2vec_format(f'{home}/v.bin', binary=True)
    return float(vectors.evaluate_word_pairs(datapath('wordsim353.tsv'))[1][0])


def row(name, corpus, heldout, settings, seeds):
    "Means over seeds; the similarity of the first"
    models = [Word2Vec(seed=seed, **settings).fit(corpus, quiet=True) for seed in range(seeds)]
    losses = [heldout.loss(*model.tables.views()).loss for model in models]
    seconds = [sum(model.history['seconds']) for model in models]
    return dict(text=name, **settings, val_loss=statistics.mean(losses),
                wordsim=similarity(models[0]) if name == 'english' else None,
                seconds=statistics.mean(seconds))


if __name__ == '__main__':
    args = options(__doc__, seeds=2)
    rows = []
    for name, training, unseen, min_count in texts(args.small):
        corpus = Corpus.from_sentences(training, min_count=min_count, name=name)
        heldout = HeldOut(Corpus.from_sentences(unseen, vocab=corpus.vocab))
        seeds = 1 if args.small or name == 'english' else args.seeds
        for settings in GRID[:2] if args.small else GRID:
            rows.append(row(name, corpus, heldout, BASE | settings, seeds))
            print(rows[-1], flush=True)
    save('defaults', dict(rows=rows), args.out)
