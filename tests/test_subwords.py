"""Vectors for any word: fastText's files here, ours there, our own file, what is refused."""
import base64, random, struct, subprocess, sys, zlib
from pathlib import Path

import numpy as np, pytest

from w2v_nb import SubwordVectors, WordVectors
from w2v_nb.base.ngrams import char_ngrams, ngram_hash
from w2v_nb.vectors.subwords import HEADER, FastTextHeader, MappedSubwords

root = Path(__file__).resolve().parent.parent
ALPHABET = 'abcdefghijklmnopqrstuvwxyzäößéкошкаनमस猫犬'


def some_words(n, rng, shortest=3):
    "Different random words"
    words = {}
    while len(words) < n:
        words[''.join(rng.choices(ALPHABET, k=rng.randint(shortest, 10)))] = None
    return list(words)

WORDS = some_words(2000, random.Random(0))
SEEN, UNSEEN = WORDS[:1000], WORDS[1000:]

def made(V=200, D=8, bucket=500, **more):
    "Random subword vectors"
    rng = np.random.default_rng(0)
    own, table = rng.normal(size=(V, D)), rng.normal(size=(bucket, D)).astype(np.float32)
    return SubwordVectors.compose(own, SEEN[:V], table, **more)

@pytest.fixture(scope='module')
def fasttext():
    "fastText. With fewer than ten threads 0.9.3 trains on memory that nothing was written to"
    return pytest.importorskip('fasttext', reason='needs fastText: pip install fasttext')

@pytest.fixture(scope='module', params=['skipgram', 'cbow'])
def trained(request, fasttext, tmp_path_factory):
    "A model that fastText trained, and its file"
    folder, rng = tmp_path_factory.mktemp('fasttext'), random.Random(1)
    lines = (' '.join(rng.choices(SEEN, k=10)) for _ in range(2000))
    (folder/'text').write_text('\n'.join(lines), encoding='utf-8')
    model = fasttext.train_unsupervised(str(folder/'text'), model=request.param, dim=10, minn=2,
                                        maxn=5, bucket=3001, epoch=1, minCount=1,
                                        thread=10, verbose=0)
    model.save_model(str(folder/'model.bin'))
    return model, folder/'model.bin'


# ---------- fastText's files

TINY = ( # a model that fastText 0.9.3 trained: dim=2, minn=2, maxn=4, bucket=10
    'eNrbJeavz8PAwMAExKxQzIhEM0ExF5RmAeIUINZ1lnn9yEzKHqYHBH5B6f9QkJOYW8BgBBVkSC86vO3w/FSEwIVd'
    'F/Zd7ACSGxBixamJCI6NfrEdgsfAD6WZoPSCsiv73BpP2C3Mn7/v+wUI+/eDefsc367Y18M00W7VyW97VaOq93Gd'
    'NbCrXdhlG3hJZR/T6jbbnLfNds/WztoreFZ7r/jsp3ZCccw2YlHS+wyTd+3baXzANmlK6z657Yb74qPN7OpW7dn3'
    'I6raZp18u50B85d9iyuD7eD+hTlEU6rVRsVthY3Htj3WEYKPd092/mK980e5jVh0kc0ljm82C1ycrO8netoAAFY2'
    'a6o=')
OF_FASTTEXT = { # its vectors, of words that it has seen and of others
    'lamp': [-0.05634834, 0.1131132], 'größe': [-0.07455909, -0.04721884],
    'кошка': [-0.01366725, -0.0659551], '</s>': [-0.1205018, -0.2454611],
    'lamps': [0.01031909, 0.09634826], 'größer': [-0.07876392, -0.01155269],
    'кот': [0.009745593, -0.03730309], '猫': [-0.266168, 0.1126768]}

