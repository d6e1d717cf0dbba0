"The GPU's kernels in Triton's interpreter: any text, window, group and range gives what the plain version gives; and what users meet where there is no GPU."
import os, subprocess, sys

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

os.environ['TRITON_INTERPRET'] = '1' # before Triton is loaded
pytest.importorskip('triton')
import torch
from w2v_nb.all import Corpus, Word2Vec
from w2v_nb.cpu import Schedule, Tables, learning_rate, make_tables
from w2v_nb.gpu import CONFIGS, Config, Trainer, cut, find_kept, make_kept, shape
from w2v_nb.sampling import make_sampling, plain_draws
from w2v_nb.word2vec import why_no_gpu

V, D = 12, 16
lengths = st.lists(st.integers(1, 12), min_size=1, max_size=12)


def text_of(lengths, seed):
    rng = np.random.default_rng(seed)
    return rng.integers(V, size=sum(lengths)).astype(np.int32), np.concatenate([[0], np.cumsum(lengths)])


def plain(X, U, ids, offsets, lo, hi, epoch, s, T, rate, most):
    "As on the page: T centres at a time, each group from its old values"
    draws, terms = list(plain_draws(ids, offsets, lo, hi, epoch, s)), 0
    for g in range(0, len(draws), T):
        change = [np.zeros_like(X), np.zeros_like(U)]
        for place, centre, contexts, noise in draws[g:g + T]:
            for x in contexts:
                for k, u in enumerate([centre] + noise):
                    if k and u == centre: continue
                    slope = rate(place)*((k == 0) - 1/(1 + np.exp(-(X[x] @ U[u])))); terms += 1
                    change[0][x] += slope*U[u]; change[1][u] += slope*X[x]
        for table, c, m in zip((X, U), change, most): table += c*np.minimum(1, m[:, None]/rate(draws[g][0]))
    return terms, len(draws)


@settings(max_examples=25, deadline=None)
@given(lengths, st.integers(0, 99), st.sampled_from([1, 2, 4, 8]), st.integers(1, 6), st.integers(1, 4), st.booleans(), st.sampled_from([0, .05, .2]), st.data())
def test_any_range_is_as_in_the_plain_version(lengths, seed, T, window, negative, shrink, sample, data):
    ids, offsets = text_of(lengths, seed)
    lo = data.draw(st.integers(0, len(ids) - 1)); hi = data.draw(st.integers(lo + 1, len(ids)))
    counts = np.maximum(np.bincount(ids, minlength=V), 1)
    s, schedule = make_sampling(counts, window=window, negative=negative, shrink_windows=shrink, sample=sample, seed=seed), Schedule(.05, .01, len(ids), 3)
    rng, t = np.random.default_rng(seed), make_tables(V, D)
    for view in t.views(): view[:] = rng.normal(size=view.shape)*.3
    X, U = before = [v.astype(np.float64) for v in t.views()]
    before = [v.copy() for v in before]
    trainer = Trainer(t, ids, offsets, counts, s, schedule, 'cpu', config=Config(T, 16, 1, 3), chunk=data.draw(st.sampled_from([7, 1 << 20])))
    most = [m.numpy() for m in trainer.most]
    loss, terms, centres = trainer(t, ids, offsets, 2, s, schedule, every=1, lo=lo, hi=hi)
    done = [plain(X, U, ids, offsets, a, min(a + trainer.chunk, hi), 2, s, T, lambda p: learning_rate.py_func(schedule, 2, p), most) for a in range(lo, hi, trainer.chunk)]
    assert (terms, centres) == tuple(map(sum, zip(*done)))
    for got, expected in zip(t.views(), (X, U)): np.testing.assert_allclose(got, expected, atol=2e-6)


def test_fit_with_the_kernels(monkeypatch, tmp_path):
    "The whole way: fit, frozen words, weights, pairs, checkpoints; a run that goes on ends as one that was not stopped."
    monkeypatch.setattr(Word2Vec, 'find_device', lambda self: torch.device('cpu')) # which is not the word 'cpu': the interpreter
    rng = np.random.default_rng(0)
    lines = [[f'w{i}' for i in rng.integers(9, size=5)] for _ in range(12)]
    options = dict(vector_size=8, window=2, negative=2, sample=0, epochs=2)
    corpus = Corpus.from_sentences(lines, min_count=1)
    whole = Word2Vec(**options).fit(corpus, quiet=True, checkpoint=tmp_path/'a', every=20)
    assert len(whole.history) == 2 and whole.history[1].loss < .7 and np.isfinite(whole.wv.vectors).all() and whole.history[0].centres_per_s > 0
    def stop(model): raise KeyboardInterrupt
    with pytest.raises(KeyboardInterrupt): Word2Vec(**options).fit(corpus, quiet=True, checkpoint=tmp_path/'b', every=20, callbacks=[stop])
    again = Word2Vec.resume(tmp_path/'b', corpus, quiet=True)
    np.testing.assert_array_equal(again.wv.vectors, whole.wv.vectors)
    frozen = Word2Vec(**options).fit(corpus, init_from=whole.wv, freeze=['w1'], quiet=True)
    np.testing.assert_array_equal(frozen.wv['w1'], whole.wv['w1'])
    assert (frozen.wv['w2'] != whole.wv['w2']).any()
    pairs = Word2Vec(**options).fit(Corpus.from_pairs([('tea', 'milk', 1.), ('gin', 'lime', 0.)]*8), quiet=True)
    fresh = dict(zip(pairs.wv.index_to_key, make_tables(len(pairs.wv), 8).views()[0]))
    assert (pairs.wv['tea'] != fresh['tea']).any() and (pairs.wv['gin'] == fresh['gin']).all()


