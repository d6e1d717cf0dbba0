"""Skip-gram and CBOW, negative samples and the tree, in all combinations: the kernel against
plain NumPy; the estimator's promises for each; and what is refused."""
import heapq, math, warnings
from typing import NamedTuple

import numpy as np, pytest
from hypothesis import given, settings as how, strategies as st
from safetensors.numpy import load_file, save_file

from test_checkpoint import Interrupt, posix, resume, train
from w2v_nb.engine.corpus import Corpus
from w2v_nb.engine.sampling import make_sampling, plain_draws
from w2v_nb.engine.skipgram import Setup, Threads, make_own, train_range
from w2v_nb.engine.tables import Diverged, Schedule, Tables, learning_rate, make_tables
from w2v_nb.engine.tree import make_objective, make_tree, output_rows, tree_logs
from w2v_nb.runs.checkpoint import checkpoint_files, newest_checkpoint, state_hash
from w2v_nb.runs.checkpoint import write_checkpoint
from w2v_nb.runs.heldout import HeldOut
from w2v_nb.runs.rounds import Rounds
from w2v_nb.runs.word2vec import SmallText, Word2Vec, heldout_loss
from w2v_nb.vectors import WordVectors

NOISE, TREE, BOTH = dict(), dict(hs=1, negative=0), dict(hs=1)
OBJECTIVES = [
    dict(sg=sg, **way, **mean) for way in (NOISE, TREE, BOTH)
    for sg, mean in [(1, {}), (0, {}), (0, dict(cbow_mean=0))]]
each = pytest.mark.parametrize('objective', OBJECTIVES, ids=str)
both_runners = pytest.mark.parametrize(
    'deterministic', [False, True], ids=['threads', 'rounds'])
SETTINGS = dict(vector_size=10, window=3, epochs=2, workers=1, sample=0, alpha=.1)
SECONDS = 60 # longest time of a test by Hypothesis; it only matters when all is slow


def topics(sentences, seed=0, kinds=4, words=15):
    "Each sentence has words of one kind, of which the first are more frequent"
    rng = np.random.default_rng(seed)
    ranks = np.minimum(rng.geometric(.2, (sentences, 8)), words)
    return [[f'{"abcdefgh"[kind]}{rank}' for rank in row]
            for kind, row in zip(rng.integers(kinds, size=sentences), ranks.tolist())]

@pytest.fixture(scope='module')
def corpus(): return Corpus.from_sentences(topics(2000), min_count=1)

@pytest.fixture(scope='module')
def unseen(corpus): return Corpus.from_sentences(topics(300, seed=1), vocab=corpus.vocab)

def fit(corpus, objective, settings={}, **options):
    "A trained model, without the warning that the text is small"
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', SmallText)
        return train(corpus, settings=SETTINGS | objective | settings, **options)

def tables_of(wv): return wv.vectors, wv.output_vectors, wv.node_vectors

def bits(model):
    raw = [None if table is None else table.tobytes() for table in tables_of(model.wv)]
    return raw, model.history['loss']


# ---- the kernel and plain NumPy

class Case(NamedTuple):
    "A text of few words, how it is sampled, and what is learnt"
    ids:np.ndarray
    offsets:np.ndarray
    schedule:Schedule
    sampling:tuple
    settings:dict
    objective:tuple
    tables:Tables

def make_case(lengths, V=6, seed=0, D=10, settings={}, freeze=(), freeze_output=False,
              weighted=False, **sampling):
    "Sentences of these lengths, of random words; all rows of both tables begin at random"
    rng = np.random.default_rng(seed)
    ids = rng.integers(V, size=sum(lengths)).astype(np.int32)
    counts = np.bincount(ids, minlength=V) + np.arange(V, 0, -1)
    settings = dict(sg=1, hs=0, negative=5, cbow_mean=1) | settings
    sampling = make_sampling(counts, negative=settings['negative'], seed=seed, **sampling)
    weights = rng.random(len(lengths)*weighted).astype(np.float32)*2
    schedule = Schedule(.08, .02, len(ids), 3, weights)
    objective = make_objective(counts, **settings, freeze_output=freeze_output)
    tables = make_tables(V, D, seed, output_rows(V, settings['hs'], settings['negative']))
    for view in tables.views(): view[:] = rng.normal(size=view.shape)*.4
    if freeze: tables = tables._replace(frozen=np.isin(np.arange(V), freeze).astype(np.uint8))
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    return Case(ids, offsets, schedule, sampling, settings, objective, tables)

