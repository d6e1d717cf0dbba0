"""Character n-grams: cut, hashed and numbered as fastText does it, whatever the script."""
import random

import numpy as np, pytest

from w2v_nb.base.ngrams import (MOST_BUCKETS, NgramSettings, char_ngrams, ngram_hash,
                                ngram_settings, packed_ngrams, vocab_ngrams, word_buckets)

SCRIPTS = dict( # where Unicode has letters of each: first and last
    latin=(0x61, 0x7a), latin1=(0xc0, 0xff), greek=(0x3b1, 0x3c9), cyrillic=(0x430, 0x44f),
    armenian=(0x561, 0x586), hebrew=(0x5d0, 0x5ea), arabic=(0x620, 0x64a),
    devanagari=(0x904, 0x939), bengali=(0x993, 0x9a8), tamil=(0xb95, 0xbb9),
    telugu=(0xc15, 0xc28), thai=(0xe01, 0xe2e), tibetan=(0xf40, 0xf47),
    georgian=(0x10d0, 0x10f0), ethiopic=(0x1200, 0x1240), khmer=(0x1780, 0x17a2),
    hiragana=(0x3041, 0x3096), han=(0x4e00, 0x9fff), hangul=(0xac00, 0xd7a3),
    emoji=(0x1f600, 0x1f64f))
assert len(SCRIPTS) == 20
BUCKET = 500_009 # a prime: every bit of the hash counts


def words_of(script, n, rng):
    "Random words in a script, of 1 to 12 letters"
    first, last = SCRIPTS[script]
    letters = lambda: (chr(rng.randint(first, last)) for _ in range(rng.randint(1, 12)))
    return [''.join(letters()) for _ in range(n)]

@pytest.fixture(scope='module')
def fasttext_model(tmp_path_factory):
    "A model of fastText's; its words don't matter"
    fasttext = pytest.importorskip('fasttext', reason='compares with fastText: '
                                   'pip install fasttext')
    text = tmp_path_factory.mktemp('fasttext')/'text.txt'
    text.write_text('ab cd ef gh\n' * 200)
    return fasttext.train_unsupervised(str(text), dim=10, minn=2, maxn=5, bucket=BUCKET,
                                       epoch=1, minCount=1, thread=10, verbose=0)

def test_hashes_are_those_of_fasttext(fasttext_model):
    "10,000 n-grams in twenty scripts"
    rng, first = random.Random(0), len(fasttext_model.words)
    ngrams = {ngram for script in SCRIPTS for word in words_of(script, 60, rng)
              for ngram in char_ngrams(word, 1, 6)}
    ngrams = sorted(ngrams)[::len(ngrams) // 10_000][:10_000]
    assert len(ngrams) == 10_000
    wrong = [ngram for ngram in ngrams
             if ngram_hash(ngram) % BUCKET != fasttext_model.get_subword_id(ngram) - first]
    assert not wrong

@pytest.mark.parametrize('script', SCRIPTS)
def test_pieces_are_those_of_fasttext(fasttext_model, script):
    "The same n-grams in the same order, and their buckets, slowly and fast"
    rng, first = random.Random(script), len(fasttext_model.words)
    words, settings = words_of(script, 50, rng), NgramSettings(2, 5, BUCKET)
    begins, rows = vocab_ngrams(words, settings)
    for i, word in enumerate(words):
        pieces, numbers = fasttext_model.get_subwords(word)
        buckets = [number - first for number in numbers.tolist()]
        assert pieces == char_ngrams(word, 2, 5)
        assert buckets == word_buckets(word, settings)
        assert buckets == rows[begins[i]:begins[i + 1]].tolist()

def test_line_end_has_no_pieces(fasttext_model):
    assert fasttext_model.get_subwords('</s>')[0] == ['</s>'] # the word itself
    assert char_ngrams('</s>', 1, 9) == word_buckets('</s>', NgramSettings()) == []

@pytest.mark.parametrize('min_n, max_n', [(1, 1), (1, 4), (2, 2), (3, 6), (5, 50)])
def test_fast_is_plain(min_n, max_n):
    "Random strings, surrogates and NUL among them"
    rng, settings = random.Random(1), NgramSettings(min_n, max_n, 1009)
    alphabet = 'ab<>/s \0é猫😀\ud83d\ude00\u0301'
    words = [''.join(rng.choices(alphabet, k=rng.randint(0, 9))) for _ in range(300)]
    begins, rows = vocab_ngrams([*words, '</s>'], settings)
    assert [word_buckets(word, settings) for word in [*words, '</s>']] == [
        rows[a:b].tolist() for a, b in zip(begins, begins[1:])]

def test_bytes_that_are_not_utf8():
    "Bytes that continue nothing belong to the bracket before them, as in fastText"
    settings = NgramSettings(2, 2, MOST_BUCKETS)
    begins, rows = packed_ngrams([b'\x80a', b'\xff', b''], settings)
    assert begins.tolist() == [0, 2, 4, 5]
    assert rows[4] == ngram_hash('<>') % MOST_BUCKETS

def test_lone_surrogates_have_pieces():
    assert char_ngrams('\ud83d', 3, 3) == ['<\ud83d>']
    assert ngram_hash('\ud83d') != ngram_hash('\ud83e')

def test_a_long_word_is_quick():
    "Work grows with the word's length times max_n, not with its square"
    begins, rows = vocab_ngrams(['x' * 100_000], NgramSettings())
    assert begins.tolist() == [0, 4*100_002 - (2 + 3 + 4 + 5)] and len(rows) == begins[1]

@pytest.mark.parametrize('values, error, says', [
    ((4, 3, 9), ValueError, 'min_n=4 is more than max_n=3'),
    ((0, 3, 9), ValueError, 'min_n must be 1 or more, not 0'),
    ((1, 0, 9), ValueError, 'max_n must be 1 or more, not 0'),
    ((1, 2, 0), ValueError, 'bucket must be from 1 to 2,147,483,647, not 0'),
    ((1, 2, -5), ValueError, 'not -5'), ((1, 2, 2**31), ValueError, 'not 2147483648'),
    ((True, 2, 9), TypeError, 'min_n must be a whole number'),
    ((1, 2, '9'), TypeError, "bucket must be a whole number, not '9'")])
def test_settings_that_are_refused(values, error, says):
    with pytest.raises(error, match=says): ngram_settings(*values)
    assert ngram_settings(np.int64(3), 6, 10) == (3, 6, 10)
