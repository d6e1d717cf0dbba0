"""Pictures that move, in a real browser: what the pages store is opened, acted on by mouse,
finger and keyboard, and the numbers it shows are compared with Python's."""
import json, re

import numpy as np, pytest, torch

from browser import browser
from house import cells, nbs, source
from w2v_nb.base.moving import Moving, script_text
from w2v_nb.chapter.loss import sgns_grad

THEMES = dict(light=('#ffffff', '#3d444b'), dark=('#272b30', '#aaaaaa'))
CLOSE = dict(rtol=0, atol=1e-6)


def cell(name, id):
    "A cell of a notebook"
    return next(c for c in cells(nbs/f'{name}.ipynb') if c['id'] == id)

def stored(name, id):
    "The HTML and the data of a picture as a page stores it"
    output = cell(name, id)['outputs'][0]['data']
    assert output['image/png'] # for what knows no HTML
    page = ''.join(output['text/html'])
    found = re.search('application/json">(.*?)</script>', page, re.DOTALL)
    return page, json.loads(found[1])['data']

@pytest.fixture
def visit(browser, tmp_path):
    "Open pictures in pages of their own; errors and requests fail the test"
    contexts, wrong, asked = [], [], []
    def opened(body, theme='light', expect_errors=False, width=1000, **options):
        back, ink = THEMES[theme]
        file = tmp_path/'page.html'
        file.write_text(f'<!DOCTYPE html><html lang="en"><meta charset="utf-8">'
                        f'<meta name="viewport" content="width=device-width">'
                        f'<body style="background: {back}; color: {ink}">{body}</body></html>',
                        encoding='utf-8')
        viewport = dict(width=width, height=900)
        contexts.append(browser.new_context(viewport=viewport, **options))
        page = contexts[-1].new_page()
        if not expect_errors: page.on('pageerror', lambda e: wrong.append(str(e)))
        page.on('request', lambda r: asked.append(r.url))
        page.goto(file.as_uri())
        return page
    yield opened
    for context in contexts: context.close()
    assert not wrong and all(url.startswith(('file:', 'data:')) for url in asked), wrong

def number(page, name):
    "A number that the page shows, with all its digits; they agree with what is written"
    node = page.locator(f'data[data-name="{name}"]')
    value, text = float(node.get_attribute('value')), node.inner_text().replace('\u2212', '-')
    assert abs(value - float(text)) <= .51*10**-len(text.partition('.')[2])
    return value

def arrow(page, name):
    "The vector of an arrow"
    node = page.locator(f'.arrow[data-name="{name}"]')
    return [float(node.get_attribute(f'data-{axis}')) for axis in 'xy']


# What holds for every one of them

PICTURES = ('00_words', 'w00f'), ('06_loss', 'm06b')

@pytest.mark.parametrize('name, id', PICTURES)
def test_still_where_no_script_runs(visit, name, id):
    "No scripts, a script that fails, print: the still picture, with its description"
    body, _ = stored(name, id)
    broken = re.sub('("data": ).*?}(?=}</script>)', r'\1{}', body, flags=re.DOTALL)
    assert broken != body
    for page in (visit(body, java_script_enabled=False), visit(broken, expect_errors=True)):
        image = page.locator('img')
        assert image.is_visible() and len(image.get_attribute('alt')) > 60
        assert image.bounding_box()['width'] > 300
        assert not page.locator('.live').count()
    page = visit(body)
    assert page.locator('.live').is_visible()
    assert page.get_by_role('img', name=re.compile('^On the left')).count() == 1 # for ears
    page.emulate_media(media='print')
    assert page.locator('img').is_visible() and not page.locator('.live').is_visible()

@pytest.mark.parametrize('name, id', PICTURES)
def test_the_stored_script_is_today_s(name, id):
    "`tools/fresh.py` compares words and pictures only: scripts are compared here"
    page, _ = stored(name, id)
    ours = re.search('data-name="(.*?)"', page)[1]
    assert script_text('base/moving.js') + script_text(ours) in page
    assert json.dumps(script_text('base/moving.css'))[1:-1] in page

@pytest.mark.parametrize('name, id', PICTURES)
def test_a_narrow_screen(visit, name, id):
    page = visit(stored(name, id)[0], width=390)
    assert page.locator('.live').is_visible()
    assert page.evaluate('document.documentElement.scrollWidth') <= 390