def asked(case, centre, noise):
    "The outputs of a centre: rows, and labels"
    rows, labels, tree = [], [], case.objective.tree
    if case.settings['negative']:
        rows += [centre, *(word for word in noise if word != centre)]
        labels += [1] + [0]*(len(rows) - 1)
    if case.settings['hs']:
        path = slice(tree.begins[centre], tree.begins[centre] + tree.depths[centre])
        rows += tree.paths[path].tolist()
        labels += (1 - tree.codes[path]).tolist()
    return rows, np.array(labels, np.float64)

def sigmoid(x): return 1/(1 + np.exp(-x))

def plain_step(case, X, U, contexts, rows, labels, rate):
    "One centre: gensim's rules for CBOW, both tables from their old values; the loss"
    sg, mean, n = case.settings['sg'], case.settings['cbow_mean'], len(contexts)
    inputs = X[contexts] if sg else X[contexts].sum(0, keepdims=True)/(n if mean else 1)
    scores, outputs = inputs @ U[rows].T, U[rows]
    slopes = rate*(labels - sigmoid(scores))
    errors = slopes @ outputs # [n, D], or [1, D] for CBOW, then the same for each context
    if not (sg or mean): errors = errors/n
    if not case.objective.freeze_output: np.add.at(U, rows, slopes.T @ inputs)
    live = [i for i, word in enumerate(contexts)
            if not len(case.tables.frozen) or not case.tables.frozen[word]]
    errors = np.broadcast_to(errors, (n, X.shape[1]))
    np.add.at(X, np.array(contexts)[live], errors[live])
    return np.logaddexp(0, np.where(labels == 1, -scores, scores)).sum(), scores.size

def plain_range(case, epoch):
    "Tables, loss and terms after an epoch, in float64"
    X, U = (view.astype(np.float64) for view in case.tables.views())
    loss, terms, weights = 0., 0, case.schedule.weights
    draws = plain_draws(case.ids, case.offsets, 0, len(case.ids), epoch, case.sampling)
    for position, centre, contexts, noise in draws:
        if not contexts: continue
        rate = learning_rate.py_func(case.schedule, epoch, position)
        sentence = np.searchsorted(case.offsets, position, side='right') - 1
        if len(weights): rate *= float(weights[sentence])
        sums = plain_step(case, X, U, contexts, *asked(case, centre, noise), rate)
        loss, terms = loss + sums[0], terms + sums[1]
    return X, U, loss, terms

def assert_as_in_numpy(case, epoch=1):
    "The kernel and plain NumPy: the same tables, loss and terms; what is padding stays 0"
    X, U, loss, terms = plain_range(case, epoch)
    setup = Setup(case.tables, case.ids, case.offsets, case.sampling, case.schedule,
                  case.objective, loss_every=1)
    own = make_own(case.sampling, case.tables.stride, case.objective, 64)
    found = train_range(setup, 0, len(case.ids), epoch, own)
    for view, expected in zip(case.tables.views(), (X, U)):
        np.testing.assert_allclose(view, expected, rtol=0, atol=1e-5)
    np.testing.assert_allclose(found[0], loss, rtol=1e-3) # of a sigmoid in float32
    assert found[1] == terms
    for table in case.tables[:2]:
        assert not table.reshape(-1, case.tables.stride)[:, case.tables.dim:].any()

switches = st.fixed_dictionaries(dict(
    sg=st.sampled_from([0, 0, 1]), cbow_mean=st.integers(0, 1), hs=st.integers(0, 1),
    negative=st.integers(0, 7))).filter(lambda s: s['hs'] or s['negative'])
samplings = st.fixed_dictionaries(dict(
    window=st.integers(1, 6), shrink_windows=st.booleans(), sample=st.sampled_from([0, .2])))

@how(max_examples=60, deadline=SECONDS*1000)
@given(st.lists(st.integers(1, 12), min_size=1, max_size=12), st.integers(2, 9), switches,
       samplings, st.sets(st.integers(0, 8), max_size=4), st.booleans(), st.booleans(),
       st.integers(0, 99))
