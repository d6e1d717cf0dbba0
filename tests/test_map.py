"""The exported map in a real browser: words are typed, keys pressed, fingers moved, and numbers
read off the page. With hostile words, without a network."""
import os, re, time
from contextlib import contextmanager

import numpy as np, pytest

from browser import browser
from w2v_nb.vectors.map import embed_map, export_map, k_means
from w2v_nb.vectors.plots import plot_map
from w2v_nb.vectors import WordVectors

HOSTILE = ['</script><script>window.bad=1</script>', '<img src=x onerror=window.bad=1>', '東京',
           '&lt;b', '$&', "o'clock", '__proto__', 'constructor']


@pytest.fixture(scope='module')
def table():
    vectors = np.random.default_rng(0).normal(size=(3000, 30)).astype(np.float32)
    words = HOSTILE + [f'word{i}' for i in range(3000 - len(HOSTILE))]
    return WordVectors(vectors, words, counts=np.arange(3000, 0, -1))

@pytest.fixture(scope='module')
def file(table, tmp_path_factory):
    path = tmp_path_factory.mktemp('map')/'map.html'
    return export_map(table, path, method='pca', title='Our <map>', topn=8)

@contextmanager
def opened(browser, address, **settings):
    "A page that stays calm, asks for nothing and runs nothing but its own script"
    settings = dict(viewport=dict(width=1000, height=700), reduced_motion='reduce') | settings
    context = browser.new_context(**settings)
    page = context.new_page()
    wrong, asked = [], []
    page.on('console', lambda m: wrong.append(m.text) if m.type == 'error' else None)
    page.on('pageerror', lambda e: wrong.append(str(e)))
    page.on('request', lambda r: asked.append(r.url))
    try:
        page.goto(address)
        yield page
        assert not wrong and all(url.startswith(('file:', 'data:', 'about:')) for url in asked)
        if settings.get('java_script_enabled', True): assert page.evaluate('!window.bad')
    finally: context.close()

@pytest.fixture
def page(browser, file):
    with opened(browser, file.as_uri()) as page: yield page

def listed(page):
    "The words that the page lists as neighbours"
    return page.locator('#neighbours li button').all_inner_texts()

def numbers(page):
    "The cosines in that list"
    return [float(text) for text in page.locator('#neighbours li span').all_inner_texts()]

def nearest(table, word): return [other for other, _ in table.most_similar(word, topn=8)]

def position(page, word):
    "Where a word is on the screen"
    return page.evaluate('word => [sx(index.get(word)), sy(index.get(word))]', word)

def wait_until(page, condition):
    "Playwright's own waiting needs `eval`, which the page forbids"
    end = time.monotonic() + 10
    while not page.evaluate(condition):
        assert time.monotonic() < end, f'{condition} is still false'
        time.sleep(.02)

def settle(page):
    "Until nothing moves any more"
    wait_until(page, '!flight && !shift && !waiting')

def set_theme(page, theme):
    "As the reader's machine would say it"
    page.emulate_media(color_scheme=theme)
    wait_until(page, f'document.documentElement.dataset.theme === "{theme}"')
    settle(page)

def search(page, word):
    "Type a word and press Enter"
    page.fill('#word', word)
    page.press('#word', 'Enter')
    settle(page)

def chosen(page): return page.evaluate('words[chosen] ?? null')

def focused(page): return page.evaluate('document.activeElement.id')


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
    assert chosen(page) == 'word12'
    assert page.input_value('#word') == 'word12'
    assert page.evaluate('[scale, dx, dy]') != before
    x, y = position(page, 'word12')
    assert 250 < x < 1000 and 0 < y < 700
    page.locator('#neighbours li button').first.click()
    assert page.input_value('#word') == nearest(table, 'word12')[0]
    page.fill('#word', 'no such word')
    assert page.locator('#matches').is_hidden()
    assert page.inner_text('#says') == 'Not on this map.' and listed(page) == []

