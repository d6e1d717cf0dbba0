"""The estimator: kinds of settings, small texts, going on, and what users of gensim type."""
import math, warnings
import numpy as np, pytest
from w2v_nb.engine.corpus import Corpus
from w2v_nb.vectors import WordVectors
from w2v_nb.runs.word2vec import Word2Vec

TEXT = [['tea', 'with', 'milk'], ['milk', 'with', 'tea']]*50

def small(**settings):
    "A model that is trained in no time."
    return Word2Vec(**dict(vector_size=8, epochs=2, workers=1, sample=0) | settings)

def fitted(text=TEXT, settings=None, **options):
    "Trained, without the warning that the text is small."
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        return small(**settings or {}).fit(text, **dict(quiet=True) | options)

@pytest.mark.parametrize('setting, kind', [
    (dict(deterministic='no'), TypeError), (dict(shrink_windows=1), TypeError),
    (dict(workers=True), TypeError), (dict(workers=0), ValueError), (dict(seed=1.5), TypeError),
    (dict(vector_size=8.), TypeError), (dict(epochs='5'), TypeError),
    (dict(alpha=math.nan), ValueError),
    (dict(min_alpha=.5), ValueError), (dict(device=None), ValueError),
    (dict(device='gpu'), ValueError)])
def test_a_setting_of_another_kind_is_named_by_the_constructor_and_when_set(setting, kind):
    name, value = *setting, *setting.values()
    with pytest.raises(kind, match=name): Word2Vec(**setting)
    model = Word2Vec()
    before = dict(model.settings)
    with pytest.raises(kind, match=name): setattr(model, name, value)
    assert model.settings == before and getattr(model, name) == before[name]

def test_numbers_of_numpy_are_kept_as_python_s_own():
    model = fitted(settings=dict(vector_size=np.int64(8), workers=np.int64(1), seed=np.uint8(3),
                                 alpha=np.float32(.5), deterministic=np.True_))
    kinds = dict(vector_size=int, workers=int, seed=int, alpha=float, deterministic=bool)
    assert {k: type(model.settings[k]) for k in kinds} == kinds
    plain = fitted(settings=dict(seed=3, alpha=.5, deterministic=True))
    assert model.wv.vectors.tobytes() == plain.wv.vectors.tobytes()

def test_a_setting_that_is_changed_is_used_and_recorded():
    model = small()
    model.alpha = .5
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        model.fit(TEXT, quiet=True)
    assert model.settings['alpha'] == model.wv.params['alpha'] == .5
    assert model.wv.vectors.tobytes() == fitted(settings=dict(alpha=.5)).wv.vectors.tobytes()

@pytest.mark.parametrize('answer', [False, np.False_])
def test_a_callback_stops_by_false_of_either_kind(answer):
    assert len(fitted(settings=dict(epochs=5), callbacks=[lambda model: answer]).history) == 1

def test_a_callback_with_any_of_four_methods_is_called_in_order():
    seen = []
    class Watch:
        def on_train_begin(self, model): seen.append('begin')
        def on_train_end(self, model): seen.append('end')
    class Epochs:
        def on_epoch_begin(self, model): seen.append(len(model.history))
    fitted(callbacks=[Watch(), Epochs()])
    assert seen == ['begin', 0, 1, 'end']
    with pytest.raises(TypeError, match='on_epoch_end'): fitted(callbacks=[object()])
    with pytest.raises(TypeError, match=r'callbacks=\['): fitted(callbacks=print)

@pytest.mark.parametrize('options, kind, message', [
    (dict(heldout='x.txt'), TypeError, 'heldout must be'),
    (dict(heldout=TEXT), TypeError, 'heldout must be'),
    (dict(quiet='no'), TypeError, 'quiet must be'),
    (dict(update_vocab='no'), TypeError, 'update_vocab must be'),
    (dict(freeze='tea'), (TypeError, ValueError), r"\['tea'\]")])