def test_any_objective_is_as_in_numpy(lengths, V, settings, sampling, freeze, freeze_output,
                                      weighted, seed):
    freeze = sorted(word for word in freeze if word < V)
    case = make_case(lengths, V, seed, settings=settings, freeze=freeze, weighted=weighted,
                     freeze_output=freeze_output, **sampling)
    assert_as_in_numpy(case)

@pytest.mark.parametrize('mean', [0, 1])
@pytest.mark.parametrize('freeze', [(), (1,), (0, 1, 2)])
def test_repeated_words_and_noise_that_is_the_centre(mean, freeze):
    "Three words only, so windows repeat words, and noise is often the centre"
    settings = dict(sg=0, cbow_mean=mean, negative=6)
    case = make_case([9]*4, V=3, settings=settings, freeze=freeze, window=4, sample=0)
    draws = list(plain_draws(case.ids, case.offsets, 0, 36, 1, case.sampling))
    assert any(len(set(contexts)) < len(contexts) for _, _, contexts, _ in draws)
    assert any(centre in noise for _, centre, _, noise in draws)
    assert_as_in_numpy(case)

@pytest.mark.parametrize('mean', [0, 1])
def test_one_step_of_cbow_by_hand(mean):
    "A centre between two contexts, one pull on both: the whole of it, or half of the sum's"
    case = make_case([3], V=3, settings=dict(sg=0, cbow_mean=mean, hs=1, negative=0), D=3,
                     window=1, sample=0)
    X, U = (view.astype(np.float64) for view in case.tables.views())
    case.ids[:] = 0, 1, 2
    setup = Setup(case.tables, case.ids, case.offsets, case.sampling, case.schedule,
                  case.objective)
    own = make_own(case.sampling, case.tables.stride, case.objective, 64)
    train_range(setup, 1, 2, 0, own) # the word in the middle
    bag = (X[0] + X[2])/(2 if mean else 1)
    rows, labels = asked(case, 1, [])
    rate = learning_rate.py_func(case.schedule, 0, 1)
    pull = rate*(labels - sigmoid(U[rows] @ bag)) @ U[rows]/(1 if mean else 2)
    changed = case.tables.views()[0] - X
    np.testing.assert_allclose(changed, [pull, 0*pull, pull], atol=1e-6)

@each
def test_one_block_of_rounds_is_what_threads_do(objective):
    "With a single block nothing is shortened"
    settings = dict(negative=5) | objective
    both = []
    for kind in Threads, Rounds:
        case = make_case([9]*100, V=30, settings=settings, freeze=(0, 5), window=4, sample=0)
        runner = kind(case.tables, case.ids, case.offsets, case.sampling, case.schedule, 1, 1,
                      case.objective)
        both.append((*case.tables.views(), *runner.run(0)))
    for one, other in zip(*both): np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


# ---- the tree

def fewest_turns(counts):
    "Turns for all words of a text with the best tree there is, by a heap"
    heap, turns = sorted(counts), 0
    while len(heap) > 1:
        joined = heapq.heappop(heap) + heapq.heappop(heap)
        turns += joined
        heapq.heappush(heap, joined)
    return turns

@how(max_examples=100, deadline=SECONDS*1000)
@given(st.lists(st.integers(0, 50) | st.integers(0, 2**40), min_size=2, max_size=40),
       st.integers(0, 9))
def test_any_tree_is_a_best_one(counts, first_row):
    tree, V = make_tree(counts, first_row), len(counts)
    assert int(tree.depths @ np.array(counts)) == fewest_turns(counts)
    ways = {''.join(map(str, tree.codes[begin:begin + depth]))
            for begin, depth in zip(tree.begins, tree.depths)}
    assert len(ways) == V
    assert math.isclose(sum(2.**-len(way) for way in ways), 1, abs_tol=1e-9)
    assert {*tree.paths.tolist()} == {*range(first_row, first_row + V - 1)}
    assert (tree.paths[tree.begins] == first_row).all() # all ways begin at the root

def test_probabilities_of_all_words_make_one(corpus):
    wv = fit(corpus, TREE).wv
    logs = tree_logs(make_tree(wv.counts), wv.vectors, wv.node_vectors)
    np.testing.assert_allclose(np.exp(logs).sum(1), 1, rtol=1e-9)


