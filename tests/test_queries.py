"""Cosines are exact, and of the vectors as they are now, whatever was asked before.
Keys and numbers are checked."""
import sys
import numpy as np, pytest
from hypothesis import given, settings, strategies as st
from w2v_nb.vectors import WordVectors
from w2v_nb.vectors.wordvectors import cosines_of

N, D = 12, 5
WORDS = [f'w{i}' for i in range(N)]


def check(wv):
    "Every way to ask gives the cosines that Python computes now"
    rows = wv.vectors.astype(np.float64)
    sizes = np.maximum(np.linalg.norm(rows, axis=1), 1e-100)
    plain = (rows @ rows.T) / np.outer(sizes, sizes)
    for i in 0, N - 1:
        found = dict(wv.most_similar(i, topn=N))
        assert found == dict(wv.most_similar_batch([i], topn=N)[0])
        for word, cosine in found.items():
            assert -1 <= cosine <= 1 and abs(cosine - plain[i, wv.get_index(word)]) < 1e-9
            assert cosine == wv.similarity(i, word) == wv.n_similarity([i], [word])
        assert (wv.distances(i) >= 0).all() and wv.distance(i, i) in (0, 1) # 1 for zeros
        cosines = [wv.similarity(i, j) for j in range(N)]
        for j in 1, 5:
            nearer = [c > cosines[j] for k, c in enumerate(cosines) if k != i]
            assert wv.rank(i, j) == 1 + sum(nearer)


STEP = st.tuples(st.sampled_from(['row', 'torch', 'twin', 'zero', 'table', 'mapped']),
                 st.integers(0, N - 1), st.integers(-3, 3))
@given(st.lists(STEP, max_size=6))
@settings(max_examples=40, deadline=None)
def test_no_sequence_of_calls_gives_old_cosines(tmp_path_factory, steps):
    torch = pytest.importorskip('torch')
    layer = torch.nn.Embedding(N, D)
    table = np.random.default_rng(0).normal(size=(N, D)).astype(np.float32)
    layer.weight.data = torch.from_numpy(table)
    wv = WordVectors(layer.weight.detach().numpy(), WORDS)
    for kind, row, number in steps:
        check(wv)
        if kind == 'row': wv.vectors[row] *= number
        elif kind == 'twin': wv.vectors[row] = wv.vectors[0]
        elif kind == 'zero': wv.vectors[row] = 0
        elif kind == 'table': wv.vectors = wv.vectors[::-1].copy()
        elif kind == 'torch':
            with torch.no_grad(): layer.weight[row] += number
        else:
            path = tmp_path_factory.getbasetemp()/'queries.safetensors'
            wv.save(path)
            check(WordVectors.load(path))
    check(wv)


def test_queries_while_training_is_interrupted():
    from w2v_nb.runs.word2vec import Word2Vec
    text = [[f'w{i % 7}', f'w{i % 5}', f'w{i % 3}'] * 20 for i in range(200)]
    model = Word2Vec(vector_size=8, epochs=4, sample=1., workers=1, seed=1)
    def ask(model):
        for word, cosine in model.wv.most_similar('w1'):
            assert cosine == float(cosines_of(model.wv['w1'], model.wv[word]))
        if len(model.history) == 2: raise RuntimeError('stopped')
    with pytest.raises(RuntimeError, match='stopped'):
        model.fit(text, quiet=True, callbacks=[ask])
    for word, cosine in model.wv.most_similar('w1'):
        assert cosine == float(cosines_of(model.wv['w1'], model.wv[word]))


@pytest.mark.parametrize('scale', [1e-30, 1, 1e37])
@pytest.mark.parametrize('dim', [1, 2, 3, 17, 100, 301])
def test_equal_vectors(scale, dim):
    rows = (np.random.default_rng(dim).normal(size=(9000, dim)) * scale).astype(np.float32)
    rows[[4000, 8999]] = rows[7]
    wv = WordVectors(rows, [f'w{i}' for i in range(9000)])
    assert (cosines_of(rows, rows) == 1).all() and (cosines_of(rows, -rows) == -1).all()
    assert wv.similarity('w7', 'w8999') == 1 and wv.distance('w7', 'w4000') == 0
    if dim > 1: assert wv.most_similar('w7', topn=2) == [('w4000', 1.), ('w8999', 1.)]
    found = dict(wv.most_similar(['w1', 'w2'], topn=9000))
    assert found['w7'] == found['w4000'] == found['w8999']
    assert wv.most_similar_batch(['w3'], 5)[0] == wv.most_similar('w3', topn=5)
    assert max(found.values()) <= 1 and min(found.values()) >= -1


def test_what_is_no_key():
    wv = WordVectors(np.eye(3), ['king', 'queen', 'dog'])
    for ask in (lambda: wv.most_similar(b'dog'),
                lambda: wv[b'dog'],
                lambda: wv.n_similarity('king', 'queen'),
                lambda: wv.doesnt_match('king queen'),
                lambda: wv.get_mean_vector('king'),
                lambda: wv.distances('king', 'ab'),
                lambda: wv.most_similar_batch('king'),
                lambda: wv.similarity(True, 'king'),
                lambda: wv.most_similar('king', topn=True),
                lambda: wv.most_similar('king', topn=1.5),
                lambda: wv.most_similar('king', restrict_vocab='2'),
                lambda: wv.get_vector('king', norm='no'),
                lambda: wv.get_mean_vector(['king'], weights='1'),
                lambda: wv.most_similar([None]),
                lambda: WordVectors(np.eye(3), ['a', None, 3]),
                lambda: WordVectors(np.eye(3), 'abc')):
        with pytest.raises(TypeError): ask()
    def with_count(count):
        return WordVectors(np.eye(1), ['a'], counts=np.array([count], np.uint64))
    with pytest.raises(ValueError, match='the largest possible'): with_count(2**63)
    assert with_count(2**63 - 1).counts[0] == 2**63 - 1


def test_every_name_of_gensim_works_or_says_how():
    keyed = pytest.importorskip('gensim.models').KeyedVectors
    wv = WordVectors(np.eye(3), ['a', 'b', 'c'])
    internal = {'add_lifecycle_event', 'log_accuracy', 'log_evaluate_word_pairs',
                'mapfile_path', 'next_index'}
    for name in set(dir(keyed(2))) - internal:
        if name.startswith('_'): continue
        try: getattr(wv, name)
        except AttributeError as e: assert '; ' in str(e), name


def test_to_pandas(monkeypatch):
    wv = WordVectors(np.eye(3), ['a', 'b', 'c'])
    monkeypatch.setitem(sys.modules, 'pandas', None)
    with pytest.raises(ImportError, match='pip install pandas'): wv.to_pandas()
    monkeypatch.undo()
    pytest.importorskip('pandas')
    frame = wv.to_pandas()
    assert list(frame.index) == list(wv) and frame.loc['b'].tolist() == [0, 1, 0]