def test_point_drag_and_zoom(page, table):
    search(page, 'word50')
    search(page, 'word77')
    page.keyboard.press('Escape')
    assert listed(page) == [] and page.input_value('#word') == ''
    x, y = position(page, 'word77')
    page.mouse.move(x + 300, y + 200)
    page.mouse.move(x, y)
    assert page.inner_text('#says').startswith('word77,')
    assert listed(page) == nearest(table, 'word77')
    scale = page.evaluate('scale')
    page.mouse.wheel(0, -300)
    wait_until(page, f'scale > {scale}')
    scale, dx = page.evaluate('[scale, dx]')
    page.mouse.down()
    page.mouse.move(x + 60, y + 10, steps=4)
    page.mouse.up()
    assert abs(page.evaluate('dx') - dx - 60) < 1
    page.get_by_role('button', name='Zoom in').click()
    assert page.evaluate('scale') > scale
    page.get_by_text('all', exact=True).click()
    settle(page)
    columns = page.evaluate('words.map((w, i) => sx(i))')
    assert min(columns) >= 0 and max(columns) <= 1000


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
    set_theme(page, theme)
    assert page.evaluate(DRAWN_COLOURS) > 3
    low, high = sorted(map(luminance, page.evaluate(PAGE_COLOURS)))
    assert (high + .05)/(low + .05) > 4.5

def test_colours_of_groups_can_be_seen(page):
    "3 to 1 (WCAG 2, for graphics) in both themes, and nothing of it is lost on the canvas"
    assert page.evaluate(ALPHA, 'word5') == 255
    fills = page.evaluate('data.colours.map(c => `rgb(${[...rgba(c)].slice(0, 3)})`)')
    for theme in 'light', 'dark':
        set_theme(page, theme)
        back = luminance(page.evaluate(PAGE_COLOURS)[0])
        for fill in fills:
            low, high = sorted([luminance(fill), back])
            assert (high + .05)/(low + .05) > 3, (theme, fill)


PIXEL = """([x, y]) => [...draw2d.getImageData(
    Math.round(x*devicePixelRatio), Math.round(y*devicePixelRatio), 1, 1).data]"""
LABELS = 'labels.filter(l => l.marked).map(l => [words[l.i], ...boxOf(l)])'

@pytest.mark.parametrize('word', ['word123', 'word2500', *HOSTILE[:3]])
def test_every_neighbour_is_marked(page, table, word):
    search(page, word)
    boxes = page.evaluate(LABELS)
    assert [name for name, *_ in boxes] == [word, *nearest(table, word)]
    left = page.evaluate('free().left')
    for name, x0, y0, x1, y1 in boxes:
        assert left <= x0 and x1 <= 1000 and 0 <= y0 and y1 <= 700, name
    overlaps = [(p[0], q[0]) for i, p in enumerate(boxes) for q in boxes[:i]
                if p[1] < q[3] and q[1] < p[3] and p[2] < q[4] and q[2] < p[4]]
    assert not overlaps
    colour = page.evaluate('[...rgba(colours.mark)]')
    for name, *_ in boxes: assert page.evaluate(PIXEL, position(page, name)) == colour, name

def test_neighbours_on_one_spot_are_marked(browser, tmp_path):
    "Twelve words, eleven of them at one place: labels find room around it"
    vectors = np.r_[np.ones((11, 2)), -np.ones((1, 2))] + 1e-4*np.arange(24).reshape(12, 2)
    wv = WordVectors(vectors, [f'a long word, number {i}' for i in range(12)])
    path = export_map(wv, tmp_path/'map.html', method='pca')
    with opened(browser, path.as_uri() + '#word=a long word, number 3') as page:
        settle(page)
        boxes = [box for _, *box in page.evaluate(LABELS)]
        assert len(boxes) == 11
        overlaps = [(p, q) for i, p in enumerate(boxes) for q in boxes[:i]
                    if p[0] < q[2] and q[0] < p[2] and p[1] < q[3] and q[1] < p[3]]
        assert not overlaps


WATCH = """word => new Promise(done => { // the scale in each frame of a flight
    const seen = [scale];
    choose(index.get(word));
    const look = () => { seen.push(scale); flight ? requestAnimationFrame(look) : done(seen); };
    requestAnimationFrame(look);
})"""