CONTRAST = r"""() => { // the lowest, of all text in the picture and its background
    const rgb = css => {
        const n = css.match(/[\d.]+/g).map(Number);
        return css.startsWith('color(srgb') ? [255*n[0], 255*n[1], 255*n[2], n[3] ?? 1] : n;
    };
    const linear = v => (v /= 255) <= .03928 ? v/12.92 : ((v + .055)/1.055)**2.4;
    const light = c => .2126*linear(c[0]) + .7152*linear(c[1]) + .0722*linear(c[2]);
    const over = (a, b) => [0, 1, 2].map(i => a[i]*(a[3] ?? 1) + b[i]*(1 - (a[3] ?? 1)));
    const page = rgb(getComputedStyle(document.body).backgroundColor);
    const root = document.querySelector('.w2v-moving').shadowRoot, ratios = [];
    for (const node of root.querySelectorAll('.live :is(span, data, th, p, button, text)')) {
        if (!node.textContent.trim()) continue;
        const style = getComputedStyle(node), isDrawn = node.localName === 'text';
        const back = over(rgb(style.backgroundColor), page);
        const ink = over(rgb(isDrawn ? style.fill : style.color), back);
        const [high, low] = [light(ink), light(back)].sort((a, b) => b - a);
        ratios.push((high + .05)/(low + .05));
    }
    return [ratios.length, Math.min(...ratios)];
}"""

@pytest.mark.parametrize('theme', THEMES)
@pytest.mark.parametrize('name, id', PICTURES)
def test_text_can_be_read(visit, name, id, theme):
    page = visit(stored(name, id)[0], theme)
    if page.get_by_role('button', name='Step', exact=True).count():
        page.get_by_role('button', name='Step', exact=True).click()
    count, lowest = page.evaluate(CONTRAST)
    assert count > 15 and lowest >= 4.5

def test_scripts_can_be_embedded():
    for path in (nbs.parent/'w2v_nb').rglob('assets/*.js'):
        text = path.read_text(encoding='utf-8')
        assert '</' not in text and '<!--' not in text and 'fetch(' not in text
    with pytest.raises(FileNotFoundError): script_text('chapter/nothing.js')

def test_two_on_a_page(visit):
    "Each script finds its own place"
    page = visit(''.join(stored(*picture)[0] for picture in (*PICTURES, PICTURES[1])))
    assert page.locator('.live').count() == 3
    assert page.locator('[data-name=tip]').count() == 2


# The two forces on a centre

def expected(v, data):
    "What Python makes of a centre: scores, answers, costs, pull, push, loss"
    U = torch.tensor([[data['context'], data['noise']]], dtype=torch.float64)
    v = torch.tensor([v], dtype=torch.float64)
    both, _ = sgns_grad(v, U, torch.tensor([[1., 0.]]))
    pull, _ = sgns_grad(v, U[:, :1], torch.ones(1, 1))
    scores = (U[0] @ v[0])
    costs = torch.nn.functional.softplus(scores * torch.tensor([-1., 1.]))
    return dict(scores=scores, answers=torch.sigmoid(scores), costs=costs, loss=costs.mean(),
                pull=-pull[0], push=pull[0] - both[0], both=-both[0])

def check_forces(page, data):
    "Compare every number and arrow with Python's; returns the centre"
    v = arrow(page, 'v')
    python = expected(v, data)
    for key in 'scores', 'answers', 'costs':
        shown = [number(page, f'{key} {kind}') for kind in ('context', 'noise')]
        np.testing.assert_allclose(shown, python[key], **CLOSE)
    lengths = [number(page, f'lengths {kind}') for kind in ('context', 'noise')]
    np.testing.assert_allclose(lengths, [python[k].norm() for k in ('pull', 'push')], **CLOSE)
    for key in 'pull', 'push', 'both':
        np.testing.assert_allclose(arrow(page, key), python[key], **CLOSE)
    np.testing.assert_allclose(number(page, 'loss'), python['loss'], **CLOSE)
    return v

@pytest.fixture
def forces(visit):
    body, data = stored('06_loss', 'm06b')
    return visit(body), data

def centre_of(page):
    "Where the tip is on the screen"
    box = page.locator('[data-name=tip] .tip').bounding_box()
    return box['x'] + box['width']/2, box['y'] + box['height']/2

def test_drag_the_centre(forces):
    page, data = forces
    assert check_forces(page, data) == data['v']
    x, y = centre_of(page)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 80, y - 40, steps=5)
    page.mouse.up()
    moved = check_forces(page, data)
    assert moved[0] < data['v'][0] - .5 and moved[1] > data['v'][1] + .3
    page.mouse.move(x, y) # let go: it stays
    assert check_forces(page, data) == moved
    np.testing.assert_allclose(centre_of(page), [x - 80, y - 40], atol=1)

