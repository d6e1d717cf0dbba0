"""`deterministic=True`: its speed and its held-out loss beside those of the ordinary way, in turn; and what was tried, by the size of a round and the way changes are added."""
import math, statistics, time

from record import options, save

TRIED = [(1024, 8, 1e-4), (1024, 4, 1e-4), (256, 8, 1e-4), (1024, 8, 1), (512, 8, 1), (1024, 4, 1)] # places, blocks, how much a visit counts (1e-4: next to nothing, so that changes are plainly summed)
SETTINGS = dict(defaults=dict(sample=1e-4, alpha=.025, epochs=10), thick=dict(sample=1e-3, alpha=.05, epochs=4), whole=dict(sample=0, alpha=.025, epochs=3), wild=dict(sample=0, alpha=.1, epochs=3))


def parts(corpus, small):
    "A text, and every 20th of its sentences to judge by"
    from w2v_nb.corpus import Corpus
    sentences = list(corpus)[:4000 if small else None]
    train = Corpus.from_sentences((s for i, s in enumerate(sentences) if i % 20), 5, name=corpus.name)
    return train, Corpus.from_sentences((s for i, s in enumerate(sentences) if not i % 20), vocab=train.vocab, name=corpus.name)


def trained(corpus, heldout, seed=0, deterministic=False, **settings):
    "Words a second of the training, and held-out loss; None if it diverged"
    from w2v_nb.cpu import Diverged
    from w2v_nb.word2vec import Word2Vec
    model, start = Word2Vec(seed=seed, deterministic=deterministic, workers=2, **settings), time.perf_counter()
    try: model.fit(corpus, quiet=True)
    except Diverged: return 0, None
    loss = heldout.loss(*model.tables.views()).loss
    return len(corpus.ids)*len(model.history)/sum(r.seconds for r in model.history), loss if math.isfinite(loss) and loss < 1 else None


if __name__ == '__main__':
    args = options(__doc__, rounds=5, seeds=5)
    import w2v_nb.cpu as cpu
    from w2v_nb.corpus import Corpus
    from w2v_nb.heldout import HeldOut
    from w2v_nb.text import why_no_ptb
    chosen = cpu.GRID, cpu.ROUND, cpu.DAMP
    texts = [Corpus.pydoc()] if args.small or why_no_ptb() else [Corpus.ptb(), Corpus.pydoc()]
    speed, seeds = [], []
    for text in texts:
        corpus, other = parts(text, args.small)
        heldout = HeldOut(other)
        for d in False, True: trained(corpus, heldout, deterministic=d, epochs=1)      # compile
        rounds = [dict(ordinary=trained(corpus, heldout, epochs=3)[0], deterministic=trained(corpus, heldout, deterministic=True, epochs=3)[0]) for _ in range(1 if args.small else args.rounds)]
        median = {k: statistics.median(r[k] for r in rounds) for k in rounds[0]}
        speed.append(dict(text=text.name, words=len(corpus.ids), vocabulary=len(corpus.vocab), rounds=rounds, ratio=statistics.median(r['deterministic']/r['ordinary'] for r in rounds), **median))
        losses = [[trained(corpus, heldout, seed, d, epochs=1 if args.small else 10)[1] for seed in range(2 if args.small else args.seeds)] for d in (False, True)]
        seeds.append(dict(text=text.name, ordinary=losses[0], deterministic=losses[1]))
        print(speed[-1]['ratio'], seeds[-1], flush=True)
    corpus, other = parts(texts[0], args.small)
    heldout, tried = HeldOut(other), []
    many = dict(list(SETTINGS.items())[:1]) if args.small else SETTINGS
    ordinary = {name: [trained(corpus, heldout, seed, **how)[1] for seed in range(2)] for name, how in many.items()}
    for places, blocks, damp in TRIED[-1:] if args.small else TRIED:
        cpu.GRID, cpu.ROUND, cpu.DAMP = places, blocks, damp
        tried.append(dict(places=places, blocks=blocks, damp=damp) | {name: [trained(corpus, heldout, seed, True, **how)[1] for seed in range(2)] for name, how in many.items()})
        print(tried[-1], flush=True)
    cpu.GRID, cpu.ROUND, cpu.DAMP = chosen
    save('determinism', dict(speed=speed, seeds=seeds, tried_text=texts[0].name, tried_settings={k: f"sample={v['sample']:g}, alpha={v['alpha']}, {v['epochs']} epochs" for k, v in SETTINGS.items()}, ordinary=ordinary, tried=tried), args.out)