# ---- the same bits

@each
def test_same_seed_same_bits(corpus, objective):
    first = bits(fit(corpus, objective))
    assert first == bits(fit(corpus, objective)) != bits(fit(corpus, objective, dict(seed=1)))

@each
def test_workers_do_not_matter(corpus, objective):
    def trained(workers):
        return fit(corpus, objective, dict(deterministic=True, workers=workers))
    first = trained(1)
    assert np.isfinite(first.wv.vectors).all() and len(set(first.history['loss'])) == 2
    assert all(bits(trained(workers)) == bits(first) for workers in (2, 3, 8))

@posix
@each
@both_runners
def test_interrupted_is_undisturbed(corpus, tmp_path, monkeypatch, objective, deterministic):
    "Ctrl-C amid an epoch, twice; then to the end"
    monkeypatch.setattr('w2v_nb.runs.rounds.ROUNDS_AT_ONCE', 1) # so that it can end amid one
    settings, folder = dict(deterministic=deterministic, epochs=3), tmp_path/'states'
    whole, done = fit(corpus, objective, settings), []
    for _ in range(2):
        with Interrupt(folder), pytest.raises(KeyboardInterrupt):
            if folder.is_dir(): resume(folder, corpus, every=3000)
            else: fit(corpus, objective, settings, checkpoint=folder, every=3000)
        done.append(newest_checkpoint(folder)[1]['done'][0])
    assert any(0 < words < len(corpus.ids) for words in done)
    resumed = resume(folder, corpus)
    assert bits(resumed) == bits(whole) and resumed.settings == whole.settings
    assert bits(resume(folder, corpus)) == bits(whole) # what is finished is read again

def rewritten(folder, change):
    "The newest checkpoint alone, with another state"
    wv, state = newest_checkpoint(folder)
    tables = dict(zip(('output_vectors', 'node_vectors'), tables_of(wv)[1:]))
    copies = {name: None if table is None else table.copy() for name, table in tables.items()}
    copy = WordVectors(wv.vectors.copy(), wv.index_to_key, counts=wv.counts.copy(), **copies)
    change(state)
    for path in checkpoint_files(folder): path.unlink()
    write_checkpoint(folder, copy, state)

def stopped(corpus, folder, objective, **options):
    "Checkpoints of a run that ended after its first epoch"
    def stop(model): raise RuntimeError('a power cut')
    with pytest.raises(RuntimeError, match='a power cut'):
        fit(corpus, objective, checkpoint=folder, every=len(corpus.ids), callbacks=[stop],
            **options)

def test_a_checkpoint_of_an_older_version_goes_on(corpus, tmp_path):
    "Older versions had no settings of these names"
    stopped(corpus, tmp_path, NOISE)
    def forget(state):
        for name in 'sg', 'hs', 'cbow_mean': del state['settings'][name]
    rewritten(tmp_path, forget)
    assert bits(resume(tmp_path, corpus)) == bits(fit(corpus, NOISE))

@pytest.mark.parametrize('name, value', [('sg', 1), ('hs', 0), ('cbow_mean', 0)])
def test_the_objective_of_a_run_stays(corpus, tmp_path, name, value):
    stopped(corpus, tmp_path, dict(sg=0, hs=1))
    with pytest.raises(ValueError, match=f'other settings: {name} was'):
        resume(tmp_path, corpus, **{name: value})

@pytest.mark.parametrize('objective, other', [
    (NOISE, TREE), (NOISE, BOTH), (TREE, NOISE), (BOTH, TREE)], ids=str)
def test_a_checkpoint_with_tables_of_another_objective_is_refused(corpus, tmp_path, objective,
                                                                  other):
    stopped(corpus, tmp_path, objective)
    wanted = dict(hs=0, negative=5) | other
    rewritten(tmp_path, lambda state: state['settings'].update(wanted))
    with pytest.raises(ValueError, match='output_vectors|node_vectors'):
        resume(tmp_path, corpus)

@posix
@each
def test_frozen_words_stay_frozen_in_a_run_that_goes_on(corpus, tmp_path, objective):
    whole = fit(corpus, objective, freeze=True)
    stopped(corpus, tmp_path, objective, freeze=True)
    resumed = resume(tmp_path, corpus)
    assert bits(resumed) == bits(whole)


