"""How many epochs does a text of a given size need? Vectors from random sentences of the
English text, and of all of it, by WordSim-353, SimLex-999 and the loss on unseen sentences.
`default_epochs` follows the table that this writes."""
import random, statistics

from gensim.test.utils import datapath
from record import options, save
from scipy.stats import spearmanr
from text import english
from w2v_nb.all import Corpus, HeldOut, Text, Word2Vec, split_text
from w2v_nb.vectors.evaluation import read_pairs

# words before `min_count`
SIZES = 50_000, 100_000, 300_000, 600_000, 1_250_000, 2_500_000, 6_000_000
EPOCHS = 5, 10, 20, 50, 100
MOST = 80_000_000 # words in a training; longer ones are left out
OTHERS = dict(sample=1e-3), dict(sample=0), dict(alpha=.05) # at the epochs that were best
SETS = 'wordsim353.tsv', 'simlex999.txt'


def cut(sentences, size, seed):
    "Random sentences, of `size` words or a little more"
    chosen, words = [], 0
    for i in random.Random(seed).sample(range(len(sentences)), len(sentences)):
        chosen.append(sentences[i])
        words += len(sentences[i])
        if words >= size: break
    return chosen


def rank_correlation(wv, path):
    "Spearman's, over the pairs of known words"
    ours, scores = [], []
    for first, second, score in read_pairs(path, '\t', 'utf-8', str.lower)[0]:
        if first not in wv or second not in wv: continue
        ours.append(wv.similarity(first, second))
        scores.append(score)
    return float(spearmanr(ours, scores)[0])


def row(sentences, unseen, size, seeds, **settings):
    "Medians over seeds, each with sentences of its own"
    found = []
    for seed in range(seeds):
        corpus = Corpus.from_sentences(cut(sentences, size, seed), min_count=5)
        heldout = HeldOut(Corpus.from_sentences(unseen, vocab=corpus.vocab))
        model = Word2Vec(seed=seed, **settings).fit(corpus, quiet=True)
        scores = [rank_correlation(model.wv, datapath(name)) for name in SETS]
        found.append([corpus.num_words, heldout.loss(*model.tables.views()).loss, *scores])
    kept, loss, wordsim, simlex = map(statistics.median, zip(*found))
    return dict(size=size, kept=int(kept), val_loss=loss, wordsim=wordsim, simlex=simlex,
                **settings)


if __name__ == '__main__':
    args = options(__doc__, seeds=3)
    lines = english().read_text(encoding='utf-8').splitlines()
    training, unseen = split_text(Text('english', [line.split() for line in lines]))
    sizes, rows = SIZES[:1] if args.small else SIZES, []
    for size in sizes:
        seeds = 1 if args.small or size > 2_000_000 else args.seeds
        of_size = []
        for epochs in EPOCHS[:2] if args.small else EPOCHS:
            if epochs*size > MOST: continue
            of_size.append(row(training, unseen, size, seeds, epochs=epochs))
            print(of_size[-1], flush=True)
        rows += of_size
        best = max(of_size, key=lambda row: row['wordsim'])['epochs']
        if size not in (100_000, 1_250_000): continue
        rows += [row(training, unseen, size, seeds, epochs=best, **other) for other in OTHERS]
    save('small_texts', dict(rows=rows), args.out)
