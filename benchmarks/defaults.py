"""Which learning rate, number of epochs and threshold of subsampling should be the defaults? The engine on three texts, judged by the loss on
unseen sentences (the same questions for all), and on the English text by WordSim-353 as well."""
import statistics, tempfile
from pathlib import Path

from record import options, save
from w2v_nb.all import Corpus, HeldOut, Text, Word2Vec, read_pydoc, read_ptb, split_text

ALPHA, SAMPLE, EPOCHS = [.0125, .025, .05, .075, .1], [1e-5, 1e-4, 1e-3], [3, 5, 10]
BASE = dict(alpha=.05, sample=1e-4, epochs=5) # what is not said
GRID = [dict(alpha=a) for a in ALPHA] + [dict(sample=s) for s in SAMPLE if s != 1e-4] + [dict(epochs=e, alpha=a) for e in EPOCHS if e != 5 for a in (.025, .05, .075)]


def texts(small):
    "Name, training sentences, unseen sentences, min_count"
    if small: training, unseen = split_text(Text('pydoc', read_pydoc(['numba'])[:6000])); yield 'pydoc', training, unseen, 5; return
    yield 'ptb', read_ptb(), read_ptb('valid'), 10
    yield 'pydoc', *split_text(Text('pydoc', read_pydoc())), 10
    from text import english
    yield 'english', *split_text(Text('english', [line.split() for line in english().read_text(encoding='utf-8').splitlines()])), 5


def similarity(model):
    "WordSim-353, by gensim's evaluator"
    from gensim.models import KeyedVectors
    from gensim.test.utils import datapath
    with tempfile.TemporaryDirectory() as home:
        model.wv.save_word2vec_format(Path(home)/'v.bin', binary=True)
        return float(KeyedVectors.load_word2vec_format(f'{home}/v.bin', binary=True).evaluate_word_pairs(datapath('wordsim353.tsv'))[1][0])


if __name__ == '__main__':
    args = options(__doc__, seeds=2)
    rows = []
    for name, training, unseen, min_count in texts(args.small):
        corpus = Corpus.from_sentences(training, min_count=min_count, name=name)
        judge = HeldOut(Corpus.from_sentences(unseen, vocab=corpus.vocab))
        for setting in GRID[:2] if args.small else GRID:
            models = [Word2Vec(seed=seed, **BASE | setting).fit(corpus, quiet=True) for seed in range(1 if args.small or name == 'english' else args.seeds)]
            rows.append(dict(text=name, **BASE | setting,
                             val_loss=statistics.mean(judge.loss(*m.tables.views()).loss for m in models), wordsim=similarity(models[0]) if name == 'english' else None,
                             seconds=statistics.mean(sum(m.history['seconds']) for m in models)))
            print(rows[-1], flush=True)
    save('defaults', dict(rows=rows), args.out)
