"""WordVectors against gensim: thousands of queries, and files both ways.
And against files that aren't what they say."""
import gzip, io, json, os, pickle, stat, subprocess, sys
from pathlib import Path
import numpy as np, pytest
from hypothesis import given, settings, strategies as st
from w2v_nb.vectors.wordvectors import MissingWord, best
from w2v_nb.vectors import WordVectors
from w2v_nb.vectors.formats import read_text

gensim = pytest.importorskip('gensim')
from gensim.models import KeyedVectors

V, D = 3000, 40
ODD = ['naïve', '東京', '5\xa0kg', 'a%sb', '0', '-1.5', 'nan', '\x00', '🙂', '</s>']


@pytest.fixture(scope='module')
def pair():
    "The same words and vectors here and in gensim; ours are a view of a wider table."
    rng = np.random.default_rng(1)
    wide = np.zeros((V, 48), dtype=np.float32)
    wide[:, :D] = rng.normal(size=(V, D)) * rng.lognormal(size=(V, 1))
    words = ODD + [f'w{i}' for i in range(V - len(ODD))]
    theirs = KeyedVectors(D)
    theirs.add_vectors(words, wide[:, :D].copy())
    return WordVectors(wide[:, :D], words), theirs


def same(ours, theirs, eps=1e-5):
    "The same cosines, and the same words in the same order, but where they are tied."
    assert len(ours) == len(theirs)
    for (word, cosine), (other, close) in zip(ours, theirs):
        assert type(word) is str and type(cosine) is float
        assert abs(cosine - close) < eps
        tied = {w for w, c in theirs if abs(cosine - c) < eps}
        cut_off = abs(cosine - theirs[-1][1]) < eps # tied with words that are not in the list
        assert word == other or word in tied or cut_off, (word, other)
    assert len({word for word, _ in ours}) == len(ours)


def random_key(words, rng):
    "A key in one of the forms of a query."
    def vector(): return rng.normal(size=D).astype(np.float32)
    kind, row = rng.integers(8), int(rng.integers(V))
    if kind == 0: return row
    if kind == 1: return np.int64(row)
    if kind == 2: return vector() * 3
    if kind == 3: return words[row], float(rng.normal())
    if kind == 4: return row, float(rng.normal())
    if kind == 5: return vector(), float(rng.normal())
    return words[row]


def test_queries_are_gensims(pair):
    ours, theirs = pair
    rng, exact = np.random.default_rng(2), 0
    for _ in range(3000):
        positive = [random_key(ours.index_to_key, rng) for _ in range(rng.integers(1, 5))]
        negative = [random_key(ours.index_to_key, rng) for _ in range(rng.integers(4))]
        topn, first = int(rng.integers(1, 40)), rng.choice([None, 1, 5, 100, V, 2*V])
        a, b = (v.most_similar(positive, negative, topn=topn, restrict_vocab=first)
                for v in pair)
        same(a, b)
        exact += [w for w, _ in a] == [w for w, _ in b]
    # neighbours whose cosines agree to seven digits may change places, rarely
    assert exact > 2990


FORMS = [('w1',), ('w1', 'w2'), (5,), (['w1', 'w1'],), ([], 'w1'), (None, ['w1', 3]),
         (['w1'], None), ([['w1', 2.]],), (['w1'], [('w2', -3.)]), (['w1'], [('w2', 3.)]),
         ([('w1', 0.)],), (['w1'], ['w1'])]
@pytest.mark.parametrize('args', FORMS)
def test_forms_of_a_query(pair, args):
    ours, theirs = pair
    np.testing.assert_allclose(ours.most_similar(*args, topn=None),
                               theirs.most_similar(*args, topn=None), atol=1e-6)
    if np.abs(ours.most_similar(*args, topn=None)).max() > 1e-6:
        same(ours.most_similar(*args), theirs.most_similar(*args))


def test_vectors_as_a_query(pair):
    ours, theirs = pair
    for query in theirs['w1'], theirs[['w1', 'w7']]:
        same(ours.most_similar(query), theirs.most_similar(query))
    assert ours.most_similar(theirs['w1'], topn=1)[0][0] == 'w1'


def test_edges_of_topn(pair):
    ours, theirs = pair
    for topn in -1, 0:
        assert ours.most_similar('w1', topn=topn) == theirs.most_similar('w1', topn=topn) == []
    assert len(ours.most_similar('w1', topn=10*V)) == V - 1
    assert ours.most_similar('w1', topn=1)[0][0] == theirs.most_similar('w1', topn=1)[0][0]
    some = ours.most_similar('w1', topn=None, restrict_vocab=7)
    assert some.shape == (7,) and some.dtype == np.float32
    # 0 is no restriction, as in gensim
    same(ours.most_similar('w1', restrict_vocab=0), theirs.most_similar('w1', restrict_vocab=0))
    with pytest.raises(ValueError, match='-3'): ours.most_similar('w1', restrict_vocab=-3)
    # gensim's fourth parameter is another one
    with pytest.raises(TypeError): ours.most_similar('w1', None, 10, 100)


def test_lookups_are_gensims(pair):
    ours, theirs = pair
    for key in 'w1', '0', 'nan', 3, np.int32(3), V - 1:
        assert ours.get_index(key) == theirs.get_index(key) and key in ours
        np.testing.assert_array_equal(ours[key], theirs[key])
        np.testing.assert_allclose(ours.get_vector(key, norm=True),
                                   theirs.get_vector(key, norm=True), atol=1e-7)
        assert not ours[key].flags.writeable
        assert ours[key].dtype == ours.get_vector(key, norm=True).dtype == np.float32
    for key in 'missing', V, -1, 1.5, None: assert (key in ours) == (key in theirs) == False
    assert ours.get_index('missing', 7) == theirs.get_index('missing', 7) == 7
    np.testing.assert_array_equal(ours[['w1', 5]], theirs[['w1', 5]])
    rng = np.random.default_rng(3)
    for a, b in rng.integers(V, size=(1000, 2)).tolist():
        assert abs(ours.similarity(a, b) - theirs.similarity(a, b)) < 1e-6
    assert ours.vectors.base is not None and ours.vectors.strides == (48*4, 4)