def test_a_model_of_fasttext(tmp_path):
    "What is compared below with fastText itself, where it isn't installed"
    raw = zlib.decompress(base64.b64decode(TINY))
    (tmp_path/'m.bin').write_bytes(raw)
    wv = SubwordVectors.load_fasttext(tmp_path/'m.bin')
    assert wv.index_to_key == ['lamp', 'größe', 'кошка', 'sea', '</s>']
    for word, vector in OF_FASTTEXT.items(): np.testing.assert_allclose(wv[word], vector, 1e-5)
    assert [word for word in OF_FASTTEXT if word in wv.key_to_index] == [*OF_FASTTEXT][:4]
    wv.save_fasttext(tmp_path/'again.bin') # only settings and output rows may differ
    again = (tmp_path/'again.bin').read_bytes()
    assert len(again) == len(raw) and again[92:183] == raw[92:183]

def test_fasttext_read_here(trained):
    "The same vectors for a thousand words that were seen, and a thousand that weren't"
    model, path = trained
    wv = SubwordVectors.load_fasttext(path)
    assert wv.index_to_key == model.words and len(wv) > 1000
    assert (wv.min_n, wv.max_n, wv.bucket, wv.vector_size) == (2, 5, 3001, 10)
    assert wv.counts.tolist() == model.get_words(include_freq=True)[1].tolist()
    for word in [*SEEN, *UNSEEN, '</s>']:
        np.testing.assert_allclose(wv[word], model.get_word_vector(word), atol=1e-5)
    assert not set(UNSEEN) & set(wv.key_to_index) and all(word in wv for word in UNSEEN)

def test_ours_read_by_fasttext(trained, fasttext, tmp_path):
    "Written here, from fastText's own vectors and from random ones"
    model, path = trained
    for wv in SubwordVectors.load_fasttext(path), made(1000, min_n=2, max_n=4):
        wv.save_fasttext(tmp_path/'ours.bin')
        theirs = fasttext.load_model(str(tmp_path/'ours.bin'))
        assert theirs.words == wv.index_to_key
        for word in SEEN + UNSEEN:
            np.testing.assert_allclose(wv[word], theirs.get_word_vector(word), atol=1e-5)
        output = theirs.get_output_matrix()
        assert not output.any() and output.shape == wv.shape
        near = theirs.get_nearest_neighbors(UNSEEN[0], k=1)
        assert near[0][1] == wv.most_similar(UNSEEN[0])[0][0]

def test_ours_read_by_gensim(trained, tmp_path):
    from gensim.models.fasttext import load_facebook_vectors
    wv = SubwordVectors.load_fasttext(trained[1])
    wv.save_fasttext(tmp_path/'ours.bin')
    theirs = load_facebook_vectors(str(tmp_path/'ours.bin'))
    assert theirs.index_to_key == wv.index_to_key
    assert theirs.get_vecattr(SEEN[0], 'count') == wv.get_vecattr(SEEN[0])
    for word in SEEN + UNSEEN:
        np.testing.assert_allclose(wv[word], theirs[word], atol=1e-5)
    for word in UNSEEN[:50]:
        ours, other = wv.most_similar(word, topn=5), theirs.most_similar(word, topn=5)
        assert [w for w, _ in ours] == [w for w, _ in other]

def test_gensim_reads_the_whole_model(tmp_path):
    "Output vectors travel along"
    from gensim.models.fasttext import load_facebook_model
    output = np.random.default_rng(1).normal(size=(200, 8)).astype(np.float32)
    wv = made(output_vectors=output, counts=range(200, 0, -1), params=dict(window=7, sg=0))
    wv.save_fasttext(tmp_path/'ours.bin')
    model = load_facebook_model(str(tmp_path/'ours.bin'))
    assert (model.syn1neg == output).all() and (model.window, model.sg) == (7, 0)

def test_a_model_without_ngrams(fasttext, tmp_path):
    "It's plain vectors"
    (tmp_path/'text').write_text('a b c d\n' * 300)
    model = fasttext.train_unsupervised(str(tmp_path/'text'), dim=10, maxn=0, epoch=1,
                                        thread=10, verbose=0)
    model.save_model(str(tmp_path/'m.bin'))
    wv = SubwordVectors.load_fasttext(tmp_path/'m.bin')
    assert type(wv) is WordVectors and 'unseen' not in wv
    np.testing.assert_allclose(wv['b'], model.get_word_vector('b'), atol=1e-6)

