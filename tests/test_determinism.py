"""What is sampled, and what becomes of it: the same whatever the workers, the pieces and the
interruptions. Growing, freezing and stopping early keep their promises in interrupted runs."""
import hashlib, inspect

import numpy as np, pytest
from hypothesis import given, settings as how, strategies as st

from test_checkpoint import Interrupt, posix, resume, train, write_text
from w2v_nb.engine.corpus import Corpus
from w2v_nb.engine.sampling import draw_block, make_block, make_sampling
from w2v_nb.engine.skipgram import Threads
from w2v_nb.engine.tables import Diverged, Runner, Schedule, make_tables
from w2v_nb.runs.heldout import HeldOut
from w2v_nb.runs.rounds import Rounds
from w2v_nb.runs.word2vec import Word2Vec, check_memory
from w2v_nb.vectors import WordVectors

# of what is sampled: integers, so it is the same on every machine
STREAM = 'c9223a15184e3f997a808fa4ce6082b499b55cd733ff20b522d42653dc07a86e'


def made_up_text():
    "Ids, and where sentences begin; the same on every machine"
    i = np.arange(60_000, dtype=np.uint64)
    ids = (i*i % np.uint64(9973)*(i % np.uint64(7) + np.uint64(1))) % np.uint64(997)
    ends = np.cumsum(1 + np.arange(9000) % 13)
    offsets = np.concatenate([[0], ends, [len(ids)]]).clip(0, len(ids))
    return ids.astype(np.int32), np.unique(offsets).astype(np.int64)


def drawn(block, i):
    "All that is drawn for a centre word"
    begin, end = block.window_begin[i], block.window_end[i]
    parts = [block.positions[i]], block.words[begin:end], block.noise[i], [i - begin]
    return np.concatenate(parts).astype('<i8').tobytes()


def stream(cuts, block_size=4096):
    "A digest of all that is sampled from a made-up text, drawn in pieces that end at `cuts`"
    ids, offsets = made_up_text()
    counts, digest = np.bincount(ids, minlength=997), hashlib.sha256()
    sampling = make_sampling(counts, sample=1e-3, window=5, negative=7, seed=2**63 + 5)
    block = make_block(sampling, block_size)
    for epoch in 0, 3:
        for position, end in zip([0, *cuts], [*cuts, len(ids)]):
            while position < end:
                first, last, position = draw_block(ids, offsets, position, end, epoch, sampling,
                                                   block)
                for i in range(first, last): digest.update(drawn(block, i))
    return digest.hexdigest()


def test_the_stream_is_the_pinned_one(): assert stream([]) == STREAM

@given(st.lists(st.integers(1, 59_999), max_size=12))
@how(max_examples=8, deadline=None)
def test_the_stream_knows_no_pieces(cuts): assert stream(sorted(set(cuts)), 1024) == STREAM


@pytest.fixture(scope='module')
def corpus(tmp_path_factory):
    path = tmp_path_factory.mktemp('text')/'text.txt'
    return Corpus.from_file(write_text(path, words=120_000), quiet=True)

def bits(model):
    return model.wv.vectors.tobytes(), model.wv.output_vectors.tobytes(), model.history['loss']


@pytest.mark.parametrize('settings', [
    dict(),
    dict(sample=0, alpha=.1),
    dict(window=1, negative=1, vector_size=3),
    dict(shrink_windows=False, negative=12),
    dict(vector_size=100, window=9),
], ids=str)
def test_workers_do_not_matter(corpus, settings):
    settings = dict(vector_size=24, epochs=2, deterministic=True) | settings
    first, *others = [bits(train(corpus, settings=settings | dict(workers=workers)))
                      for workers in (1, 2, 3, 8)]
    assert np.isfinite(np.frombuffer(first[0], np.float32)).all()
    assert all(other == first for other in others)


@posix
def test_neither_do_interruptions(corpus, tmp_path):
    "Checkpoints at odd positions, Ctrl-C, and another number of workers each time"
    settings = dict(vector_size=24, epochs=3, deterministic=True, sample=0)
    folder = tmp_path/'states'
    whole, times = bits(train(corpus, settings=settings | dict(workers=2))), 0
    for workers in 1, 3, 2, 8:
        try:
            with Interrupt(folder):
                if folder.is_dir(): resume(folder, corpus, every=7_777, workers=workers)
                else: train(corpus, folder, settings | dict(workers=workers), every=7_777)
        except KeyboardInterrupt: times += 1
    assert times and bits(resume(folder, corpus)) == whole


