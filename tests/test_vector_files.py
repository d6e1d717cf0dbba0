"""Files of vectors in a user's hands: words that few formats hold, byte order marks, files that
are something else, names that promise another format."""
import bz2, gzip, lzma, pickle, re, zipfile
import numpy as np, pytest
from hypothesis import given, settings, strategies as st
from w2v_nb.vectors.evaluation import evaluate_word_analogies, evaluate_word_pairs
from w2v_nb.vectors import WordVectors

gensim = pytest.importorskip('gensim')
from gensim.models import KeyedVectors

BOM = b'\xef\xbb\xbf'
TABLE = np.random.default_rng(0).normal(size=(8, 20)).astype(np.float32)
load = WordVectors.load_word2vec_format
ODD = ['', ' ', 'New York', 'a\tb', '\x0c', '\xa0', '\x1c', '\x85', '\u2028', '\u3000',
       '\ud800', '\ufeff', '\ufeffa', 'top 10', '. . .', '9', '-.5', 'nan', '\0', 'a\nb',
       '<html', '%PDF-', 'GIF89a', '9 4', '🙂', '{\\rtf']
words_of = st.lists(st.sampled_from(ODD) | st.text(st.characters(), max_size=4), min_size=1,
                    max_size=8, unique=True)


def same(a, b):
    assert a.index_to_key == b.index_to_key and a.vectors.tobytes() == b.vectors.tobytes()


@given(words_of, st.sampled_from(['text', 'binary', 'glove', 'safetensors', 'text.gz',
                                  'binary.gz']))
@settings(max_examples=400, deadline=None)
def test_a_word_comes_back_or_is_refused(tmp_path_factory, words, kind):
    path = tmp_path_factory.getbasetemp()/f'words.{kind}'
    path.unlink(missing_ok=True)
    wv = WordVectors(TABLE[:len(words)], words)
    binary = kind.startswith('binary')
    no_header = kind == 'glove'
    try:
        if kind == 'safetensors': wv.save(path)
        else: wv.save_word2vec_format(path, binary=binary, write_header=not no_header)
    except ValueError as e:
        assert not path.exists()
        assert any(repr(word) in str(e) or f'row {i} is empty' in str(e)
                   for i, word in enumerate(words))
        return
    if kind == 'safetensors': same(WordVectors.load(path), wv)
    else: same(load(path, binary=binary, no_header=no_header), wv)


# what JavaScript takes for white space
BLANK = ('\t\n\x0b\x0c\r \xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008'
         '\u2009\u200a\u2028\u2029\u202f\u205f\u3000\ufeff')
def labels(folder, rows):
    "Labels as TensorBoard's page reads them: a newline ends a line; blank ones are skipped."
    text = (folder/'metadata.tsv').read_bytes().decode().removeprefix('\ufeff')
    lines = [line for line in text.split('\n') if line.strip(BLANK)]
    if '\t' in lines[0]: lines = lines[1:]
    assert len(lines) == rows
    return [line.split('\t')[0] for line in lines]


@given(words_of, st.booleans())
@settings(max_examples=200, deadline=None)
def test_labels_of_the_projector_stay_in_line(tmp_path_factory, words, counts):
    folder = tmp_path_factory.getbasetemp()/'projector'
    counts = range(len(words)) if counts else None
    WordVectors(TABLE[:len(words)], words, counts=counts).save_projector(folder)
    for word, label in zip(words, labels(folder, len(words)), strict=True):
        assert label in (word, repr(word))


@pytest.mark.parametrize('word', ['', '\xa0', '\u3000', '\ufeff', '\x85', '\x1d'])
def test_blank_words_have_labels(tmp_path, word):
    WordVectors(TABLE[:3], ['a', word, 'c']).save_projector(tmp_path)
    assert labels(tmp_path, 3) == ['a', repr(word), 'c']


# ---------- what gensim writes

TOKENS = ['New York', ' a', '. . .', 'x\x0cy', 'x\ty', '\xa0', '\x85', '\u2028', '\x1c',
          '\ufeff', '5\xa0kg', 'at name@domain.com', 'a b c d e']
@pytest.mark.parametrize('word', TOKENS + ['a ', '\t', '\x0c', ' ', 'a\nb', 'top 10',
                                           'New Yor'])