def test_labels_are_passed_over(fasttext, tmp_path):
    "A text with __label__ in it: fastText stores the labels after the words"
    (tmp_path/'text').write_text('a b __label__x c\n' * 300)
    model = fasttext.train_unsupervised(str(tmp_path/'text'), dim=10, bucket=50, epoch=1,
                                        minCount=1, thread=10, verbose=0)
    model.save_model(str(tmp_path/'m.bin'))
    assert FastTextHeader(*HEADER.unpack((tmp_path/'m.bin').read_bytes()[:92])).nlabels == 1
    wv = SubwordVectors.load_fasttext(tmp_path/'m.bin')
    assert set(wv.index_to_key) == {'a', 'b', 'c', '</s>'}
    np.testing.assert_allclose(wv['b'], model.get_word_vector('b'), atol=1e-6)

def test_classifiers_and_quantised_models_are_refused(fasttext, tmp_path):
    text = (f'__label__{i % 2} {word}\n' for i, word in enumerate(SEEN)) # 256 rows, to quantise
    (tmp_path/'text').write_text(''.join(text), encoding='utf-8')
    model = fasttext.train_supervised(str(tmp_path/'text'), dim=10, epoch=1, minCount=1,
                                      thread=10, verbose=0)
    for name in 'm.bin', 'm.ftz':
        if name == 'm.ftz': model.quantize(input=str(tmp_path/'text'))
        model.save_model(str(tmp_path/name))
        with pytest.raises(ValueError, match=rf'{name}, header.*a classifier \(supervised\)'):
            SubwordVectors.load_fasttext(tmp_path/name)

def test_version_11_differs_in_classifiers_only(fasttext, trained, tmp_path):
    model, path = trained
    raw = path.read_bytes()
    (tmp_path/'old.bin').write_bytes(raw[:4] + struct.pack('<i', 11) + raw[8:])
    theirs = fasttext.load_model(str(tmp_path/'old.bin'))
    wv = SubwordVectors.load_fasttext(tmp_path/'old.bin')
    np.testing.assert_allclose(wv['unseen'], theirs.get_word_vector('unseen'), atol=1e-6)

def test_words_that_are_not_utf8(fasttext, tmp_path):
    "They are named; read with their bytes escaped, they have fastText's vectors"
    wv = SubwordVectors.compose(np.eye(3), ['aXb', 'café', 'c'], np.ones((50, 3)))
    wv.save_fasttext(tmp_path/'m.bin')
    raw = (tmp_path/'m.bin').read_bytes()
    (tmp_path/'m.bin').write_bytes(raw.replace(b'aXb\0', b'a\xe9b\0'))
    with pytest.raises(ValueError, match=r"m.bin, word 0: expected UTF-8, found b'a\\xe9b'"):
        SubwordVectors.load_fasttext(tmp_path/'m.bin')
    read = SubwordVectors.load_fasttext(tmp_path/'m.bin', unicode_errors='backslashreplace')
    assert read.index_to_key == ['a\\xe9b', 'café', 'c']
    np.testing.assert_allclose(read.vectors[1:], wv.vectors[1:], atol=1e-6)
    theirs = fasttext.load_model(str(tmp_path/'m.bin')).get_input_matrix()
    pieces = 3*2 # of 3 to 5 characters in '<a.b>': 3 + 2 + 1, a broken byte is one of them
    expected = (theirs[0] + pieces*np.ones(3)) / (pieces + 1)
    np.testing.assert_allclose(read.vectors[0], expected, atol=1e-6)


def sound(tmp_path, **more):
    path = tmp_path/'sound.bin'
    made(20, 4, 30, **more).save_fasttext(path)
    return path.read_bytes()