def test_ties_keep_the_order_of_rows():
    wv = WordVectors(np.ones((500, 3)), [f'w{i}' for i in range(500)])
    assert [w for w, _ in wv.most_similar('w3', topn=5)] == ['w0', 'w1', 'w2', 'w4', 'w5']
    rng = np.random.default_rng(0)
    for _ in range(300):
        scores = rng.integers(0, 6, rng.integers(1, 60)).astype(np.float32)
        order = sorted(range(len(scores)), key=lambda i: -scores[i])
        n = int(rng.integers(1, 70))
        assert best(scores, n).tolist() == order[:n]


def test_zero_and_extreme_vectors_give_no_nan():
    wv = WordVectors([[0, 0], [1e-30, 0], [1e30, 1e30], [-1, 1]], list('abcd'))
    for word in 'abcd': assert np.isfinite(wv.most_similar(word, topn=None)).all()
    assert wv.similarity('a', 'b') == 0
    assert abs(wv.similarity('b', 'c') - .5**.5) < 1e-6
    assert abs(wv.most_similar('b', topn=1)[0][1] - .5**.5) < 1e-6


def test_missing_words(pair):
    ours, _ = pair
    for ask in (lambda: ours['W1'], lambda: ours.most_similar('W1'),
                lambda: ours.similarity('w1', 'W1'), lambda: ours.get_vector('W1'),
                lambda: ours[['w1', 'W1']]):
        with pytest.raises(KeyError, match="'W1' has no vector; did you mean 'w1'"): ask()
    with pytest.raises(KeyError, match='row 3000 is out of range'): ours[V]
    # as a worker process would send it
    error = pickle.loads(pickle.dumps(MissingWord('x', ['y'])))
    assert (error.key, error.words) == ('x', ['y'])


def test_constructor():
    one = np.ones((2, 3), dtype=np.float32)
    for args, message in [((one, ['a']), '1 words for 2 vectors'),
                          ((one, ['a', 'a']), "'a' twice, at 0 and 1"),
                          ((one[0], ['a']), r'shape \(3,\)'),
                          ((one[:0], []), r'shape \(0, 3\)'),
                          ((one[:, :0], ['a', 'b']), r'shape \(2, 0\)'),
                          ((one * np.nan, ['a', 'b']), 'row 0 holds nan'),
                          ((one * -np.inf, ['a', 'b']), 'row 0 holds -inf')]:
        with pytest.raises(ValueError, match=message): WordVectors(*args)
    for more, message in [(dict(output_vectors=one * np.nan), 'output_vectors: row 0 holds'),
                          (dict(output_vectors=one[:1]), r'\(1, 3\); it must be \(2, 3\)'),
                          (dict(node_vectors=one), r'shape \(2, 3\); it must be \(1, 3\)'),
                          (dict(counts=[1]), r'shape \(1,\)'),
                          (dict(counts=[1, -1]), 'whole numbers, 0 or more')]:
        with pytest.raises(ValueError, match=message): WordVectors(one, ['a', 'b'], **more)
    for value in float('nan'), one:
        with pytest.raises(TypeError, match='JSON'):
            WordVectors(one, ['a', 'b'], params=dict(a=value))
    with pytest.raises(TypeError, match='holds 7'): WordVectors(one, ['a', 7])
    with pytest.raises(TypeError): WordVectors(one, ['a', 'b'], [1, 2])


def test_what_the_constructor_keeps():
    one = np.ones((2, 3), dtype=np.float32)
    counts, params = np.array([2, 1]), dict(window=5, nested=dict(a=[1]))
    wv = WordVectors(one, ('a', 'b'), counts=counts, output_vectors=one, params=params)
    assert wv.vectors is one
    assert wv.output_vectors is one
    assert wv.counts is counts
    assert wv.params == params
    assert wv.params is not params
    assert wv.index_to_key == ['a', 'b'] and json.dumps(wv.params)


# ---------- files

@pytest.mark.parametrize('binary', [False, True])
def test_files_both_ways(pair, tmp_path, binary):
    ours, theirs = pair
    ours.save_word2vec_format(tmp_path/'ours', binary=binary)
    theirs.save_word2vec_format(tmp_path/'theirs', binary=binary)
    if binary: assert (tmp_path/'ours').read_bytes() == (tmp_path/'theirs').read_bytes()
    def load(path, **options):
        return WordVectors.load_word2vec_format(path, binary=binary, **options)
    for path in tmp_path/'ours', tmp_path/'theirs':
        a, b = load(path), KeyedVectors.load_word2vec_format(path, binary=binary)
        for v in a, b:
            assert v.index_to_key == ours.index_to_key
            assert v.vectors.tobytes() == ours.vectors.tobytes()
        for word in 'w1', '東京', 3: same(a.most_similar(word), b.most_similar(word))
        part = load(path, limit=5)
        assert part.index_to_key == ours.index_to_key[:5] and part.vectors.shape == (5, D)
        assert len(load(path, limit=10*V)) == V
    for limit in 0, -1:
        with pytest.raises(ValueError, match='limit'): load(tmp_path/'ours', limit=limit)


