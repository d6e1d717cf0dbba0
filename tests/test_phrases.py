"Phrases: gensim is the oracle, word by word and bit by bit; and what is refused."
import json, math, random, warnings
from itertools import pairwise

import numpy as np
import pytest

from w2v_nb import ENGLISH_CONNECTOR_WORDS, Corpus, Phrases
from w2v_nb.base.pydoc import read_pydoc
from w2v_nb.chapter.text import has_ptb
from w2v_nb.engine import phrases as module
from w2v_nb.tools import cli

gensim = pytest.importorskip('gensim.models.phrases')
Gensim, GENSIMS = gensim.Phrases, gensim.ENGLISH_CONNECTOR_WORDS
pytestmark = pytest.mark.filterwarnings('ignore::UserWarning')
TOY = [line.split() for line in ('new york is big', 'she left new york', '', 'new ways home',
                                 'york in the north')]


def corpus_of(sentences): return Corpus.from_sentences(sentences, min_count=1)

def is_ambiguous(corpus, delimiter):
    "Whether some joined name may be read in two ways"
    return any(letter in word for word in corpus.vocab for letter in delimiter)

def same(sentences, passes=1, **options):
    "Compare with gensim; the last `Phrases`, and the joined corpus"
    theirs, corpus = [s for s in sentences if s], corpus_of(sentences)
    for _ in range(passes):
        oracle, ours = Gensim(theirs, **options), Phrases(corpus, quiet=True, **options)
        assert ours.num_distinct == len(oracle.vocab)
        assert ours.num_words == oracle.corpus_word_count
        joined = ours.join(corpus, quiet=True)
        assert list(joined) == list(oracle[theirs]) == list(ours[theirs])
        scores = {(ours.delimiter.join(words), score) for words, score in ours.scores.items()}
        assert scores >= set(oracle.find_phrases(theirs).items())
        if not is_ambiguous(corpus, ours.delimiter):
            assert ours.export_phrases() == oracle.export_phrases()
        theirs, corpus = list(joined), joined
    return ours, joined


