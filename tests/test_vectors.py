"WordVectors against gensim: thousands of queries, files both ways; and against files that are not what they say."
import json, os, pickle, stat, subprocess, sys
import numpy as np, pytest
from hypothesis import given, settings, strategies as st
from w2v_nb.vectors import MissingWord, WordVectors, best

gensim = pytest.importorskip('gensim')
from gensim.models import KeyedVectors

V, D = 3000, 40
ODD = ['naïve', '東京', '5\xa0kg', 'a%sb', '0', '-1.5', 'nan', '\x00', '🙂', '</s>']


@pytest.fixture(scope='module')
def pair():
    "The same words and vectors, of different lengths, here and in gensim; ours is a view of a wider table."
    rng = np.random.default_rng(1)
    wide = np.zeros((V, 48), dtype=np.float32)
    wide[:, :D] = rng.normal(size=(V, D)) * rng.lognormal(size=(V, 1))
    words = ODD + [f'w{i}' for i in range(V - len(ODD))]
    theirs = KeyedVectors(D)
    theirs.add_vectors(words, wide[:, :D].copy())
    return WordVectors(wide[:, :D], words), theirs


def same(ours, theirs, eps=1e-5):
    "The same words in the same order but for those whose cosines are equal to `eps`; the same cosines."
    assert len(ours) == len(theirs)
    for i, ((w, c), (x, d)) in enumerate(zip(ours, theirs)):
        assert type(w) is str and type(c) is float
        assert abs(c - d) < eps
        assert w == x or any(w == y and abs(c - e) < eps for y, e in theirs) or i == len(ours) - 1 or abs(c - theirs[-1][1]) < eps, (w, x)
    assert len({w for w, _ in ours}) == len(ours)


def test_queries_are_gensims(pair):
    ours, theirs = pair
    rng = np.random.default_rng(2)
    def one():
        kind, word = rng.integers(8), ours.index_to_key[rng.integers(V)]
        if kind == 0: return int(rng.integers(V))
        if kind == 1: return np.int64(rng.integers(V))
        if kind == 2: return rng.normal(size=D).astype(np.float32) * 3
        if kind == 3: return word, float(rng.normal())
        if kind == 4: return int(rng.integers(V)), float(rng.normal())
        if kind == 5: return rng.normal(size=D).astype(np.float32), float(rng.normal())
        return word
    exact = 0
    for _ in range(3000):
        positive, negative = [one() for _ in range(rng.integers(1, 5))], [one() for _ in range(rng.integers(4))]
        topn, first = int(rng.integers(1, 40)), rng.choice([None, 1, 5, 100, V, 2*V])
        a, b = (v.most_similar(positive, negative, topn=topn, restrict_vocab=first) for v in pair)
        same(a, b)
        exact += [w for w, _ in a] == [w for w, _ in b]
    assert exact > 2990 # neighbours whose cosines agree to seven digits may change places, rarely


@pytest.mark.parametrize('args', [('w1',), ('w1', 'w2'), (5,), (['w1', 'w1'],), ([], 'w1'), (None, ['w1', 3]), (['w1'], None), ([['w1', 2.]],),
                                  (['w1'], [('w2', -3.)]), (['w1'], [('w2', 3.)]), ([('w1', 0.)],), (['w1'], ['w1'])])
def test_forms_of_a_query(pair, args):
    ours, theirs = pair
    np.testing.assert_allclose(ours.most_similar(*args, topn=None), theirs.most_similar(*args, topn=None), atol=1e-6)
    if np.abs(ours.most_similar(*args, topn=None)).max() > 1e-6: same(ours.most_similar(*args), theirs.most_similar(*args))


def test_vectors_as_a_query(pair):
    ours, theirs = pair
    for query in theirs['w1'], theirs[['w1', 'w7']]: same(ours.most_similar(query), theirs.most_similar(query))
    assert ours.most_similar(theirs['w1'], topn=1)[0][0] == 'w1'