FINITE = st.floats(width=32, allow_nan=False, allow_infinity=False)
@given(st.lists(FINITE, min_size=1, max_size=12), st.booleans())
@settings(max_examples=200, deadline=None)
def test_every_float_survives(tmp_path_factory, values, binary):
    path = tmp_path_factory.getbasetemp()/'float'
    wv = WordVectors([values], ['w'])
    wv.save_word2vec_format(path, binary=binary)
    again = WordVectors.load_word2vec_format(path, binary=binary)
    assert again.vectors.tobytes() == wv.vectors.tobytes()


def test_the_original_tools_habits(tmp_path):
    "word2vec.c ends text lines with a space, binary records with a newline; Windows uses CRLF."
    values = np.array([[1, -.5], [2, 3]], dtype='<f4')
    (tmp_path/'t').write_bytes(b'2 2\na 1.000000 -0.500000 \nb 2.0 3 \n')
    (tmp_path/'crlf').write_bytes(b'2 2\r\na 1 -0.5\r\nb 2.0 3\r\n\r\n')
    (tmp_path/'no_end').write_bytes(b'2 2\na 1 -0.5\nb 2.0 3')
    a, b = (row.tobytes() for row in values)
    (tmp_path/'b').write_bytes(b'2 2\na ' + a + b'\nb ' + b + b'\n')
    for name in 't', 'crlf', 'no_end', 'b':
        wv = WordVectors.load_word2vec_format(tmp_path/name, binary=name == 'b')
        assert wv.index_to_key == ['a', 'b'] and wv.vectors.tobytes() == values.tobytes()


@pytest.mark.parametrize('word', ['', ' ', 'New York', 'a\tb', 'a\n', '\ra', '\x0b', '\ud800'])
@pytest.mark.parametrize('binary', [False, True])
def test_words_that_no_file_can_hold(tmp_path, word, binary):
    (tmp_path/'f').write_bytes(b'as it was')
    with pytest.raises(ValueError) as e:
        wv = WordVectors([[1], [2]], ['fine', word])
        wv.save_word2vec_format(tmp_path/'f', binary=binary)
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
        with pytest.raises(OSError, match='No space left'):
            WordVectors([[3, 4]], ['b']).save_word2vec_format(path)
    assert path.read_bytes() == old and sorted(os.listdir(tmp_path)) == ['f', 'link']
    WordVectors([[3, 4]], ['b']).save_word2vec_format(str(tmp_path/'link'))
    assert (tmp_path/'link').is_symlink() and path.read_bytes() == b'1 2\nb 3 4\n'
    (tmp_path/'plain').write_bytes(b'')
    # the user's own default
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE((tmp_path/'plain').stat().st_mode)
    with pytest.raises(FileNotFoundError, match='nowhere is not a folder'):
        wv.save_word2vec_format(tmp_path/'nowhere'/'f')


ONE = np.float32(1).tobytes()
NAN = np.float32('nan').tobytes()
HOSTILE = [ # binary?, content, what the error must say
    (False, b'', "line 1: expected two positive whole numbers"),
    (False, b'\n', "line 1"),
    (False, b'2\n', 'line 1'),
    (False, b'2 1 0\n', 'line 1'),
    (False, b'-2 1\na 1\nb 2\n', "line 1: .*found b'-2 1"),
    (False, b'2 -1\na 1\nb 2\n', 'line 1'),
    (False, b'0 1\n', 'line 1'),
    (False, b'1 0\na\n', 'line 1'),
    (False, b'2.0 1\na 1\nb 2\n', 'line 1'),
    (False, b'9'*5000 + b' 1\n', 'line 1'),
    (False, b'9'*18 + b' 1\na 1\n', 'at least'),
    (False, b'1 ' + b'9'*18 + b'\na 1\n', 'at least'),
    (False, b'a 0.1 0.2\n', 'lack this line'),
    (False, b'\xff\xfe1\0 \x001\0\n\0', 'line 1.*UTF-16'),
    (False, b'3 1\na 1\nb 2\n', 'line 1: expected at least 11 bytes'),
    (False, b'3 1\naa 1\nbbbbbb 2\n', 'line 4: .*found the end of the file, after 2 of 3'),
    (False, b'1 1\na 1\nb 2\n',
     "after its last line: expected no more than 1 word, found b'b 2"),
    (False, b'2 1\na 1\nbbb\n', 'line 3: .*1 item'),
    (False, b'2 1\na 1\nb 2 3\n', 'line 3: expected a word and 1 value, found 3 items'),
    (False, b'2 1\na 1\n\nb 2\n', 'line 3: .*0 items'),
    (False, b'2 1\na 1\nb x\n', "line 3: expected 1 number"),
    (False, b'2 1\na 1\nb nan\n', "line 3: expected finite values for 'b', found nan"),
    (False, b'2 1\na -inf\nb 1\n', "line 2: .*found -inf"),
    (False, b'2 1\na 1\nb 1e40\n', 'line 3: .*found inf'),
    (False, b'2 1\na 1\na 2\n', "line 3: expected a new word, found 'a' again, as in line 2"),
    (False, b'2 1\na 1\n\xff 2\n', 'line 3: expected a word in UTF-8'),
    (False, b'2 1\na 1\n 2\n   \n',
     "line 3: expected a word, found nothing.*on_bad_word='skip'"),
    (True, b'', 'line 1'),
    (True, b'2 1', 'line 1'),
    (True, b'1 1\n', 'line 1: expected at least 6 bytes after it, .*found 0'),
    (True, b'9'*18 + b' ' + b'9'*18 + b'\na ' + ONE, 'at least'),
    (True, b'2 1\na ' + ONE + b'bbbbbbb',
     'byte 10: .*found 7 bytes and the end of the file, after 1 of 2'),
    (True, b'2 1\na ' + ONE + b'bb ' + ONE[:3], 'byte 10: .*found 6 bytes'),
    (True, b'1 1\na ' + ONE + b'\nb ' + ONE, 'byte 11: expected the end .*found 6 bytes more'),
    (True, b'2 1\na ' + ONE + b'b ' + NAN,
     "byte 10: expected finite values for 'b', found nan"),
    (True, b'2 1\na ' + ONE + b'a ' + ONE, "byte 10: .*'a' again, as in byte 4"),
    (True, b'2 1\naa ' + ONE + b' ' + ONE, 'byte 11: expected a word, found nothing'),
    (True, b'1 1\n\xff ' + ONE, 'byte 4: expected a word in UTF-8'),
    (True, b'1 1\n' + b'a'*300_000, 'byte 4: '),
    (True, b'1 1\n' + b'\n'*300_000, 'and the end'),
]


