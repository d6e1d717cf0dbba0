"""The GPU's kernels in Triton's interpreter: any text, window, group and range gives what the
plain version gives; and what users meet where there is no GPU."""
import os, subprocess, sys
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

os.environ['TRITON_INTERPRET'] = '1' # before Triton is loaded
pytest.importorskip('triton')
import torch
from w2v_nb.all import Corpus, Word2Vec
from w2v_nb.base.machine import why_no_gpu
from w2v_nb.engine.gpu import CONFIGS, Config, Trainer, block_sizes
from w2v_nb.engine.gpu import cut_text, find_kept, make_kept
from w2v_nb.engine.sampling import Sampling, make_sampling, philox, plain_draws
from w2v_nb.engine.tables import Schedule, learning_rate, make_tables

V, D = 12, 16


class Case(NamedTuple):
    "A text, and how it is sampled and trained on"
    ids:np.ndarray
    offsets:np.ndarray
    counts:np.ndarray
    sampling:Sampling
    schedule:Schedule
    def trainer(self, tables, **options):
        "A trainer in the interpreter"
        return Trainer(tables, *self, 'cpu', **options)
    def draws(self, lo, hi, epoch):
        "What is drawn for a range of positions"
        return list(plain_draws(self.ids, self.offsets, lo, hi, epoch, self.sampling))

def make_case(lengths, seed=0, epochs=1, **options):
    "Sentences of these lengths, of random words"
    ids = np.random.default_rng(seed).integers(V, size=sum(lengths)).astype(np.int32)
    counts = np.bincount(ids, minlength=V) + 1
    return Case(ids, np.concatenate([[0], np.cumsum(lengths)]), counts,
                make_sampling(counts, **options), Schedule(.05, .01, len(ids), epochs))

def plain_groups(X, U, draws, T, rate, highest):
    "As on the page: T centres at a time, each group from its old values; terms and centres"
    terms = 0
    for begin in range(0, len(draws), T):
        changes = np.zeros_like(X), np.zeros_like(U)
        for position, centre, contexts, noise in draws[begin:begin + T]:
            outputs = [centre] + [u for u in noise if u != centre]
            for x, k in np.ndindex(len(contexts), len(outputs)):
                context, output = contexts[x], outputs[k]
                sigmoid = 1/(1 + np.exp(-(X[context] @ U[output])))
                slope = rate(position)*((k == 0) - sigmoid)
                changes[0][context] += slope*U[output]
                changes[1][output] += slope*X[context]
                terms += 1
        for table, change, h in zip((X, U), changes, highest):
            table += change*np.minimum(1, h[:, None]/rate(draws[begin][0]))
    return terms, len(draws)

samplings = st.fixed_dictionaries(dict(
    window=st.integers(1, 6), negative=st.integers(1, 4), shrink_windows=st.booleans(),
    sample=st.sampled_from([0, .05, .2]), seed=st.integers(0, 99)))
lengths = st.lists(st.integers(1, 12), min_size=1, max_size=12)
chunks = st.sampled_from([7, 1 << 20])


@settings(max_examples=25, deadline=None)
@given(lengths, samplings, st.sampled_from([1, 2, 4, 8]), chunks, st.data())
def test_any_range_is_as_in_the_plain_version(lengths, sampling, T, chunk, data):
    case, epoch = make_case(lengths, epochs=3, **sampling), 2
    lo = data.draw(st.integers(0, len(case.ids) - 1))
    hi = data.draw(st.integers(lo + 1, len(case.ids)))
    rng, tables = np.random.default_rng(sampling['seed']), make_tables(V, D)
    for view in tables.views(): view[:] = rng.normal(size=view.shape)*.3
    expected = [view.astype(np.float64) for view in tables.views()]
    trainer = case.trainer(tables, config=Config(T, 16, 1, 3), chunk=chunk)
    trainer.loss_every = 1
    found = trainer.run(epoch, lo=lo, hi=hi)
    def rate(position): return learning_rate.py_func(case.schedule, epoch, position)
    highest = [h.numpy() for h in trainer.highest_rates]
    sums = []
    for begin in range(lo, hi, chunk):
        draws = case.draws(begin, min(begin + chunk, hi), epoch)
        sums.append(plain_groups(*expected, draws, T, rate, highest))
    assert (found.terms, found.centres) == tuple(map(sum, zip(*sums)))
    for view, wanted in zip(tables.views(), expected):
        np.testing.assert_allclose(view, wanted, atol=2e-6)


