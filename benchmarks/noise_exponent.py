"""Which power of the counts should negative samples follow? Vectors from an English text, with
a few exponents and seeds, compared by WordSim-353 and SimLex-999."""
import statistics

from gensim.test.utils import datapath
from record import options, save
from small_texts import SETS, cut, rank_correlation
from text import english
from w2v_nb.all import Corpus, Word2Vec, noise_probabilities

EXPONENTS = 0, .25, .5, .75, 1
WORDS = 2_000_000 # of the text, before `min_count`
COMMON = 100      # how many words count as the most frequent


def row(corpora, exponent, epochs):
    "Both scores of a model for each seed, and how often the most frequent words are drawn"
    models = [Word2Vec(ns_exponent=exponent, seed=seed, epochs=epochs).fit(corpus, quiet=True)
              for seed, corpus in enumerate(corpora)]
    scores = {name: [rank_correlation(m.wv, datapath(file)) for m in models]
              for name, file in zip(('wordsim', 'simlex'), SETS)}
    shares = [noise_probabilities(c.counts, exponent)[:COMMON].sum() for c in corpora]
    return dict(exponent=exponent, common=float(statistics.median(shares)), **scores)


if __name__ == '__main__':
    args = options(__doc__, seeds=5, epochs=20)
    lines = [line.split() for line in english().read_text(encoding='utf-8').splitlines()]
    words, seeds, epochs = (50_000, 1, 1) if args.small else (WORDS, args.seeds, args.epochs)
    corpora = [Corpus.from_sentences(cut(lines, words, seed), min_count=5)
               for seed in range(seeds)]
    rows = []
    for exponent in EXPONENTS:
        rows.append(row(corpora, exponent, epochs))
        print(rows[-1], flush=True)
    kept = statistics.median(int(c.num_words) for c in corpora)
    save('noise_exponent', dict(words=kept, epochs=epochs, rows=rows), args.out)