def test_edges_of_topn(pair):
    ours, theirs = pair
    for topn in -1, 0: assert ours.most_similar('w1', topn=topn) == theirs.most_similar('w1', topn=topn) == []
    assert len(ours.most_similar('w1', topn=10*V)) == V - 1
    assert [w for w, _ in ours.most_similar('w1', topn=1)] == [w for w, _ in theirs.most_similar('w1', topn=1)]
    some = ours.most_similar('w1', topn=None, restrict_vocab=7)
    assert some.shape == (7,) and some.dtype == np.float32
    same(ours.most_similar('w1', restrict_vocab=0), theirs.most_similar('w1', restrict_vocab=0)) # 0 is no restriction, as in gensim
    with pytest.raises(ValueError, match='-3'): ours.most_similar('w1', restrict_vocab=-3)
    with pytest.raises(TypeError): ours.most_similar('w1', None, 10, 100) # gensim's fourth parameter is another one


def test_lookups_are_gensims(pair):
    ours, theirs = pair
    for key in 'w1', '0', 'nan', 3, np.int32(3), V - 1:
        assert ours.get_index(key) == theirs.get_index(key) and key in ours
        np.testing.assert_array_equal(ours[key], theirs[key])
        np.testing.assert_allclose(ours.get_vector(key, norm=True), theirs.get_vector(key, norm=True), atol=1e-7)
        assert not ours[key].flags.writeable and ours[key].dtype == ours.get_vector(key, norm=True).dtype == np.float32
    for key in 'missing', V, -1, 1.5, None: assert (key in ours) == (key in theirs) == False
    assert ours.get_index('missing', 7) == theirs.get_index('missing', 7) == 7
    np.testing.assert_array_equal(ours[['w1', 5]], theirs[['w1', 5]])
    rng = np.random.default_rng(3)
    for a, b in rng.integers(V, size=(1000, 2)).tolist(): assert abs(ours.similarity(a, b) - theirs.similarity(a, b)) < 1e-6
    assert ours.vectors.base is not None and ours.vectors.strides == (48*4, 4)


def test_ties_keep_the_order_of_rows():
    wv = WordVectors(np.ones((500, 3)), [f'w{i}' for i in range(500)])
    assert [w for w, _ in wv.most_similar('w3', topn=5)] == ['w0', 'w1', 'w2', 'w4', 'w5']
    rng = np.random.default_rng(0)
    for _ in range(300):
        scores = rng.integers(0, 6, rng.integers(1, 60)).astype(np.float32)
        n = int(rng.integers(1, 70))
        assert best(scores, n).tolist() == sorted(range(len(scores)), key=lambda i: -scores[i])[:n]


def test_zero_and_extreme_vectors_give_no_nan():
    wv = WordVectors([[0, 0], [1e-30, 0], [1e30, 1e30], [-1, 1]], 'abcd')
    for word in 'abcd': assert np.isfinite(wv.most_similar(word, topn=None)).all()
    assert wv.similarity('a', 'b') == 0
    assert abs(wv.similarity('b', 'c') - .5**.5) < 1e-6 and abs(wv.most_similar('b', topn=1)[0][1] - .5**.5) < 1e-6


def test_missing_words(pair):
    ours, _ = pair
    for ask in (lambda: ours['W1'], lambda: ours.most_similar('W1'), lambda: ours.similarity('w1', 'W1'), lambda: ours.get_vector('W1'), lambda: ours[['w1', 'W1']]):
        with pytest.raises(KeyError, match="'W1' has no vector; did you mean 'w1'"): ask()
    with pytest.raises(KeyError, match='no row: there are 3000'): ours[V]
    error = pickle.loads(pickle.dumps(MissingWord('x', ['y']))) # as a worker process would send it
    assert (error.key, error.words) == ('x', ['y'])