def test_binary_files_of_gensim(tmp_path, word):
    "gensim cannot read its own file if a word has a space in it."
    for words in (['first', word, 'third', 'last'], ['first', 'third', 'last', word],
                  [word, 'first', 'third', 'last']):
        theirs = KeyedVectors(20)
        theirs.add_vectors(words, TABLE[:4])
        theirs.save_word2vec_format(tmp_path/'g', binary=True)
        ours = load(tmp_path/'g', binary=True)
        assert ours.index_to_key == words and ours.vectors.tobytes() == TABLE[:4].tobytes()


@pytest.mark.parametrize('word', TOKENS)
def test_text_files_of_gensim(tmp_path, word):
    theirs = KeyedVectors(20)
    theirs.add_vectors(['first', word, 'third', 'last'], TABLE[:4])
    theirs.save_word2vec_format(tmp_path/'g')
    assert load(tmp_path/'g').index_to_key == ['first', word, 'third', 'last']


@pytest.mark.parametrize('word, binary', [('', False), ('', True), ('\n', True), ('\t', False),
                                          ('\x0c', False), ('top 10', False)])
def test_tokens_that_can_be_skipped(tmp_path, word, binary):
    theirs = KeyedVectors(20)
    theirs.add_vectors(['first', word, 'third', 'last'], TABLE[:4])
    theirs.save_word2vec_format(tmp_path/'g', binary=binary)
    with pytest.raises(ValueError, match="on_bad_word='skip'"):
        load(tmp_path/'g', binary=binary)
    ours = load(tmp_path/'g', binary=binary, on_bad_word='skip')
    assert ours.index_to_key == ['first', 'third', 'last']
    assert ours.vectors.tobytes() == TABLE[[0, 2, 3]].tobytes()
    with pytest.raises(ValueError, match="on_bad_word must be 'error' or 'skip'"):
        load(tmp_path/'g', on_bad_word='first')


def test_ordinary_binary_files_read_as_before(tmp_path):
    "Values full of spaces, sizes of all kinds: a later space is tried, and not taken."
    rng = np.random.default_rng(1)
    for D in 1, 2, 3, 50:
        any_bits = rng.integers(0, 2**32, (300, D), dtype=np.uint32)
        spaces = np.where(rng.random((300, D)) < .5, 0x20202020, 0x3d202020)
        for bits in any_bits, spaces.astype(np.uint32):
            table = bits.view(np.float32)
            table = table[np.isfinite(table).all(1)]
            wv = WordVectors(table, [f'w{i}' for i in range(len(table))])
            wv.save_word2vec_format(tmp_path/'f', binary=True)
            same(load(tmp_path/'f', binary=True), wv)


# ---------- byte order marks

@pytest.mark.parametrize('pack', [bytes, gzip.compress])
def test_a_byte_order_mark_is_no_part_of_a_word(tmp_path, pack):
    binary = b'1 1\nthe ' + np.float32(1).tobytes()
    for raw, how in [(b'the 1\n', dict(no_header=True)), (b'1 1\nthe 1\n', {}),
                     (b'1 1\r\nthe 1\r\n', {}), (binary, dict(binary=True))]:
        (tmp_path/'f').write_bytes(pack(BOM + raw))
        assert load(tmp_path/'f', **how).index_to_key == ['the']
    (tmp_path/'f').write_bytes(pack('1 1\nthe 1\n'.encode('utf-16')))
    for how in {}, dict(no_header=True), dict(binary=True):
        with pytest.raises(ValueError, match='It is a text in UTF-16.*iconv -f UTF-16'):
            load(tmp_path/'f', **how)


def test_byte_order_marks_of_questions(tmp_path):
    wv = WordVectors(TABLE[:4, :3], ['a', 'b', 'c', 'd'])
    pairs, questions = b'a\tb\t1\nc\td\t2\nb\tc\t3\n', b': x\na b c d\nb c d a\n'
    plain, marked = tmp_path/'plain', tmp_path/'marked'
    def ask_pairs(path): return evaluate_word_pairs(wv, path)
    def ask_analogies(path): return evaluate_word_analogies(wv, path, quiet=True)
    for raw, ask in (pairs, ask_pairs), (questions, ask_analogies):
        plain.write_bytes(raw)
        marked.write_bytes(BOM + raw)
        assert tuple(ask(marked)) == tuple(ask(plain)) and ask(marked).skipped == 0
        for content, says in [(raw.decode().encode('utf-16'), 'is a text in UTF-16'),
                              (gzip.compress(raw), 'gunzip'), (b'%PDF-1.4', 'is a PDF'),
                              (bz2.compress(raw), 'bunzip2')]:
            marked.write_bytes(content)
            with pytest.raises(ValueError, match=says): ask(marked)
        with pytest.raises(IsADirectoryError, match='is a folder'): ask(tmp_path)
        with pytest.raises(FileNotFoundError, match='there is no file'): ask(tmp_path/'nowhere')
    marked.write_bytes(pairs.decode().encode('utf-16'))
    assert evaluate_word_pairs(wv, marked, encoding='utf-16').skipped == 0


