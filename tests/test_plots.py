"Pictures of words of any characters, with settings that ask for LaTeX, which isn't installed."
import io, warnings

import numpy as np, pytest

plt = pytest.importorskip('matplotlib.pyplot')
from w2v_nb.base.history import History, LiveLoss
from w2v_nb.vectors.plots import plot_analogy, plot_history, plot_map, plot_neighbours
from w2v_nb.vectors.plots import plot_similarity
from w2v_nb.vectors import WordVectors

ODD = ['$$', '$', r'$\frac', 'a_1', '_hidden', '%', '50 %', '\\', r'\alpha', '$x_1$', '{', '^',
       '#', '&', '~', 'naïve']
GROUPS = {'_a$$': ODD[:8], r'\b': ODD[8:]}


@pytest.fixture
def odd(): return WordVectors(np.random.default_rng(0).normal(size=(len(ODD), 8)), ODD)

@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close('all')

@pytest.fixture(autouse=True)
def no_latex_found(monkeypatch): monkeypatch.setenv('PATH', '')

def history(): return History().add(1, .5, val_loss=.6).add(2, .4, val_loss=.5)

def legend(ax):
    "The texts of a legend, if there is one"
    return [t.get_text() for t in ax.get_legend().get_texts()] if ax.get_legend() else []

def texts(ax):
    "What a picture says"
    shown = [*ax.texts, *ax.get_xticklabels(), *ax.get_yticklabels(), ax.title]
    return [t.get_text() for t in shown if t.get_text()] + legend(ax)

def write(figure): figure.savefig(io.BytesIO(), format='png')

DRAWN = dict(
    map=lambda wv: plot_map(wv, method='pca'),
    groups=lambda wv: plot_map(wv, GROUPS, method='pca'),
    similarity=lambda wv: plot_similarity(wv, ODD),
    analogy=lambda wv: plot_analogy(wv, '$$', '_hidden', '%', '\\'),
    history=lambda wv: plot_history({'_a': history(), '$$': history()}),
    neighbours=lambda wv: plot_neighbours({'_a': wv, '$$': wv, 3: wv}, '$$', topn=20))
SHOWN = dict(
    map=ODD, similarity=ODD, groups=GROUPS,
    neighbours=['_a', '$$', '3', 'neighbours of $$', *ODD[1:]])
LATEX = {'text.usetex': True, 'text.parse_math': True}

@pytest.mark.parametrize('name', DRAWN)
@pytest.mark.parametrize('settings', [{}, LATEX], ids=['plain', 'latex'])
def test_nothing_is_markup(odd, name, settings):
    with warnings.catch_warnings(), plt.rc_context(settings):
        warnings.simplefilter('error')
        ax = DRAWN[name](odd)
        write(ax.figure)
    assert {*SHOWN.get(name, [])} <= {*texts(ax)}
    if name == 'history':
        assert legend(ax) == ['_a training', '_a validation', '$$ training', '$$ validation']

def test_a_users_axes(odd):
    with plt.rc_context({'text.usetex': True}):
        fig, (curves, cosines, words) = plt.subplots(1, 3)
        curves.plot([0, 1], label='theirs')
        for ax in fig.axes: ax.tick_params(labelbottom=False, labelleft=False)
        plot_history({'_mine': history()}, ax=curves)
        plot_similarity(odd, ODD[:4], ax=cosines)
        plot_map(odd, ax=words, method='pca')
        write(fig)
    assert legend(curves) == ['_mine training', '_mine validation']

def test_a_curve_with_any_names():
    curve = LiveLoss(xlabel='$$', ylabel='_%')
    for name in ODD[:6]:
        curve.add(1, 1, name)
        curve.add(2, .5, name)
    with warnings.catch_warnings(), plt.rc_context({'text.usetex': True}):
        warnings.simplefilter('error')
        fig = curve.figure()
        write(fig)
        assert curve.png().startswith(b'\x89PNG')
    assert legend(fig.axes[0]) == ODD[:6]

def test_bytes_that_are_not_text(odd):
    wv = WordVectors(odd.vectors[:3], ['a', 'b', 'c'])
    wv.index_to_key[:] = ['a', 'b\udcff', 'c']
    write(plot_map(wv, [0, 1, 2], method='pca').figure)
    write(plot_similarity(wv, [0, 1, 2]).figure)

def test_a_word_is_not_a_list(odd):
    for plot, word in (plot_map, 'ab'), (plot_similarity, 'ab'), (plot_similarity, b'ab'):
        with pytest.raises(TypeError, match='must be a list of words'): plot(odd, word)
    with pytest.raises(TypeError, match='give a list of models'): plot_neighbours(odd, '$$')

def test_an_analogy_needs_four_words():
    three = WordVectors(np.eye(3), ['a', 'b', 'c'])
    for rest in ('c',), ('c', 'a'):
        with pytest.raises(ValueError, match='four different words'):
            plot_analogy(three, 'a', 'b', *rest)
    line = WordVectors([[1.], [2.], [-3.], [4.]], list('abcd'))
    with pytest.raises(ValueError, match='lie on a line'): plot_analogy(line, *'abcd')