OPTIONS = dict(vector_size=8, window=2, negative=2, sample=0, epochs=2)

@pytest.fixture
def interpreted(monkeypatch):
    "`fit` takes the GPU's kernels; a device is not the word 'cpu', so it is the interpreter"
    monkeypatch.setattr(Word2Vec, '_find_device', lambda *_: torch.device('cpu'))

@pytest.fixture
def corpus():
    "Twelve sentences of nine words"
    rng = np.random.default_rng(0)
    lines = [[f'w{i}' for i in rng.integers(9, size=5)] for _ in range(12)]
    return Corpus.from_sentences(lines, min_count=1)

def stop(model): raise KeyboardInterrupt

def test_fit_with_checkpoints(interpreted, corpus, tmp_path):
    "A run that goes on ends as one that was not stopped"
    often = dict(quiet=True, every=20)
    whole = Word2Vec(**OPTIONS).fit(corpus, checkpoint=tmp_path/'a', **often)
    assert len(whole.history) == 2 and whole.history[1].loss < .7
    assert np.isfinite(whole.wv.vectors).all() and whole.history[0].centres_per_s > 0
    with pytest.raises(KeyboardInterrupt):
        Word2Vec(**OPTIONS).fit(corpus, checkpoint=tmp_path/'b', callbacks=[stop], **often)
    again = Word2Vec.resume(tmp_path/'b', corpus, quiet=True)
    np.testing.assert_array_equal(again.wv.vectors, whole.wv.vectors)

def test_fit_with_frozen_words(interpreted, corpus):
    first = Word2Vec(**OPTIONS).fit(corpus, quiet=True)
    frozen = Word2Vec(**OPTIONS).fit(corpus, init_from=first.wv, freeze=['w1'], quiet=True)
    np.testing.assert_array_equal(frozen.wv['w1'], first.wv['w1'])
    assert (frozen.wv['w2'] != first.wv['w2']).any()

def test_fit_with_pairs_and_weights(interpreted):
    pairs = Corpus.from_pairs([('tea', 'milk', 1.), ('gin', 'lime', 0.)]*8)
    wv = Word2Vec(**OPTIONS).fit(pairs, quiet=True).wv
    fresh = dict(zip(wv.index_to_key, make_tables(len(wv), 8).views()[0]))
    assert (wv['tea'] != fresh['tea']).any() and (wv['gin'] == fresh['gin']).all()


def run_python(code, **options):
    "Run code in a process of its own"
    command = [sys.executable, '-c', code]
    return subprocess.run(command, capture_output=True, text=True, **options)

@pytest.mark.skipif(not why_no_gpu(), reason='there is a GPU')
def test_without_a_gpu(tmp_path):
    (tmp_path/'my.txt').write_text('one two three four\n'*50)
    done = run_python("from w2v_nb.tools.cli import main\n"
                      "main(['train', 'my.txt', '--device', 'cuda'])", cwd=tmp_path)
    assert done.returncode == 2 and 'there is no NVIDIA driver' in done.stderr, done.stderr
    assert 'Traceback' not in done.stderr
    done = run_python("import sys\n"
                      "from w2v_nb.all import Word2Vec\n"
                      "model = Word2Vec(vector_size=4, epochs=1, sample=0)\n"
                      "model.fit([['a', 'b', 'c']]*9, quiet=True)\n"
                      "heavy = 'torch', 'triton', 'w2v_nb.engine.gpu'\n"
                      "print(*[name for name in heavy if name in sys.modules])")
    assert done.returncode == 0 and not done.stdout.split(), done.stdout + done.stderr