def test_constructor():
    one = np.ones((2, 3), dtype=np.float32)
    for args, more, message in [
        ((one, ['a']), {}, '1 words for 2 vectors'), ((one, ['a', 'a']), {}, "'a' twice, at 0 and 1"), ((one[0], ['a']), {}, r'shape \(3,\)'),
        ((one[:0], []), {}, r'shape \(0, 3\)'), ((one[:, :0], ['a', 'b']), {}, r'shape \(2, 0\)'), ((one * np.nan, ['a', 'b']), {}, 'row 0 holds nan'),
        ((one * -np.inf, ['a', 'b']), {}, 'row 0 holds -inf'), ((one, ['a', 'b']), dict(output_vectors=one * np.nan), 'output_vectors: row 0 holds nan'),
        ((one, ['a', 'b']), dict(output_vectors=one[:1]), r'shape \(1, 3\), vectors \(2, 3\)'), ((one, ['a', 'b']), dict(counts=[1]), r'shape \(1,\)'),
        ((one, ['a', 'b']), dict(counts=[1, -1]), 'whole numbers, 0 or more')]:
        with pytest.raises(ValueError, match=message): WordVectors(*args, **more)
    for args, more, message in [((one, ['a', 7]), {}, 'holds 7'), ((one, ['a', 'b']), dict(params=dict(a=float('nan'))), 'JSON'),
                                ((one, ['a', 'b']), dict(params=dict(a=one)), 'JSON')]:
        with pytest.raises(TypeError, match=message): WordVectors(*args, **more)
    with pytest.raises(TypeError): WordVectors(one, ['a', 'b'], [1, 2])
    counts, params = np.array([2, 1]), dict(window=5, nested=dict(a=[1]))
    wv = WordVectors(one, ('a', 'b'), counts=counts, output_vectors=one, params=params)
    assert wv.vectors is one and wv.output_vectors is one and wv.counts is counts and wv.params == params and wv.params is not params
    assert wv.index_to_key == ['a', 'b'] and json.dumps(wv.params)


# ---------- files

@pytest.mark.parametrize('binary', [False, True])
def test_files_both_ways(pair, tmp_path, binary):
    ours, theirs = pair
    ours.save_word2vec_format(tmp_path/'ours', binary=binary)
    theirs.save_word2vec_format(tmp_path/'theirs', binary=binary)
    if binary: assert (tmp_path/'ours').read_bytes() == (tmp_path/'theirs').read_bytes()
    for name in 'ours', 'theirs':
        a, b = (cls.load_word2vec_format(tmp_path/name, binary=binary) for cls in (WordVectors, KeyedVectors))
        for v in a, b:
            assert v.index_to_key == ours.index_to_key
            assert v.vectors.tobytes() == ours.vectors.tobytes()
        for word in 'w1', '東京', 3: same(a.most_similar(word), b.most_similar(word))
        part = WordVectors.load_word2vec_format(tmp_path/name, binary=binary, limit=5)
        assert part.index_to_key == ours.index_to_key[:5] and part.vectors.shape == (5, D)
        assert len(WordVectors.load_word2vec_format(tmp_path/name, binary=binary, limit=10*V)) == V
    for limit in 0, -1:
        with pytest.raises(ValueError, match='limit'): WordVectors.load_word2vec_format(tmp_path/'ours', binary=binary, limit=limit)


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1, max_size=12), st.booleans())
@settings(max_examples=200, deadline=None)
def test_every_float_survives(tmp_path_factory, values, binary):
    path = tmp_path_factory.getbasetemp()/'float'
    wv = WordVectors([values], ['w'])
    wv.save_word2vec_format(path, binary=binary)
    assert WordVectors.load_word2vec_format(path, binary=binary).vectors.tobytes() == wv.vectors.tobytes()


def test_the_original_tools_habits(tmp_path):
    "word2vec.c ends a text line with a space, and a binary record with a newline; Windows ends lines its own way."
    values = np.array([[1, -.5], [2, 3]], dtype='<f4')
    (tmp_path/'t').write_bytes(b'2 2\na 1.000000 -0.500000 \nb 2.0 3 \n')
    (tmp_path/'crlf').write_bytes(b'2 2\r\na 1 -0.5\r\nb 2.0 3\r\n\r\n')
    (tmp_path/'no_end').write_bytes(b'2 2\na 1 -0.5\nb 2.0 3')
    (tmp_path/'b').write_bytes(b'2 2\na ' + values[0].tobytes() + b'\nb ' + values[1].tobytes() + b'\n')
    for name in 't', 'crlf', 'no_end', 'b':
        wv = WordVectors.load_word2vec_format(tmp_path/name, binary=name == 'b')
        assert wv.index_to_key == ['a', 'b'] and wv.vectors.tobytes() == values.tobytes()


