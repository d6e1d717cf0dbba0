"""Training with subwords: the contract of every other objective, and vectors for any word."""
import os, subprocess, sys
from pathlib import Path

import numpy as np, pytest

from w2v_nb import Corpus, Word2Vec, WordVectors
from w2v_nb.runs.heldout import HeldOut
from w2v_nb.vectors import SubwordVectors
from w2v_nb.vectors.subwords import compose_rows, word_bytes

pytestmark = pytest.mark.filterwarnings('ignore::w2v_nb.runs.word2vec.SmallText')
root = Path(__file__).resolve().parent.parent
SETTINGS = dict(vector_size=24, window=3, max_n=5, bucket=5000, sample=0, epochs=2, workers=1)
STEMS = 'kett lant wand harb copp silv'.split()
ENDINGS = 'le les ler ling ed er ern ers'.split()
WORDS = [stem + ending for stem in STEMS for ending in ENDINGS]


def text(words=8000, seed=0, vocabulary=WORDS):
    rng = np.random.default_rng(seed)
    ids = rng.zipf(1.2, size=words) % len(vocabulary)
    return [[vocabulary[i] for i in ids[begin:begin + 10]] for begin in range(0, words, 10)]


@pytest.fixture(scope='module')
def corpus(): return Corpus.from_sentences(text(), min_count=1)


def train(corpus, fit={}, **settings):
    return Word2Vec(**SETTINGS | settings).fit(corpus, quiet=True, **fit)


def tables(model): return [table.copy() for table in model.tables.views()]


def same(one, other): return all(map(np.array_equal, tables(one), tables(other)))


def composed(model):
    "The vectors that the tables stand for, by another way"
    wv, V = model.wv, len(model.wv)
    full = np.zeros((wv.bucket, wv.vector_size), np.float32)
    full[wv.kept_buckets] = model.tables.views()[0][V:]
    found = np.empty_like(wv.vectors)
    own = np.ascontiguousarray(model.tables.views()[0][:V])
    compose_rows(own, word_bytes(wv.index_to_key), full, wv.ngram_settings, found)
    return found


@pytest.mark.parametrize('more', [{}, dict(sg=0), dict(hs=1, negative=0), dict(hs=1),
                                  dict(sg=0, cbow_mean=0, alpha=.005), dict(workers=3),
                                  dict(deterministic=True, workers=2), dict(min_n=1, max_n=2)])
@pytest.mark.filterwarnings('ignore:hs=1 and negative')
def test_vectors_are_composed(corpus, more):
    model = train(corpus, **more)
    assert type(model.wv) is SubwordVectors
    assert np.allclose(model.wv.vectors, composed(model), atol=1e-6)
    assert model.history['loss'][-1] < model.history['loss'][0]


def test_any_word_has_a_vector(corpus):
    wv = train(corpus, epochs=20).wv
    assert 'kettlest' in wv and 'kettlest' not in wv.key_to_index
    near = [word for word, _ in wv.most_similar('kettlest', topn=3)]
    assert any(word.startswith('kett') for word in near), near


def test_without_max_n_nothing_changes(corpus):
    plain = train(corpus, max_n=0)
    assert type(plain.wv) is WordVectors and len(plain.tables.views()[0]) == len(corpus.vocab)
    assert same(plain, train(corpus, max_n=0, min_n=5, bucket=7))


def test_same_bits(corpus):
    assert same(train(corpus), train(corpus))
    assert not same(train(corpus), train(corpus, seed=1))


def test_deterministic_for_any_number_of_workers(corpus):
    for more in dict(), dict(sg=0), dict(hs=1, negative=0):
        models = [train(corpus, deterministic=True, workers=n, **more) for n in (1, 2, 3, 8)]
        assert all(same(models[0], model) for model in models[1:])
        assert models[0].history['loss'][-1] < models[0].history['loss'][0]


class Stopped(Exception): pass


def stop_after(n):
    def stop(model):
        if len(model.history) == n: raise Stopped
    return stop