@pytest.mark.parametrize('settings', [
    dict(sample=0, alpha=.1), dict(sample=0, alpha=.025), dict(sample=1e-3, alpha=.1),
], ids=str)
def test_high_rates_do_not_diverge(corpus, settings):
    "Changes are shortened: what the ordinary way can train, this can, at a loss as low"
    settings = dict(vector_size=40, epochs=3, workers=1) | settings
    def last_loss(**more): return train(corpus, settings=settings | more).history['loss'][-1]
    assert last_loss(deterministic=True) < last_loss(deterministic=False) + .02


def test_nobody_waits_for_ever(corpus):
    "What one worker can't do ends all: divergence, and an error between rounds"
    weights = np.full(len(corpus), 1e30, np.float32)
    heavy = Corpus(corpus.ids, corpus.offsets, corpus.vocab, weights=weights)
    settings = dict(vector_size=24, alpha=10, sample=0, epochs=50, workers=3,
                    deterministic=True)
    with pytest.raises(Diverged, match='lower alpha'): train(heavy, settings=settings)
    def until(words): raise OSError('asked')
    sampling, tables = make_sampling(corpus.vocab.counts), make_tables(len(corpus.vocab), 8)
    schedule = Schedule(.05, 0., len(corpus.ids), 1)
    rounds = Rounds(tables, corpus.ids, corpus.offsets, sampling, schedule, 3)
    with pytest.raises(OSError, match='asked'): rounds.run(0, until=until)
    calls = iter([False, False])
    with pytest.raises(StopIteration): rounds.run(0, until=lambda words: next(calls))


def test_memory_is_asked_for(corpus):
    with pytest.raises(MemoryError): check_memory(10**5, 100, 2*10**8, rows=10**6)
    check_memory(10**5, 100, 2*10**8)


def runner_class(name):
    if name != 'Trainer': return dict(Threads=Threads, Rounds=Rounds)[name]
    pytest.importorskip('triton')
    from w2v_nb.engine.gpu import Trainer
    return Trainer


@pytest.mark.parametrize('name', ['Threads', 'Rounds', 'Trainer'])
def test_runners_have_one_face(name):
    "As `Runner` says; what a method takes beyond that has a default"
    kind = runner_class(name)
    for method in 'prepare', 'run', 'agree':
        wanted = list(inspect.signature(getattr(Runner, method)).parameters)
        found = list(inspect.signature(getattr(kind, method)).parameters.values())
        assert [parameter.name for parameter in found[:len(wanted)]] == wanted
        more = found[len(wanted):]
        assert all(parameter.default is not parameter.empty for parameter in more)
    assert kind.leads and kind.loss_every == Runner.loss_every


def second(tmp_path):
    "Another text with some of the words, and new ones"
    path = tmp_path/'second.txt'
    path.write_text('\n'.join(f'w1 n{i % 40} w2 n{i % 7} w{i % 500}' for i in range(6000)))
    return Corpus.from_file(path, quiet=True)


@pytest.mark.parametrize('deterministic', [False, True])
def test_growing_keeps_old_numbers(corpus, tmp_path, deterministic):
    settings = dict(vector_size=24, epochs=1, workers=1, deterministic=deterministic)
    model, more = train(corpus, settings=settings), second(tmp_path)
    def counts(): return dict(zip(model.wv.index_to_key, model.wv.counts.tolist()))
    old, vectors = counts(), model.wv.vectors.copy()
    model.fit(more, update_vocab=True, quiet=True)
    here = dict(zip(more.vocab, more.counts.tolist()))
    words = [*old, *(word for word in more.vocab if word not in old)]
    assert model.wv.index_to_key == words and len(words) == len(old) + 40
    assert counts() == {word: old.get(word, 0) + here.get(word, 0) for word in words}
    # what is never an input does not change
    absent = [i for i, word in enumerate(old) if word not in here]
    assert absent and (model.wv.vectors[absent] == vectors[absent]).all()
    model.fit(more, update_vocab=True, quiet=True)
    assert model.wv.index_to_key == words # nothing new