@pytest.mark.parametrize('motion', ['no-preference', 'reduce'])
def test_flight(browser, file, motion):
    with opened(browser, file.as_uri(), reduced_motion=motion) as page:
        start = time.monotonic()
        scales = page.evaluate(WATCH, 'word40')
        seconds = time.monotonic() - start
        middle = page.evaluate('[free().left + free().width/2, innerHeight/2]')
        every = np.array([position(page, w) for w in ['word40', *listed(page)]])
        assert np.allclose((every.min(0) + every.max(0))/2, middle, atol=.5)
        assert (np.ptp(every, axis=0) < [1000 - 250, 700]).all()
        if motion == 'reduce': assert len(set(scales)) == 2 and seconds < .5
        else:
            assert len(set(scales)) > 5 and seconds > .6
            steps = np.diff(scales)
            assert (steps >= 0).all() or (steps <= 0).all()

STOP = """() => new Promise(done => { // turn the wheel in the third frame of a flight
    choose(index.get('word40'));
    const end = flight.to.scale, frames = [];
    const look = () => {
        frames.push(scale);
        if (frames.length === 3)
            canvas.dispatchEvent(new WheelEvent('wheel', {deltaY: 10, clientX: 500}));
        frames.length < 9 ? requestAnimationFrame(look) : done([frames, end]);
    };
    requestAnimationFrame(look);
})"""

def test_a_hand_stops_a_flight(browser, file):
    with opened(browser, file.as_uri(), reduced_motion='no-preference') as page:
        frames, end = page.evaluate(STOP)
        assert len(set(frames[3:])) == 1 and frames[3] not in (frames[2], end)


# Groups

def legend(page): return page.locator('#legend button').all_inner_texts()

def commonest(table, clusters=8):
    "The three commonest words of each group, by the plain definition"
    group = k_means(table.get_normed_vectors(), clusters)
    order = np.argsort(-table.counts, kind='stable')
    members = ([i for i in order if group[i] == g] for g in range(clusters))
    return group, [', '.join(table.index_to_key[i] for i in some[:3]) for some in members]

def test_groups_and_their_names(page, table):
    group, names = commonest(table)
    assert legend(page) == names
    assert page.evaluate('data.group') == group.tolist()
    assert 'k-means' in page.inner_text('#how') and 'seed 0' in page.inner_text('#how')
    page.fill('#word', 'word5')
    row = table.key_to_index['word5']
    assert f'Group: {names[group[row]]}.' in page.inner_text('#says')
    swatches = page.evaluate("""[...document.querySelectorAll('#legend path')].map(
        path => [path.getAttribute('d'), path.getAttribute('fill')].join())""")
    assert len(set(swatches)) == 8

ALPHA = """word => { // of the dot's pixel, alone on a clear canvas
    const i = index.get(word);
    draw2d.clearRect(0, 0, innerWidth, innerHeight);
    drawDots([i]);
    return draw2d.getImageData(sx(i)*devicePixelRatio, sy(i)*devicePixelRatio, 1, 1).data[3];
}"""

def test_a_group_is_lit(page, table):
    group, names = commonest(table)
    inside, outside = (names[g].split(', ')[0] for g in (1, 0))
    button = page.locator('#legend button').nth(1)
    page.get_by_text('all', exact=True).click()
    settle(page)
    before = page.evaluate(ALPHA, outside)
    button.click()
    settle(page)
    assert button.get_attribute('aria-pressed') == 'true'
    assert page.evaluate(ALPHA, inside) == before > 3*page.evaluate(ALPHA, outside)
    drawn = page.evaluate('labels.map(l => data.group[l.i])')
    assert set(drawn) == {1} and len(drawn) > 5
    button.click()
    settle(page)
    assert button.get_attribute('aria-pressed') == 'false'
    assert page.evaluate(ALPHA, outside) == before

def test_no_groups(browser, table, tmp_path):
    path = export_map(table, tmp_path/'map.html', method='pca', n=50, clusters=0)
    with opened(browser, path.as_uri()) as page:
        assert page.locator('#groups').is_hidden()
        page.fill('#word', 'word5')
        assert 'Group' not in page.inner_text('#says') and len(listed(page)) == 10


# Dots

PAINTED = """word => { // pixels of its dot
    const i = index.get(word), d = devicePixelRatio;
    draw2d.clearRect(0, 0, innerWidth, innerHeight);
    drawDots([i]);
    const {data} = draw2d.getImageData((sx(i) - 12)*d, (sy(i) - 12)*d, 24*d, 24*d);
    return data.filter((value, p) => p % 4 === 3 && value > 60).length;
}"""