# ---- options of fit

@each
def test_a_sentence_that_weighs_double_learns_at_twice_the_rate(corpus, objective):
    def weighing(weights): return Corpus(corpus.ids, corpus.offsets, corpus.vocab,
                                         weights=np.float32(weights))
    ones = np.ones(len(corpus))
    double = fit(weighing(2*ones), objective)
    assert bits(double) == bits(fit(corpus, objective, dict(alpha=.2, min_alpha=2e-4)))
    first_half = np.arange(len(corpus)) < len(corpus)//2
    end = corpus.offsets[len(corpus)//2]
    halved = fit(weighing(first_half*ones), objective).wv
    absent = np.setdiff1d(np.arange(len(corpus.vocab)), corpus.ids[:end])
    fresh = make_tables(len(corpus.vocab), 10).views()[0]
    changed = (halved.vectors != fresh).any(1)
    assert changed[corpus.ids[:end]].all() and not changed[absent].any()

def same(tables, others): return [bool((a == b).all()) for a, b in zip(tables, others)]

def given(table): return [part for part in table if part is not None]

@each
@both_runners
def test_frozen_words_and_frozen_inputs(corpus, objective, deterministic):
    settings, fresh = dict(deterministic=deterministic, workers=2), make_tables(60, 10)
    fresh = fresh.views()[0][:len(corpus.vocab)]
    some = corpus.vocab.idx_to_token[::3]
    partly = fit(corpus, objective, settings, freeze=some).wv
    kept = (partly.vectors == fresh).all(1)
    assert kept[::3].all() and not kept[1::3].any()
    wholly = fit(corpus, objective, settings, freeze=True).wv
    assert wholly.vectors.tobytes() == fresh.tobytes()
    assert all(table.any(1).all() for table in given(tables_of(wholly)[1:]))

@each
@both_runners
def test_frozen_outputs(corpus, objective, deterministic):
    "Inputs learn from outputs that stay; with frozen inputs, too, nothing changes at all"
    settings = dict(deterministic=deterministic, workers=2)
    start = fit(corpus, objective).wv
    options = dict(init_from=start, freeze_output=True)
    wv = fit(corpus, objective, settings, **options).wv
    assert (wv.vectors != start.vectors).any(1).all()
    still = fit(corpus, objective, settings, freeze=True, **options).wv
    assert still.vectors.tobytes() == start.vectors.tobytes()
    for one, other, third in zip(*(given(tables_of(v)[1:]) for v in (start, wv, still))):
        assert one.any(1).all() and one.tobytes() == other.tobytes() == third.tobytes()

@each
def test_zeros_are_not_frozen(corpus, objective):
    "From outputs that are zeros nothing is learnt, so there must be others to begin with"
    with pytest.raises(ValueError, match='keeps zeros.*init_from=wv'):
        fit(corpus, objective, freeze_output=True)
    bare = WordVectors(np.ones((60, 10)), corpus.vocab.idx_to_token)
    table = 'output_vectors' if objective.get('negative', 5) else 'node_vectors'
    with pytest.raises(ValueError, match=f'keeps zeros.*{table}'):
        fit(corpus, objective, freeze_output=True, init_from=bare)

@each
@both_runners
def test_frozen_outputs_of_any_kind_in_the_runners(objective, deterministic):
    case = make_case([9]*1000, V=30, settings=dict(negative=5) | objective, freeze_output=True,
                     sample=0)
    X, U = (view.copy() for view in case.tables.views())
    kind = Rounds if deterministic else Threads
    runner = kind(case.tables, case.ids, case.offsets, case.sampling, case.schedule, 2,
                  objective=case.objective)
    runner.run(0)
    inputs, outputs = case.tables.views()
    assert (outputs == U).all() and (inputs != X).any(1).all()

@each
def test_going_on_with_more_words(corpus, objective):
    "Old words keep their rows; the nodes of a tree that is another start anew"
    model = fit(corpus, objective)
    old = WordVectors(model.wv.vectors.copy(), model.wv.index_to_key)
    before = given(tables_of(model.wv))[-1].copy()
    more = Corpus.from_sentences(topics(300, seed=2, kinds=6), min_count=1)
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', SmallText)
        model.fit(more, update_vocab=True, quiet=True)
    wv, V = model.wv, len(old)
    assert wv.index_to_key[:V] == old.index_to_key and len(wv) > V + 20
    absent = [i for i, word in enumerate(old.index_to_key) if word not in more.vocab]
    assert (wv.vectors[absent] == old.vectors[absent]).all()
    if model.hs: assert wv.node_vectors.shape == (len(wv) - 1, 10)
    moved = np.linalg.norm(wv.vectors[:V] - old.vectors, axis=1).mean()
    assert 0 < moved < np.linalg.norm(old.vectors, axis=1).mean()
    assert len(given(tables_of(wv))[-1]) > len(before)

@pytest.mark.parametrize('objective', [o for o in OBJECTIVES if 'hs' in o], ids=str)
def test_nodes_of_the_same_tree_are_kept(corpus, objective):
    "The same text again has the same tree; one with other counts, or words, has not"
    slow, model = dict(alpha=1e-9, min_alpha=0), fit(corpus, objective)
    nodes = model.wv.node_vectors.copy()
    def kept(text, **options):
        new = fit(text, objective, slow, init_from=model.wv, **options).wv.node_vectors
        return new.shape == nodes.shape and np.allclose(new, nodes, atol=1e-4)
    assert kept(corpus)
    assert not kept(Corpus.from_sentences(topics(2000, seed=3), min_count=1))
    assert not kept(Corpus.from_sentences(list(corpus) + [['new', 'new']]*99, min_count=1))
    model.min_alpha, model.alpha = 0, 1e-9
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', SmallText)
        again = model.fit(corpus, update_vocab=True, quiet=True)
    np.testing.assert_allclose(again.wv.node_vectors, nodes, atol=1e-4)

@each
def test_beginning_with_vectors_from_elsewhere(corpus, objective):
    rng = np.random.default_rng(0)
    words = corpus.vocab.idx_to_token[::2]
    start = WordVectors(rng.normal(size=(len(words), 10)), words)
    begun = fit(corpus, objective, dict(alpha=1e-6, min_alpha=0), init_from=start).wv
    np.testing.assert_allclose(begun.vectors[::2], start.vectors, atol=1e-3)
    assert np.abs(begun.vectors[1::2]).max() < .11 # the others as always: 1/D at most


# ---- what is learnt

@each
@both_runners
def test_heldout_loss_falls(corpus, unseen, objective, deterministic):
    heldout = HeldOut(unseen, sample=0, cbow=not objective['sg'])
    model = fit(corpus, objective, dict(deterministic=deterministic, epochs=4), heldout=heldout)
    losses = model.history['val_loss']
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < math.log(2) - .02
    assert math.isclose(heldout_loss(model, heldout).loss, losses[-1])
    def kind(word): return word[0]
    near = [kind(word) == kind(model.wv.most_similar(word, topn=1)[0][0])
            for word in model.wv.index_to_key[:30]]
    assert sum(near) > 15 # by chance it would be a quarter of them

@each
def test_patience_keeps_the_best(corpus, unseen, objective):
    settings = dict(epochs=60, alpha=.1, min_alpha=.1, vector_size=40)
    model = fit(corpus, objective, settings, heldout=unseen, patience=2)
    losses = model.history['val_loss']
    best = int(np.argmin(losses))
    assert len(losses) == best + 3 < 60
    questions = HeldOut(unseen, negative=5, cbow=not objective['sg'])
    assert heldout_loss(model, questions).loss == losses[best]

@each
@both_runners
def test_two_words(objective, deterministic):
    model = fit([['tea', 'milk']]*60, objective, dict(deterministic=deterministic, epochs=20))
    assert all(len(table) in (1, 2) for table in given(tables_of(model.wv)))
    assert model.history['loss'][-1] < model.history['loss'][0] <= math.log(2) + .01

def some_pairs():
    rng = np.random.default_rng(0)
    return Corpus.from_pairs([(f'a{a}', f'b{a//5}') for a in rng.integers(0, 50, 3000)])

@each
@both_runners
def test_pairs(objective, deterministic):
    "A pair has one context, so CBOW learns what skip-gram does; only rounding differs"
    pairs, settings = some_pairs(), dict(deterministic=deterministic)
    model = fit(pairs, objective, settings)
    assert model.history['loss'][-1] < model.history['loss'][0]
    skip_gram = fit(pairs, objective | dict(sg=1), settings)
    for one, other in zip(given(tables_of(model.wv)), given(tables_of(skip_gram.wv))):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-5)
    first = [word for word in pairs.vocab if word[0] == 'b'] # only predicted, never an input
    fresh = make_tables(len(pairs.vocab), 10).views()[0]
    rows = [pairs.vocab[word] for word in first]
    assert (model.wv.vectors[rows] == fresh[rows]).all()

