"What is sampled, and what becomes of it: the same whatever the workers, the pieces and the interruptions. Growing, freezing and stopping early keep their promises when runs are cut up, too."
import hashlib, os, signal
from pathlib import Path

import numpy as np, pytest
from hypothesis import given, settings as how, strategies as st

from test_checkpoint import Interrupt, posix, write_text
from w2v_nb.checkpoint import checkpoint_files
from w2v_nb.corpus import Corpus
from w2v_nb.cpu import GRID, ROUND, Schedule, make_tables, train_rounds
from w2v_nb.heldout import HeldOut
from w2v_nb.sampling import draw_block, make_block, make_sampling
from w2v_nb.vectors import WordVectors
from w2v_nb.word2vec import Word2Vec

STREAM = 'c9223a15184e3f997a808fa4ce6082b499b55cd733ff20b522d42653dc07a86e' # of what is sampled: integers, so it is the same on every machine


def stream(cuts, block_size=4096):
    "A digest of all that is sampled from a made-up text, drawn in pieces that end at `cuts`"
    i = np.arange(60_000, dtype=np.uint64)
    ids = ((i*i % np.uint64(9973)*(i % np.uint64(7) + np.uint64(1))) % np.uint64(997)).astype(np.int32)
    offsets = np.unique(np.concatenate([[0], np.cumsum(1 + np.arange(9000) % 13), [len(ids)]]).clip(0, len(ids))).astype(np.int64)
    s, h = make_sampling(np.bincount(ids, minlength=997), sample=1e-3, window=5, negative=7, seed=2**63 + 5), hashlib.sha256()
    block = make_block(s, block_size)
    for epoch in 0, 3:
        for lo, hi in zip([0, *cuts], [*cuts, len(ids)]):
            while lo < hi:
                first, last, lo = draw_block(ids, offsets, lo, hi, epoch, s, block)
                for c in range(first, last):
                    h.update(np.concatenate([[block.places[c]], block.words[block.left[c]:block.right[c]], block.noise[c], [c - block.left[c]]]).astype('<i8').tobytes())
    return h.hexdigest()


def test_the_stream_is_the_pinned_one(): assert stream([]) == STREAM

@given(st.lists(st.integers(1, 59_999), max_size=12))
@how(max_examples=8, deadline=None)
def test_the_stream_knows_no_pieces(cuts): assert stream(sorted(set(cuts)), 1024) == STREAM


@pytest.fixture(scope='module')
def corpus(tmp_path_factory): return Corpus.from_file(write_text(tmp_path_factory.mktemp('text')/'text.txt', words=120_000), quiet=True)

def bits(model): return model.wv.vectors.tobytes(), model.wv.output_vectors.tobytes(), model.history['loss']


@pytest.mark.parametrize('settings', [dict(), dict(sample=0, alpha=.1), dict(window=1, negative=1, vector_size=3), dict(shrink_windows=False, negative=12), dict(vector_size=100, window=9)], ids=str)
def test_workers_do_not_matter(corpus, settings):
    first, *others = [bits(Word2Vec(**dict(vector_size=24, epochs=2) | settings, workers=n, deterministic=True).fit(corpus, quiet=True)) for n in (1, 2, 3, 8)]
    assert np.isfinite(np.frombuffer(first[0], np.float32)).all() and all(o == first for o in others)


@posix
def test_neither_do_interruptions(corpus, tmp_path):
    "Checkpoints at odd places, Ctrl-C, and another number of workers each time"
    settings, folder = dict(vector_size=24, epochs=3, deterministic=True, sample=0), tmp_path/'states'
    whole, times = bits(Word2Vec(**settings, workers=2).fit(corpus, quiet=True)), 0
    for n in (1, 3, 2, 8):
        try:
            with Interrupt(folder): Word2Vec.resume(folder, corpus, every=7_777, workers=n, quiet=True) if folder.is_dir() else Word2Vec(**settings, workers=n).fit(corpus, checkpoint=folder, every=7_777, quiet=True)
        except KeyboardInterrupt: times += 1
    assert times and bits(Word2Vec.resume(folder, corpus, quiet=True)) == whole


def test_high_rates_do_not_diverge(corpus):
    "Sums of changes are shortened: what the ordinary way can train, this can, at a loss as low."
    for settings in dict(sample=0, alpha=.1), dict(sample=0, alpha=.025), dict(sample=1e-3, alpha=.1):
        losses = [Word2Vec(vector_size=40, epochs=3, workers=1, deterministic=d, **settings).fit(corpus, quiet=True).history['loss'][-1] for d in (False, True)]
        assert losses[1] < losses[0] + .02, (settings, losses)


def test_nobody_waits_for_ever(corpus):
    "What one worker cannot do ends all: divergence, and an error in what is asked between rounds."
    from w2v_nb.cpu import Diverged
    with pytest.raises(Diverged, match='lower alpha'): Word2Vec(vector_size=24, alpha=10, sample=0, workers=3, deterministic=True, epochs=50).fit(Corpus(corpus.ids, corpus.offsets, corpus.vocab, weights=np.full(len(corpus), 1e30, np.float32)), quiet=True)
    def until(words): raise OSError('asked')
    s, t = make_sampling(corpus.vocab.counts), make_tables(len(corpus.vocab), 8)
    with pytest.raises(OSError, match='asked'): train_rounds(t, corpus.ids, corpus.offsets, 0, s, Schedule(.05, 0., len(corpus.ids), 1), 3, until=until)
    calls = iter([False, False])
    with pytest.raises(StopIteration): train_rounds(t, corpus.ids, corpus.offsets, 0, s, Schedule(.05, 0., len(corpus.ids), 1), 3, until=lambda words: next(calls))


