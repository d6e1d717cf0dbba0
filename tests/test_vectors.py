"WordVectors against gensim: thousands of queries, files both ways; and against files that are not what they say."
import gzip, io, json, os, pickle, stat, subprocess, sys
from pathlib import Path
import numpy as np, pytest
from hypothesis import given, settings, strategies as st
from w2v_nb.vectors import MissingWord, WordVectors, best, read_text

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


PLAIN, KINDS = ['1', '-0.5', '.25', '3.', '1e-3', '2E+5', '0', '-0', '123456789.123456789'], ['+1', '1e', 'nan', 'x', '1_0', '', '1e400', '12345678901234567890', '0x1', '1e23', '--1', '.']
@given(st.lists(st.tuples(st.sampled_from(['a', 'ü', 'New York', 'b 1', '', '\x0b', 'c']), st.lists(st.sampled_from(PLAIN*6 + KINDS), min_size=1, max_size=3), st.sampled_from([' ']*20 + ['\t', '  ']),
                          st.sampled_from(['\n']*20 + ['\r\n', ' \n', '', '\n\n'])), min_size=1, max_size=8), st.integers(1, 3), st.sampled_from([None, 1, 3, 8]), st.integers(1, 8))
@settings(max_examples=1500, deadline=None)
def test_the_compiled_loop_reads_as_its_oracle(lines, dim, count, n):
    raw = ''.join(space.join([word, *numbers]) + end for word, numbers, space, end in lines).encode()
    def read(fast):
        out = []
        try:
            for at, words, values in read_text('FILE', io.BytesIO(raw), count, min(n, count or n), dim, fast=fast): out.append((list(at), words, values.tobytes()))
        except ValueError as e: return out, str(e)
        return out
    with np.errstate(over='ignore'): assert read(True) == read(False)


@pytest.mark.parametrize('content,more,message', [
    (b'', {}, 'line 1: expected a word and its values'), (b'a\n', {}, 'line 1'), (b'a 1\nb\n', {}, 'line 2: .*1 items'), (b'a 1 2\nb 1\n', {}, 'line 2: expected a word and 2'),
    (b'a 1\n\nb 2\n', {}, "no more than 1 words, found b'b 2"), (b'a 1\na 2\n', {}, "again, as in line 1.*on_duplicate='first'"), (b'a nan\n', {}, "line 1: expected finite values for 'a'"),
    (b'a 1\n\xff 2\n', {}, "line 2: expected a word in UTF-8.*unicode_errors='replace'"), (b'a'*5_000_000, {}, 'line 1'), (b'a 1\n' + b'b'*2_000_000, {}, 'byte 4: expected a line of at most'),
    (b'a 1\n' + b' \n'*3_000_000, {}, 'white space'), (b'a 1\n\xff 2\n', dict(unicode_errors='ignore'), 'line 2: expected a word, found nothing'),
    (b'a 1\n', dict(unicode_errors='strange'), 'unicode_errors must be one of'), (b'a 1\n', dict(on_duplicate='last'), 'on_duplicate must be one of'), (b'a 1\n', dict(binary=True), 'cannot be read')])
def test_hostile_files_without_header(tmp_path, content, more, message):
    (tmp_path/'f').write_bytes(content)
    with pytest.raises(ValueError, match=message) as e: WordVectors.load_word2vec_format(tmp_path/'f', no_header=True, **more)
    assert len(str(e.value)) < 500 + len(str(tmp_path))


