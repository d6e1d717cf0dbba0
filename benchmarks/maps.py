"""How long a map takes and how well it keeps neighbours: PCA, and t-SNE by its options.

Results go to `results/maps.json`. Times are of the processor, on one core."""
import os
os.environ['OMP_NUM_THREADS'] = '1' # read when scikit-learn is imported
import time
import numpy as np
from record import options, save
from w2v_nb.engine.corpus import Corpus
from w2v_nb.vectors.plots import project
from w2v_nb.chapter.text import read_sentences
from w2v_nb.runs.word2vec import Word2Vec

NEAREST, JUDGED = 10, 1000 # neighbours; words whose neighbours are looked at
TSNE = [ # iterations, perplexity, angle
    (1000, 30, .5), (500, 30, .5), (500, 30, .8), (500, 15, .8), (500, 10, .8), (300, 15, .8)]
WAYS = [dict(method='pca')]
WAYS += [dict(method='tsne', iterations=iterations, perplexity=perplexity, angle=angle)
         for iterations, perplexity, angle in TSNE]


def kept(unit, xy, looked_at):
    """Share of a word's nearest by cosine that are its nearest on the map; trustworthiness
    (Venna and Kaski 2001)"""
    n, share, excess = len(unit), 0, 0
    for i in looked_at:
        order = np.argsort(-(unit @ unit[i]), kind='stable')
        order = order[order != i]
        rank = np.empty(n, np.int64)
        rank[order] = np.arange(1, n)
        distance = ((xy - xy[i])**2).sum(1)
        distance[i] = np.inf
        on_map = np.argsort(distance, kind='stable')[:NEAREST]
        share += np.isin(on_map, order[:NEAREST]).mean()
        excess += np.maximum(rank[on_map] - NEAREST, 0).sum()
    most = len(looked_at)*NEAREST*(2*n - 3*NEAREST - 1)/2 # the largest excess
    return share/len(looked_at), 1 - excess/most


def measure(way, table, unit, looked_at):
    "A row of the results"
    start = time.process_time()
    xy = project(table, quiet=True, **way)
    seconds = time.process_time() - start
    share, trust = kept(unit, xy, looked_at)
    return way | dict(seconds=round(seconds, 1), kept=round(float(share), 4),
                      trust=round(float(trust), 4))


def main():
    args, text = options(__doc__.splitlines()[0], words=10_000), read_sentences()
    words, epochs = (600, 2) if args.small else (args.words, 10)
    corpus = Corpus.from_sentences(text.sentences, min_count=3)
    wv = Word2Vec(workers=1, epochs=epochs).fit(corpus, quiet=True).wv
    table = wv.vectors[:words]
    unit = table/np.linalg.norm(table, axis=1, keepdims=True)
    n = len(unit)
    looked_at = np.random.default_rng(0).choice(n, min(JUDGED, n), replace=False)
    rows = []
    for way in WAYS:
        rows.append(measure(way, table, unit, looked_at))
        print(rows[-1], flush=True)
    results = dict(text=text.name, words=n, vector_size=wv.vector_size, nearest=NEAREST,
                   judged=len(looked_at), rows=rows)
    save('maps', results, args.out)


if __name__ == '__main__': main()