def with_header(raw, **changes):
    return HEADER.pack(*FastTextHeader(*HEADER.unpack(raw[:92]))._replace(**changes)) + raw[92:]

@pytest.mark.parametrize('changes, says', [
    (dict(magic=7), 'magic number'), (dict(version=10), 'found version 10'),
    (dict(version=13), 'found version 13'), (dict(model=3), r'classifier \(supervised\)'),
    (dict(model=0), r'model 1 \(cbow\) or 2'), (dict(pruneidx_size=3), 'pruned, quantised'),
    (dict(pruneidx_size=-7), 'pruneidx_size'), (dict(dim=0), 'dim from 1'),
    (dict(dim=-4), 'found -4'), (dict(dim=2**31 - 1), 'dim from 1 to 1,000,000'),
    (dict(dim=1_000_000), 'at least 20'), (dict(nwords=-1), 'nwords from 1'),
    (dict(nwords=0, size=0), 'nwords from 1'),
    (dict(nwords=2**31 - 1, size=2**31 - 1), 'at least'),
    (dict(nlabels=-3), 'nlabels from 0'), (dict(size=21), 'size from 20 to 20, found 21'),
    (dict(size=21, nlabels=1), 'expected a word'),
    (dict(nwords=21, size=21), 'expected a word'),
    (dict(nwords=19, size=19), 'expected a matrix|a quantised one'),
    (dict(bucket=-1), 'bucket from 0'), (dict(bucket=2**31 - 1), 'at least 34,'),
    (dict(bucket=31), r'at least|shape \[51, 4\]'), (dict(bucket=29), r'the shape \[49, 4\]'),
    (dict(dim=3), r'the shape \[50, 3\]'), (dict(minn=-1), 'minn 0|minn from 0'),
    (dict(maxn=-2), 'maxn'), (dict(ntokens=-5), 'ntokens 0 or more, found -5'),
    (dict(t=float('nan')), 'finite number t'), (dict(t=float('inf')), 'finite number t')])
def test_headers_that_lie(tmp_path, changes, says):
    (tmp_path/'m.bin').write_bytes(with_header(sound(tmp_path), **changes))
    path = tmp_path/'m.bin'
    with pytest.raises(ValueError, match=says) as e: SubwordVectors.load_fasttext(path)
    assert str(path) in str(e.value)

def test_every_truncation_is_found(tmp_path):
    raw, path = sound(tmp_path), tmp_path/'m.bin'
    for size in range(len(raw)):
        path.write_bytes(raw[:size])
        with pytest.raises(ValueError, match='m.bin'): SubwordVectors.load_fasttext(path)
    path.write_bytes(raw + b'\0')
    with pytest.raises(ValueError, match='fills the rest'): SubwordVectors.load_fasttext(path)

def test_entries_and_matrices_that_lie(tmp_path):
    raw, path = sound(tmp_path), tmp_path/'m.bin'
    first = SEEN[0].encode()
    end = 92 + len(first) # of the first word
    matrix = 92 + sum(len(word.encode()) + 10 for word in SEEN[:20])
    assert raw[matrix] == 0 and struct.unpack('<2q', raw[matrix + 1:matrix + 17]) == (50, 4)
    nan = np.float32('nan').tobytes()
    faults = {'a word': raw[:end] + b'x' + raw[end + 1:], # no terminator
              'a word with a count of 0 or more': raw[:end + 8] + b'\xff' + raw[end + 9:],
              'type 1': raw[:end + 9] + b'\1' + raw[end + 10:],
              'a quantised one': raw[:matrix] + b'\1' + raw[matrix + 1:],
              'a matrix of the shape': raw[:matrix + 1] + b'\7' + raw[matrix + 2:],
              'row 0 holds nan': raw[:matrix + 17] + nan + raw[matrix + 21:],
              'expected UTF-8': raw[:92] + b'\xff' + raw[93:]}
    for says, content in faults.items():
        path.write_bytes(content)
        with pytest.raises(ValueError, match='m.bin.*' + says):
            SubwordVectors.load_fasttext(path)
    path.write_bytes(raw[:matrix + 17 + 4*4*20] + nan*120 + raw[matrix + 17 + 4*4*20 + 480:])
    with pytest.raises(ValueError, match='m.bin.*finite'): SubwordVectors.load_fasttext(path)