@pytest.mark.parametrize('binary,content,message', HOSTILE)
def test_hostile_files(tmp_path, binary, content, message):
    (tmp_path/'f').write_bytes(content)
    with pytest.raises(ValueError, match=message) as e:
        WordVectors.load_word2vec_format(tmp_path/'f', binary=binary)
    assert str(tmp_path/'f') in str(e.value) and len(str(e.value)) < 500 + len(str(tmp_path))


PLAIN = ['1', '-0.5', '.25', '3.', '1e-3', '2E+5', '0', '-0', '123456789.123456789']
OTHERS = ['+1', '1e', 'nan', 'x', '1_0', '', '1e400', '12345678901234567890', '0x1', '1e23',
          '--1', '.']
LINE = st.tuples(st.sampled_from(['a', 'ü', 'New York', 'b 1', '', '\x0b', 'c']),
                 st.lists(st.sampled_from(PLAIN*6 + OTHERS), min_size=1, max_size=3),
                 st.sampled_from([' ']*20 + ['\t', '  ']),
                 st.sampled_from(['\n']*20 + ['\r\n', ' \n', '', '\n\n']))
@given(st.lists(LINE, min_size=1, max_size=8), st.integers(1, 3),
       st.sampled_from([None, 1, 3, 8]), st.integers(1, 8))
@settings(max_examples=1500, deadline=None)
def test_the_compiled_loop_reads_as_its_oracle(lines, dim, count, n):
    raw = ''.join(space.join([word, *numbers]) + end
                  for word, numbers, space, end in lines).encode()
    def read(fast):
        out = []
        try:
            file, wanted = io.BytesIO(raw), min(n, count or n)
            blocks = read_text('FILE', file, count, wanted, dim, fast=fast)
            for lines, words, values in blocks:
                out.append((list(lines), words, values.tobytes()))
        except ValueError as e: return out, str(e)
        return out
    with np.errstate(over='ignore'): assert read(True) == read(False)


HEADERLESS = [ # content, options, what the error must say
    (b'', {}, 'line 1: expected a word and its values'),
    (b'a\n', {}, 'line 1'),
    (b'a 1\nb\n', {}, 'line 2: .*1 item'),
    (b'a 1 2\nb 1\n', {}, 'line 2: expected a word and 2'),
    (b'a 1\n\nb 2\n', {}, "no more than 1 word, found b'b 2"),
    (b'a 1\na 2\n', {}, "again, as in line 1.*on_duplicate='first'"),
    (b'a nan\n', {}, "line 1: expected finite values for 'a'"),
    (b'a 1\n\xff 2\n', {}, "line 2: expected a word in UTF-8.*unicode_errors='replace'"),
    (b'a'*5_000_000, {}, 'line 1'),
    (b'a 1\n' + b'b'*2_000_000, {}, 'byte 4: expected a line of at most'),
    (b'a 1\n' + b' \n'*3_000_000, {}, 'white space'),
    (b'a 1\n\xff 2\n', dict(unicode_errors='ignore'), 'line 2: expected a word, found nothing'),
    (b'a 1\n', dict(unicode_errors='strange'), "unicode_errors must be 'strict'"),
    (b'a 1\n', dict(on_duplicate='last'), "on_duplicate must be 'error'"),
    (b'a 1\n', dict(binary=True), "can't be read"),
]
@pytest.mark.parametrize('content,more,message', HEADERLESS)
def test_hostile_files_without_header(tmp_path, content, more, message):
    (tmp_path/'f').write_bytes(content)
    with pytest.raises(ValueError, match=message) as e:
        WordVectors.load_word2vec_format(tmp_path/'f', no_header=True, **more)
    assert len(str(e.value)) < 500 + len(str(tmp_path))


def run_python(code, *args):
    "Python in a process of its own."
    return subprocess.run([sys.executable, '-c', code, *map(str, args)], capture_output=True,
                          text=True, timeout=600,
                          env=os.environ | {'OPENBLAS_NUM_THREADS': '1'})


def test_packed_files(pair, tmp_path):
    ours, _ = pair
    path = tmp_path/'v.gz'
    for binary in False, True:
        ours.save_word2vec_format(path, binary=binary)
        again, theirs = (cls.load_word2vec_format(path, binary=binary)
                         for cls in (WordVectors, KeyedVectors))
        assert again.vectors.tobytes() == theirs.vectors.tobytes() == ours.vectors.tobytes()
        assert again.index_to_key == theirs.index_to_key
        raw = path.read_bytes()
        half = len(raw)//2
        for damaged in raw[:-5], raw[:half], raw[:half] + b'\xff'*20 + raw[half + 20:]:
            (tmp_path/'d').write_bytes(damaged)
            with pytest.raises(ValueError, match='its packing|expected'):
                WordVectors.load_word2vec_format(tmp_path/'d', binary=binary)


