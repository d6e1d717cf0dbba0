"Evaluation against gensim, on its own files, with vectors that know all of their words."
import math

import numpy as np, pytest
from hypothesis import given, settings, strategies as st

gensim = pytest.importorskip('gensim')
from gensim.models import KeyedVectors
from scipy import stats

from w2v_nb.vectors.evaluation import ANALOGIES, PAIRS, evaluate, evaluate_word_analogies
from w2v_nb.vectors.evaluation import evaluate_word_pairs, gensim_file, p_value, pearson, ranks
from w2v_nb.runs.stability import Stability, neighbour_stability
from w2v_nb.vectors import WordVectors

V, D = 40_000, 24


def file_words():
    "All words of gensim's files, in their order."
    words = []
    for name in PAIRS + ANALOGIES:
        for line in gensim_file(name).read_text().splitlines():
            if not line.startswith((':', '#')): words += line.split()
    return [word for word in dict.fromkeys(words) if not word.replace('.', '').isdigit()]


@pytest.fixture(scope='module')
def pair():
    """40,000 words, those of the files among them at random places. Relations are planted, so
    that many answers are right; some words come in several spellings, which are neighbours."""
    rng = np.random.default_rng(5)
    words = file_words()
    known = set(words)
    lower = [word.lower() for word in words[::9] if word.lower() not in known]
    upper = [word.upper() for word in words[::7] if word.upper() not in known]
    words += lower + upper
    words += [f'w{i}' for i in range(V - len(words))]
    words = [words[i] for i in rng.permutation(V)]
    table = rng.normal(size=(V, D)).astype(np.float32)
    row_of = {word: row for row, word in enumerate(words)}
    relation = None
    for line in gensim_file(ANALOGIES[0]).read_text().splitlines():
        if line.startswith(':'): relation = rng.normal(size=D)
        else:
            a, b, _, _ = line.split()
            table[row_of[b]] = table[row_of[a]] + relation + rng.normal(size=D)*.25
    for word in words:
        other = word.lower()
        if other != word and other in row_of:
            table[row_of[other]] = table[row_of[word]] + rng.normal(size=D)*.02
    theirs = KeyedVectors(D)
    theirs.add_vectors(words, table)
    return WordVectors(table, words), theirs


OPTIONS = [{}, dict(restrict_vocab=9000), dict(restrict_vocab=9000, dummy4unknown=True),
           dict(case_insensitive=False), dict(restrict_vocab=None)]

@pytest.mark.parametrize('options', OPTIONS, ids=str)
@pytest.mark.parametrize('name', PAIRS)
def test_pairs_are_gensims(pair, name, options):
    path = gensim_file(name)
    ours = evaluate_word_pairs(pair[0], path, **options)
    theirs = pair[1].evaluate_word_pairs(str(path), **options)
    assert len(ours) == len(theirs) == 3
    for x, y in zip(ours, theirs):
        np.testing.assert_allclose(np.ravel(x), np.ravel(y), atol=1e-6)
    low, high = ours.report[0].low, ours.report[0].high
    assert low < ours.spearman.statistic < high


@pytest.mark.parametrize('options', OPTIONS[:4], ids=str)
def test_analogies_are_gensims(pair, options, tmp_path):
    "All of the file's sections, each 11th question."
    path, lines = tmp_path/'questions.txt', gensim_file(ANALOGIES[0]).read_text().splitlines()
    kept = [line for i, line in enumerate(lines) if line.startswith(':') or not i % 11]
    path.write_text('\n'.join(kept))
    ours = evaluate_word_analogies(pair[0], path, quiet=True, **options)
    score, sections = pair[1].evaluate_word_analogies(str(path), **options)
    assert abs(ours.score - score) < 1e-6 and ours.sections == sections
    assert .05 < ours.score < .95 or options.get('dummy4unknown')
    total = ours.report[0]
    assert total.low < total.score < total.high and total.total > 1700


