"The exported map in a real browser: type a word and read its neighbours, with hostile words, without a network."
import json, os

import numpy as np, pytest

from browser import PROGRAM, launch
from w2v_nb.plots import export_map, place_labels, plot_map
from w2v_nb.vectors import WordVectors

HOSTILE = ['</script><script>window.bad=1</script>', '<img src=x onerror=window.bad=1>', '東京', '&lt;b', '$&', "o'clock", '__proto__', 'constructor']


@pytest.fixture(scope='module')
def browser():
    playwright = pytest.importorskip('playwright.sync_api')
    if not PROGRAM: pytest.skip('no Chromium is installed')
    with playwright.sync_playwright() as p:
        b = launch(p)
        yield b
        b.close()


@pytest.fixture(scope='module')
def table():
    rng = np.random.default_rng(0)
    words = HOSTILE + [f'word{i}' for i in range(3000 - len(HOSTILE))]
    return WordVectors(rng.normal(size=(3000, 30)).astype(np.float32), words, counts=np.arange(3000, 0, -1))


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


def listed(page): return page.locator('#neighbours li button').all_inner_texts()


@pytest.mark.parametrize('word', ['word123', *HOSTILE])
def test_type_a_word_and_read_its_neighbours(page, table, word):
    page.fill('#word', word)
    want = table.most_similar(word, topn=8)
    assert listed(page) == [w for w, _ in want]
    assert page.locator('#neighbours li span').all_inner_texts() == [f'{round(100*c)/100:.2f}' for _, c in want]
    assert page.inner_text('#says').startswith(f'{word}, {table.counts[table.key_to_index[word]]:,} times')


def test_search_goes_there(page, table):
    before = page.evaluate('[scale, dx, dy]')
    page.fill('#word', 'WORD12'); page.press('#word', 'Enter')
    assert page.input_value('#word') == 'word12' and page.evaluate('[scale, dx, dy]') != before
    x, y = page.evaluate("[sx(index.get('word12')), sy(index.get('word12'))]")
    assert 300 < x < 1000 and 300 < y < 400
    page.locator('#neighbours li button').first.click()
    assert page.input_value('#word') == table.most_similar('word12', topn=1)[0][0]
    page.fill('#word', 'no such word')
    assert page.inner_text('#says') == 'Not on this map.' and listed(page) == []


def test_point_drag_and_zoom(page, table):
    page.fill('#word', 'word50'); page.press('#word', 'Enter')
    x, y = page.evaluate("[sx(index.get('word77')), sy(index.get('word77'))]")
    page.fill('#word', 'word77'); page.press('#word', 'Enter'); page.fill('#word', '')
    x, y = page.evaluate("[sx(index.get('word77')), sy(index.get('word77'))]")
    page.mouse.move(x + 300, y + 200); page.mouse.move(x, y)
    assert page.inner_text('#says').startswith('word77,') and listed(page) == [w for w, _ in table.most_similar('word77', topn=8)]
    scale, dx = page.evaluate('[scale, dx]')
    page.mouse.wheel(0, -300); page.wait_for_function(f'scale > {scale}')
    scale, dx = page.evaluate('[scale, dx]')
    page.mouse.down(); page.mouse.move(x + 60, y + 10, steps=4); page.mouse.up()
    assert abs(page.evaluate('dx') - dx - 60) < 1
    page.get_by_role('button', name='Zoom in').click()
    assert page.evaluate('scale') > scale
    page.get_by_text('all', exact=True).click()
    xs = page.evaluate('words.map((w, i) => sx(i))')
    assert min(xs) >= 0 and max(xs) <= 1000


def test_something_is_drawn_in_both_themes(page):
    for theme in 'light', 'dark':
        page.emulate_media(color_scheme=theme)
        page.wait_for_timeout(100)
        colours = page.evaluate("(() => { const d = draw2d.getImageData(0, 0, canvas.width, canvas.height).data, s = new Set(); for (let i = 0; i < d.length; i += 4) if (d[i+3] > 200) s.add(d[i] + ',' + d[i+1] + ',' + d[i+2]); return s.size })()")
        assert colours > 3
        back, ink = page.evaluate("[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]")
        light = [sum(w*((c/255 + .055)/1.055)**2.4 if c > 10 else w*c/3295 for w, c in zip((.2126, .7152, .0722), json.loads('[' + colour[4:-1] + ']'))) for colour in (back, ink)]
        assert (max(light) + .05)/(min(light) + .05) > 4.5


def test_a_narrow_screen(browser, table, tmp_path):
    page = browser.new_page(viewport=dict(width=390, height=800))
    page.goto(export_map(table, tmp_path/'m.html', method='pca', n=500).as_uri())
    assert page.evaluate('document.documentElement.scrollWidth') <= 390
    page.fill('#word', 'word3')
    assert len(listed(page)) == 10
    page.close()


def test_ten_thousand_words_in_three_megabytes(tmp_path):
    rng = np.random.default_rng(1)
    words = [''.join(map(chr, rng.integers(97, 123, rng.integers(3, 12)))) + str(i) for i in range(10_000)]
    wv = WordVectors(rng.normal(size=(10_000, 50)).astype(np.float32), words, counts=rng.integers(1, 10**6, 10_000))
    assert export_map(wv, tmp_path/'map.html', method='pca').stat().st_size < 3e6


def test_labels_do_not_overlap():
    import matplotlib
    matplotlib.use('Agg')
    import matplotlib.pyplot as plt
    rng = np.random.default_rng(2)
    for n in 5, 400:
        ax = plot_map(WordVectors(rng.normal(size=(n, 5)), [f'word{i}$' for i in range(n)]), n=n, method='pca')
        ax.figure.draw_without_rendering()
        boxes, frame = [t.get_window_extent() for t in ax.texts], ax.get_window_extent()
        assert len(boxes) == 5 if n == 5 else 60 < len(boxes) < 400
        assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])
        assert all(frame.x0 <= b.x0 and b.x1 <= frame.x1 and frame.y0 <= b.y0 and b.y1 <= frame.y1 for b in boxes)
        plt.close(ax.figure)


def test_an_old_map_survives(tmp_path, table, monkeypatch):
    path = tmp_path/'map.html'
    path.write_text('old')
    monkeypatch.setattr('w2v_nb.plots.map_data', lambda *a: 1/0)
    with pytest.raises(ZeroDivisionError): export_map(table, path, n=10)
    assert path.read_text() == 'old' and os.listdir(tmp_path) == ['map.html']