def test_keys_move_it(forces):
    page, data = forces
    page.keyboard.press('Tab')
    assert page.locator('[data-name=tip]:focus').count() == 1
    for key in 'ArrowLeft', 'ArrowUp', 'ArrowUp', 'Shift+ArrowDown': page.keyboard.press(key)
    v = check_forces(page, data)
    np.testing.assert_allclose(v, np.add(data['v'], [-.1, .2 - .5]), **CLOSE)
    for _ in range(60): page.keyboard.press('ArrowRight')
    assert check_forces(page, data)[0] == 2.5 # and no further

def test_a_finger_moves_it(visit):
    body, data = stored('06_loss', 'm06b')
    page = visit(body, width=390, has_touch=True, is_mobile=True)
    x, y = centre_of(page)
    touch = page.context.new_cdp_session(page)
    def send(kind, *points):
        touch.send('Input.dispatchTouchEvent', dict(
            type=kind, touchPoints=[dict(x=x, y=y) for x, y in points]))
    send('touchStart', (x, y))
    for i in range(1, 6): send('touchMove', (x - 10*i, y + 8*i))
    send('touchEnd')
    v = check_forces(page, data)
    assert v[0] < data['v'][0] - .4 and v[1] < data['v'][1] - .3

def test_steps_lead_to_a_small_loss(forces):
    page, data = forces
    v, step = np.array(data['v']), page.get_by_role('button', name='One step')
    losses = []
    for _ in range(8):
        losses.append(number(page, 'loss'))
        v = v + data['eta']*expected(v.tolist(), data)['both'].numpy()
        step.click()
        np.testing.assert_allclose(check_forces(page, data), v, **CLOSE)
    assert losses == sorted(losses, reverse=True)
    page.get_by_role('button', name='Back').click()
    assert check_forces(page, data) == data['v']


# Skip-gram, trained in the page

def step_at():
    "The page's own plain version"
    names = dict(np=np, sigmoid=lambda x: 1/(1 + np.exp(-x)))
    exec(source(cell('00_words', 'w00b')), names)
    return names['step_at']

def read(text, window):
    "Words in the order of the text, and for each place the centre and its contexts"
    sentences = [re.findall(r"[\w'-]+", s) for s in re.split(r'[.!?\n]', text.lower())]
    words = list(dict.fromkeys(w for s in sentences for w in s))
    ids = [[words.index(w) for w in s] for s in sentences]
    near = [(s[i], s[max(i - window, 0):i] + s[i + 1:i + 1 + window])
            for s in ids for i in range(len(s))]
    return words, [place for place in near if place[1]], np.bincount(sum(ids, []))

class Python:
    "The same training, in Python"
    def __init__(self, text, data, V, U, noise):
        self.words, self.places, _ = read(text, data['window'])
        self.V, self.U, self.noise = np.array(V), np.array(U), noise
        self.step, self.eta, self.losses = step_at(), data['eta'], []
    def go_to(self, steps):
        for i in range(len(self.losses), steps):
            place, noise = self.places[i % len(self.places)], self.noise(i)
            self.losses.append(self.step(self.V, self.U, *place, noise, self.eta))
    def check(self, page):
        "Go as far as the page, and compare the vectors, the loss, and what is lit"
        steps = int(number(page, 'step'))
        self.go_to(steps)
        np.testing.assert_allclose([arrow(page, w) for w in self.words], self.V, **CLOSE)
        np.testing.assert_allclose(number(page, 'loss'), self.losses[-1], **CLOSE)
        last = self.losses[-len(self.places):]
        np.testing.assert_allclose(number(page, 'mean'), np.mean(last), **CLOSE)
        centre, contexts = self.places[(steps - 1) % len(self.places)]
        noise = self.noise(steps - 1)
        for kind, ids in ('centre', {centre}), ('context', {*contexts}), ('noise', {*noise}):
            lit = {*page.locator(f'p[data-name=text] .{kind}').all_inner_texts()}
            assert lit == {self.words[i] for i in ids}, kind
        for i in {*contexts, *noise}:
            shown = arrow(page, f'{self.words[i]} asked')
            np.testing.assert_allclose(shown, self.U[i], **CLOSE)
        return steps

def press(page, name): page.get_by_role('button', name=name, exact=True).click()

def given_training(data):
    "Training with the draws that the page has from its notebook"
    return Python(data['text'], data, data['V'], data['U'], data['noise'].__getitem__)

@pytest.fixture
def training(visit):
    "The page, and the same training in Python"
    body, data = stored('00_words', 'w00f')
    return visit(body), given_training(data), data

def test_step_by_step(training):
    page, python, _ = training
    for _ in range(12):
        press(page, 'Step')
        python.check(page)
    assert len(python.losses) == 12