def test_random_damage_is_an_error_or_sound(tmp_path):
    "Bytes changed anywhere: a `ValueError`, or vectors that are finite"
    raw, path, rng = sound(tmp_path), tmp_path/'m.bin', random.Random(3)
    loaded = 0
    for _ in range(600):
        content = bytearray(raw)
        for _ in range(rng.randint(1, 3)):
            at = rng.randrange(100 if rng.random() < .5 else len(raw))
            content[at] = rng.choice([0, 1, 127, 128, 255, rng.randrange(256)])
        path.write_bytes(content)
        try: wv = SubwordVectors.load_fasttext(path)
        except ValueError as e: assert 'm.bin' in str(e)
        else:
            loaded += 1
            assert np.isfinite(wv.vectors).all() and len(wv.index_to_key) == len(wv)
    assert 50 < loaded < 550

def test_what_fuzzing_found(tmp_path, monkeypatch):
    "The models that a fuzzer kept: vectors or a `ValueError`"
    monkeypatch.syspath_prepend(str(root/'benchmarks'))
    import fuzz
    vectors = fuzz.module_of('fasttext')
    for name in 'BLOCK_BYTES', 'LONGEST_TOKEN', 'LARGE_FILE':
        monkeypatch.setattr(vectors, name, getattr(vectors, name, None), raising=False)
    kept = fuzz.stored('fasttext')
    found = [fuzz.check(vectors, 'fasttext', tmp_path/'input', data) for data in kept]
    loaded = [wv for wv in found if not isinstance(wv, str)]
    assert len(kept) > 40 and 5 < len(loaded) < len(kept)

@pytest.mark.parametrize('name, content, says', [
    ('empty', b'', 'magic number'), ('m.bin.gz', b'\x1f\x8b', 'gunzip'),
    ('v.vec', b'2 2\na 1 2\nb 3 4\n', "WordVectors.load_word2vec_format"),
    ('page', b'<!DOCTYPE html>', 'browser')])
def test_other_files(tmp_path, name, content, says):
    (tmp_path/name).write_bytes(content)
    with pytest.raises(ValueError, match=says): SubwordVectors.load_fasttext(tmp_path/name)

def test_no_file(tmp_path):
    with pytest.raises(FileNotFoundError, match='there is no file'):
        SubwordVectors.load_fasttext(tmp_path/'none.bin')
    with pytest.raises(IsADirectoryError): SubwordVectors.load_fasttext(tmp_path)
    for bad in 0, -1:
        with pytest.raises(ValueError, match='limit must be'):
            SubwordVectors.load_fasttext('x', bad)

def test_what_cannot_be_written(tmp_path):
    for word in '', 'a\0b', '\ud800':
        wv = SubwordVectors(np.eye(2), ['x', word], np.eye(2))
        with pytest.raises(ValueError, match="cannot be written in fastText's format"):
            wv.save_fasttext(tmp_path/'m.bin')
    for name in 'm.safetensors', 'm.ftz', 'm.bin.gz':
        with pytest.raises(ValueError, match='ends in .bin'):
            made().save_fasttext(tmp_path/name)
    with pytest.raises(ValueError, match='compact'):
        made().compact(UNSEEN[:3]).save_fasttext(tmp_path/'m.bin')
    assert not list(tmp_path.iterdir())

