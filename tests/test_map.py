"""The exported map in a real browser: type a word and read its neighbours, with hostile words,
without a network."""
import os, re

import numpy as np, pytest

from browser import browser
from w2v_nb.vectors.map import export_map
from w2v_nb.vectors.plots import plot_map
from w2v_nb.vectors import WordVectors

HOSTILE = ['</script><script>window.bad=1</script>', '<img src=x onerror=window.bad=1>', '東京',
           '&lt;b', '$&', "o'clock", '__proto__', 'constructor']


@pytest.fixture(scope='module')
def table():
    vectors = np.random.default_rng(0).normal(size=(3000, 30)).astype(np.float32)
    words = HOSTILE + [f'word{i}' for i in range(3000 - len(HOSTILE))]
    return WordVectors(vectors, words, counts=np.arange(3000, 0, -1))

@pytest.fixture
def page(browser, table, tmp_path):
    path = export_map(table, tmp_path/'map.html', method='pca', title='Our <map>', topn=8)
    context = browser.new_context(viewport=dict(width=1000, height=700))
    page = context.new_page()
    page.wrong, page.asked = [], []
    page.on('console', lambda m: page.wrong.append(m.text) if m.type == 'error' else None)
    page.on('pageerror', lambda e: page.wrong.append(str(e)))
    page.on('request', lambda r: page.asked.append(r.url))
    page.goto(path.as_uri())
    yield page
    assert not page.wrong and all(url.startswith(('file:', 'data:')) for url in page.asked)
    assert page.evaluate('window.bad') is None
    context.close()

def listed(page):
    "The words that the page lists as neighbours"
    return page.locator('#neighbours li button').all_inner_texts()

def nearest(table, word): return [other for other, _ in table.most_similar(word, topn=8)]

def position(page, word):
    "Where a word is on the screen"
    return page.evaluate('word => [sx(index.get(word)), sy(index.get(word))]', word)

def search(page, word):
    "Type a word and press Enter"
    page.fill('#word', word)
    page.press('#word', 'Enter')


@pytest.mark.parametrize('word', ['word123', *HOSTILE])
def test_type_a_word_and_read_its_neighbours(page, table, word):
    page.fill('#word', word)
    assert listed(page) == nearest(table, word)
    cosines = [f'{round(100*c)/100:.2f}' for _, c in table.most_similar(word, topn=8)]
    assert page.locator('#neighbours li span').all_inner_texts() == cosines
    count = table.counts[table.key_to_index[word]]
    assert page.inner_text('#says').startswith(f'{word}, {count:,} times')

def test_search_goes_there(page, table):
    before = page.evaluate('[scale, dx, dy]')
    search(page, 'WORD12')
    assert page.input_value('#word') == 'word12'
    assert page.evaluate('[scale, dx, dy]') != before
    x, y = position(page, 'word12')
    assert 300 < x < 1000 and 300 < y < 400
    page.locator('#neighbours li button').first.click()
    assert page.input_value('#word') == nearest(table, 'word12')[0]
    page.fill('#word', 'no such word')
    assert page.inner_text('#says') == 'Not on this map.' and listed(page) == []

def test_point_drag_and_zoom(page, table):
    search(page, 'word50')
    search(page, 'word77')
    page.fill('#word', '')
    x, y = position(page, 'word77')
    page.mouse.move(x + 300, y + 200)
    page.mouse.move(x, y)
    assert page.inner_text('#says').startswith('word77,')
    assert listed(page) == nearest(table, 'word77')
    scale = page.evaluate('scale')
    page.mouse.wheel(0, -300)
    page.wait_for_function(f'scale > {scale}')
    scale, dx = page.evaluate('[scale, dx]')
    page.mouse.down()
    page.mouse.move(x + 60, y + 10, steps=4)
    page.mouse.up()
    assert abs(page.evaluate('dx') - dx - 60) < 1
    page.get_by_role('button', name='Zoom in').click()
    assert page.evaluate('scale') > scale
    page.get_by_text('all', exact=True).click()
    columns = page.evaluate('words.map((w, i) => sx(i))')
    assert min(columns) >= 0 and max(columns) <= 1000