@pytest.mark.parametrize('word', ['', ' ', 'New York', 'a\tb', 'a\n', '\ra', '\x0b', '\ud800'])
@pytest.mark.parametrize('binary', [False, True])
def test_words_that_no_file_can_hold(tmp_path, word, binary):
    (tmp_path/'f').write_bytes(b'as it was')
    with pytest.raises(ValueError) as e: WordVectors([[1], [2]], ['fine', word]).save_word2vec_format(tmp_path/'f', binary=binary)
    assert repr(word) in str(e.value)
    assert (tmp_path/'f').read_bytes() == b'as it was' and os.listdir(tmp_path) == ['f']


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path, monkeypatch):
    wv, path = WordVectors([[1, 2]], ['a']), tmp_path/'f'
    wv.save_word2vec_format(path)
    old = path.read_bytes()
    (tmp_path/'link').symlink_to(path)
    def full(*_): raise OSError(28, 'No space left on device')
    with monkeypatch.context() as m:
        m.setattr(os, 'fsync', full)
        with pytest.raises(OSError, match='No space left'): WordVectors([[3, 4]], ['b']).save_word2vec_format(path)
    assert path.read_bytes() == old and sorted(os.listdir(tmp_path)) == ['f', 'link']
    WordVectors([[3, 4]], ['b']).save_word2vec_format(str(tmp_path/'link'))
    assert (tmp_path/'link').is_symlink() and path.read_bytes() == b'1 2\nb 3 4\n'
    (tmp_path/'plain').write_bytes(b'')
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE((tmp_path/'plain').stat().st_mode) # the user's own default
    with pytest.raises(FileNotFoundError, match='nowhere is no folder'): wv.save_word2vec_format(tmp_path/'nowhere'/'f')


ONE = np.float32(1).tobytes()
NAN = np.float32('nan').tobytes()
HOSTILE = [ # binary?, content, what the error must say
    (False, b'', "line 1: expected two positive whole numbers"), (False, b'\n', "line 1"), (False, b'2\n', 'line 1'), (False, b'2 1 0\n', 'line 1'),
    (False, b'-2 1\na 1\nb 2\n', "line 1: .*found b'-2 1"), (False, b'2 -1\na 1\nb 2\n', 'line 1'), (False, b'0 1\n', 'line 1'), (False, b'1 0\na\n', 'line 1'),
    (False, b'2.0 1\na 1\nb 2\n', 'line 1'), (False, b'9'*5000 + b' 1\n', 'line 1'), (False, b'9'*18 + b' 1\na 1\n', 'at least'),
    (False, b'1 ' + b'9'*18 + b'\na 1\n', 'at least'), (False, b'a 0.1 0.2\n', 'lack this line'), (False, b'\xef\xbb\xbf1 1\na 1\n', 'line 1'),
    (False, b'3 1\na 1\nb 2\n', 'line 1: expected at least 11 bytes'), (False, b'3 1\naa 1\nbbbbbb 2\n', 'line 4: .*found the end of the file, after 2 of 3'),
    (False, b'1 1\na 1\nb 2\n', "after its last line: expected no more than 1 words, found b'b 2"), (False, b'2 1\na 1\nbbb\n', 'line 3: .*1 items'),
    (False, b'2 1\na 1\nb 2 3\n', 'line 3: expected a word and 1 values, found 3 items'), (False, b'2 1\na 1\n\nb 2\n', 'line 3: .*0 items'),
    (False, b'2 1\na 1\nb x\n', "line 3: expected 1 numbers"), (False, b'2 1\na 1\nb nan\n', "line 3: expected finite values for 'b', found nan"),
    (False, b'2 1\na -inf\nb 1\n', "line 2: .*found -inf"), (False, b'2 1\na 1\nb 1e40\n', 'line 3: .*found inf'),
    (False, b'2 1\na 1\na 2\n', "line 3: expected a new word, found 'a' again, as in line 2"), (False, b'2 1\na 1\n\xff 2\n', 'line 3: expected a word in UTF-8'),
    (False, b'2 1\na 1\n 2\n   \n', 'line 3: .*1 items'),
    (True, b'', 'line 1'), (True, b'2 1', 'line 1'), (True, b'1 1\n', 'line 1: expected at least 6 bytes after it, .*found 0'),
    (True, b'9'*18 + b' ' + b'9'*18 + b'\na ' + ONE, 'at least'), (True, b'2 1\na ' + ONE + b'bbbbbbb', 'byte 10: .*found 7 bytes and the end of the file, after 1 of 2'),
    (True, b'2 1\na ' + ONE + b'bb ' + ONE[:3], 'byte 10: .*found 6 bytes'), (True, b'1 1\na ' + ONE + b'\nb ' + ONE, 'byte 11: expected the end .*found 6 bytes more'),
    (True, b'2 1\na ' + ONE + b'b ' + NAN, "byte 10: expected finite values for 'b', found nan"), (True, b'2 1\na ' + ONE + b'a ' + ONE, "byte 10: .*'a' again, as in byte 4"),
    (True, b'2 1\naa ' + ONE + b' ' + ONE, 'byte 11: expected a word, found nothing'), (True, b'1 1\n\xff ' + ONE, 'byte 4: expected a word in UTF-8'),
    (True, b'1 1\n' + b'a'*300_000, 'byte 4: '), (True, b'1 1\n' + b'\n'*300_000, 'and the end')]