@pytest.mark.parametrize('counted', [True, False])
def test_frequent_words_have_larger_dots(browser, tmp_path, counted):
    counts = [100_000, 1000, 10, 1]
    vectors = np.random.default_rng(3).normal(size=(4, 5))
    wv = WordVectors(vectors, ['a', 'b', 'c', 'd'], counts=counts if counted else None)
    path = export_map(wv, tmp_path/'map.html', method='pca', clusters=0)
    with opened(browser, path.as_uri()) as page:
        sizes = [page.evaluate(PAINTED, word) for word in 'abcd']
        if counted: assert sizes == sorted(set(sizes), reverse=True) and sizes[0] > 5*sizes[3]
        else: assert max(sizes) < 2*min(sizes)


# Axes and analogies

def ask(page, name, **fields):
    "Fill in a form and press Enter"
    details = page.locator(f'#{name}')
    if not details.evaluate('e => e.open'): details.locator('summary').click()
    for field, word in fields.items(): details.locator(f'[name={field}]').fill(word)
    details.locator(f'[name={field}]').press('Enter')
    settle(page)

NEARLY = .01 # vectors of one byte a number: how far off a cosine may be

def first_answer(table, positive, negative):
    "What `most_similar` finds first; None if the second is too close"
    (word, cosine), (_, second) = table.most_similar(positive, negative, topn=2)
    if cosine - second > NEARLY: return word

def clear_pair(table):
    "Two words whose axis has a clear end on both sides"
    names = [f'word{i}' for i in range(100)]
    return next((a, b) for a, b in zip(names, names[1:])
                if first_answer(table, [a], [b]) and first_answer(table, [b], [a]))

def test_axis(page, table):
    before = [position(page, f'word{i}') for i in range(50)]
    start, to = clear_pair(table)
    ask(page, 'axis', **{'from': start, 'to': to})
    unit = table.get_normed_vectors().astype(float)
    a, b = (unit[table.key_to_index[word]] for word in (start, to))
    along = unit @ (b - a)/np.linalg.norm(b - a)
    both = unit @ (b + a)/np.linalg.norm(b + a)
    x, y = np.array(page.evaluate('words.map((w, i) => [sx(i), sy(i)])')).T
    slope, zero = np.polyfit(along, x, 1)
    assert slope > 100 and np.abs(slope*along + zero - x).max() < NEARLY*slope
    slope, zero = np.polyfit(both, y, 1)
    assert slope < -100 and np.abs(slope*both + zero - y).max() < NEARLY*-slope
    left = page.evaluate('free().left')
    assert left < x.min() and x.max() < 1000 and 0 < y.min() and y.max() < 700
    found, cosines = listed(page), numbers(page)
    assert len(found) == 10 and cosines[:5] == sorted(cosines[:5], reverse=True)
    assert cosines[5:] == sorted(cosines[5:])
    true = [along[table.key_to_index[word]] for word in found]
    assert np.allclose(cosines, true, atol=NEARLY)
    assert found[0] == first_answer(table, [to], [start])
    assert found[5] == first_answer(table, [start], [to])
    page.get_by_role('button', name='back to the map').click()
    settle(page)
    assert np.allclose(before, [position(page, f'word{i}') for i in range(50)], atol=.5)

def test_axis_of_odd_words(page):
    ask(page, 'axis', **{'from': 'word1', 'to': '<b>'})
    assert page.inner_text('#says') == "<b> isn't on this map."
    assert page.evaluate('document.activeElement.name') == 'to' and listed(page) == []
    ask(page, 'axis', **{'from': 'word1', 'to': 'word1'})
    assert 'two different words' in page.inner_text('#says')
    ask(page, 'axis', **{'from': '', 'to': 'word1'})
    assert 'Type a word' in page.inner_text('#says')
    ask(page, 'axis', **{'from': HOSTILE[0], 'to': HOSTILE[1]})
    assert page.inner_text('#says').startswith(f'{HOSTILE[1]} \u2212 {HOSTILE[0]}')