def text_of_kind(kind, corpus, tmp_path):
    "A text to grow with, or with frozen words, or of pairs, or with weights"
    rng = np.random.default_rng(0)
    if kind == 'grown': return second(tmp_path)
    if kind == 'frozen': return corpus
    if kind == 'weights':
        return Corpus.from_sentences(list(corpus), 1, weights=rng.random(len(corpus)))
    firsts, seconds = rng.integers(0, 50, 20_000), rng.integers(0, 50, 20_000)
    weights = rng.random(20_000).tolist()
    return Corpus.from_pairs([(f'a{first}', f'b{second}', weight)
                              for first, second, weight in zip(firsts, seconds, weights)])


@posix
@pytest.mark.parametrize('kind', ['grown', 'frozen', 'pairs', 'weights'])
def test_cut_up_runs_of_every_kind(corpus, tmp_path, kind):
    "Interrupted and resumed is as if nothing had happened"
    settings = dict(vector_size=24, epochs=6, workers=1, sample=0)
    text, folder = text_of_kind(kind, corpus, tmp_path), tmp_path/'states'
    def begin(**options):
        model = Word2Vec(**settings)
        if kind == 'grown':
            model.fit(corpus, quiet=True)
            options['update_vocab'] = True
        if kind == 'frozen': options['freeze'] = ['w1', 'w2', 'w3']
        return model.fit(text, quiet=True, **options)
    whole = begin()
    with Interrupt(folder), pytest.raises(KeyboardInterrupt):
        begin(checkpoint=folder, every=5_000)
    with Interrupt(folder):
        try: resume(folder, text, every=5_000)
        except KeyboardInterrupt: pass
    done = resume(folder, text)
    assert bits(done) == bits(whole) and done.wv.index_to_key == whole.wv.index_to_key
    if kind == 'frozen':
        fresh = make_tables(len(corpus.vocab), 24).views()[0]
        assert (done.wv['w1'] == fresh[corpus.vocab['w1']]).all()
    if kind in ('pairs', 'weights'):
        plain = Corpus(text.ids, text.offsets, text.vocab, text.name)
        with pytest.raises(ValueError, match='was trained on another text'):
            resume(folder, plain)


@posix
@pytest.mark.parametrize('workers', [1, 2])
@pytest.mark.parametrize('deterministic', [False, True])
def test_frozen_words_are_the_same_bits(corpus, workers, deterministic):
    words, vectors = [f'w{i}' for i in range(300)], np.random.default_rng(0)
    start, frozen = WordVectors(vectors.standard_normal((300, 24)), words), words[::2]
    settings = dict(vector_size=24, epochs=2, workers=workers, sample=0)
    settings['deterministic'] = deterministic
    wv = train(corpus, settings=settings, init_from=start, freeze=frozen).wv
    assert all(wv[word].tobytes() == start[word].tobytes() for word in frozen)
    assert all((wv[word] != start[word]).any() for word in ('w1', 'w3', 'w5'))


@posix
def test_the_best_tables_survive_interruptions(corpus, tmp_path):
    unseen = [[f'w{(i*7 + j*j) % 900}' for j in range(9)] for i in range(800)]
    unseen = HeldOut(Corpus.from_sentences(unseen, vocab=corpus.vocab), n=4000)
    settings = dict(vector_size=40, epochs=30, workers=1, alpha=.2, sample=0)
    folder, options = tmp_path/'states', dict(heldout=unseen, patience=3)
    whole = train(corpus, settings=settings, **options)
    losses = whole.history['val_loss']
    best = int(np.argmin(losses))
    assert len(losses) == best + 4
    assert unseen.loss(*whole.tables.views(), negative=whole.negative).loss == losses[best]
    def stop(model): # well after the best epoch
        if len(model.history) == best + 3: raise RuntimeError('a power cut')
    with pytest.raises(RuntimeError):
        train(corpus, folder, settings, every=100_000, callbacks=[stop], **options)
    done = resume(folder, corpus, **options)
    assert bits(done)[:2] == bits(whole)[:2] and done.history['val_loss'] == losses
    finished = resume(folder, corpus, **options)
    assert bits(finished)[:2] == bits(whole)[:2]