@pytest.mark.skipif(sys.platform != 'linux', reason='reads the peak of memory as Linux says it')
def test_memory_of_reading(tmp_path):
    "The table, and 10 % more"
    rng = np.random.default_rng(0)
    table = rng.normal(size=(200_000, 100)).astype(np.float32) # 80 MB
    made_here = SubwordVectors.compose(rng.normal(size=(1000, 100)), SEEN, table)
    made_here.save_fasttext(tmp_path/'m.bin')
    code = """import resource, sys
from w2v_nb import SubwordVectors
SubwordVectors.load_fasttext(sys.argv[1]) # a small one: compiles, and loads Numba
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
wv = SubwordVectors.load_fasttext(sys.argv[2])
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)*1024)"""
    made().save_fasttext(tmp_path/'small.bin')
    done = subprocess.run([sys.executable, '-c', code, tmp_path/'small.bin', tmp_path/'m.bin'],
                          capture_output=True, text=True, cwd=root)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 1.1*(table.nbytes + made_here.vectors.nbytes)


# ---------- questions

def test_the_vector_is_the_mean_of_the_pieces():
    wv = made(min_n=3, max_n=4)
    for word in UNSEEN[:50]:
        rows = [ngram_hash(piece) % 500 for piece in char_ngrams(word, 3, 4)]
        expected = wv.ngram_vectors[rows].astype(np.float64).mean(0)
        np.testing.assert_allclose(wv[word], expected, atol=1e-6)

def test_questions_about_unseen_words():
    "As those of plain vectors that have rows for the unseen words"
    wv, unseen = made(), UNSEEN[:5]
    plain = WordVectors(np.vstack([wv.vectors, wv[unseen]]), wv.index_to_key + unseen)
    a, b, c = unseen[0], SEEN[1], unseen[2]
    for ask in ('similarity', (a, b)), ('similarity', (a, c)), ('distance', (b, c)), \
               ('n_similarity', ([a, b], [c])), ('distances', (a, [b, c])):
        ours, theirs = (getattr(v, ask[0])(*ask[1]) for v in (wv, plain))
        np.testing.assert_allclose(ours, theirs, atol=1e-7)
    assert wv.doesnt_match([a, b, c]) == plain.doesnt_match([a, b, c])
    assert wv.most_similar_to_given(a, [b, c, SEEN[5]]) == plain.most_similar_to_given(
        a, [b, c, SEEN[5]])
    for how in dict(positive=a), dict(positive=[a, b], negative=c), dict(positive=[(a, 2.), b]):
        ours = wv.most_similar(**how, topn=8)
        theirs = [x for x in plain.most_similar(**how, topn=20) if x[0] not in unseen][:8]
        assert [w for w, _ in ours] == [w for w, _ in theirs]
    assert wv.most_similar_cosmul([a, b], c, topn=1)[0][0] in wv.key_to_index
    assert wv.closer_than(a, b) == [w for w in plain.closer_than(a, b) if w not in unseen]
    assert wv.similar_by_word(a) == wv.most_similar(a) == wv.most_similar_batch([a])[0]
    assert (wv.get_mean_vector([a, b]) == plain.get_mean_vector([a, b])).all()
    np.testing.assert_allclose(wv.get_vector(a, norm=True), plain.get_vector(a, norm=True))

def test_what_is_in():
    "Whatever has a vector, as in gensim every word that has n-grams"
    wv = made()
    assert 'anything' in wv and SEEN[0] in wv and 3 in wv
    assert '' not in wv and 200 not in wv and -1 not in wv and None not in wv and 1.5 not in wv
    assert wv.get('') is None and wv.get('anything') is not None
    for key, says in {'': 'has no n-grams of 3 to 6', 200: 'row 200 is out of range'}.items():
        with pytest.raises(KeyError, match=says): wv[key]
    with pytest.raises(TypeError, match='bytes'): wv[b'anything']
    with pytest.raises(KeyError, match='has no row'): wv.get_index('anything')
    assert wv.get_index('anything', -1) == -1 and '\ud800ab' in wv
    with pytest.raises(AttributeError, match='ngram_vectors'): wv.vectors_ngrams