def test_analogy(page, table):
    n = next(n for n in range(100) if first_answer(
        table, [f'word{n + 1}', f'word{n + 2}'], [f'word{n}']))
    a, b, c = (f'word{n + i}' for i in range(3))
    ask(page, 'analogy', a=a, b=b, c=c.upper())
    best = table.most_similar(positive=[b, c], negative=[a], topn=5)
    assert listed(page)[0] == best[0][0] == first_answer(table, [b, c], [a])
    assert np.allclose(numbers(page), [cosine for _, cosine in best], atol=NEARLY)
    said = f'{a} is to {b} as {c} is to {best[0][0]}.'
    assert page.inner_text('#says').startswith(said)
    marked = {name for name, *_ in page.evaluate(LABELS)}
    assert {a, b, c, best[0][0]} <= marked

TOP = """triples => triples.map(([a, b, c]) =>
    words[highest(cosines(combine([1, b], [-1, a], [1, c])), 1, [a, b, c])[0][0]])"""

def test_analogies_agree_with_python(page, table):
    "The top answer is that of `most_similar`, wherever it is clear"
    triples = np.random.default_rng(5).integers(0, len(table), (60, 3)).tolist()
    triples = [t for t in triples if len(set(t)) == 3]
    clear = 0
    for (a, b, c), top in zip(triples, page.evaluate(TOP, triples)):
        best = table.most_similar(positive=[b, c], negative=[a], topn=20)
        close = [word for word, cosine in best if best[0][1] - cosine < NEARLY]
        clear += len(close) == 1
        assert top in close
    assert clear > 30

def test_without_vectors(browser, table, tmp_path, file):
    path = export_map(table, tmp_path/'map.html', method='pca', topn=8, vectors=False)
    assert path.stat().st_size < file.stat().st_size - 3000*30
    with opened(browser, path.as_uri()) as page:
        assert page.locator('#axis').is_hidden() and page.locator('#analogy').is_hidden()
        search(page, 'word9')
        assert listed(page) == nearest(table, 'word9')


# Addresses

def test_a_link_to_a_word(browser, file, table):
    with opened(browser, file.as_uri() + '#word=word77') as page:
        settle(page)
        assert chosen(page) == 'word77' and listed(page) == nearest(table, 'word77')
        for word in 'word8', *HOSTILE:
            search(page, word)
            address = page.url
            page.goto('about:blank')
            page.goto(address)
            assert chosen(page) == page.input_value('#word') == word
        page.evaluate("location.hash = '#word=word9'")
        wait_until(page, "words[chosen] === 'word9'")
        page.keyboard.press('Escape')
        assert '#' not in page.url and chosen(page) is None

@pytest.mark.parametrize('hash', [
    '#word=<img src=y onerror=window.bad=1>', '#word=%', '#word=%E0%A4%A', '#word=', '#', '#x',
    '#word=%3Cscript%3Ewindow.bad=1%3C/script%3E', '#word=__proto__%00', '#word=' + 'x'*5000,
    '#word=toString', '#javascript:window.bad=1', '#word=%22%3E%3Csvg onload=window.bad=1%3E'])
def test_hostile_hashes(browser, file, table, hash):
    with opened(browser, file.as_uri() + hash) as page:
        settle(page)
        assert chosen(page) is None and listed(page) == []
        assert page.evaluate('document.images.length') == 0
        search(page, 'word9')
        assert listed(page) == nearest(table, 'word9')


# Keys

def test_search_by_keyboard(page, table):
    page.keyboard.press('/')
    assert focused(page) == 'word' and page.input_value('#word') == ''
    page.keyboard.type('word12')
    matches = page.locator('#matches li').all_inner_texts()
    assert matches == ['word12', *(f'word12{i}' for i in range(7))]
    for _ in range(3): page.keyboard.press('ArrowDown')
    page.keyboard.press('ArrowUp')
    active = page.locator('#matches li[aria-selected=true]')
    assert active.all_inner_texts() == ['word120']
    shown = page.get_attribute('#word', 'aria-activedescendant')
    assert active.get_attribute('id') == shown
    page.keyboard.press('Enter')
    assert chosen(page) == 'word120' and page.locator('#matches').is_hidden()
    page.keyboard.press('ArrowUp')
    assert page.get_attribute('#word', 'aria-expanded') == 'true'
    page.keyboard.press('Escape')
    assert page.locator('#matches').is_hidden() and chosen(page) == 'word120'
    page.keyboard.press('Escape')
    assert chosen(page) is None and listed(page) == []

def test_a_match_is_clicked(page):
    page.fill('#word', 'ord33')
    page.locator('#matches li').nth(1).click()
    assert chosen(page) == 'word330' == page.input_value('#word')