READ_IN_1_GB = '''
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (1 << 30,)*2)
from w2v_nb.vectors import WordVectors
try: WordVectors.load_word2vec_format(sys.argv[1], binary=len(sys.argv) > 2)
except ValueError as e: print(e)
else: sys.exit('read')
'''
@pytest.mark.skipif(os.name == 'nt', reason='limits memory in the POSIX way')
def test_bombs(tmp_path):
    bombs = {'claim': (b'9'*14 + b' 100\na 1', 'at least'),
             'dimensions': (b'1 5000000\n' + b'0'*30_000_000, 'dimensions'),
             'line': (b'2 2\na 1 2\n' + b'0'*200_000_000, 'a line of at most'),
             'newlines': (b'1 1\na 1\n' + b'\n'*200_000_000, 'white space')}
    for name, (content, message) in bombs.items():
        (tmp_path/name).write_bytes(gzip.compress(content, 1))
        done = run_python(READ_IN_1_GB, tmp_path/name)
        assert done.returncode == 0 and message in done.stdout, (name, done)
    (tmp_path/'b').write_bytes(gzip.compress(b'1 1\na ' + ONE + b'\n'*50_000_000, 1))
    done = run_python(READ_IN_1_GB, tmp_path/'b', 'binary')
    assert done.returncode == 0 and 'newlines without end' in done.stdout, done


READ_IN_3_GB = '''
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (3 << 30,)*2)
from w2v_nb.vectors import WordVectors
for binary in (False, True):
    try: WordVectors.load_word2vec_format(sys.argv[1], binary=binary)
    except ValueError as e: assert 'expected at least' in str(e), e
    else: sys.exit('read')
'''
def test_a_claim_is_not_paid_for(tmp_path):
    "A file whose first line claims 400 GB is refused in a process that may not have 3."
    pytest.importorskip('resource')
    (tmp_path/'f').write_bytes(b'1000000000 100\na 1\n')
    done = run_python(READ_IN_3_GB, tmp_path/'f')
    assert done.returncode == 0, done.stderr


VALID = {}
def valid(binary, folder):
    if binary not in VALID:
        rng = np.random.default_rng(4)
        wv = WordVectors(rng.normal(size=(6, 3)), ['a', 'bb', 'ccc', 'ü', '東', 'f'])
        wv.save_word2vec_format(folder/'valid', binary=binary)
        VALID[binary] = (folder/'valid').read_bytes()
    return VALID[binary]


SNIPPETS = [b' ', b'\n', b'0', b'9', b'-', b'e99', b'nan', b'\x00\x00\x80\x7f', b'\xff', b'_']
@given(st.data(), st.booleans(), st.booleans())
@settings(max_examples=1500, deadline=None)
def test_damaged_files(tmp_path_factory, data, binary, written_binary):
    "Bytes changed, cut out, put in or cut off: a sound object or a `ValueError`, nothing else."
    folder = tmp_path_factory.getbasetemp()
    content = bytearray(valid(written_binary, folder))
    for _ in range(data.draw(st.integers(1, 4))):
        first = data.draw(st.integers(0, len(content)))
        new = data.draw(st.one_of(st.binary(max_size=3), st.sampled_from(SNIPPETS)))
        end = first + data.draw(st.sampled_from([0, 1, 1, 1, 4, 1000]))
        content[first:end] = new
    (folder/'damaged').write_bytes(content)
    limit = data.draw(st.sampled_from([None, None, 1, 3]))
    try:
        wv = WordVectors.load_word2vec_format(folder/'damaged', binary=binary, limit=limit)
    except ValueError as e:
        assert str(folder/'damaged') in str(e)
        return
    assert wv.vectors.shape == (len(wv), wv.vector_size)
    assert np.isfinite(wv.vectors).all()
    assert wv.vectors.dtype == np.float32
    assert len(set(wv.index_to_key)) == len(wv) > 0 and all(wv.index_to_key)
    # above, a length may exceed float32
    if len(wv) > 1 and np.abs(wv.vectors).max() < 1e37:
        assert len(wv.most_similar(0, topn=1)) == 1


# ---------- more questions

def check_cosmul(ours, theirs, positive, negative, topn):
    a, b = (v.most_similar_cosmul(positive, negative, topn=topn) for v in (ours, theirs))
    scale = b[0][1]
    same([(w, c/scale) for w, c in a], [(w, c/scale) for w, c in b], 2e-5)


def check_distances(ours, theirs, x, y, others):
    close = np.testing.assert_allclose
    close(ours.distances(x), theirs.distances(x), atol=1e-5)
    close(ours.distances(x, others), theirs.distances(x, others), atol=1e-5)
    assert abs(ours.distance(x, y) - theirs.distance(x, y)) < 1e-5
    tied = np.abs(theirs.distances(x) - theirs.distance(x, y)) < 1e-5
    differ = set(ours.closer_than(x, y)) ^ set(theirs.closer_than(x, y))
    assert differ <= {theirs.index_to_key[i] for i in np.flatnonzero(tied)}
    assert abs(ours.rank(x, y) - theirs.rank(x, y)) <= tied.sum()


def check_sets(ours, theirs, ws1, ws2, **options):
    assert abs(ours.n_similarity(ws1, ws2) - theirs.n_similarity(ws1, ws2)) < 1e-5
    # two words are equally far from their mean
    if len({*ws1, *ws2}) > 2:
        assert ours.doesnt_match(ws1 + ws2) == theirs.doesnt_match(ws1 + ws2)
    np.testing.assert_allclose(ours.get_mean_vector(ws1, **options),
                               theirs.get_mean_vector(ws1, **options), rtol=1e-4, atol=1e-5)