def test_memory_is_asked_for(corpus):
    from w2v_nb.word2vec import check_memory
    with pytest.raises(MemoryError): check_memory(10**5, 100, 2*10**8, rows=10**6)
    check_memory(10**5, 100, 2*10**8)


def second(corpus, tmp_path):
    "Another text with some of the words, and new ones"
    path = tmp_path/'second.txt'
    path.write_text('\n'.join(f'w1 n{i % 40} w2 n{i % 7} w{i % 500}' for i in range(6000)))
    return Corpus.from_file(path, quiet=True)


@pytest.mark.parametrize('deterministic', [False, True])
def test_growing_keeps_old_numbers(corpus, tmp_path, deterministic):
    model = Word2Vec(vector_size=24, epochs=1, workers=1, deterministic=deterministic).fit(corpus, quiet=True)
    words, vectors, counts, more = list(model.wv.index_to_key), model.wv.vectors.copy(), dict(zip(model.wv.index_to_key, model.wv.counts.tolist())), second(corpus, tmp_path)
    model.fit(more, update_vocab=True, quiet=True)
    new = [w for w in more.vocab if w not in counts]
    assert model.wv.index_to_key == words + new and len(new) == 40
    theirs = dict(zip(more.vocab, more.counts.tolist()))
    assert {w: n for w, n in zip(model.wv.index_to_key, model.wv.counts.tolist())} == {w: counts.get(w, 0) + theirs.get(w, 0) for w in words + new}
    absent = [i for i, w in enumerate(words) if w not in theirs]
    assert absent and (model.wv.vectors[absent] == vectors[absent]).all() # only what the text has is an input
    again = list(model.wv.index_to_key)
    assert model.fit(more, update_vocab=True, quiet=True).wv.index_to_key == again # nothing new


@posix
@pytest.mark.parametrize('how', ['grown', 'frozen', 'pairs', 'weights'])
def test_cut_up_runs_of_every_kind(corpus, tmp_path, how):
    "Interrupted and resumed is as if nothing had happened, with growing, freezing, pairs and weights."
    settings, folder, rng = dict(vector_size=24, epochs=6, workers=1, sample=0), tmp_path/'states', np.random.default_rng(0)
    text = dict(grown=lambda: second(corpus, tmp_path), frozen=lambda: corpus, weights=lambda: Corpus.from_sentences(list(corpus), 1, weights=rng.random(len(corpus))),
                pairs=lambda: Corpus.from_pairs([(f'a{a}', f'b{b}', float(w)) for a, b, w in zip(rng.integers(0, 50, 20_000), rng.integers(0, 50, 20_000), rng.random(20_000))]))[how]()
    def begin(**more):
        model = Word2Vec(**settings)
        if how == 'grown': model.fit(corpus, quiet=True); more['update_vocab'] = True
        if how == 'frozen': more['freeze'] = ['w1', 'w2', 'w3']
        return model.fit(text, quiet=True, **more)
    whole = begin()
    with Interrupt(folder), pytest.raises(KeyboardInterrupt): begin(checkpoint=folder, every=5_000)
    with Interrupt(folder):
        try: Word2Vec.resume(folder, text, every=5_000, quiet=True)
        except KeyboardInterrupt: pass
    done = Word2Vec.resume(folder, text, quiet=True)
    assert bits(done) == bits(whole) and done.wv.index_to_key == whole.wv.index_to_key
    if how == 'frozen': assert (done.wv['w1'] == make_tables(len(corpus.vocab), 24).views()[0][corpus.vocab['w1']]).all()
    if how in ('pairs', 'weights'):
        plain = Corpus(text.ids, text.offsets, text.vocab, text.name)
        with pytest.raises(ValueError, match='was trained on another text'): Word2Vec.resume(folder, plain, quiet=True)


@posix
@pytest.mark.parametrize('workers', [1, 2])
def test_frozen_words_are_the_same_bits(corpus, workers):
    start = WordVectors(np.random.default_rng(0).standard_normal((300, 24)), [f'w{i}' for i in range(300)])
    frozen = [f'w{i}' for i in range(0, 300, 2)]
    for deterministic in False, True:
        wv = Word2Vec(vector_size=24, epochs=2, workers=workers, sample=0, deterministic=deterministic).fit(corpus, init_from=start, freeze=frozen, quiet=True).wv
        assert all(wv[w].tobytes() == start[w].tobytes() for w in frozen) and all((wv[w] != start[w]).any() for w in ('w1', 'w3', 'w5'))


@posix
def test_the_best_tables_survive_interruptions(corpus, tmp_path):
    unseen = HeldOut(Corpus.from_sentences([[f'w{(i*7 + j*j) % 900}' for j in range(9)] for i in range(800)], vocab=corpus.vocab), n=4000)
    settings, folder = dict(vector_size=40, epochs=30, workers=1, alpha=.2, sample=0), tmp_path/'states'
    whole = Word2Vec(**settings).fit(corpus, heldout=unseen, patience=3, quiet=True)
    vals = whole.history['val_loss']
    best = int(np.argmin(vals))
    assert len(vals) == best + 4 and unseen.loss(*whole.tables.views(), negative=whole.negative).loss == vals[best]
    def stop(model):
        if len(model.history) == best + 3: raise RuntimeError('a power cut')      # well after the best epoch
    with pytest.raises(RuntimeError): Word2Vec(**settings).fit(corpus, heldout=unseen, patience=3, checkpoint=folder, every=100_000, callbacks=[stop], quiet=True)
    done = Word2Vec.resume(folder, corpus, heldout=unseen, patience=3, quiet=True)
    assert bits(done)[:2] == bits(whole)[:2] and done.history['val_loss'] == vals
    assert bits(Word2Vec.resume(folder, corpus, heldout=unseen, patience=3, quiet=True))[:2] == bits(whole)[:2] # a finished run