def test_what_is_refused():
    good = np.eye(4, dtype=np.float32)
    words = list('abcd')
    plain = good, words, good
    for args, more, error, says in [
            ((good, words), {}, TypeError, 'n-grams are missing'),
            ((good, words, good[:, :2]), {}, ValueError, r'it must be \[buckets, 4\]'),
            ((good, words, good[:0]), {}, ValueError, 'shape'),
            (plain, dict(bucket=5), ValueError, 'bucket=5 for 4 rows'),
            (plain, dict(min_n=4, max_n=3), ValueError, 'min_n=4 is more'),
            (plain, dict(kept_buckets=[0, 1, 2, 3]), TypeError, 'needs bucket'),
            (plain, dict(bucket=9, kept_buckets=[0, 1, 1, 3]), ValueError, 'rising'),
            (plain, dict(bucket=3, kept_buckets=[0, 1, 2, 3]), ValueError, 'to 2')]:
        with pytest.raises(error, match=says): SubwordVectors(*args, **more)

def test_an_infinite_ngram_is_named():
    wv = made()
    wv.ngram_vectors[ngram_hash('<xy') % 500, 2] = np.inf
    with pytest.raises(ValueError, match=r'ngram_vectors: row \d+ holds inf'): wv['xyz']

def test_a_mapped_table_is_not_copied(tmp_path):
    np.save(tmp_path/'table.npy', np.ones((500, 8), np.float32))
    table = np.load(tmp_path/'table.npy', mmap_mode='r')
    wv = SubwordVectors.compose(np.ones((2, 8)), ['a', 'b'], table)
    assert np.shares_memory(wv.ngram_vectors, table) and wv['xyz'].tolist() == [1]*8


# ---------- our own file

def test_our_own_file(tmp_path):
    wv = made(counts=range(200), params=dict(x=1))
    wv.save(tmp_path/'m.safetensors')
    for load in WordVectors.load, SubwordVectors.load:
        mapped = load(tmp_path/'m.safetensors')
        assert type(mapped) is MappedSubwords and 'vectors' not in vars(mapped)
        assert repr(mapped) == repr(wv) and mapped._repr_html_() == wv._repr_html_()
        assert (mapped[UNSEEN[:9]] == wv[UNSEEN[:9]]).all()
        assert mapped.most_similar(UNSEEN[0]) == wv.most_similar(UNSEEN[0])
        assert mapped.ngram_settings == wv.ngram_settings and mapped.params == wv.params
    mapped.save(tmp_path/'again.safetensors')
    same = lambda *names: len({(tmp_path/name).read_bytes() for name in names}) == 1
    assert same('again.safetensors', 'm.safetensors')
    mapped.save_fasttext(tmp_path/'mapped.bin')
    wv.save_fasttext(tmp_path/'m.bin')
    assert same('mapped.bin', 'm.bin')

def test_a_question_loads_no_numba(tmp_path):
    "Nor reads the whole table: an unseen word, asked of a mapped file"
    made().save(tmp_path/'m.safetensors')
    code = ("import sys; from w2v_nb import WordVectors; WordVectors.load(sys.argv[1])"
            ".most_similar('unseen'); print('numba' in sys.modules)")
    done = subprocess.run([sys.executable, '-c', code, tmp_path/'m.safetensors'], text=True,
                          capture_output=True, cwd=root)
    assert done.stdout == 'False\n', done.stderr

def test_damage_to_our_file(tmp_path):
    wv, path = made().compact(), tmp_path/'m.safetensors'
    wv.save(path)
    raw = path.read_bytes()
    as_bytes = lambda values: np.array(values, np.int64).tobytes()
    settings, kept = as_bytes(wv.ngram_settings), as_bytes(wv.kept_buckets)
    assert raw.count(settings) == raw.count(kept) == 1
    swap = lambda *values: raw.replace(settings, as_bytes(values))
    faults = {"'ngram_vectors': expected what fits": swap(3, 2, 500),
              'bucket must be': swap(3, 6, 0),
              "'kept_buckets': expected rising": swap(3, 6, 5),
              'kept_buckets must be': raw.replace(kept, kept[::-1]),
              'expected three numbers': raw.replace(b'"ngram_settings"', b'"ngram_set_ings"')}
    for says, content in faults.items():
        path.write_bytes(content)
        with pytest.raises(ValueError, match=says) as e: WordVectors.load(path)['unseen word']
        assert str(path) in str(e.value)