def test_options_of_fit_are_checked(options, kind, message):
    with pytest.raises(kind, match=message): fitted(**options)

@pytest.mark.parametrize('patience, kind', [
    ('x', TypeError), (True, TypeError), (1.5, TypeError), (-1, ValueError)])
def test_patience_is_a_whole_number(patience, kind):
    heldout = Corpus.from_sentences(TEXT, min_count=1)
    with pytest.raises(kind, match='patience'): fitted(patience=patience, heldout=heldout)

def test_the_loss_of_a_short_text_is_a_number_and_a_warning_says_that_it_is_small():
    with pytest.warns(UserWarning, match='sample=0'):
        model = small().fit([['a', 'b']]*5, quiet=True)
    assert all(map(math.isfinite, model.history['loss']))
    with pytest.raises(ValueError, match='two known words'): fitted([['a'], ['b']]*9)

def test_vectors_from_elsewhere_go_on_or_say_what_is_missing():
    trained = fitted().wv
    parts = dict(counts=trained.counts, output_vectors=trained.output_vectors)
    def going_on(size=8, **given):
        model = small(vector_size=size)
        model.wv = WordVectors(trained.vectors.copy(), trained.index_to_key, **given)
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            return model.fit([['rum', 'cake']]*20, update_vocab=True, quiet=True)
    assert going_on(**parts).wv.index_to_key[:3] == trained.index_to_key
    with pytest.raises(ValueError, match='counts.*init_from='): going_on()
    with pytest.raises(ValueError, match='output_vectors.*init_from='):
        going_on(counts=trained.counts)
    with pytest.raises(ValueError, match='vector_size = 8'): going_on(size=16, **parts)

HABITS = dict(train='fit', save='wv.save', build_vocab='fit', most_similar='wv.most_similar',
              get_latest_training_loss='history', predict_output_word='output_vectors',
              init_sims='leave it out')
@pytest.mark.parametrize('name', HABITS)
def test_what_users_of_gensim_ask_a_model_is_answered(name):
    with pytest.raises(AttributeError, match=HABITS[name]): getattr(fitted(), name)
    assert not hasattr(small(), name)

def test_words_are_asked_of_the_vectors():
    model = fitted()
    with pytest.raises(AttributeError, match=r'WordVectors\.load'): Word2Vec.load('x')
    with pytest.raises(TypeError, match=r"model\.wv\['tea'\]"): model['tea']
    with pytest.raises(TypeError, match="'tea' in model.wv"): 'tea' in model
    with pytest.raises(AttributeError, match='not trained yet: model.fit'):
        small().wv.most_similar('tea')

def test_fit_passes_on_what_belongs_to_the_text():
    assert len(fitted([['a', 'b'], ['b', 'c']], min_count=1).wv) == 3
    tokenized = fitted(['Tea with milk.']*20, tokenize='words')
    assert tokenized.wv.index_to_key == ['milk', 'tea', 'with']
    with pytest.raises(TypeError, match="min_count=.*Corpus.from_file"):
        fitted(Corpus.from_sentences(TEXT, min_count=1), min_count=1)

def test_epochs_are_chosen_once_and_recorded():
    model = fitted(settings=dict(epochs=None))
    used = model.wv.params['epochs']
    assert len(model.history) == used and model.settings['epochs'] is None
    assert 'chosen by the size of the text' in repr(model)


def test_warnings_point_at_the_users_line(tmp_path):
    (tmp_path/'my.txt').write_text('The cat sat, on the mat. Then it sat!\n' * 600)
    with pytest.warns(UserWarning) as seen:
        Word2Vec(epochs=1, vector_size=4).fit(tmp_path/'my.txt', quiet=True)
    assert len(seen) >= 2 and {warning.filename for warning in seen} == {__file__}
    assert any("add tokenize='words'" in str(warning.message) for warning in seen)

def test_help_shows_what_is_public():
    public = {name for name in vars(Word2Vec) if not name.startswith('_')}
    assert public == {'trained', 'fit', 'resume', 'load'}