@pytest.mark.parametrize('more', [dict(), dict(deterministic=True, workers=2), dict(sg=0)])
def test_resumed_runs_end_in_the_same_bits(corpus, tmp_path, more):
    heldout = dict(heldout=Corpus.from_sentences(text(600, seed=5), vocab=corpus.vocab))
    whole = train(corpus, fit=heldout, epochs=4, **more)
    folder = tmp_path/'states'
    with pytest.raises(Stopped):
        train(corpus, dict(checkpoint=folder, every=3000, callbacks=[stop_after(2)]) | heldout,
              epochs=4, **more)
    again = Word2Vec.resume(folder, corpus, quiet=True, **heldout)
    assert same(whole, again)
    assert again.history['val_loss'] == whole.history['val_loss']
    assert np.array_equal(whole.wv.vectors, again.wv.vectors)


def test_patience_restores_the_best(corpus, tmp_path):
    heldout = Corpus.from_sentences(text(600, seed=5), vocab=corpus.vocab)
    model = train(corpus, dict(heldout=heldout, patience=1, checkpoint=tmp_path/'s'),
                  epochs=30, alpha=.2, min_alpha=.2)
    assert np.allclose(model.wv.vectors, composed(model), atol=1e-6)
    loss = HeldOut(heldout).loss(model.wv.vectors, model.wv.output_vectors).loss
    assert abs(loss - min(model.history['val_loss'])) < 1e-6


def test_a_checkpoint_of_another_cut_is_refused(corpus, tmp_path):
    train(corpus, dict(checkpoint=tmp_path/'s'))
    with pytest.raises(ValueError, match='max_n was 5, and is now 4'):
        Word2Vec.resume(tmp_path/'s', corpus, max_n=4, quiet=True)


def began(corpus, model=None, **fit):
    "The vectors at the beginning of a training"
    found = {}
    class Look:
        def on_train_begin(self, model):
            found.update(zip(model.wv.index_to_key, model.wv.vectors.copy()))
    model = model or Word2Vec(**SETTINGS)
    model.fit(corpus, quiet=True, callbacks=[Look()], **fit)
    return model, found


@pytest.mark.parametrize('more', [dict(), dict(deterministic=True, workers=2), dict(sg=0)])
def test_frozen_words_keep_their_vectors(corpus, more):
    frozen, first = ['kettle', 'silver'], {}
    model, first = began(corpus, Word2Vec(**SETTINGS | more), freeze=frozen)
    for word in frozen: assert np.array_equal(model.wv[word], first[word])
    moved = [word for word in first if not np.array_equal(model.wv[word], first[word])]
    assert len(moved) == len(first) - len(frozen)
    model, first = began(corpus, Word2Vec(**SETTINGS | more), freeze=True)
    assert all(np.array_equal(model.wv[word], vector) for word, vector in first.items())


def test_begins_with_vectors(corpus):
    rng = np.random.default_rng(0)
    known = WordVectors(rng.normal(size=(3, 24)).astype(np.float32), ['kettle', 'lanters', 'x'])
    _, first = began(corpus, init_from=known)
    assert np.allclose(first['kettle'], known['kettle'], atol=1e-5)
    old = train(corpus)
    _, first = began(corpus, init_from=old.wv)
    for word, vector in first.items(): assert np.allclose(vector, old.wv[word], atol=1e-5)
    other = Word2Vec(**SETTINGS | dict(max_n=4)) # cut otherwise
    _, first = began(corpus, other, init_from=old.wv)
    for word, vector in first.items(): assert np.allclose(vector, old.wv[word], atol=1e-5)


def test_goes_on_with_new_words(corpus):
    model = train(corpus)
    old = {word: model.wv[word].copy() for word in model.wv.index_to_key}
    unseen = model.wv['kettleful']
    more = text(800, seed=3, vocabulary=WORDS[:10] + ['kettleful', 'harbour'])
    model, first = began(more, model, update_vocab=True, min_count=1)
    for word, vector in old.items(): assert np.allclose(first[word], vector, atol=1e-5)
    assert {'kettleful', 'harbour'} < set(first)
    assert model.wv.index_to_key[:len(old)] == list(old)
    pieces = [n for n in model.wv._ngram_rows('kettleful')]
    assert min(pieces) >= 0 and np.linalg.norm(unseen) > 0
    assert np.allclose(model.wv.vectors, composed(model), atol=1e-6)