def test_other_questions_are_gensims(pair):
    ours, theirs = pair
    rng = np.random.default_rng(5)
    def words(n): return [ours.index_to_key[i] for i in rng.integers(V, size=n)]
    for _ in range(1000):
        positive, negative = words(rng.integers(1, 4)), words(rng.integers(3))
        topn = int(rng.integers(1, 20))
        check_cosmul(ours, theirs, positive, negative, topn)
        x, y = words(2)
        check_distances(ours, theirs, x, y, positive)
        ws1, ws2 = words(rng.integers(1, 5)), words(rng.integers(1, 5))
        check_sets(ours, theirs, ws1, ws2, pre_normalize=bool(rng.integers(2)),
                   post_normalize=bool(rng.integers(2)), weights=rng.normal(size=len(ws1)))
        same(ours.similar_by_word(x, topn), theirs.similar_by_word(x, topn))
        same(ours.similar_by_vector(theirs[x], topn), theirs.similar_by_vector(theirs[x], topn))


def test_batches_answer_as_one_by_one(pair):
    ours, theirs = pair
    for topn, first in (1, None), (10, None), (10, 7), (100, 2000), (2*V, None):
        keys = np.random.default_rng(topn).integers(V, size=1100 if topn == 10 else 20).tolist()
        for key, found in zip(keys, ours.most_similar_batch(keys, topn, restrict_vocab=first)):
            same(found, ours.most_similar(key, topn=topn, restrict_vocab=first))
    same(ours.most_similar_batch(['w1'])[0], theirs.most_similar('w1'))
    equal = WordVectors(np.ones((9000, 3)), [f'w{i}' for i in range(9000)])
    assert [w for w, _ in equal.most_similar_batch(['w3'], 4)[0]] == ['w0', 'w1', 'w2', 'w4']
    zero = WordVectors([[0, 0], [1, 0]], ['a', 'b'])
    assert zero.most_similar_batch(['a', 'b']) == [[('b', 0.)], [('a', 0.)]]


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_batches_with_ties(data):
    V, D, Q, n = (data.draw(st.integers(1, m)) for m in (60, 3, 5, 70))
    row = st.lists(st.integers(-2, 2), min_size=D, max_size=D)
    rows = data.draw(st.lists(row, min_size=V, max_size=V))
    wv = WordVectors(np.array(rows, dtype=np.float32), [f'w{i}' for i in range(V)])
    keys = data.draw(st.lists(st.integers(0, V - 1), min_size=Q, max_size=Q))
    for key, found in zip(keys, wv.most_similar_batch(keys, n)):
        same(found, wv.most_similar(key, topn=n))


# ---------- safetensors and other tools

@pytest.fixture(scope='module')
def saved(tmp_path_factory):
    rng, path = np.random.default_rng(6), tmp_path_factory.mktemp('st')/'wv.safetensors'
    wv = WordVectors(rng.normal(size=(6, 3)), ['a', 'New York', 'c\nc', 'ü', '東', '🙂'],
                     counts=range(6), output_vectors=rng.normal(size=(6, 3)),
                     params=dict(window=5, tool='é'))
    wv.save(path)
    return wv, path


def check_same(a, b):
    assert a.index_to_key == b.index_to_key
    assert a.key_to_index == b.key_to_index
    assert a.params == b.params
    for name in 'vectors', 'output_vectors', 'counts':
        assert getattr(a, name).tobytes() == getattr(b, name).tobytes()


def test_safetensors_round_trip(saved, tmp_path):
    from safetensors.numpy import load_file
    wv, path = saved
    mapped = WordVectors.load(path)
    assert isinstance(mapped, WordVectors) and len(mapped) == 6 and mapped.vector_size == 3
    check_same(wv, mapped)
    assert not mapped.vectors.flags.writeable
    assert load_file(path)['vectors'].tobytes() == wv.vectors.tobytes()
    mapped.save(path) # onto itself
    check_same(mapped, WordVectors.load(path))
    bare = WordVectors([[1, 2]], ['a'])
    bare.save(tmp_path/'bare')
    again = WordVectors.load(tmp_path/'bare')
    assert again.counts is None
    assert again.output_vectors is None
    assert again.params == {}
    assert repr(again) == repr(bare)
    assert again['a'].tolist() == [1, 2]
    wide = WordVectors(np.arange(400_000, dtype=np.float32).reshape(2000, 200)[:, 50:150],
                       [f'w{i}' for i in range(2000)])
    wide.save(tmp_path/'wide')
    assert WordVectors.load(tmp_path/'wide').vectors.tobytes() == wide.vectors.tobytes()


def rebuilt(path, change):
    "The file with a header and a body that `change` has changed."
    raw = path.read_bytes()
    start = 8 + int.from_bytes(raw[:8], 'little')
    header, body = json.loads(raw[8:start]), bytearray(raw[start:])
    change(header, body)
    head = json.dumps(header).encode()
    return len(head).to_bytes(8, 'little') + head + bytes(body)

def put(name, row, value):
    "A value in a row of a tensor."
    def change(header, body):
        start = header[name]['data_offsets'][0] + row*len(value)
        body[start:start + len(value)] = value
    return change

def tell(name, **facts): return lambda header, body: header[name].update(facts)
def meta(**facts): return lambda header, body: header['__metadata__'].update(facts)

def twice(header, body): # the words a, and then a again
    put('offsets', 2, np.int64(2).tobytes())(header, body)
    put('words', 1, b'a')(header, body)