# ---------- files that are something else

def zipped(path):
    with zipfile.ZipFile(path, 'w') as f: f.writestr('glove.txt', 'a 1 2\n')
    return path.read_bytes()

@pytest.fixture(scope='module')
def kinds(tmp_path_factory):
    folder = tmp_path_factory.mktemp('kinds')
    theirs = KeyedVectors(2)
    theirs.add_vectors(['a'], [[1, 2]])
    np.save(folder/'a.npy', TABLE)
    np.savez(folder/'a.npz', vectors=TABLE)
    WordVectors([[1, 2]], ['a']).save(folder/'a.safetensors')
    text = b'1 2\na 1 2\n'
    return dict(fasttext=(b'\xba\x16\x4f\x2f' + bytes(40), 'SubwordVectors.load_fasttext'),
                gensim=(pickle.dumps(theirs), 'KeyedVectors.load'),
                pickle=(pickle.dumps([1]), 'any code'),
                bz2=(bz2.compress(text), 'bunzip2'),
                xz=(lzma.compress(text), 'unxz'),
                zst=(b'\x28\xb5\x2f\xfd' + bytes(9), 'unzstd'),
                zip=(zipped(folder/'a.zip'), 'unzip'),
                npy=((folder/'a.npy').read_bytes(), 'np.load'),
                npz=((folder/'a.npz').read_bytes(), "np.load.*vectors"),
                html=(b'<!DOCTYPE html>\n<html>', 'browser'),
                safetensors=((folder/'a.safetensors').read_bytes(), r'WordVectors\.load\('),
                pdf=(b'%PDF-1.5\n', 'is a PDF'))

@pytest.mark.parametrize('name', ['fasttext', 'gensim', 'pickle', 'bz2', 'xz', 'zst', 'zip',
                                  'npy', 'npz', 'html', 'safetensors', 'pdf'])
def test_other_files_are_named(tmp_path, kinds, name):
    content, says = kinds[name]
    path = tmp_path/'vectors'
    path.write_bytes(content)
    for how in {}, dict(binary=True), dict(no_header=True):
        with pytest.raises(ValueError, match=says): load(path, **how)
    if name != 'safetensors':
        with pytest.raises(ValueError, match=says): WordVectors.load(path)


def test_the_line_for_a_pickle_works(tmp_path, monkeypatch):
    from gensim.models import Word2Vec
    monkeypatch.chdir(tmp_path)
    model = Word2Vec([['a', 'b', 'c']]*10, vector_size=4, min_count=1, epochs=1)
    for name, saved in ('model', model), ('kv', model.wv):
        saved.save(name)
        with pytest.raises(ValueError, match='a pickle of gensim') as e: load(name)
        exec(re.search('Where gensim is installed: (.*)', str(e.value))[1], {})
        assert load('vectors.txt').vectors.tobytes() == model.wv.vectors.tobytes()


def test_vectors_of_another_format(tmp_path):
    wv, path = WordVectors(TABLE, [f'w{i}' for i in range(8)]), tmp_path/'v'
    wv.save_word2vec_format(path)
    with pytest.raises(ValueError, match=r"load_word2vec_format\('.*v'\)"):
        WordVectors.load(path)
    with pytest.raises(ValueError, match='without binary=True'): load(path, binary=True)
    with pytest.raises(ValueError, match='leave out no_header=True'): load(path, no_header=True)
    wv.save_word2vec_format(path, binary=True)
    with pytest.raises(ValueError, match=r"load_word2vec_format\('.*v', binary=True\)"):
        WordVectors.load(path)
    with pytest.raises(ValueError, match='with binary=True'): load(path)
    wv.save_word2vec_format(path, write_header=False)
    with pytest.raises(ValueError, match=r"load_word2vec_format\('.*v', no_header=True\)"):
        WordVectors.load(path)
    with pytest.raises(ValueError, match='no_header=True'): load(path)
    path.write_text('three little words\n')
    with pytest.raises(ValueError, match="Give a file in word2vec's"): load(path)


