"""`deterministic=True`: its speed and its held-out loss next to those of the ordinary way, in
turn; and what was tried, by the size of a round and the way changes are added."""
import math, statistics

from record import options, save

import w2v_nb.runs.rounds as module
from w2v_nb.chapter.text import why_no_ptb
from w2v_nb.engine.corpus import Corpus
from w2v_nb.engine.tables import Diverged
from w2v_nb.runs.heldout import HeldOut
from w2v_nb.runs.word2vec import Word2Vec

# positions of a block, blocks, how much a visit counts (1e-4: changes are plainly summed)
TRIED = [(1024, 8, 1e-4), (1024, 4, 1e-4), (256, 8, 1e-4),
         (1024, 8, 1), (512, 8, 1), (1024, 4, 1)]
SETTINGS = dict(
    defaults=dict(sample=1e-4, alpha=.025, epochs=10),
    thick=dict(sample=1e-3, alpha=.05, epochs=4),
    whole=dict(sample=0, alpha=.025, epochs=3),
    wild=dict(sample=0, alpha=.1, epochs=3),
)
WAYS = dict(ordinary=False, deterministic=True)


def parts(corpus, small):
    "A text, and questions from every 20th of its sentences"
    sentences = list(corpus)[:4000 if small else None]
    unseen = sentences[::20]
    training = (sentence for i, sentence in enumerate(sentences) if i % 20)
    training = Corpus.from_sentences(training, 5, name=corpus.name)
    unseen = Corpus.from_sentences(unseen, vocab=training.vocab, name=corpus.name)
    return training, HeldOut(unseen)


def trained(corpus, heldout, seed=0, deterministic=False, **settings):
    "Words a second of the training, and held-out loss; None if it diverged"
    model = Word2Vec(seed=seed, deterministic=deterministic, workers=2, **settings)
    try: model.fit(corpus, quiet=True)
    except Diverged: return 0, None
    loss = heldout.loss(*model.tables.views()).loss
    speed = len(corpus.ids)*len(model.history)/sum(model.history['seconds'])
    return speed, loss if math.isfinite(loss) and loss < 1 else None


def losses(corpus, heldout, seeds, **settings):
    return [trained(corpus, heldout, seed, **settings)[1] for seed in range(seeds)]


def compare_speed(corpus, heldout, rounds):
    "Words a second of both ways, in turn"
    for way in WAYS.values(): trained(corpus, heldout, deterministic=way, epochs=1) # compile
    found = []
    for _ in range(rounds):
        found.append({name: trained(corpus, heldout, deterministic=way, epochs=3)[0]
                      for name, way in WAYS.items()})
    ratio = statistics.median(row['deterministic']/row['ordinary'] for row in found)
    medians = {name: statistics.median(row[name] for row in found) for name in WAYS}
    return dict(text=corpus.name, words=len(corpus.ids), vocabulary=len(corpus.vocab),
                rounds=found, ratio=ratio, **medians)


def try_rounds(corpus, heldout, settings, small):
    "Held-out losses by the size of a round and how changes are added"
    names = 'BLOCK_POSITIONS', 'ROUND_BLOCKS', 'VISIT_WEIGHT'
    chosen, rows = [getattr(module, name) for name in names], []
    for tried in TRIED[-1:] if small else TRIED:
        for name, value in zip(names, tried): setattr(module, name, value)
        found = {name: losses(corpus, heldout, 2, deterministic=True, **of_name)
                 for name, of_name in settings.items()}
        rows.append(dict(zip(('places', 'blocks', 'damp'), tried)) | found)
        print(rows[-1], flush=True)
    for name, value in zip(names, chosen): setattr(module, name, value)
    return rows


def in_words(sample, alpha, epochs): return f"sample={sample:g}, alpha={alpha}, {epochs} epochs"


if __name__ == '__main__':
    args = options(__doc__, rounds=5, seeds=5)
    small = args.small
    texts = [Corpus.pydoc()] if small or why_no_ptb() else [Corpus.ptb(), Corpus.pydoc()]
    speed, seeds = [], []
    epochs, many = (1, 2) if small else (10, args.seeds)
    for text in texts:
        corpus, heldout = parts(text, small)
        speed.append(compare_speed(corpus, heldout, 1 if small else args.rounds))
        by_way = {name: losses(corpus, heldout, many, deterministic=way, epochs=epochs)
                  for name, way in WAYS.items()}
        seeds.append(dict(text=text.name, **by_way))
        print(speed[-1]['ratio'], seeds[-1], flush=True)
    corpus, heldout = parts(texts[0], small)
    settings = dict(defaults=SETTINGS['defaults']) if small else SETTINGS
    ordinary = {name: losses(corpus, heldout, 2, **of_name)
                for name, of_name in settings.items()}
    titles = {name: in_words(**of_name) for name, of_name in SETTINGS.items()}
    tried = try_rounds(corpus, heldout, settings, small)
    save('determinism', dict(speed=speed, seeds=seeds, tried_text=texts[0].name,
                             tried_settings=titles, ordinary=ordinary, tried=tried), args.out)