@pytest.mark.parametrize('seed', range(6))
def test_random_texts(seed):
    "Few words, so that every case comes: connectors in a row, names with several readings"
    rng, checked = random.Random(seed), 0
    for _ in range(40):
        ends = ['', '', '_', '_a', 'b_c', '__', 'é']
        words = sorted({rng.choice('abcdefgh') + rng.choice(ends)
                        for _ in range(rng.choice([2, 4, 9]))})
        lengths = [rng.choice([0, 1, 2, 5, 30]) for _ in range(rng.choice([1, 6, 40]))]
        sentences = [rng.choices(words, k=length) for length in lengths]
        if not any(sentences): continue
        npmi = rng.random() < .4
        threshold = rng.choice([-1, -.3, 0, .3, .9] if npmi else [.1, .5, 1, 2])
        same(sentences, rng.choice([1, 2, 3]), threshold=threshold,
             min_count=rng.choice([1, 2, 3]), scoring='npmi' if npmi else 'default',
             delimiter=rng.choice(['_', '_', '__', 'ab']),
             connector_words=frozenset(rng.sample(words, rng.choice([0, 0, 1, len(words)//2]))))
        checked += 1
    assert checked > 20

@pytest.mark.parametrize('options', [
    {}, dict(connector_words=GENSIMS), dict(scoring='npmi', threshold=.5), dict(passes=2)],
    ids=['default', 'connectors', 'npmi', 'twice'])
def test_pydoc(options):
    "Names with `_` in them are words here, too"
    ours, joined = same(read_pydoc(quiet=True)[:40_000], **options)
    assert len(ours) > 100

def test_ptb():
    if not has_ptb('the phrases of PTB are those of gensim'): pytest.skip('no PTB')
    corpus = Corpus.ptb(min_count=1, unk=True)
    assert '<unk>' in corpus.vocab and corpus.dropped == 0
    ours, joined = same(list(corpus))
    assert len(ours) == 3120 and 'new_york' in joined.vocab

def test_ptb_says_what_it_lost():
    if not has_ptb('Corpus.ptb counts <unk>'): pytest.skip('no PTB')
    all_of_it, known = Corpus.ptb(min_count=1, unk=True), Corpus.ptb(min_count=1)
    assert all_of_it.num_words == known.num_words + known.dropped
    with pytest.raises(ValueError, match=r'Corpus.ptb\(min_count=1, unk=True\).phrases'):
        known.phrases()

def test_less_memory_more_passes():
    "The same phrases, with pairs counted in parts"
    rng = np.random.default_rng(0)
    words = np.sort(rng.zipf(1.2, 600_000) % 5000)[rng.permutation(600_000)]
    sentences = [[f'w{i}' if i % 7 else f'w{i}_w{i % 11}' for i in row]
                 for row in words.reshape(-1, 20).tolist()]
    settings = dict(min_count=2, threshold=1., connector_words=['w1'])
    corpus = corpus_of(sentences)
    once = Phrases(corpus, **settings)
    parts = Phrases(corpus, memory=1 << 23, **settings)
    assert once.parts == 1 and parts.parts > 1
    assert parts.table_bytes <= 1 << 23 < once.table_bytes
    assert parts.scores == once.scores and len(once) > 100
    assert parts.num_distinct == once.num_distinct

def test_a_sentence_of_millions():
    "One sentence, over many blocks, of words and of connectors"
    rng = np.random.default_rng(1)
    words = [f'w{i}' for i in rng.integers(0, 50, 3_000_000).tolist()]
    words[1_000_000:1_100_000] = ['of']*100_000
    corpus = corpus_of([words])
    found = Phrases(corpus, threshold=1e-4, connector_words=['of'])
    joined = found.join(corpus)
    spelt = [part for word in next(iter(joined)) for part in word.split('_')]
    assert spelt == words and joined.num_words < corpus.num_words
    assert Phrases(corpus).num_distinct == len({*words}) + len({*pairwise(words)})

def test_end_of_a_sentence():
    "No pair goes over it, nor over a sentence that is empty"
    found, joined = same([['a', 'b'], [], ['c']]*9, min_count=1, threshold=.1)
    assert list(found.scores) == [('a', 'b')]
    assert [*joined][:2] == [['a_b'], ['c']]

def test_weights_stay_with_their_sentences():
    corpus = Corpus.from_sentences([['a', 'b'], ['x'], ['a', 'b', 'c']]*5, 1,
                                   weights=np.arange(15))
    joined = corpus.phrases(6, phrase_count=1, threshold=.1)
    assert [*joined] == [['a_b'], ['a_b']]*5
    assert joined.weights.tolist() == [i for i in range(15) if i % 3 != 1]

def test_chained():
    "Twice is the same as passes=2, and as gensim's"
    twice = corpus_of(TOY*9).phrases(threshold=.2).phrases(4, threshold=.2)
    passes = corpus_of(TOY*9).phrases(4, threshold=.2, passes=2)
    _, joined = same(TOY*9, passes=2, threshold=.2)
    assert [*twice] == [*passes] == [*joined]
    assert max(word.count('_') for word in passes.vocab) > 1
    few = corpus_of(TOY*9).phrases(threshold=.2, max_final_vocab=2)
    assert len(few.vocab) == 2 and few.dropped

def test_another_corpus():
    "Phrases join texts that they were not learnt from, with words they don't know"
    found = Phrases(corpus_of(TOY*9), threshold=.2)
    other = corpus_of([['in', 'new', 'york', 'city'], ['york', 'new']])
    assert [*found.join(other)] == [*found[[*other]]] == [*found[other]]
    assert found['in new york city'.split()] == ['in', 'new_york', 'city']
    assert found[[]] == [] and [*found[[['x'], []]]] == [['x'], []]

def test_saved_corpus(tmp_path):
    corpus = corpus_of(TOY*9)
    again = Corpus.load(corpus.save(tmp_path/'corpus'))
    assert [*again.phrases(threshold=.2)] == [*corpus.phrases(threshold=.2)]
    rare = Corpus.load(Corpus.from_sentences(TOY, min_count=2).save(tmp_path/'rare'))
    with pytest.raises(ValueError, match='left out'): rare.phrases()

def test_warnings():
    with pytest.warns(UserWarning, match='comes 5 times and scores above 1e'):
        Phrases(corpus_of(TOY), threshold=1e9)
    with pytest.warns(UserWarning, match="1 phrase of sentences, such as 'new_york'"):
        Phrases(corpus_of([*TOY*9, ['new_york']]), threshold=.2)
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        Phrases(corpus_of(TOY*9), threshold=.2)


@pytest.mark.parametrize('options, error, says', [
    (dict(threshold=math.nan), ValueError, 'threshold must be above 0, not nan'),
    (dict(threshold=math.inf), ValueError, 'threshold must be above 0, not inf'),
    (dict(threshold=0), ValueError, 'threshold must be above 0, not 0'),
    (dict(threshold='10'), TypeError, "threshold must be a number, not '10'"),
    (dict(scoring='npmi', threshold=1.5), ValueError, 'from -1 to 1, not 1.5'),
    (dict(scoring='npmi'), ValueError, "write scoring='npmi', threshold=0.5"),
    (dict(scoring='PMI'), ValueError, "must be 'default' or 'npmi', not 'PMI'"),
    (dict(scoring=max), ValueError, "must be 'default' or 'npmi'"),
    (dict(delimiter=''), ValueError, "such as '_', not ''"),
    (dict(delimiter=' '), ValueError, "such as '_', not ' '"),
    (dict(delimiter='\n'), ValueError, "such as '_'"),
    (dict(delimiter='\ud800'), ValueError, 'which files of vectors'),
    (dict(delimiter=b'_'), TypeError, "delimiter must be a str, not b'_'"),
    (dict(min_count=0), ValueError, 'min_count must be 1 or more, not 0'),
    (dict(min_count=2.5), TypeError, 'min_count must be a whole number'),
    (dict(connector_words='of'), TypeError, "write ['of']"),
    (dict(connector_words=[1]), ValueError, 'a token must be a str, not 1'),
    (dict(memory=0), ValueError, 'memory must be 8,388,608 or more'),
    (dict(quiet=1), TypeError, 'quiet must be True or False')])
def test_refused(options, error, says):
    with pytest.raises(error) as e: Phrases(corpus_of(TOY), **options)
    assert says in str(e.value)

def test_not_a_text():
    for given in TOY, 'my.txt', None:
        with pytest.raises(TypeError, match='Corpus.from_sentences.sentences, min_count=1'):
            Phrases(given)
    with pytest.raises(ValueError, match='not of sentences'):
        Corpus.from_pairs([('tea', 'milk')]).phrases()
    for given in 'new york', 7, b'new york':
        with pytest.raises(TypeError, match='split it first'): Phrases(corpus_of(TOY))[given]
    with pytest.raises(TypeError): Phrases(corpus_of(TOY), 5) # keywords only
    with pytest.raises(ValueError, match='passes must be 1 or more'):
        corpus_of(TOY).phrases(passes=0)


@pytest.fixture
def saved(tmp_path):
    found = Phrases(corpus_of(TOY*9), threshold=.2, connector_words=['in', 'the'])
    return found, found.save(tmp_path/'phrases.json')

def test_saved(saved):
    found, path = saved
    again = Phrases.load(path)
    assert again.scores == found.scores and list(again.scores) == list(found.scores)
    assert again.connector_words == found.connector_words and repr(again) == repr(found)
    assert [*again[TOY]] == [*found[TOY]]
    found.scores = {}
    assert Phrases.load(found.save(path)).phrases == {} # nothing to join is no error
    assert Phrases.load(path)[TOY[0]] == TOY[0]

def test_a_failed_save_changes_nothing(saved, monkeypatch):
    found, path = saved
    before = path.read_bytes()
    monkeypatch.setattr(module.json, 'dumps', lambda *args, **options: 1/0)
    with pytest.raises(ZeroDivisionError): found.save(path)
    assert path.read_bytes() == before and [*path.parent.iterdir()] == [path]

@pytest.mark.parametrize('change, says', [
    (lambda s: s.update(version=2), 'version 2 of the format'),
    (lambda s: s.update(format='x'), 'not a file of phrases'),
    (lambda s: s.pop('scoring'), 'scoring is missing'),
    (lambda s: s.update(threshold=math.nan), 'threshold must be above 0, not nan'),
    (lambda s: s.update(threshold=1e6), 'is not above the threshold'),
    (lambda s: s.update(min_count=True), 'min_count must be a whole number'),
    (lambda s: s.update(delimiter=' '), 'delimiter must be characters'),
    (lambda s: s.update(connector_words=['new']), 'must be two words, with connectors alone'),
    (lambda s: s.update(connector_words=7), 'connector_words must be a list'),
    (lambda s: s.update(name=7), 'name must be a str'),
    (lambda s: s.update(num_words=-1), 'num_words must be 0 or more'),
    (lambda s: s.update(phrases={}), 'phrases is not a list'),
    (lambda s: s['phrases'].append(s['phrases'][0]), 'a phrase comes twice'),
    (lambda s: s['phrases'].append([['a'], 1.]), "['a'] must be two words"),
    (lambda s: s['phrases'].append([['a', 'x', 'b'], 1.]), 'must be two words'),
    (lambda s: s['phrases'].append([['a', 'b\n'], 1.]), "has '\\n' in it"),
    (lambda s: s['phrases'].append([['a', 7], 1.]), 'a token must be a str, not 7'),
    (lambda s: s['phrases'].append([['a', 'b'], '1']), "must be a number, not '1'"),
    (lambda s: s['phrases'].append([['a', 'b'], math.inf]), 'must be any number, not inf'),
    (lambda s: s['phrases'].append('ab'), "'ab' is not a list of words and a score")])
def test_damaged_file(saved, change, says):
    path = saved[1]
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError) as e: Phrases.load(path)
    assert says in str(e.value) and str(path) in str(e.value)

@pytest.mark.parametrize('data', [b'', b'[]', b'7', b'\xff\xfe', b'[' * 100_000, b'{"a": 1'])
def test_not_a_file_of_phrases(tmp_path, data):
    (tmp_path/'x.json').write_bytes(data)
    with pytest.raises(ValueError, match='is not a file of phrases'):
        Phrases.load(tmp_path/'x.json')


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    lines = '\n'.join(' '.join(sentence) for sentence in TOY)
    (tmp_path/'my.txt').write_text(f'{lines}\n'*30)
    return tmp_path

def test_command(here, capsys):
    words = 'phrases', 'my.txt', '-o', 'out.txt', '--threshold', '.15'
    assert cli.main([*words, '--passes', '2', '--connector-words', 'in', 'the', '-q']) == 0
    assert capsys.readouterr().out == ''
    joined = Corpus.from_file('my.txt', min_count=1).phrases(threshold=.15, passes=2,
                                                             connector_words=['in', 'the'])
    assert [line.split() for line in open('out.txt')] == [*joined]
    assert 'york_in_the_north' in joined.vocab
    with pytest.raises(SystemExit) as e: cli.main(words)
    says = 'add --overwrite: w2v phrases my.txt'
    assert e.value.code == 2 and says in capsys.readouterr().err
    assert cli.main([*words, '--overwrite']) == 0
    assert 'new and different, most often' in capsys.readouterr().out
    assert cli.main(['phrases', 'my.txt', '-o', 'english.txt', '--connector-words', '-q']) == 0

@pytest.mark.parametrize('words, says', [
    (['my.txt'], 'the following arguments are required: -o/--output'),
    (['no.txt', '-o', 'o.txt'], 'there is no file or folder no.txt'),
    (['my.txt', '-o', 'no/o.txt'], 'no is not a folder; make it first'),
    (['my.txt', '-o', '.'], 'is a folder; give the name of a file'),
    (['my.txt', '-o', 'o.txt', '--threshold', '-1'], '--threshold must be above 0, not -1.0'),
    (['my.txt', '-o', 'o.txt', '--threshold', 'nan'], '--threshold must be above 0, not nan'),
    (['my.txt', '-o', 'o.txt', '--threshold', 'x'], "invalid float value: 'x'"),
    (['my.txt', '-o', 'o.txt', '--scoring', 'npmi', '--threshold', '2'], 'from -1 to 1'),
    (['my.txt', '-o', 'o.txt', '--scoring', 'pmi'], "invalid choice: 'pmi'"),
    (['my.txt', '-o', 'o.txt', '--delimiter', ' '], '--delimiter must be characters without'),
    (['my.txt', '-o', 'o.txt', '--connector-words', ' '], "' ' is not a word"),
    (['my.txt', '-o', 'o.txt', '--passes', '0'], 'must be a positive whole number'),
    (['my.txt', '-o', 'o.txt', '--min-cuont', '3'], 'did you mean --min-count?'),
    (['my.txt', 'ptb', '-o', 'o.txt'], "ptb can't be combined")])
def test_command_refuses(here, capsys, words, says):
    with pytest.raises(SystemExit) as e: cli.main(['phrases', *words])
    error = capsys.readouterr().err
    assert e.value.code == 2 and says in error and error.count('\n') == 1
    assert [*here.iterdir()] == [here/'my.txt']

def test_train_with_phrases(here, capsys):
    small = '--vector-size', '4', '--epochs', '1', '--sample', '0', '--workers', '1'
    (here/'my.txt').write_text((here/'my.txt').read_text() + 'once\n')
    rng = random.Random(0)
    with open('my.txt', 'a') as f:
        for _ in range(300):
            a, b = rng.choices(range(100), k=2)
            f.write(f'w{a} w{b} first{a % 5} last{a % 5}\n')
    assert cli.main(['train', 'my.txt', '--phrases', '1', '-o', 'one', *small]) == 0
    words = {line.split()[0] for line in open('one/vectors.txt')}
    assert 'first1_last1' in words and 'once' not in words
    assert cli.main(['train', 'my.txt', '-o', 'none', *small]) == 0
    assert 'first1_last1' not in open('none/vectors.txt').read()
    for line, says in [('--phrases 0', 'must be a positive whole number'),
                       ('--phrases 1 --recipe chapter', '--phrases is for --recipe engine')]:
        with pytest.raises(SystemExit) as e: cli.main(['train', 'my.txt', *line.split()])
        assert e.value.code == 2 and says in capsys.readouterr().err

def test_ptb_is_trained_without_unk(here):
    if not has_ptb('w2v train ptb --phrases'): pytest.skip('no PTB')
    args = cli.complete_options(cli.train_parser().parse_args(['ptb', '--phrases', '1', '-q']),
                                cli.train_parser())
    corpus, _ = cli.read_corpus(args)
    assert '<unk>' not in corpus.vocab and 'new_york' in corpus.vocab
    assert corpus.counts.min() >= args.min_count == 10

def test_english_connector_words(): assert ENGLISH_CONNECTOR_WORDS == GENSIMS

def test_written_as_text(tmp_path):
    corpus = corpus_of([['a', 'b'], ['ü']]*50_000)
    assert corpus.write_text(tmp_path/'t.txt').read_text('utf-8') == 'a b\nü\n'*50_000
    with pytest.raises(ValueError, match='has white space'):
        corpus_of([['a b']]).write_text(tmp_path/'u.txt')
    assert [*tmp_path.iterdir()] == [tmp_path/'t.txt']