def test_packed_files_and_bombs(pair, tmp_path):
    ours, _ = pair
    for binary in False, True:
        ours.save_word2vec_format(tmp_path/'v.gz', binary=binary)
        again, theirs = (cls.load_word2vec_format(tmp_path/'v.gz', binary=binary) for cls in (WordVectors, KeyedVectors))
        assert again.vectors.tobytes() == theirs.vectors.tobytes() == ours.vectors.tobytes() and again.index_to_key == theirs.index_to_key
        raw = (tmp_path/'v.gz').read_bytes()
        for damaged in raw[:-5], raw[:len(raw)//2], raw[:len(raw)//2] + b'\xff'*20 + raw[len(raw)//2 + 20:]:
            (tmp_path/'d').write_bytes(damaged)
            with pytest.raises(ValueError, match='its packing|expected'): WordVectors.load_word2vec_format(tmp_path/'d', binary=binary)
    bombs = {'claim': (b'9'*14 + b' 100\na 1', 'at least'), 'dimensions': (b'1 5000000\n' + b'0'*30_000_000, 'dimensions'), 'line': (b'2 2\na 1 2\n' + b'0'*200_000_000, 'a line of at most'),
             'newlines': (b'1 1\na 1\n' + b'\n'*200_000_000, 'white space')}
    code = ("import resource, sys; resource.setrlimit(resource.RLIMIT_AS, (1 << 30,)*2); from w2v_nb.vectors import WordVectors\n"
            "try: WordVectors.load_word2vec_format(sys.argv[1], binary=len(sys.argv) > 2); sys.exit('read')\nexcept ValueError as e: print(e)")
    if os.name == 'nt': return
    for name, (content, message) in bombs.items():
        (tmp_path/name).write_bytes(gzip.compress(content, 1))
        done = subprocess.run([sys.executable, '-c', code, str(tmp_path/name)], capture_output=True, text=True, env=os.environ | {'OPENBLAS_NUM_THREADS': '1'}, timeout=60)
        assert done.returncode == 0 and message in done.stdout, (name, done.stdout, done.stderr)
    (tmp_path/'b').write_bytes(gzip.compress(b'1 1\na ' + ONE + b'\n'*50_000_000, 1))
    done = subprocess.run([sys.executable, '-c', code, str(tmp_path/'b'), 'binary'], capture_output=True, text=True, env=os.environ | {'OPENBLAS_NUM_THREADS': '1'}, timeout=60)
    assert done.returncode == 0 and 'newlines without end' in done.stdout, (done.stdout, done.stderr)


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


# ---------- more questions

def test_other_questions_are_gensims(pair):
    ours, theirs = pair
    rng = np.random.default_rng(5)
    words = lambda n: [ours.index_to_key[i] for i in rng.integers(V, size=n)]
    for _ in range(1000):
        positive, negative, topn = words(rng.integers(1, 4)), words(rng.integers(3)), int(rng.integers(1, 20))
        a, b = (v.most_similar_cosmul(positive, negative, topn=topn) for v in pair)
        scale = b[0][1]
        same([(w, c/scale) for w, c in a], [(w, c/scale) for w, c in b], 2e-5)
        x, y = words(2)
        np.testing.assert_allclose(ours.distances(x), theirs.distances(x), atol=1e-5)
        np.testing.assert_allclose(ours.distances(x, positive), theirs.distances(x, positive), atol=1e-5)
        assert abs(ours.distance(x, y) - theirs.distance(x, y)) < 1e-5
        near = np.abs(theirs.distances(x) - theirs.distance(x, y)) < 1e-5
        assert {w for w in set(ours.closer_than(x, y)) ^ set(theirs.closer_than(x, y))} <= {theirs.index_to_key[i] for i in np.flatnonzero(near)}
        assert abs(ours.rank(x, y) - theirs.rank(x, y)) <= near.sum()
        ws1, ws2 = words(rng.integers(1, 5)), words(rng.integers(1, 5))
        assert abs(ours.n_similarity(ws1, ws2) - theirs.n_similarity(ws1, ws2)) < 1e-5
        if len({*ws1, *ws2}) > 2: assert ours.doesnt_match(ws1 + ws2) == theirs.doesnt_match(ws1 + ws2) # two words are equally far from their mean
        how = dict(pre_normalize=bool(rng.integers(2)), post_normalize=bool(rng.integers(2)), weights=rng.normal(size=len(ws1)))
        np.testing.assert_allclose(ours.get_mean_vector(ws1, **how), theirs.get_mean_vector(ws1, **how), rtol=1e-4, atol=1e-5)
        same(ours.similar_by_word(x, topn), theirs.similar_by_word(x, topn))
        same(ours.similar_by_vector(theirs[x], topn), theirs.similar_by_vector(theirs[x], topn))


def test_batches_answer_as_one_by_one(pair):
    ours, theirs = pair
    for topn, first in (1, None), (10, None), (10, 7), (100, 2000), (2*V, None):
        keys = np.random.default_rng(topn).integers(V, size=1100 if topn == 10 else 20).tolist()
        for key, found in zip(keys, ours.most_similar_batch(keys, topn, restrict_vocab=first)): same(found, ours.most_similar(key, topn=topn, restrict_vocab=first))
    same(ours.most_similar_batch(['w1'])[0], theirs.most_similar('w1'))
    equal = WordVectors(np.ones((9000, 3)), [f'w{i}' for i in range(9000)])
    assert [w for w, _ in equal.most_similar_batch(['w3'], 4)[0]] == ['w0', 'w1', 'w2', 'w4']
    assert WordVectors([[0, 0], [1, 0]], 'ab').most_similar_batch(['a', 'b']) == [[('b', 0.)], [('a', 0.)]]


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_batches_with_ties(data):
    V, D, Q, n = (data.draw(st.integers(1, m)) for m in (60, 3, 5, 70))
    table = np.array(data.draw(st.lists(st.lists(st.integers(-2, 2), min_size=D, max_size=D), min_size=V, max_size=V)), dtype=np.float32)
    wv = WordVectors(table, [f'w{i}' for i in range(V)])
    keys = data.draw(st.lists(st.integers(0, V - 1), min_size=Q, max_size=Q))
    for key, found in zip(keys, wv.most_similar_batch(keys, n)): same(found, wv.most_similar(key, topn=n))


# ---------- safetensors and other tools

@pytest.fixture(scope='module')
def saved(tmp_path_factory):
    rng, path = np.random.default_rng(6), tmp_path_factory.mktemp('st')/'wv.safetensors'
    wv = WordVectors(rng.normal(size=(6, 3)), ['a', 'New York', 'c\nc', 'ü', '東', '🙂'], counts=range(6), output_vectors=rng.normal(size=(6, 3)), params=dict(window=5, tool='é'))
    wv.save(path)
    return wv, path


def check_same(a, b):
    assert a.index_to_key == b.index_to_key and a.key_to_index == b.key_to_index and a.params == b.params
    for name in 'vectors', 'output_vectors', 'counts': assert getattr(a, name).tobytes() == getattr(b, name).tobytes()


def test_safetensors_round_trip(saved, tmp_path):
    from safetensors.numpy import load_file
    wv, path = saved
    mapped = WordVectors.load(path)
    assert isinstance(mapped, WordVectors) and len(mapped) == 6 and mapped.vector_size == 3
    check_same(wv, mapped)
    assert not mapped.vectors.flags.writeable
    assert load_file(path)['vectors'].tobytes() == wv.vectors.tobytes()
    mapped.save(path)                                     # onto itself
    check_same(mapped, WordVectors.load(path))
    bare = WordVectors([[1, 2]], ['a'])
    bare.save(tmp_path/'bare')
    again = WordVectors.load(tmp_path/'bare')
    assert again.counts is None and again.output_vectors is None and again.params == {} and repr(again) == repr(bare) and again['a'].tolist() == [1, 2]
    wide = WordVectors(np.arange(400_000, dtype=np.float32).reshape(2000, 200)[:, 50:150], [f'w{i}' for i in range(2000)])
    wide.save(tmp_path/'wide')
    assert WordVectors.load(tmp_path/'wide').vectors.tobytes() == wide.vectors.tobytes()


def rebuilt(path, change):
    "The file with a header (and body) that `change` has had in its hands"
    raw = path.read_bytes()
    n = int.from_bytes(raw[:8], 'little')
    header, body = json.loads(raw[8:8 + n]), bytearray(raw[8 + n:])
    change(header, body)
    head = json.dumps(header).encode()
    return len(head).to_bytes(8, 'little') + head + bytes(body)

def at(header, name): return header[name]['data_offsets'][0]
def put(name, row, value):
    def change(header, body): body[at(header, name) + row*len(value):at(header, name) + (row + 1)*len(value)] = value
    return change
def told(name, **what): return lambda header, body: header[name].update(what)
def meta(**what): return lambda header, body: header['__metadata__'].update(what)
def twice(header, body): # the words a, and then a again
    put('offsets', 2, np.int64(2).tobytes())(header, body)
    body[at(header, 'words') + 1] = ord('a')
LIES = {'no such shape': (told('vectors', shape=[10**12, 3]), 'safetensors'), 'negative': (told('vectors', shape=[-6, -3]), 'safetensors'), 'other shape': (told('vectors', shape=[3, 6]), 'shape'),
    'flat': (told('vectors', shape=[18]), r'\[words, dimensions\]'), 'type': (told('vectors', dtype='I32'), 'F32'), 'counts shape': (told('counts', shape=[2, 3]), 'shape'),
    'words shape': (lambda h, b: h['words'].update(shape=[1] + h['words']['shape']), 'shape'), 'overlap': (told('words', data_offsets=[0, 20]), 'safetensors'),
    'no words': (lambda h, b: h.update(warts=h.pop('words')), 'words'), 'format': (meta(format='GPT-9'), 'GPT-9'), 'params': (meta(params='{"a": '), 'JSON'), 'params list': (meta(params='[1]'), 'dictionary'),
    'deep params': (meta(params='['*100_000), 'JSON'), 'metadata type': (meta(params=5), 'safetensors'),
    'nan': (put('vectors', 7, np.float32('nan').tobytes()), "'vectors', row 2.*nan"), 'inf': (put('output_vectors', 7, np.float32('inf').tobytes()), "'output_vectors', row 2.*inf"),
    'negative count': (put('counts', 1, np.int64(-1).tobytes()), "'counts', row 1"), 'offsets fall': (put('offsets', 2, np.int64(1).tobytes()), "'offsets'"),
    'offsets end': (put('offsets', 6, np.int64(99).tobytes()), "'offsets'"), 'offsets huge': (put('offsets', 3, np.int64(2**62).tobytes()), "'offsets'"),
    'utf-8': (put('words', 0, b'\xff'), 'UTF-8'), 'twice': (twice, "'a' twice")}

@pytest.mark.parametrize('name', LIES)
def test_lying_safetensors(saved, tmp_path, name):
    change, message = LIES[name]
    (tmp_path/'f').write_bytes(rebuilt(saved[1], change))
    with pytest.raises(ValueError, match=message) as e: use(tmp_path/'f')
    assert str(tmp_path/'f') in str(e.value) and len(str(e.value)) < 700 + len(str(tmp_path))

def use(path):
    "Load, and ask for everything"
    wv = WordVectors.load(path)
    wv.vectors, wv.output_vectors, wv.counts, wv.index_to_key
    return wv

def use_whole(path):
    try: wv = use(path)
    except ValueError as e: assert str(path) in str(e)
    else:
        assert wv.vectors.shape == (len(wv), wv.vector_size) == (len(wv.index_to_key), wv.vector_size) and np.isfinite(wv.vectors).all() and len(set(wv.index_to_key)) == len(wv) > 0
        assert all(isinstance(w, str) and w for w in wv.index_to_key) and isinstance(wv.params, dict)


@given(st.data())
@settings(max_examples=1500, deadline=None)
def test_damaged_safetensors(saved, tmp_path_factory, data):
    content = bytearray(saved[1].read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        i = data.draw(st.integers(0, len(content)))
        content[i:i + data.draw(st.sampled_from([0, 1, 1, 4, 1000]))] = data.draw(st.one_of(st.binary(max_size=3), st.sampled_from([b'0', b'9', b'-', b'"', b'{', b'\x00\x00\x80\x7f', b'\xff'])))
    path = tmp_path_factory.getbasetemp()/'damaged.st'
    path.write_bytes(content)
    use_whole(path)


@pytest.mark.parametrize('words', [['a', ''], ['a', '\ud800']])
def test_words_that_safetensors_cannot_hold(tmp_path, words):
    with pytest.raises(ValueError, match='cannot be written'): WordVectors([[1], [2]], words).save(tmp_path/'f')
    assert os.listdir(tmp_path) == []
    with pytest.raises(FileNotFoundError): WordVectors.load(tmp_path/'f')


@pytest.mark.skipif(os.name == 'nt', reason='limits the size of files in the POSIX way')
@pytest.mark.parametrize('write', ['save(path)', 'save_word2vec_format(path)', 'save_word2vec_format(path, binary=True)'])
def test_a_full_disk_leaves_the_old_file(tmp_path, write):
    code = ("import sys, signal, resource, numpy as np; from w2v_nb.vectors import WordVectors; path = sys.argv[1]\n"
            "WordVectors([[1, 2]], ['old'])." + write + "\n"
            "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
            "try: WordVectors(np.ones((9000, 9)), [f'w{i}' for i in range(9000)])." + write + "; sys.exit('written')\n"
            "except OSError as e: print(e)")
    old = subprocess.run([sys.executable, '-c', code.split('signal.signal')[0], str(tmp_path/'f')], check=True) and (tmp_path/'f').read_bytes()
    done = subprocess.run([sys.executable, '-c', code, str(tmp_path/'f')], capture_output=True, text=True)
    assert done.returncode == 0 and 'File too large' in done.stdout, done.stderr
    assert (tmp_path/'f').read_bytes() == old and os.listdir(tmp_path) == ['f']


def test_torch_takes_the_rows(pair):
    torch = pytest.importorskip('torch')
    ours, _ = pair
    layer = ours.to_embedding(padding=True, unk=True)
    assert layer(torch.tensor([0, 5, V - 1])).numpy().tobytes() == ours.vectors[[0, 5, V - 1]].tobytes()
    assert layer.padding_idx == V and not layer.weight[V].any() and torch.allclose(layer.weight[V + 1], torch.from_numpy(ours.vectors.mean(0)), atol=1e-5)
    back = WordVectors.from_embedding(ours.to_embedding(), ours.index_to_key)
    assert back.vectors.tobytes() == ours.vectors.tobytes()
    with pytest.raises(ValueError, match='words for'): WordVectors.from_embedding(layer, ours.index_to_key)


def test_gensim_takes_a_copy(saved):
    wv, _ = saved
    theirs = wv.to_gensim()
    assert theirs.vectors.tobytes() == wv.vectors.tobytes() and theirs.index_to_key == wv.index_to_key and not np.shares_memory(theirs.vectors, wv.vectors)
    assert [theirs.get_vecattr(w, 'count') for w in wv.index_to_key] == wv.counts.tolist()


def test_tensorboard_reads_the_tables(pair, tmp_path):
    plugin = pytest.importorskip('tensorboard.plugins.projector.projector_plugin', exc_type=ImportError)
    from google.protobuf import text_format
    from tensorboard.plugins.projector.projector_config_pb2 import ProjectorConfig
    ours, _ = pair
    ours.save_projector(tmp_path/'p', limit=50)
    assert np.asarray(plugin._read_tensor_tsv_file(str(tmp_path/'p'/'vectors.tsv')), dtype=np.float32).tobytes() == ours.vectors[:50].tobytes()
    config = text_format.Parse((tmp_path/'p'/'projector_config.pbtxt').read_text(), ProjectorConfig()).embeddings[0]
    assert (tmp_path/'p'/config.metadata_path).read_text(encoding='utf-8').split('\n')[:-1] == ours.index_to_key[:50]
    assert (tmp_path/'p'/config.tensor_path).exists()
    with pytest.raises(ValueError, match='cannot be written into a table'): WordVectors([[1]], ['a\tb']).save_projector(tmp_path/'q')


def test_spacy_takes_our_text(saved, tmp_path):
    spacy = pytest.importorskip('spacy')
    wv = WordVectors(np.random.default_rng(0).normal(size=(20, 8)), [f'word{i}' for i in range(19)] + ['naïve'])
    wv.save_word2vec_format(tmp_path/'v.txt')
    subprocess.run([sys.executable, '-m', 'spacy', 'init', 'vectors', 'en', tmp_path/'v.txt', tmp_path/'out'], check=True, capture_output=True)
    vocab = spacy.load(tmp_path/'out').vocab
    for word in wv.index_to_key: assert vocab.get_vector(word).tobytes() == wv[word].tobytes()


def test_html_is_escaped():
    html = WordVectors([[1.]], ['<script>alert(1)</script>'], params={'<i>': '<b>'})._repr_html_()
    assert '<script' not in html and '<b>' not in html and '<i>' not in html and '&lt;script' in html


def test_shown_without_being_read(tmp_path):
    "A mapped file shows itself, even where it is damaged, and nothing of it is read but the first words"
    WordVectors(np.ones((30, 4)), [f'<b>{i}' for i in range(30)], counts=range(30), output_vectors=np.ones((30, 4))).save(tmp_path/'v.safetensors')
    mapped = WordVectors.load(tmp_path/'v.safetensors')
    mapped.tensors = {name: Untouched(table) if name in ('vectors', 'output_vectors', 'counts') else table for name, table in mapped.tensors.items()}
    mapped.tensors['offsets'] = np.concatenate([mapped.tensors['offsets'][:5], [10**12]*26])
    assert 'counts, output_vectors' in repr(mapped) and '&lt;b&gt;0, &lt;b&gt;1' in mapped._repr_html_()
    assert not {'vectors', 'counts', 'output_vectors', 'key_to_index'} & set(vars(mapped))


class Untouched:
    "A table that fails when it is read"
    def __init__(self, table): self.shape = table.shape
    def __getitem__(self, key): raise AssertionError('it was read')
    __array__ = __iter__ = __len__ = __getitem__


def test_names_of_gensim_3():
    wv = WordVectors([[1.]], ['a'])
    for name in 'vocab', 'index2word', 'init_sims', 'wmdistance':
        with pytest.raises(AttributeError, match='; use '): getattr(wv, name)
    with pytest.raises(AttributeError, match="no 'nonsense'$"): wv.nonsense


def test_nothing_heavy_is_imported():
    code = "import sys, w2v_nb.vectors; print([m for m in ('torch', 'matplotlib.pyplot', 'triton', 'IPython', 'scipy', 'sklearn', 'gensim', 'numba') if m in sys.modules])"
    assert subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True).stdout.strip() == '[]'


@pytest.mark.parametrize('reader', ['text', 'binary', 'safetensors'])
def test_what_fuzzing_found(tmp_path, monkeypatch, reader):
    "The files that a fuzzer kept: vectors or a `ValueError`; the compiled loop agrees with the plain one."
    import w2v_nb.vectors as vectors
    monkeypatch.syspath_prepend(str(Path(__file__).parent.parent/'benchmarks'))
    import fuzz
    for name in 'AT_A_TIME', 'LONGEST', 'LARGE': monkeypatch.setattr(vectors, name, getattr(vectors, name))
    kept, loaded = fuzz.stored(reader), 0
    assert len(kept) > 40
    fast = vectors.fast_rows()
    monkeypatch.setattr(vectors, 'fast_rows', lambda: fast)
    numba = sys.modules.pop('numba') # so that `LARGE` alone decides which loop is taken
    try:
        for data in kept: loaded += not isinstance(fuzz.check(vectors, reader, tmp_path/'input', data), str)
    finally: sys.modules['numba'] = numba
    assert 5 < loaded < len(kept)