def test_a_bad_value_is_met_when_it_is_used(tmp_path):
    wv, path = made(), tmp_path/'m.safetensors'
    wv.ngram_vectors[ngram_hash('<xy') % 500] = np.nan
    wv.save(path)
    mapped = WordVectors.load(path)
    for _ in range(2):
        with pytest.raises(ValueError, match=r"m.safetensors, tensor 'ngram_vectors', row \d+"):
            mapped['xyz']

def test_plain_vectors_have_no_ngrams(tmp_path):
    WordVectors(np.eye(2), ['a', 'b']).save(tmp_path/'v.safetensors')
    with pytest.raises(ValueError, match='no n-grams; read it with WordVectors.load'):
        SubwordVectors.load(tmp_path/'v.safetensors')


# ---------- smaller

def test_compact():
    wv = made(bucket=5000)
    asked = UNSEEN[:100]
    small = wv.compact(asked)
    assert len(small.ngram_vectors) == len(small.kept_buckets) < 5000
    assert (small[asked] == wv[asked]).all() and (small.vectors == wv.vectors).all()
    for word in UNSEEN[100:150]: # the pieces that are left; others count as zeros
        buckets = [ngram_hash(piece) % 5000 for piece in char_ngrams(word, 3, 6)]
        left = [b for b in buckets if b in set(small.kept_buckets.tolist())]
        assert (word in small) == bool(left)
        if not left: continue
        expected = wv.ngram_vectors[left].sum(0)/len(buckets)
        np.testing.assert_allclose(small[word], expected, atol=1e-6)
    again = small.compact(asked[:10])
    assert (again[asked[:10]] == wv[asked[:10]]).all()
    assert (again.ngram_vectors == wv.compact(asked[:10]).ngram_vectors).all()
    by_default = wv.compact()
    assert len(by_default.kept_buckets) == len({ngram_hash(piece) % 5000 for word in wv
                                                for piece in char_ngrams(word, 3, 6)})
    np.testing.assert_allclose(by_default.own_vectors(), wv.own_vectors(), atol=1e-5)
    with pytest.raises(ValueError, match='none of the words has n-grams'): wv.compact([''])
    with pytest.raises(TypeError, match='words must be a list'): wv.compact('word')
    with pytest.raises(TypeError, match='not row numbers'): wv.compact([3])

def test_first_words():
    wv = made(counts=range(200))
    some = wv.first(10)
    assert some.index_to_key == SEEN[:10] and some.counts.tolist() == list(range(10))
    assert (some['unseen'] == wv['unseen']).all()


# ---------- the command

def w2v(*words):
    return subprocess.run([sys.executable, '-m', 'w2v_nb', *map(str, words)], cwd=root,
                          text=True, capture_output=True)

def test_the_command(tmp_path):
    wv, model, out = made(), tmp_path/'model.bin', tmp_path/'out.safetensors'
    wv.save_fasttext(model)
    first = wv.most_similar('mispeling', topn=1)[0][0]
    for source in model, out:
        shown = w2v('similar', source, 'mispeling', '--topn', 1)
        assert shown.stdout.split('\t')[0] == first, shown.stderr
        if source == model: assert w2v('convert', model, out).returncode == 0
    shown = w2v('similar', out, 'mispeling', '--limit', 5, '--topn', 1)
    assert shown.stdout.split()[0] in SEEN[:5]
    model.write_bytes(model.read_bytes()[:200])
    damaged = w2v('similar', model, 'mispeling')
    assert damaged.returncode == 2 and 'model.bin' in damaged.stderr
    assert damaged.stderr.count('\n') == 1