def test_keys_move_the_map(page):
    page.focus('#map')
    for key, moved in dict(ArrowLeft=(60, 0), ArrowRight=(-60, 0), ArrowUp=(0, 60),
                           ArrowDown=(0, -60)).items():
        before = page.evaluate('[dx, dy]')
        page.keyboard.press(key)
        assert np.allclose(np.subtract(page.evaluate('[dx, dy]'), before), moved)
    scale = page.evaluate('scale')
    page.keyboard.press('+')
    assert np.isclose(page.evaluate('scale')/scale, 1.3)
    page.keyboard.press('-')
    assert np.isclose(page.evaluate('scale')/scale, 1)
    page.focus('#word')
    page.keyboard.type('+-')
    assert page.evaluate('scale') == scale and page.input_value('#word') == '+-'

def test_tab_reaches_everything(page):
    search(page, 'word5')
    for name in 'axis', 'analogy': page.locator(f'#{name} summary').click()
    wanted = page.evaluate("""[...document.querySelectorAll('canvas, input, button, summary')]
        .filter(e => e.checkVisibility()).length""")
    seen = []
    for _ in range(wanted + 1): # once the whole way round, with a stop at the browser's own
        page.keyboard.press('Tab')
        seen.append(page.evaluate("""(() => {
            const e = document.activeElement, style = getComputedStyle(e), c = colours.mark;
            const ring = `rgb(${[...rgba(c)].slice(0, 3).join(', ')})`;
            const wide = parseFloat(style.outlineWidth) >= 2 && style.outlineStyle === 'solid';
            return [e.tagName + e.id + e.name + e.innerText, wide, style.outlineColor === ring];
        })()"""))
    seen = [row for row in seen if not row[0].startswith('BODY')]
    assert wanted > 25 and len({name for name, *_ in seen}) == wanted
    assert not [name for name, wide, visible in seen if not (wide and visible)]


# Phones

@pytest.fixture
def phone(browser, file):
    settings = dict(viewport=dict(width=390, height=844), has_touch=True, is_mobile=True,
                    device_scale_factor=2)
    with opened(browser, file.as_uri(), **settings) as page: yield page

def sheet(page):
    "Its upper and lower end"
    return page.evaluate('(box => [box.top, box.bottom])(panel.getBoundingClientRect())')

def test_a_sheet_on_a_phone(phone, table):
    assert phone.evaluate('document.documentElement.scrollWidth') <= 390
    top, bottom = sheet(phone)
    assert bottom == 844 and top > 600
    ys = phone.evaluate('words.map((w, i) => sy(i))')
    assert 0 < min(ys) and max(ys) < top
    phone.tap('#sheet')
    assert phone.get_attribute('#sheet', 'aria-expanded') == 'true'
    assert 844*.4 < sheet(phone)[0] < top and phone.locator('#legend').is_visible()
    phone.tap('#sheet')
    assert sheet(phone)[0] == top and phone.locator('#legend').is_hidden()
    search(phone, 'word3')
    assert listed(phone) == nearest(table, 'word3')
    open_top = sheet(phone)[0]
    boxes = phone.evaluate(LABELS)
    assert [name for name, *_ in boxes] == ['word3', *nearest(table, 'word3')]
    for _, x0, y0, x1, y1 in boxes: assert 0 <= x0 and x1 <= 390 and 0 <= y0 and y1 <= open_top
    assert phone.evaluate('document.documentElement.scrollWidth') <= 390

def touch(session, kind, *points):
    touches = [dict(x=x, y=y, id=i) for i, (x, y) in enumerate(points)]
    session.send('Input.dispatchTouchEvent', dict(type=kind, touchPoints=touches))

