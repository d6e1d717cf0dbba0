"What users give as a text, by habit or accident: it works, or the error has the line to type."
import bz2, gzip, lzma, os, re, warnings

import numpy as np, pytest

from w2v_nb.engine import corpus as C
from w2v_nb.engine.corpus import Corpus, begins_as_prose
from w2v_nb.chapter.text import Vocab, read_file, split_lines

posix = pytest.mark.skipif(os.name == 'nt', reason='links, and bytes in names')


def read(path, **options):
    "Sentences, and the warnings"
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter('always')
        corpus = Corpus.from_file(path, **dict(min_count=1, quiet=True) | options)
    return list(corpus), [str(w.message) for w in caught]


@pytest.mark.parametrize(
    'word', ['', ' ', '\xa0', 'a\tb', 'a\x0cb', 'a\nb', 'a\u2028b', '\ud800', 'x\udfff']
)
def test_words_that_no_file_can_hold_are_refused_where_they_enter(word):
    with pytest.raises(ValueError, match=r'sentence 1, word 2 \(from 0\): '):
        Corpus.from_sentences([['a'], ['b', 'c', word]], 1)
    with pytest.raises(ValueError, match=r'pair 0, word 1 \(from 0\): '):
        Corpus.from_pairs([('a', word)])


def test_half_a_character_does_not_end_a_sentence():
    for word in C.END, None, 0:
        with pytest.raises(ValueError):
            Corpus.from_sentences([['a', word, 'b']], 1)
    assert list(Corpus.from_sentences([['a b', 'ñ', '<unk>']], 1)) == [['a b', 'ñ', '<unk>']]


def test_tokens_of_white_space_are_left_out():
    corpus = Corpus.from_sentences(['a  b', ' '], 1, tokenize=re.compile('( )').split)
    assert list(corpus) == [['a', 'b']]


TYPES = dict(  # what is given as sentences: error, message
    text=('a rose', ValueError, r'write Corpus.from_sentences\(text.splitlines'),
    file_name=('my.txt', ValueError, r"; write Corpus.from_file\('my.txt'\)$"),
    strings=(['a rose', 'b'], ValueError, r"Corpus.from_sentences\(texts, tokenize='words'\)"),
    dict=(
        {'id': [1], 'text': ['a']},
        TypeError,
        r"a dict with the keys 'id', 'text'; give one of them: .*data\['text'\]",
    ),
    rows=([{'id': 1, 'text': 'a'}], TypeError, r"row\['text'\] for row in rows"),
    ints=([[1, 2]], ValueError, r"write \[\[str\(w\) for w in s\] for s in sentences\]"),
    bytes=([[b'a']], ValueError, r"write b'a'.decode\(\)"),
    byte_string=([b'a b'], ValueError, 'not bytes'),
    number=(3, TypeError, 'must be token lists or texts, not 3'),
    none=(None, TypeError, 'not None'),
)


@pytest.mark.parametrize('name', TYPES)
def test_types_that_slipped_through(name):
    given, error, says = TYPES[name]
    with pytest.raises(error, match=says):
        Corpus.from_sentences(given, 1)


@pytest.mark.parametrize(
    'options, error',
    [
        (dict(min_count=True), TypeError),
        (dict(min_count=0), ValueError),
        (dict(min_count='5'), TypeError),
        (dict(vocab='a'), TypeError),
        (dict(name=3), TypeError),
        (dict(weights=['1']), ValueError),
        (dict(weights=[True]), ValueError),
        (dict(max_final_vocab=1.5), TypeError),
        (dict(tokenize='word'), ValueError),
    ],
)
def test_options_that_slipped_through(options, error):
    with pytest.raises(error):
        Corpus.from_sentences([['a']], **dict(min_count=1) | options)


class Table:  # as pandas, polars and datasets have it
    def __init__(self, name):
        setattr(self, name, np.array(['id', 'text']))

    def __iter__(self):
        return iter(['id', 'text'])


@pytest.mark.parametrize('name', ['columns', 'column_names'])
def test_tables_name_their_columns(name):
    says = r"a Table with the columns 'id', 'text'.*data\['text'\], tokenize='words'"
    for make in Corpus.from_sentences, Corpus.from_pairs:
        with pytest.raises(TypeError, match=says):
            make(Table(name))