def one_more_dimension(header, body):
    words = header['words']
    words['shape'] = [1] + words['shape']

def rename_words(header, body): header['warts'] = header.pop('words')

LIES = { # name: what is changed, what the error must say
    'no such shape': (tell('vectors', shape=[10**12, 3]), 'safetensors'),
    'negative': (tell('vectors', shape=[-6, -3]), 'safetensors'),
    'other shape': (tell('vectors', shape=[3, 6]), 'shape'),
    'flat': (tell('vectors', shape=[18]), r'\[words, dimensions\]'),
    'type': (tell('vectors', dtype='I32'), 'F32'),
    'counts shape': (tell('counts', shape=[2, 3]), 'shape'),
    'words shape': (one_more_dimension, 'shape'),
    'overlap': (tell('words', data_offsets=[0, 20]), 'safetensors'),
    'no words': (rename_words, 'words'),
    'format': (meta(format='GPT-9'), 'GPT-9'),
    'params': (meta(params='{"a": '), 'JSON'),
    'params list': (meta(params='[1]'), 'dictionary'),
    'deep params': (meta(params='['*100_000), 'JSON'),
    'metadata type': (meta(params=5), 'safetensors'),
    'nan': (put('vectors', 7, np.float32('nan').tobytes()), "'vectors', row 2.*nan"),
    'inf': (put('output_vectors', 7, np.float32('inf').tobytes()),
            "'output_vectors', row 2.*inf"),
    'negative count': (put('counts', 1, np.int64(-1).tobytes()), "'counts', row 1"),
    'offsets fall': (put('offsets', 2, np.int64(1).tobytes()), "'offsets'"),
    'offsets end': (put('offsets', 6, np.int64(99).tobytes()), "'offsets'"),
    'offsets huge': (put('offsets', 3, np.int64(2**62).tobytes()), "'offsets'"),
    'utf-8': (put('words', 0, b'\xff'), 'UTF-8'),
    'twice': (twice, "'a' twice"),
}

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
        assert wv.vectors.shape == (len(wv), wv.vector_size)
        assert len(wv.index_to_key) == len(wv)
        assert np.isfinite(wv.vectors).all()
        assert len(set(wv.index_to_key)) == len(wv) > 0
        assert all(isinstance(w, str) and w for w in wv.index_to_key)
        assert isinstance(wv.params, dict)