@pytest.mark.skipif(not why_no_gpu(), reason='there is a GPU')
def test_without_a_gpu(tmp_path):
    (tmp_path/'my.txt').write_text('one two three four\n'*50)
    done = subprocess.run([sys.executable, '-c', "from w2v_nb.cli import w2v_train; w2v_train(['my.txt', '--device', 'cuda'])"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2 and 'there is no NVIDIA driver' in done.stderr and 'Traceback' not in done.stderr, done.stderr
    code = "import sys; from w2v_nb.all import Word2Vec; Word2Vec(vector_size=4, epochs=1).fit([['a', 'b', 'c']]*9, quiet=True); print(*[m for m in ('torch', 'triton', 'w2v_nb.gpu') if m in sys.modules])"
    done = subprocess.run([sys.executable, '-c', code], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0 and not done.stdout.split(), done.stdout + done.stderr


def test_places_beyond_32_bits():
    "A chunk far into a text draws by the whole place, and its rates are those of the plain formula."
    far, counts = 2**33 + 5, np.ones(V, int)
    class Ids: # a text of which only the end is there
        def __init__(self, end): self.end = end
        def __getitem__(self, part): assert part.start >= far; return self.end[part.start - far:part.stop - far]
    ids = np.random.default_rng(0).integers(V, size=40).astype(np.int32)
    offsets = np.array([0, far, far + 20, far + 40])
    s, schedule = make_sampling(counts, window=2, negative=2, sample=.01, seed=4), Schedule(.05, .01, far + 40, 2)
    chunk = cut(Ids(ids), offsets, schedule.weights, far, far + 40, s.seed, lambda a: torch.tensor(np.array(a)))
    assert chunk.begin == far and chunk.below == 0 and chunk.above == 40
    room = make_kept(40, 'cpu')
    find_kept(chunk, torch.tensor(s.keep.view(np.int32)), room, 1, s, schedule)
    from w2v_nb.sampling import philox
    kept = [p for p in range(far, far + 40) if int(philox.py_func(*map(np.uint64, (p & 0xFFFFFFFF, p >> 32, 1, 0, 4, 0)))[0]) <= s.keep[ids[p - far]]]
    n = int(room.ends[-1])
    assert 5 < n < 40 and (room.places[:n].numpy().astype(np.int64) + far).tolist() == kept
    np.testing.assert_allclose(room.rates[:n], [learning_rate.py_func(schedule, 1, p) for p in kept], rtol=1e-6)


def test_shapes_are_powers_of_two():
    for config in CONFIGS:
        for dim, window, negative in ((1, 1, 1), (512, 15, 20), (100, 5, 5)):
            found = shape(dim, window, negative, config)
            assert all(found[k] & (found[k] - 1) == 0 for k in 'TRJC') and found['R'] >= found['T'] + 2*window and found['J'] > negative and found['C'] >= 16 and found['T']*found['J'] >= 16


def test_trying_configurations_changes_nothing_but_the_choice(monkeypatch, tmp_path):
    "With a made-up name for the GPU: each is run, the tables stay as they are, the fastest is written down; a damaged file only costs time."
    monkeypatch.setattr(torch.cuda, 'get_device_name', lambda device: 'made up'); monkeypatch.setattr(torch.cuda, 'synchronize', lambda: None)
    ids, offsets = text_of([6, 5, 7], 0)
    counts, t = np.bincount(ids, minlength=V) + 1, make_tables(V, D)
    s, schedule = make_sampling(counts, window=2, negative=2, sample=0), Schedule(.05, .01, len(ids), 1)
    t.output[:] = np.random.default_rng(0).normal(size=t.output.shape)
    before, trainer, file, ran = (t.input.copy(), t.output.copy()), Trainer(t, ids, offsets, counts, s, schedule, 'cpu'), tmp_path/'deep'/'gpu.json', []
    seconds = Trainer.seconds
    monkeypatch.setattr(Trainer, 'seconds', lambda self, config: ran.append(config) or seconds(self, config) + 100*(config != CONFIGS[1]))
    assert trainer.remembered(file) == CONFIGS[1] and ran == trainer.choices() and len(ran) > 1
    trainer.fetch()
    np.testing.assert_array_equal(before, (t.input, t.output))
    assert trainer.remembered(file) == CONFIGS[1] and len(ran) == len(trainer.choices()) # not tried again
    for damaged in 'rubbish', '[]', file.read_text().replace(': 1', ': 99'):
        file.write_text(damaged); ran.clear()
        assert trainer.remembered(file) == CONFIGS[1] and len(ran) > 1