def test_callbacks_see_composed_vectors(corpus):
    def look(model): assert np.allclose(model.wv.vectors, composed(model), atol=1e-6)
    train(corpus, dict(callbacks=[look]))
    model = Word2Vec(**SETTINGS)
    def stop(model): raise KeyboardInterrupt
    with pytest.raises(KeyboardInterrupt): model.fit(corpus, quiet=True, callbacks=[stop])
    assert np.allclose(model.wv.vectors, composed(model), atol=1e-6)


def test_pairs_and_weights():
    pairs = [('kettles', 'lanters'), ('kettler', 'lantern'), ('wandle', 'harbled')]*200
    model = train(Corpus.from_pairs(pairs, min_count=1))
    assert np.allclose(model.wv.vectors, composed(model), atol=1e-6)
    sentences = text(400)
    weights = [0.]*20 + [1.]*20
    weighted, half = (Corpus.from_sentences(sentences, min_count=1, **more)
                      for more in (dict(weights=weights), {}))
    one, other = train(weighted, epochs=1), train(half, epochs=1)
    assert not same(one, other) and np.allclose(one.wv.vectors, composed(one), atol=1e-6)


@pytest.mark.parametrize('settings, message', [
    (dict(min_n=6), 'min_n=6 is more than max_n=5'), (dict(bucket=0), 'bucket must be'),
    (dict(max_n=-1), 'max_n must be'), (dict(min_n=0), 'min_n must be'),
    (dict(max_n=2.5), 'max_n must be'),
    (dict(min_n=40, max_n=50), 'none of the .* lower min_n')])
def test_settings_that_cannot_be(corpus, settings, message):
    with pytest.raises((ValueError, TypeError), match=message): train(corpus, **settings)


def test_a_gpu_refuses():
    assert 'max_n' in Word2Vec(max_n=5)._why_not_on_gpu() and not Word2Vec()._why_not_on_gpu()


def test_what_is_written_is_read(corpus, tmp_path):
    wv = train(corpus).wv
    wv.save(tmp_path/'v.safetensors')
    mapped = WordVectors.load(tmp_path/'v.safetensors')
    for word in 'kettle', 'kettlest', 'unheard': assert np.array_equal(mapped[word], wv[word])
    wv.save_fasttext(tmp_path/'v.bin')
    again = SubwordVectors.load_fasttext(tmp_path/'v.bin')
    for word in 'kettle', 'kettlest': assert np.allclose(again[word], wv[word], atol=1e-6)


def test_fasttext_gives_the_same_vectors(corpus, tmp_path):
    fasttext = pytest.importorskip('fasttext')
    wv = train(corpus, epochs=5).wv
    wv.save_fasttext(tmp_path/'v.bin')
    theirs = fasttext.load_model(str(tmp_path/'v.bin'))
    unseen = [word + tail for word in WORDS for tail in ('', 'x', 'ish')]
    for word in {*unseen, *wv.index_to_key}:
        assert np.allclose(theirs.get_word_vector(word), wv[word], atol=1e-5), word


def w2v(*words, cwd):
    command = [sys.executable, '-m', 'w2v_nb', *map(str, words)]
    return subprocess.run(command, cwd=cwd, text=True, capture_output=True,
                          env=os.environ | {'PYTHONPATH': str(root)})


def test_commands(tmp_path):
    (tmp_path/'text.txt').write_text('\n'.join(map(' '.join, text())))
    few = '--vector-size', 16, '--epochs', 2, '--min-count', 1, '--quiet'
    ngrams = '--max-n', 5, '--bucket', 3000
    done = w2v('train', 'text.txt', '-o', 'out', *ngrams, *few, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = w2v('similar', 'out', 'kettlest', cwd=tmp_path)
    assert found.returncode == 0 and 'kett' in found.stdout, found
    done = w2v('convert', 'out', 'v.bin', '--to', 'fasttext', cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert SubwordVectors.load_fasttext(tmp_path/'v.bin').bucket == 3000
    wrong = w2v('train', 'text.txt', '-o', 'other', '--min-n', 2, *few, cwd=tmp_path)
    assert wrong.returncode == 2 and '--min-n goes with --max-n' in wrong.stderr
    w2v('train', 'text.txt', '-o', 'plain', *few, cwd=tmp_path)
    wrong = w2v('convert', 'plain', 'p.bin', '--to', 'fasttext', cwd=tmp_path)
    assert wrong.returncode and 'has no n-grams' in wrong.stderr
    assert not (tmp_path/'p.bin').exists()