TWO_FRAMES = 'new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))'
DRAWN_COLOURS = """(() => { // how many different ones, apart from what is translucent
    const {data} = draw2d.getImageData(0, 0, canvas.width, canvas.height), found = new Set();
    for (let i = 0; i < data.length; i += 4)
        if (data[i + 3] > 200) found.add(`${data[i]},${data[i + 1]},${data[i + 2]}`);
    return found.size;
})()"""
PAGE_COLOURS = """(() => {
    const {backgroundColor, color} = getComputedStyle(document.body);
    return [backgroundColor, color];
})()"""

def luminance(colour):
    "From 0 to 1 (WCAG 2), of 'rgb(r, g, b)'"
    values = [int(x)/255 for x in re.findall(r'\d+', colour)]
    linear = [x/12.92 if x <= .03928 else ((x + .055)/1.055)**2.4 for x in values]
    return sum(weight*x for weight, x in zip((.2126, .7152, .0722), linear))

@pytest.mark.parametrize('theme', ['light', 'dark'])
def test_something_is_drawn(page, theme):
    page.emulate_media(color_scheme=theme)
    page.evaluate(TWO_FRAMES)
    assert page.evaluate(DRAWN_COLOURS) > 3
    low, high = sorted(map(luminance, page.evaluate(PAGE_COLOURS)))
    assert (high + .05)/(low + .05) > 4.5

def test_a_narrow_screen(browser, table, tmp_path):
    page = browser.new_page(viewport=dict(width=390, height=800))
    page.goto(export_map(table, tmp_path/'m.html', method='pca', n=500).as_uri())
    assert page.evaluate('document.documentElement.scrollWidth') <= 390
    page.fill('#word', 'word3')
    assert len(listed(page)) == 10
    page.close()


def test_ten_thousand_words_in_three_megabytes(tmp_path):
    rng = np.random.default_rng(1)
    letters = [rng.integers(97, 123, rng.integers(3, 12)) for _ in range(10_000)]
    words = [''.join(map(chr, word)) + str(i) for i, word in enumerate(letters)]
    vectors = rng.normal(size=(10_000, 50)).astype(np.float32)
    wv = WordVectors(vectors, words, counts=rng.integers(1, 10**6, 10_000))
    assert export_map(wv, tmp_path/'map.html', method='pca').stat().st_size < 3e6

def is_inside(box, frame):
    return (frame.x0 <= box.x0 and box.x1 <= frame.x1
            and frame.y0 <= box.y0 and box.y1 <= frame.y1)

def test_labels_do_not_overlap():
    import matplotlib
    matplotlib.use('Agg')
    import matplotlib.pyplot as plt
    rng = np.random.default_rng(2)
    for n in 5, 400:
        wv = WordVectors(rng.normal(size=(n, 5)), [f'word{i}$' for i in range(n)])
        ax = plot_map(wv, n=n, method='pca')
        ax.figure.draw_without_rendering()
        boxes, frame = [t.get_window_extent() for t in ax.texts], ax.get_window_extent()
        assert len(boxes) == 5 if n == 5 else 60 < len(boxes) < 400
        assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])
        assert all(is_inside(box, frame) for box in boxes)
        plt.close(ax.figure)

def test_an_old_map_survives(tmp_path, table, monkeypatch):
    path = tmp_path/'map.html'
    path.write_text('old')
    monkeypatch.setattr('w2v_nb.vectors.map.map_data', lambda *args: 1/0)
    with pytest.raises(ZeroDivisionError): export_map(table, path, n=10)
    assert path.read_text() == 'old' and os.listdir(tmp_path) == ['map.html']