def test_fingers(phone):
    session = phone.context.new_cdp_session(phone)
    before = phone.evaluate('[scale, dx, dy]')
    touch(session, 'touchStart', (200, 300))
    for step in range(1, 5): touch(session, 'touchMove', (200 + 10*step, 300 - 5*step))
    touch(session, 'touchEnd')
    phone.wait_for_timeout(50)
    scale, dx, dy = phone.evaluate('[scale, dx, dy]')
    assert np.allclose([scale, dx, dy], np.add(before, [0, 40, -20]), atol=1)
    start, end = [(150, 300), (250, 300)], [(100, 300), (300, 300)]
    touch(session, 'touchStart', *start)
    for t in np.linspace(0, 1, 6)[1:]:
        touch(session, 'touchMove', *((1 - t)*np.array(start) + t*np.array(end)))
    touch(session, 'touchEnd')
    phone.wait_for_timeout(50)
    zoomed, dx2, _ = phone.evaluate('[scale, dx, dy]')
    assert np.isclose(zoomed/scale, 2, rtol=.02)
    assert np.isclose((200 - dx)/scale, (200 - dx2)/zoomed, rtol=.02) # the middle stays
    assert chosen(phone) is None
    x, y = position(phone, 'word9')
    phone.evaluate(f'pan(195 - {x}, 300 - {y})')
    phone.touchscreen.tap(195, 300)
    assert chosen(phone) is not None and len(listed(phone)) == 8


# Inside another page

PAGE = """<!DOCTYPE html><style>body { background: #fff } body.night { background: #111 }
main { height: 3000px }</style><main>MAP</main>"""

def test_the_theme_of_the_page_around(browser, file, tmp_path):
    outer = tmp_path/'page.html'
    outer.write_text(PAGE.replace('MAP', embed_map(file, height=400, alt='Our "map"')))
    with opened(browser, outer.as_uri(), color_scheme='dark') as page:
        assert page.locator('iframe').bounding_box()['height'] == 400
        assert page.get_attribute('iframe', 'title') == 'Our "map"'
        inner = page.frames[1]
        told = f'[document.documentElement.dataset.theme, {PAGE_COLOURS}]'
        theme = lambda: inner.evaluate(told)
        name, (back, _) = theme()
        assert name == 'light' and luminance(back) > .9
        page.evaluate("document.body.className = 'night'")
        wait_until(inner, "document.documentElement.dataset.theme === 'dark'")
        assert luminance(theme()[1][0]) < .05
        page.evaluate("document.body.className = ''")
        wait_until(inner, "document.documentElement.dataset.theme === 'light'")

def test_a_frame_lets_the_page_scroll(browser, file, table, tmp_path):
    "The wheel is the page's, until the map has the focus"
    outer = tmp_path/'page.html'
    outer.write_text(PAGE.replace('MAP', embed_map(file, height=600)))
    with opened(browser, outer.as_uri()) as page:
        inner = page.frames[1]
        wait_until(inner, '!waiting')
        scale = inner.evaluate('scale')
        page.mouse.move(700, 300)
        page.mouse.wheel(0, 100)
        wait_until(page, 'scrollY > 50')
        assert inner.evaluate('scale') == scale
        page.mouse.click(700, 300)
        page.mouse.wheel(0, 100)
        wait_until(inner, f'scale < {scale}')
        inner.fill('#word', 'word4')
        assert inner.locator('#neighbours button').all_inner_texts() == nearest(table, 'word4')
        assert '#' not in page.url

def test_without_a_script(browser, file, tmp_path):
    "The first words are there, as a picture; in another page, too"
    outer = tmp_path/'page.html'
    without_frames = re.sub('<iframe.*?</iframe>', '', embed_map(file), flags=re.DOTALL)
    outer.write_text(PAGE.replace('MAP', without_frames))
    with opened(browser, file.as_uri(), java_script_enabled=False) as page:
        words = page.locator('svg text').all_text_contents()
        assert 20 < len(words) <= 80 and words[0] == HOSTILE[0]
        assert page.locator('svg').is_visible() and page.locator('#panel').is_hidden()
    with opened(browser, outer.as_uri()) as page:
        assert page.evaluate('document.images[0].naturalWidth') == 900


@pytest.mark.parametrize('vectors, most', [(True, 2.6e6), (False, 1.2e6)])
def test_ten_thousand_words(tmp_path, vectors, most):
    rng = np.random.default_rng(1)
    letters = [rng.integers(97, 123, rng.integers(3, 12)) for _ in range(10_000)]
    words = [''.join(map(chr, word)) + str(i) for i, word in enumerate(letters)]
    table = rng.normal(size=(10_000, 100)).astype(np.float32)
    wv = WordVectors(table, words, counts=rng.integers(1, 10**6, 10_000))
    path = export_map(wv, tmp_path/'map.html', method='pca', vectors=vectors)
    assert .9*most < path.stat().st_size < most

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