FAR = 2**33 + 5 # a position that takes more than 32 bits

class FarIds:
    "A text of which only the end is there"
    def __init__(self, end): self.end = end
    def __getitem__(self, part):
        assert part.start >= FAR
        return self.end[part.start - FAR:part.stop - FAR]

def test_positions_beyond_32_bits():
    "A chunk far into a text draws by the whole position, and its rates are the plain formula's"
    ids = np.random.default_rng(0).integers(V, size=40).astype(np.int32)
    offsets = np.array([0, FAR, FAR + 20, FAR + 40])
    sampling = make_sampling(np.ones(V, int), window=2, negative=2, sample=.01, seed=4)
    schedule, room = Schedule(.05, .01, FAR + 40, 2), make_kept(40, 'cpu')
    chunk = cut_text(FarIds(ids), offsets, schedule.weights, FAR, FAR + 40, sampling.seed,
                     lambda array: torch.tensor(np.array(array)))
    assert chunk.begin == FAR and chunk.below == 0 and chunk.above == 40
    find_kept(chunk, torch.tensor(sampling.keep.view(np.int32)), room, 1, sampling, schedule)
    def number(p):
        counter = p & 0xFFFFFFFF, p >> 32, 1, 0
        return philox.py_func(*map(np.uint64, counter + (4, 0)))[0]
    kept = [p for p in range(FAR, FAR + 40) if number(p) <= sampling.keep[ids[p - FAR]]]
    n = int(room.ends[-1])
    assert 5 < n < 40
    assert (room.positions[:n].numpy().astype(np.int64) + FAR).tolist() == kept
    rates = [learning_rate.py_func(schedule, 1, p) for p in kept]
    np.testing.assert_allclose(room.rates[:n], rates, rtol=1e-6)


@pytest.mark.parametrize('config', CONFIGS)
@pytest.mark.parametrize('sizes', [(1, 1, 1), (512, 15, 20), (100, 5, 5)])
def test_block_sizes_are_powers_of_two(config, sizes):
    _, window, negative = sizes
    found = block_sizes(*sizes, config)
    assert all(found[k] & (found[k] - 1) == 0 for k in 'TRJC')
    assert found['R'] >= found['T'] + 2*window and found['J'] > negative
    assert found['C'] >= 16 and found['T']*found['J'] >= 16


def test_trying_configurations_changes_nothing_but_the_choice(monkeypatch, tmp_path):
    "Each is run, the fastest is noted, the tables stay; a damaged file only costs time"
    case, tables = make_case([6, 5, 7], window=2, negative=2, sample=0), make_tables(V, D)
    tables.output[:] = np.random.default_rng(0).normal(size=tables.output.shape)
    before, trainer = (tables.input.copy(), tables.output.copy()), case.trainer(tables)
    file, ran, trial_time = tmp_path/'deep'/'gpu.json', [], Trainer.trial_time
    def noted_time(self, config):
        ran.append(config)
        return trial_time(self, config) + 100*(config != CONFIGS[1])
    monkeypatch.setattr(torch.cuda, 'get_device_name', lambda device: 'made up')
    monkeypatch.setattr(torch.cuda, 'synchronize', lambda: None)
    monkeypatch.setattr(Trainer, 'trial_time', noted_time)
    assert trainer.fastest_config(file) == CONFIGS[1]
    assert ran == trainer.choices() and len(ran) > 1
    trainer.fetch_tables()
    np.testing.assert_array_equal(before, (tables.input, tables.output))
    assert trainer.fastest_config(file) == CONFIGS[1]
    assert len(ran) == len(trainer.choices()) # not tried again
    for damaged in 'rubbish', '[]', file.read_text().replace(': 1', ': 99'):
        file.write_text(damaged)
        ran.clear()
        assert trainer.fastest_config(file) == CONFIGS[1] and len(ran) > 1