@pytest.mark.parametrize('sg', [0, 1])
def test_questions_about_pairs(sg):
    "The second word of each pair, from the first, as it is trained; no pair is dropped"
    pairs = some_pairs()
    heldout = HeldOut(pairs, cbow=not sg)
    assert len(heldout) == len(pairs)
    names = [pairs.vocab.idx_to_token[i] for i in heldout.inputs]
    assert {name[0] for name in names} == {'a'}
    settings = dict(epochs=30, vector_size=20)
    losses = fit(pairs, dict(sg=sg), settings, heldout=heldout).history['val_loss']
    assert losses[-1] < .15 # a first word has one second word, so it can be known

@each
@both_runners
def test_what_diverges_says_so(corpus, objective, deterministic):
    heavy = Corpus(corpus.ids, corpus.offsets, corpus.vocab,
                   weights=np.full(len(corpus), 1e30, np.float32))
    with pytest.raises(Diverged, match='lower alpha'):
        fit(heavy, objective, dict(deterministic=deterministic, epochs=20, alpha=10))
    with pytest.raises(ValueError, match='alpha must be'): Word2Vec(**objective, alpha=1e30)


# ---- files

@each
def test_files_have_all_tables(corpus, tmp_path, objective):
    wv, path = fit(corpus, objective).wv, tmp_path/'v.safetensors'
    wv.save(path)
    again = WordVectors.load(path)
    for one, other in zip(tables_of(wv), tables_of(again)):
        assert (one is None) == (other is None)
        assert one is None or one.tobytes() == other.tobytes()
    assert again.extras() == wv.extras() and again.params['hs'] == objective.get('hs', 0)