def test_an_interval_covers_what_it_should():
    "About 95 in 100 intervals of samples hold the true correlation."
    rng, true, held, n = np.random.default_rng(0), .6, 0, 200
    from w2v_nb.vectors.evaluation import interval
    for _ in range(n):
        x, y = rng.multivariate_normal([0, 0], [[1, true], [true, 1]], size=150).T
        draws = [rng.integers(150, size=150) for _ in range(300)]
        low, high = interval([pearson(x[draw], y[draw]) for draw in draws])
        held += low < true < high
    assert .89 < held/n <= .995


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.integers(-5, 5), st.integers(-5, 5)), min_size=3, max_size=40))
def test_correlations_are_scipys(values):
    x, y = np.array(values, float).T
    if len(set(x)) < 2 or len(set(y)) < 2:
        assert math.isnan(pearson(x, y)) and math.isnan(pearson(ranks(x), ranks(y)))
        return
    for ours, theirs in ((pearson(x, y), stats.pearsonr(x, y)),
                         (pearson(ranks(x), ranks(y)), stats.spearmanr(x, y))):
        assert abs(ours - theirs.statistic) < 1e-9
        if abs(ours) < 1 - 1e-9: assert abs(p_value(ours, len(x)) - theirs.pvalue) < 1e-6


def test_a_model_without_the_words(tmp_path):
    wv = WordVectors([[1, 2], [3, 4]], ['unheard', 'of'])
    report = evaluate(wv)
    assert [s.known for s in report[:3]] == [0]*3
    assert all(math.isnan(s.score) for s in report)
    assert '0 of 19,544' in repr(report)
    with pytest.raises(ValueError, match='at least two must be known'):
        evaluate_word_pairs(wv, gensim_file(PAIRS[0]))
    with pytest.raises(FileNotFoundError): evaluate_word_pairs(wv, tmp_path/'none.tsv')


BAD_FILES = [(b'', 'has no question'),
             (b'a b c d\n', 'line 1: expected the name of a section'),
             (b': x\n\xff\xfe\n', 'is not in utf-8'),
             (b': x\na b c\n', 'but 1 other line')]
@pytest.mark.parametrize('content, says', BAD_FILES)
def test_bad_analogies(tmp_path, content, says):
    path = tmp_path/'bad.txt'
    path.write_bytes(content)
    with pytest.raises(ValueError, match=says):
        evaluate_word_analogies(WordVectors([[1.]], ['a']), path)


def test_zero_vectors_give_no_nan(tmp_path):
    wv, path = WordVectors(np.zeros((5, 3)), list('abcde')), tmp_path/'q.txt'
    path.write_text(': x\na b c d\n')
    # all cosines are 0, and the first other word is d
    assert evaluate_word_analogies(wv, path).score == 1.
    path.write_text('a\tb\t1\nc\td\t2\n')
    assert math.isnan(evaluate_word_pairs(wv, path).pearson.statistic)


def test_stability_by_counting():
    rng = np.random.default_rng(0)
    base = rng.normal(size=(50, 8))
    models = [WordVectors(base + rng.normal(size=base.shape)*.4, [f'w{i}' for i in range(50)])
              for _ in range(5)]
    found = neighbour_stability(models, ['w3', 'w4'], topn=6)
    assert isinstance(found, Stability) and list(found) == ['w3', 'w4']
    for word in found:
        sets = [{w for w, _ in model.most_similar(word, topn=6)} for model in models]
        shares = {w: sum(w in near for near in sets)/5 for w in set().union(*sets)}
        assert dict(found[word]) == shares
        overlaps = [len(a & b)/6 for i, a in enumerate(sets) for b in sets[:i]]
        assert abs(found.agreement(word) - np.mean(overlaps)) < 1e-9
        shares = [share for _, share in found[word]]
        assert shares == sorted(shares, reverse=True)
    assert '<td' in found._repr_html_()