@pytest.mark.parametrize('binary,content,message', HOSTILE)
def test_hostile_files(tmp_path, binary, content, message):
    (tmp_path/'f').write_bytes(content)
    with pytest.raises(ValueError, match=message) as e: WordVectors.load_word2vec_format(tmp_path/'f', binary=binary)
    assert str(tmp_path/'f') in str(e.value) and len(str(e.value)) < 500 + len(str(tmp_path))


def test_a_claim_is_not_paid_for(tmp_path):
    "A file whose first line claims 400 GB is refused in a process that may not have 3."
    resource = pytest.importorskip('resource')
    (tmp_path/'f').write_bytes(b'1000000000 100\na 1\n')
    code = ("import resource, sys; resource.setrlimit(resource.RLIMIT_AS, (3 << 30,)*2); from w2v_nb.vectors import WordVectors\n"
            "for binary in (False, True):\n"
            "    try: WordVectors.load_word2vec_format(sys.argv[1], binary=binary); sys.exit('read')\n"
            "    except ValueError as e: assert 'expected at least' in str(e), e")
    out = subprocess.run([sys.executable, '-c', code, str(tmp_path/'f')], capture_output=True, text=True, env=os.environ | {'OPENBLAS_NUM_THREADS': '1'})
    assert out.returncode == 0, out.stderr


VALID = {}
def valid(binary, folder):
    if binary not in VALID:
        rng = np.random.default_rng(4)
        WordVectors(rng.normal(size=(6, 3)), ['a', 'bb', 'ccc', 'ü', '東', 'f']).save_word2vec_format(folder/'valid', binary=binary)
        VALID[binary] = (folder/'valid').read_bytes()
    return VALID[binary]


@given(st.data(), st.booleans(), st.booleans())
@settings(max_examples=1500, deadline=None)
def test_damaged_files(tmp_path_factory, data, binary, written_binary):
    "Bytes changed, cut out, put in or cut off: a sound object or a `ValueError`, nothing else."
    folder = tmp_path_factory.getbasetemp()
    content = bytearray(valid(written_binary, folder))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content)))
        new = data.draw(st.one_of(st.binary(max_size=3), st.sampled_from([b' ', b'\n', b'0', b'9', b'-', b'e99', b'nan', b'\x00\x00\x80\x7f', b'\xff', b'_'])))
        content[at:at + data.draw(st.sampled_from([0, 1, 1, 1, 4, 1000]))] = new
    (folder/'damaged').write_bytes(content)
    try: wv = WordVectors.load_word2vec_format(folder/'damaged', binary=binary, limit=data.draw(st.sampled_from([None, None, 1, 3])))
    except ValueError as e:
        assert str(folder/'damaged') in str(e)
        return
    assert wv.vectors.shape == (len(wv), wv.vector_size) and np.isfinite(wv.vectors).all() and wv.vectors.dtype == np.float32
    assert len(set(wv.index_to_key)) == len(wv) > 0 and all(wv.index_to_key)
    if len(wv) > 1 and np.abs(wv.vectors).max() < 1e37: assert len(wv.most_similar(0, topn=1)) == 1 # above, a length may exceed float32


def test_nothing_heavy_is_imported():
    code = "import sys, w2v_nb.vectors; print([m for m in ('torch', 'matplotlib.pyplot', 'triton', 'IPython', 'scipy', 'sklearn', 'gensim', 'numba') if m in sys.modules])"
    assert subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True).stdout.strip() == '[]'