@pytest.mark.parametrize('rows, columns', [(1, 10), (60, 10), (58, 10), (59, 9)])
def test_nodes_of_another_shape_are_refused(tmp_path, rows, columns):
    words = [f'w{i}' for i in range(60)]
    table, path = np.ones((60, 10), np.float32), tmp_path/'v.safetensors'
    WordVectors(table, words, node_vectors=table[1:]).save(path)
    tensors = load_file(path)
    tensors['node_vectors'] = np.ones((rows, columns), np.float32)
    save_file(tensors, path, dict(format='w2v_nb vectors 1', params='{}'))
    with pytest.raises(ValueError, match=r"node_vectors.*\(59, 10\)"): WordVectors.load(path)
    with pytest.raises(ValueError, match=r"node_vectors.*\(59, 10\)"):
        WordVectors(table, words, node_vectors=tensors['node_vectors'])


# ---- what is refused

@pytest.mark.parametrize('settings, kind, says', [
    (dict(hs=0, negative=0), ValueError, 'negative=0 needs hs=1'),
    (dict(negative=0), ValueError, 'negative=0 needs hs=1'),
    (dict(negative=-1), ValueError, 'negative must be'),
    (dict(sg=2), ValueError, 'sg must be'), (dict(sg=-1), ValueError, 'sg must be'),
    (dict(sg=None), TypeError, 'sg must be'), (dict(hs='yes'), TypeError, 'hs must be'),
    (dict(hs=1.), TypeError, 'hs must be'),
    (dict(cbow_mean=.5), TypeError, 'cbow_mean must be'),
    (dict(cbow_mean=2), ValueError, 'cbow_mean must be'),
    (dict(cbow=1), TypeError, r'Word2Vec\(sg=0\)')], ids=str)
def test_settings_that_are_refused(settings, kind, says):
    with pytest.raises(kind, match=says): Word2Vec(**settings)

def test_switches_may_be_true_and_false():
    model = Word2Vec(sg=False, hs=np.True_, cbow_mean=np.int64(0))
    assert [model.sg, model.hs, model.cbow_mean] == [0, 1, 0]
    assert {type(model.settings[name]) for name in ('sg', 'hs', 'cbow_mean')} == {int}