def test_a_column_of_texts():
    texts = ['A rose is a rose.', 'So it is!\nIs it?']
    assert list(Corpus.from_sentences(iter(texts), 1, tokenize='words')) == [
        ['a', 'rose', 'is', 'a', 'rose'],
        ['so', 'it', 'is', 'is', 'it'],
    ]
    with pytest.raises(TypeError, match='text 1 .*leave out what is missing'):
        Corpus.from_sentences(['a', float('nan')], 1, tokenize='words')
    with pytest.raises(TypeError, match='leave tokenize= out'):
        Corpus.from_sentences([['a']], 1, tokenize='words')


def test_tokenizers_that_give_no_list():
    for how in str.lower, lambda line: None:
        with pytest.raises(ValueError, match='tokenize must return a list of tokens'):
            Corpus.from_sentences(['a b'], 1, tokenize=how)


def test_a_vocabulary_takes_words():
    for given in [[1]], [['a', None]], 'abc', {1: 2}, {'a': 1.5}, {'a': True}, [b'ab']:
        with pytest.raises(TypeError):
            Vocab(given)
    with pytest.raises(ValueError):
        Vocab({'a': -1})
    assert Vocab({'a': np.int64(2)}, unk=None).counts.tolist() == [2]


KINDS = dict(  # bytes, message
    bz2=(bz2.compress(b'a b'), 'bzip2 file, not plain text. Get its text with: bunzip2'),
    xz=(lzma.compress(b'a b'), 'unxz'),
    zst=(b'\x28\xb5\x2f\xfd\0\0\0', 'zstd -d'),
    pdf=(b'%PDF-1.7\n', 'pdftotext'),
    png=(b'\x89PNG\r\n\x1a\n', 'a PNG picture'),
    parquet=(b'PAR1\x15\x04', 'pandas.read_parquet'),
    html=(b'<!DOCTYPE html>\n<p>', 'pandoc'),
    saved_page=(b'<!-- saved -->\n<HTML><body>', 'pandoc'),
    xhtml=(b'<?xml version="1.0"?>\n<!DOCTYPE html>', 'pandoc'),
    utf16=('\ufeffa b'.encode('utf-16-be'), 'iconv -f utf-16 '),
    utf32=('a b'.encode('utf-32'), 'iconv -f utf-32 '),
    gz16=(gzip.compress('a b'.encode('utf-16')), 'compressed with gzip'),
    jsonl=(b'{"id": 1, "text": "a b"}\n', r"row\['text'\].*map\(json.loads"),
    json=(b'[{"id": 1, "text": "a"}]', r'json.load\('),
    gz_jsonl=(gzip.compress(b'{"text": "a b"}\n'), r'gzip.open\('),
)


@pytest.mark.parametrize('name', KINDS)
def test_kinds_of_files(tmp_path, name):
    data, says = KINDS[name]
    (tmp_path/'a.txt').write_text('a rose\n')
    (tmp_path/'b.txt').write_bytes(data)
    for errors in 'strict', 'replace':
        with pytest.raises(ValueError, match=says) as told:
            Corpus.from_file(tmp_path/'b.txt', 1, errors=errors)
        assert "errors='replace'" not in str(told.value)
    with pytest.raises(ValueError, match='b.txt.*skip_bad=True'):
        Corpus.from_file(tmp_path, 1)
    sentences, told = read(tmp_path, skip_bad=True)
    assert sentences == [['a', 'rose']]
    [warning] = told
    assert 'left out 1 of 2 files' in warning and 'b.txt' in warning


@pytest.mark.parametrize(
    'text, says',
    [
        ('text,label\nThe cat,1\nA dog,2\n', "row['text'] for row in csv.DictReader("),
        ('dog,1\ncat,2\nrose,3\n', 'row[0] for row in csv.reader('),
        ('a\tb\nc d\te\nf\tg\n', r"delimiter='\t')"),
        ('id;text\nx;a b\ny;c d\n', "delimiter=';'"),
    ],
)
def test_tables_are_noticed(tmp_path, text, says):
    (tmp_path/'my.txt').write_text(text)
    _, told = read(tmp_path/'my.txt')
    [warning] = [text for text in told if 'looks like a table' in text]
    assert says in warning


def test_the_line_for_a_table_works(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path/'my.csv').write_text('label,text\n1,"a b, a"\n2,b a\n3,a\n')
    message = C.check_table((tmp_path/'my.csv').read_text(), 'my.csv')
    line = message.split('column: ')[1].split('. Or write')[0]
    imports, call = line.split('; ', 1)
    scope = dict(Corpus=Corpus)
    exec(imports, scope)
    corpus = eval(call.replace("tokenize='words'", "min_count=1, tokenize='words'"), scope)
    assert corpus.num_words == 6