PIECES = [b'0', b'9', b'-', b'"', b'{', b'\x00\x00\x80\x7f', b'\xff']
@given(st.data())
@settings(max_examples=1500, deadline=None)
def test_damaged_safetensors(saved, tmp_path_factory, data):
    content = bytearray(saved[1].read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        first = data.draw(st.integers(0, len(content)))
        end = first + data.draw(st.sampled_from([0, 1, 1, 4, 1000]))
        new = data.draw(st.one_of(st.binary(max_size=3), st.sampled_from(PIECES)))
        content[first:end] = new
    path = tmp_path_factory.getbasetemp()/'damaged.st'
    path.write_bytes(content)
    use_whole(path)


@pytest.mark.parametrize('words', [['a', ''], ['a', '\ud800']])
def test_words_that_safetensors_cannot_hold(tmp_path, words):
    with pytest.raises(ValueError, match='cannot be written'):
        WordVectors([[1], [2]], words).save(tmp_path/'f')
    assert os.listdir(tmp_path) == []
    with pytest.raises(FileNotFoundError): WordVectors.load(tmp_path/'f')


FULL_DISK = '''
import sys, signal, resource
import numpy as np
from w2v_nb.vectors import WordVectors
path = sys.argv[1]
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
wv = WordVectors(np.ones((9000, 9)), [f'w{i}' for i in range(9000)])
try: wv.WRITE
except OSError as e: print(e)
else: sys.exit('written')
'''
@pytest.mark.skipif(os.name == 'nt', reason='limits the size of files in the POSIX way')
@pytest.mark.parametrize('write', ['save(path)', 'save_word2vec_format(path)',
                                   'save_word2vec_format(path, binary=True)'])
def test_a_full_disk_leaves_the_old_file(tmp_path, write):
    path = tmp_path/'f'
    exec(f'wv.{write}', dict(wv=WordVectors([[1, 2]], ['old']), path=path))
    old = path.read_bytes()
    done = run_python(FULL_DISK.replace('WRITE', write), path)
    assert done.returncode == 0 and 'File too large' in done.stdout, done.stderr
    assert path.read_bytes() == old and os.listdir(tmp_path) == ['f']


def test_torch_takes_the_rows(pair):
    torch = pytest.importorskip('torch')
    ours, _ = pair
    layer = ours.to_embedding(padding=True, unk=True)
    rows = [0, 5, V - 1]
    assert layer(torch.tensor(rows)).numpy().tobytes() == ours.vectors[rows].tobytes()
    assert layer.padding_idx == V
    assert not layer.weight[V].any()
    mean = torch.from_numpy(ours.vectors.mean(0))
    assert torch.allclose(layer.weight[V + 1], mean, atol=1e-5)
    back = WordVectors.from_embedding(ours.to_embedding(), ours.index_to_key)
    assert back.vectors.tobytes() == ours.vectors.tobytes()
    with pytest.raises(ValueError, match='words for'):
        WordVectors.from_embedding(layer, ours.index_to_key)


def test_gensim_takes_a_copy(saved):
    wv, _ = saved
    theirs = wv.to_gensim()
    assert theirs.vectors.tobytes() == wv.vectors.tobytes()
    assert theirs.index_to_key == wv.index_to_key
    assert not np.shares_memory(theirs.vectors, wv.vectors)
    assert [theirs.get_vecattr(w, 'count') for w in wv.index_to_key] == wv.counts.tolist()


def test_tensorboard_reads_the_tables(pair, tmp_path):
    plugin = pytest.importorskip('tensorboard.plugins.projector.projector_plugin',
                                 exc_type=ImportError)
    from google.protobuf import text_format
    from tensorboard.plugins.projector.projector_config_pb2 import ProjectorConfig
    ours, _ = pair
    folder = tmp_path/'p'
    ours.save_projector(folder, limit=50)
    table = np.asarray(plugin._read_tensor_tsv_file(str(folder/'vectors.tsv')), np.float32)
    assert table.tobytes() == ours.vectors[:50].tobytes()
    text = (folder/'projector_config.pbtxt').read_text()
    config = text_format.Parse(text, ProjectorConfig()).embeddings[0]
    labels = (folder/config.metadata_path).read_text(encoding='utf-8')
    assert labels.split('\n')[:-1] == ours.index_to_key[:50]
    assert (folder/config.tensor_path).exists()
    assert WordVectors([[1], [2]], ['a\tb', '\xa0']).save_projector(tmp_path/'q') is None
    labels = (tmp_path/'q'/'metadata.tsv').read_text()
    assert labels.splitlines() == [repr('a\tb'), repr('\xa0')]


def test_spacy_takes_our_text(saved, tmp_path):
    spacy = pytest.importorskip('spacy')
    wv = WordVectors(np.random.default_rng(0).normal(size=(20, 8)),
                     [f'word{i}' for i in range(19)] + ['naïve'])
    wv.save_word2vec_format(tmp_path/'v.txt')
    subprocess.run([sys.executable, '-m', 'spacy', 'init', 'vectors', 'en', tmp_path/'v.txt',
                    tmp_path/'out'], check=True, capture_output=True)
    vocab = spacy.load(tmp_path/'out').vocab
    for word in wv.index_to_key: assert vocab.get_vector(word).tobytes() == wv[word].tobytes()


def test_html_is_escaped():
    html = WordVectors([[1.]], ['<script>alert(1)</script>'],
                       params={'<i>': '<b>'})._repr_html_()
    assert '<script' not in html
    assert '<b>' not in html
    assert '<i>' not in html
    assert '&lt;script' in html


def test_shown_without_being_read(tmp_path):
    "A mapped file shows itself, even if it's damaged, and only its first words are read."
    WordVectors(np.ones((30, 4)), [f'<b>{i}' for i in range(30)], counts=range(30),
                output_vectors=np.ones((30, 4))).save(tmp_path/'v.safetensors')
    mapped = WordVectors.load(tmp_path/'v.safetensors')
    mapped.tensors = {name: Untouched(table) if name in ('vectors', 'output_vectors', 'counts')
                      else table for name, table in mapped.tensors.items()}
    mapped.tensors['offsets'] = np.concatenate([mapped.tensors['offsets'][:5], [10**12]*26])
    assert 'counts, output_vectors' in repr(mapped)
    assert '&lt;b&gt;0, &lt;b&gt;1' in mapped._repr_html_()
    assert not {'vectors', 'counts', 'output_vectors', 'key_to_index'} & set(vars(mapped))


class Untouched:
    "A table that fails when it is read"
    def __init__(self, table): self.shape = table.shape
    def __getitem__(self, key): raise AssertionError('it was read')
    __array__ = __iter__ = __len__ = __getitem__


def test_names_of_gensim_3():
    wv = WordVectors([[1.]], ['a'])
    for name in 'vocab', 'index2word', 'init_sims', 'wmdistance':
        with pytest.raises(AttributeError, match='; '): getattr(wv, name)
    with pytest.raises(AttributeError, match="no 'nonsense'$"): wv.nonsense


def test_nothing_heavy_is_imported():
    heavy = 'torch matplotlib.pyplot triton IPython scipy sklearn gensim numba'.split()
    done = run_python('import sys; from w2v_nb.vectors import WordVectors; '
                      f'print([m for m in {heavy} if m in sys.modules])')
    assert done.stdout.strip() == '[]', done.stderr


@pytest.mark.parametrize('reader', ['text', 'binary', 'safetensors'])
def test_what_fuzzing_found(tmp_path, monkeypatch, reader):
    "The files that a fuzzer kept: vectors or a `ValueError`, whichever loop reads them."
    monkeypatch.syspath_prepend(str(Path(__file__).parent.parent/'benchmarks'))
    import fuzz
    from w2v_nb.vectors import formats
    vectors = fuzz.module_of(reader)
    for name in 'BLOCK_BYTES', 'LONGEST_TOKEN', 'LARGE_FILE':
        monkeypatch.setattr(vectors, name, getattr(vectors, name, None), raising=False)
    kept, loaded = fuzz.stored(reader), 0
    assert len(kept) > 40
    fast = formats.fast_rows()
    monkeypatch.setattr(formats, 'fast_rows', lambda: fast)
    numba = sys.modules.pop('numba') # so that `LARGE_FILE` alone decides which loop is taken
    try:
        for data in kept:
            loaded += not isinstance(fuzz.check(vectors, reader, tmp_path/'input', data), str)
    finally: sys.modules['numba'] = numba
    assert 5 < loaded < len(kept)


def test_a_word_in_another_case_is_found_however_rare():
    words = [f'd{i:04}' for i in range(6000)] + ['datei', 'dates']
    wv = WordVectors(np.zeros((len(words), 2), np.float32), words)
    with pytest.raises(KeyError, match="'Datei' has no vector; did you mean 'datei'[?]"):
        wv.most_similar('Datei')