def test_a_setting_that_would_leave_nothing_to_predict_with_is_not_kept():
    model = Word2Vec(hs=1, negative=0)
    with pytest.raises(ValueError, match='negative=0 needs hs=1'): model.hs = 0
    assert model.hs == model.settings['hs'] == 1

@pytest.mark.parametrize('settings, options, says', [
    (dict(sg=0), {}, r'CBOW \(sg=0\) is for the CPU'),
    (dict(hs=1), {}, r'a tree \(hs=1\) is for the CPU'),
    ({}, dict(freeze_output=True), 'freeze_output=True is for the CPU')], ids=str)
def test_what_a_gpu_can_not_do(corpus, monkeypatch, settings, options, says):
    "Asked for, it is refused; with 'auto' the CPU does it"
    if options: options = options | dict(init_from=fit(corpus, {}).wv)
    monkeypatch.setattr('w2v_nb.runs.word2vec.why_no_gpu', lambda number: '')
    with pytest.raises(ValueError, match=says + ".*device='cpu'"):
        fit(corpus, settings, dict(device='cuda'), **options)
    model = fit(corpus, settings, dict(device='auto', workers=None, epochs=1), **options)
    assert model.history.device == 'cpu'

@pytest.mark.parametrize('sg', [0, 1])
def test_questions_of_the_other_kind_are_refused(corpus, unseen, sg):
    wrong = HeldOut(unseen, sample=0, cbow=bool(sg))
    with pytest.raises(ValueError, match=rf'HeldOut\(corpus, cbow={not sg}\)'):
        fit(corpus, dict(sg=sg), heldout=wrong)
    with pytest.raises(ValueError, match=rf'HeldOut\(corpus, cbow={not sg}\)'):
        heldout_loss(fit(corpus, dict(sg=sg)), wrong)

def test_questions_and_tables_that_do_not_fit(corpus, unseen):
    "A loss needs a table for what is asked, of the right shape"
    wv, heldout = fit(corpus, BOTH).wv, HeldOut(unseen, sample=0)
    tree = make_tree(wv.counts)
    with pytest.raises(ValueError, match='node_table'):
        heldout.loss(wv.vectors, wv.output_vectors, tree=tree, node_table=wv.output_vectors)
    with pytest.raises(ValueError, match='node_table'): heldout.loss(wv.vectors, tree=tree)
    with pytest.raises(ValueError, match='output_table'): heldout.loss(wv.vectors)
    with pytest.raises(TypeError, match='cbow must be'): HeldOut(unseen, sample=0, cbow='yes')
    with pytest.raises(ValueError, match='negative'):
        HeldOut(unseen, sample=0, negative=0).loss(wv.vectors, wv.output_vectors)

@pytest.mark.parametrize('options, says', [
    (dict(freeze_output='yes'), 'freeze_output must be'), (dict(freeze=5), 'freeze')])
def test_options_that_are_refused(corpus, options, says):
    with pytest.raises((TypeError, ValueError), match=says): fit(corpus, {}, **options)

@pytest.mark.parametrize('first, then, lacks', [
    (TREE, dict(negative=5), 'output_vectors'), (NOISE, dict(hs=1), None)], ids=str)
def test_going_on_with_another_objective(corpus, first, then, lacks):
    "A tree can always be added, as its nodes start anew; output vectors must be there"
    model = fit(corpus, first)
    for name, value in then.items(): setattr(model, name, value)
    if lacks:
        with pytest.raises(ValueError, match=f'model.wv has no {lacks}'):
            model.fit(corpus, update_vocab=True, quiet=True)
    else: assert model.fit(corpus, update_vocab=True, quiet=True).wv.node_vectors.any()


def test_a_tree_and_noise_together_are_told():
    "hs=1 alone leaves the negative samples on, as in gensim, which is seldom meant"
    text = [['a', 'b', 'c']*50]*20
    with pytest.warns(UserWarning, match='negative=0 trains the tree alone'):
        Word2Vec(hs=1, epochs=1, vector_size=4).fit(text, quiet=True)
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter('always')
        Word2Vec(hs=1, negative=0, epochs=1, vector_size=4).fit(text, quiet=True)
    assert not any('the tree alone' in str(warning.message) for warning in seen)