# ---------- names and folders

LINES = [('csv', 'to_csv'), ('tsv', "sep='"), ('txt', 'save_word2vec_format'),
         ('vec', 'save_word2vec_format'), ('txt.gz', 'save_word2vec_format'),
         ('bin', 'binary=True'), ('npz', 'numpy.savez'), ('npy', 'numpy.save'),
         ('json', 'to_json'), ('glove', 'write_header=False'), ('parquet', 'to_parquet'),
         ('xlsx', 'to_excel'), ('pt', 'torch.save'), ('pkl', 'pickle.dump')]
@pytest.mark.parametrize('ending, says', LINES)
def test_names_that_promise_another_format(tmp_path, ending, says):
    wv = WordVectors(TABLE, [f'w{i}' for i in range(8)])
    with pytest.raises(ValueError, match=re.escape(says)) as e: wv.save(tmp_path/f'm.{ending}')
    assert not list(tmp_path.iterdir()) and str(tmp_path/'m.safetensors') in str(e.value)
    if says.startswith(('save_', 'binary', 'write_header')):
        exec(re.search('write (wv.*), or', str(e.value))[1], dict(wv=wv))
    if 'numpy' in says:
        exec(re.search('write (numpy.*), or', str(e.value))[1], dict(wv=wv, numpy=np))


def test_names_of_packed_files(tmp_path):
    wv = WordVectors([[1]], ['a'])
    for name in 'v.bz2', 'v.xz', 'v.txt.zst', 'v.zip':
        with pytest.raises(ValueError, match='only gzip is'):
            wv.save_word2vec_format(tmp_path/name)
    with pytest.raises(ValueError, match='write that with save'):
        wv.save_word2vec_format(tmp_path/'v.safetensors')
    for name in 'v', 'v.kv', 'v.safetensors':
        wv.save(tmp_path/name)
        assert WordVectors.load(tmp_path/name).index_to_key == ['a']


def test_folders(tmp_path):
    wv = WordVectors([[1, 2]], ['a'], params=dict(window=5))
    with pytest.raises(IsADirectoryError, match='without vectors.safetensors'):
        WordVectors.load(tmp_path)
    wv.save(tmp_path/'vectors.safetensors')
    for folder in tmp_path, str(tmp_path): assert WordVectors.load(folder).params == wv.params
    with pytest.raises(IsADirectoryError, match=r'WordVectors\.load\('): load(tmp_path)
    for write in wv.save, wv.save_word2vec_format:
        with pytest.raises(IsADirectoryError, match='the name of a file in it'): write(tmp_path)
    for read in load, WordVectors.load:
        with pytest.raises(FileNotFoundError, match='there is no file'):
            read(tmp_path/'nowhere')


def test_settings_of_files(tmp_path):
    wv, path = WordVectors([[1, 2]], ['a']), tmp_path/'v'
    for call in (lambda: wv.save_word2vec_format(path, binary='no'),
                 lambda: wv.save_word2vec_format(path, write_header=0),
                 lambda: load(path, binary='yes'), lambda: load(path, limit=2.5),
                 lambda: load(path, limit=True), lambda: wv.save_projector(path, limit='3')):
        with pytest.raises(TypeError, match='must be'): call()
    wv.save_word2vec_format(path, binary=np.False_)
    assert load(path, limit=np.int64(1)).index_to_key == ['a']


def test_gensim_arguments_of_files(tmp_path):
    "What gensim takes and we don't is answered by the line to write"
    wv = WordVectors(np.eye(2, dtype=np.float32), ['a', 'b'])
    path = tmp_path/'vectors.bin'
    wrong = [(['counts.txt'], dict(binary=True), 'by name; write binary=True'),
             ([], dict(fvocab='counts.txt'), 'no fvocab=; counts in a second file'),
             ([], dict(datatype=np.float16), 'no datatype=; vectors are float32'),
             ([], dict(binry=True), 'did you mean binary=')]
    for ask in wv.save_word2vec_format, WordVectors.load_word2vec_format:
        for args, kwargs, message in wrong:
            with pytest.raises(TypeError, match=message): ask(path, *args, **kwargs)
    assert not path.exists()