@posix
def test_links(tmp_path):
    (tmp_path/'real').mkdir()
    (tmp_path/'real' / 'a.txt').write_text('a b\n')
    (tmp_path/'text').mkdir()
    links = dict(one='../real', two='../real', circle='.', file='../real/a.txt')
    for name, to in links.items():
        (tmp_path/'text'/name).symlink_to(to)
    assert read(tmp_path/'text')[0] == [['a', 'b']]
    (tmp_path/'text' / 'zz').symlink_to('nowhere')
    with pytest.raises(FileNotFoundError, match='zz is a broken link: there is no nowhere'):
        Corpus.from_file(tmp_path/'text', 1)
    with pytest.raises(FileNotFoundError, match='is a broken link'):
        Corpus.from_file(tmp_path/'text' / 'zz', 1)
    assert 'broken link' in read(tmp_path/'text', skip_bad=True)[1][0]


def test_several_inputs(tmp_path):
    for name in 'ab':
        (tmp_path/name).write_text(name + ' x\n')
    sentences, _ = read([tmp_path/'b', str(tmp_path/'a'), tmp_path/'b'])
    assert sentences == [['b', 'x'], ['a', 'x']]
    with pytest.raises(ValueError, match='list of files is empty'):
        Corpus.from_file([])


@pytest.mark.parametrize(
    'given, error',
    [
        ('', ValueError),
        (b'a.txt', TypeError),
        (3, TypeError),
        (None, TypeError),
        ('The cat sat on the mat.', FileNotFoundError),
        ('x ' * 40_000, FileNotFoundError),
        ('\ud800', FileNotFoundError),
    ],
)
def test_what_is_not_a_path(given, error):
    with pytest.raises(error) as told:
        Corpus.from_file(given)
    assert len(str(told.value)) < 500
    str(told.value).encode()


@posix
def test_bytes_in_names(tmp_path):
    path = os.fsencode(tmp_path) + b'/caf\xe9.txt'
    try:
        open(path, 'w').write('a b\n')
    except OSError:
        pytest.skip('this file system takes no such name')
    corpus, text = Corpus.from_file(os.fsdecode(path), 1), read_file(os.fsdecode(path))
    (repr(corpus) + corpus.name + text.name).encode()
    open(path, 'wb').write(b'\xff')
    for read_it in Corpus.from_file, read_file:
        with pytest.raises(ValueError) as told:
            read_it(os.fsdecode(path))
        str(told.value).encode()


def test_lines_end_alike(tmp_path):
    text = 'a\x0bb\x0cc\x1cd\x85e\u2028f\rg\r\nh\n'
    (tmp_path/'t').write_bytes(text.encode())
    expected = [list('abcdefg'), ['h']]
    assert read(tmp_path/'t')[0] == expected
    assert split_lines(text) == read_file(tmp_path/'t').sentences == expected
    (tmp_path/'mac').write_bytes(b'a b\rc d\r')
    assert "tr '\\r' '\\n'" in read(tmp_path/'mac')[1][0]
    with pytest.warns(UserWarning, match='only carriage returns'):
        read_file(tmp_path/'mac')


def test_bom_in_every_file(tmp_path):
    (tmp_path/'a').write_bytes('\ufeffa'.encode())
    (tmp_path/'b').write_bytes(gzip.compress('\ufeffb'.encode()))
    assert read(tmp_path)[0] == [['a'], ['b']]


def test_scripts_without_spaces(tmp_path):
    line = 'Ein Satz und noch einer. 我们从一个词周围的词来学习它的意思，所以需要很多文本。\n'
    (tmp_path/'t').write_text(line * 20, encoding='utf-8')
    told = [w for w in read(tmp_path/'t', tokenize='words')[1] if 'is in Chinese' in w]
    assert len(told) == 1 and 'tokenize=jieba.lcut' in told[0]


def test_prose(tmp_path):
    (tmp_path/'t').write_text('The cat sat, and slept. "Who is it?" she said.\n')
    (tmp_path/'u').write_text('the cat sat\n')
    assert begins_as_prose(tmp_path/'t') and begins_as_prose([tmp_path/'t'])
    assert not begins_as_prose(tmp_path/'u')