def test_passes_are_the_page_s(training):
    "All draws of the page; in the end its own vectors, and the neighbours that it speaks of"
    page, python, data = training
    passes = len(data['noise']) // len(python.places)
    assert passes >= 20 and len(data['noise']) % passes == 0
    for _ in range(passes): press(page, 'One pass')
    assert python.check(page) == len(data['noise'])
    by_pass = np.reshape(python.losses, (passes, -1)).mean(1)
    assert by_pass[-1] < .75*by_pass[0]
    V = python.V/np.linalg.norm(python.V, axis=1, keepdims=True)
    page.get_by_role('combobox').select_option('king')
    cosines = V @ V[python.words.index('king')]
    best = [python.words[i] for i in np.argsort(-cosines) if python.words[i] != 'king'][:5]
    assert [w for w in page.inner_text('[data-name=nearest]').split() if w.isalpha()] == best
    np.testing.assert_allclose(number(page, f'cosine {best[0]}'), np.sort(cosines)[-2], **CLOSE)
    assert 'queen' in best
    points = page.locator('.curve').get_attribute('d').split('L')
    heights = [float(p.split()[1]) for p in points]
    assert len(points) > passes and heights[-1] > heights[0] + 30 # downwards on the screen

def test_play_and_pause(training):
    page, python, data = training
    page.get_by_role('slider').fill('4')
    page.get_by_role('button', name='Play').focus()
    page.keyboard.press('Enter')
    page.wait_for_function("""() => document.querySelector('.w2v-moving').shadowRoot
        .querySelector('[data-name=step]').value > 60""")
    press(page, 'Pause')
    steps = python.check(page)
    page.wait_for_timeout(150)
    assert number(page, 'step') == steps > 60
    press(page, 'Start again')
    assert number(page, 'step') == 0 and page.inner_text('[data-name=mean]') == '\u2013'
    press(page, 'Step')
    given_training(data).check(page)


def mulberry32(seed):
    "The page's generator"
    while True:
        seed = (seed + 0x6D2B79F5) & 0xFFFFFFFF
        t = (seed ^ seed >> 15)*(1 | seed) & 0xFFFFFFFF
        t = (t + ((t ^ t >> 7)*(61 | t) & 0xFFFFFFFF) ^ t) & 0xFFFFFFFF
        yield ((t ^ t >> 14) & 0xFFFFFFFF)/2**32

def own_training(text, data):
    "Training on a text that somebody typed: vectors and draws from the page's generator"
    words, places, counts = read(text, data['window'])
    random, drawn = mulberry32(data['seed']), []
    V, U = [[[data['scale']*(next(random) - .5) for _ in 'xy'] for _ in words] for _ in 'VU']
    def noise(i):
        while len(drawn) <= i:
            centre, contexts = places[len(drawn) % len(places)]
            weights = counts**.75
            weights[[centre, *contexts]] = 0
            total = np.cumsum(weights)
            drawn.append([int(np.searchsorted(total, next(random)*total[-1], 'right'))
                          for _ in range(data['negative']*len(contexts))])
        return drawn[i]
    return Python(text, data, V, U, noise)

@pytest.mark.parametrize('text', [
    'The zorbel purrs on my lap. Feed the zorbel!\nWolves howl at night',
    'constructor meets __proto__ and "<img src=x onerror=alert(1)>" in M\u00fcnchen. ok'])
def test_a_text_of_one_s_own(training, text):
    page, _, data = training
    press(page, 'Edit the text')
    box = page.get_by_role('textbox')
    assert box.input_value() == data['text']
    box.fill(text)
    press(page, 'Train on this')
    python = own_training(text, data)
    assert number(page, 'step') == 0
    for _ in range(3):
        press(page, 'Step')
        python.check(page)
    for _ in range(5): press(page, 'One pass')
    assert python.check(page) == 3 + 5*len(python.places)

def test_texts_that_are_too_small_or_too_large(training):
    page, _, data = training
    press(page, 'Edit the text')
    box = page.get_by_role('textbox')
    for text in '', 'one. two. three. four', 'two words':
        box.fill(text)
        press(page, 'Train on this')
        assert 'four different ones' in page.inner_text('[data-name=told]')
    box.fill(' '.join(f'w{i}' for i in range(1000)))
    press(page, 'Train on this')
    assert 'first 400 words' in page.inner_text('[data-name=told]')
    press(page, 'One pass')
    assert number(page, 'step') == 60
    press(page, 'Edit the text')
    box.fill(data['text'])
    press(page, 'Train on this')
    assert page.inner_text('[data-name=told]') == ''
