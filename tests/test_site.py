"The site, in a real browser: built by tools/site.py, every page visited, in both themes and on a narrow screen. `SITE` names a folder that was built otherwise, as by Quarto."
import http.server, os, re, shutil, subprocess, sys, tarfile, threading
from functools import partial
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import pytest

from browser import PROGRAM, launch

root = Path(__file__).resolve().parent.parent
pytestmark = pytest.mark.skipif(sys.version_info < (3, 11), reason='smalldocs needs Python 3.11')


@pytest.fixture(scope='module')
def folder():
    "The built site"
    if given := os.environ.get('SITE'): return Path(given)
    done = subprocess.run([sys.executable, root/'tools'/'site.py', '--check'], capture_output=True, text=True, cwd=root)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return root/'_docs'


class Page(HTMLParser):
    "Links and anchors of a page"
    def __init__(self, text): super().__init__(); self.links, self.ids = [], set(); self.feed(text)
    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if attrs.get('id'): self.ids.add(attrs['id'])
        if tag == 'a' and attrs.get('name'): self.ids.add(attrs['name'])
        if tag == 'a' and attrs.get('href'): self.links.append(attrs['href'])


def test_every_notebook_is_a_page(folder):
    pages = [p for p in folder.glob('*.html')]
    notebooks = list((root/'nbs').glob('[!_.]*.ipynb'))
    assert len(pages) >= len(notebooks) and (folder/'index.html').exists()


def test_links_and_anchors(folder):
    pages = {p.relative_to(folder).as_posix(): Page(p.read_text(encoding='utf-8')) for p in folder.rglob('*.html')}
    broken, seen = [], 0
    for name, page in pages.items():
        for link in page.links:
            if urlsplit(link).scheme or link.startswith('//'): continue
            to = urlsplit(urljoin(f'/{name}', link)); target, seen = unquote(to.path).lstrip('/') or 'index.html', seen + 1
            if not (folder/target).exists(): broken.append((name, link))
            elif to.fragment and target in pages and unquote(to.fragment) not in pages[target].ids and to.fragment != 'top': broken.append((name, link))
    assert seen > 300 and not broken, broken[:20]


def test_colab_opens_every_notebook(folder):
    from configparser import ConfigParser
    settings = ConfigParser(); settings.read(root/'settings.ini', encoding='utf-8'); cfg = settings['DEFAULT']
    for path in (root/'nbs').glob('[!_.]*.ipynb'):
        page = next(p for name in (path.stem, re.sub(r'^\d+_', '', path.stem)) if (p := folder/f'{name}.html').exists()) # Quarto's pages bear nbdev's names
        links = [link for link in Page(page.read_text(encoding='utf-8')).links if 'colab' in urlsplit(link).netloc]
        assert links == [f"{cfg['git_url'].replace('github.com', 'colab.research.google.com/github')}/blob/{cfg['branch']}/{cfg['nbs_path']}/{path.name}"], (path.name, links)


def test_links_to_names_stay_here(folder):
    "None leads to the public address of a page that is beside it, and none is left as Markdown in the code of a signature"
    texts = {p.name: p.read_text(encoding='utf-8') for p in folder.glob('*.html')}
    away = [(name, link) for name, text in texts.items() for link in Page(text).links if link.startswith('https://w2v-nb.github.io/w2v_nb/')]
    left = [(name, m[0]) for name, text in texts.items() for m in re.finditer(r'`\]\([^)]*\)', text)]
    named = [link for text in texts.values() for link in Page(text).links if re.fullmatch(r'(\./)?\w+\.html#[\w.]+', link)]
    assert not away and not left and len(named) > 50, (away, left, named)


def exported():
    "Names of functions and classes in the modules' own lists, of their public methods if they have a docstring, and the module of each"
    import ast
    for path in sorted((root/'w2v_nb').glob('*.py')):
        if path.stem.startswith('_') or path.stem == 'all': continue
        tree = ast.parse(path.read_text(encoding='utf-8'))
        names = next((ast.literal_eval(n.value) for n in tree.body if isinstance(n, ast.Assign) and n.targets[0].id == '__all__'), [])
        yield from ((n.name, path.stem) for n in tree.body if isinstance(n, (ast.FunctionDef, ast.ClassDef)) and n.name in names)
        patched = [(n.args.args[0].annotation.id, n) for n in tree.body if isinstance(n, ast.FunctionDef) and any('patch' in ast.unparse(d) for d in n.decorator_list)]
        inside = [(c.name, n) for c in tree.body if isinstance(c, ast.ClassDef) for n in c.body if isinstance(n, ast.FunctionDef) and not n.decorator_list]
        yield from ((f'{owner}.{n.name}', path.stem) for owner, n in patched + inside if n.name[0] != '_' and ast.get_docstring(n))


def test_every_name_is_documented(folder):
    ids = {i for p in folder.glob('*.html') for i in Page(p.read_text(encoding='utf-8')).ids}
    missing = [n for n in exported() if n[0] not in ids and n[0].lower() not in ids]
    assert len(list(exported())) > 250 and not missing, missing


def test_the_reading_list_has_every_paper():
    papers = re.compile(r'https://(?:arxiv\.org|doi\.org|aclanthology\.org|papers\.nips\.cc|proceedings\.mlr\.press|www\.jmlr\.org)/[^\s)"\\\\]+')
    found = {p.name: set(papers.findall(p.read_text(encoding='utf-8'))) for p in (root/'nbs').glob('*.ipynb')}
    listed = found.pop('reading.ipynb')
    missing = {link: name for name, links in found.items() for link in links - listed}
    assert len(listed) > 12 and not missing, missing


@pytest.fixture(scope='module')
def katex(tmp_path_factory):
    "KaTeX's files from its npm package, of the version that the pages load"
    if not shutil.which('npm'): pytest.skip('KaTeX comes by npm, which is not here')
    from smalldocs.layout import KATEX
    place = tmp_path_factory.mktemp('katex')
    done = subprocess.run(['npm', 'pack', '--silent', 'katex@' + re.search(r'katex@([\d.]+)', KATEX)[1]], cwd=place, capture_output=True, text=True)
    if done.returncode: pytest.skip(f'KaTeX could not be had by npm: {done.stderr.strip()[-200:]}')
    with tarfile.open(next(place.glob('*.tgz'))) as t: t.extractall(place, **(dict(filter='data') if hasattr(tarfile, 'data_filter') else {})) # from Python 3.11.4 on
    return place/'package'/'dist'


@pytest.fixture(scope='module')
def visit(folder, katex):
    "Opens a page in a browser; whatever goes wrong there is in `visit.problems`"
    if not PROGRAM: pytest.skip('no Chromium here')
    sync_playwright = pytest.importorskip('playwright.sync_api').sync_playwright
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args): pass
    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with sync_playwright() as p:
        browser = launch(p)
        def answer(route):
            if m := re.search(r'katex@[\d.]+/dist/(.*)', route.request.url): route.fulfill(path=katex/m[1])
            elif route.request.url.startswith(f'http://127.0.0.1:{server.server_port}/'): route.continue_()
            else: open.problems.append(f'asks for {route.request.url}'); route.abort()
        pages = {}
        def open(name, width=1280, theme='light'):
            if (width, theme) not in pages:
                page = pages[width, theme] = browser.new_context(viewport=dict(width=width, height=900), color_scheme=theme, reduced_motion='reduce').new_page()
                page.route('**/*', answer)
                page.on('console', lambda m: open.problems.append(f'{page.url}: {m.text}') if m.type == 'error' else None)
                page.on('pageerror', lambda e: open.problems.append(f'{page.url}: {e}'))
                page.on('response', lambda r: open.problems.append(f'{r.url}: {r.status}') if r.status >= 400 else None)
            page = pages[width, theme]
            page.goto(f'http://127.0.0.1:{server.server_port}/{name}', wait_until='load')
            return page
        open.problems = []
        yield open
        browser.close()
    server.shutdown()


@pytest.fixture(scope='module')
def names(folder): return sorted(p.name for p in folder.glob('*.html'))


PLAIN_MATHS = r"""() => { const walk = document.createTreeWalker(document.querySelector('main'), NodeFilter.SHOW_TEXT), found = [];
    while (walk.nextNode()) { const n = walk.currentNode; if (/\\\(|\\\[|\$\$/.test(n.data) && !n.parentElement.closest('code, pre, .katex, script')) found.push(n.data.slice(0, 60)); } return found; }"""
IMAGES = "() => [...document.images].filter(i => !i.complete || !i.naturalWidth || !(i.alt || '').trim()).map(i => `${i.src.slice(0, 60)} alt=${i.alt}`)"

def test_pages(visit, names, folder):
    "No error, no stranger asked, maths set, pictures there and described; nothing wider than a telephone."
    wrong, formulas = [], 0
    for name in names:
        visit.problems.clear()
        page = visit(name)
        if 'katex' in page.content(): page.wait_for_function("() => !document.querySelector('script[src*=katex]') || window.renderMathInElement", timeout=10_000); page.wait_for_timeout(150)
        wrong += visit.problems + [f'{name}: maths left as {m!r}' for m in page.evaluate(PLAIN_MATHS)] + [f'{name}: picture {i}' for i in page.evaluate(IMAGES)]
        formulas += page.locator('.katex').count()
        narrow = visit(name, 390)
        narrow.wait_for_timeout(100)
        if (width := narrow.evaluate('document.documentElement.scrollWidth')) > 390:
            who = narrow.evaluate("() => [...document.querySelectorAll('main *')].filter(e => e.getBoundingClientRect().right > 391 && !e.closest('pre, table, .cell-output, .katex-display')).slice(0, 3).map(e => e.outerHTML.slice(0, 120))")
            wrong.append(f'{name}: {width} px wide on a screen of 390: {who}')
    assert formulas > 50 and not wrong, '\n'.join(wrong[:40])


CONTRAST = r"""() => { const rgb = s => { const n = (s.match(/[\d.]+/g) || [0, 0, 0, 0]).map(Number); return s.startsWith('color(srgb') ? [255*n[0], 255*n[1], 255*n[2], n[3] ?? 1] : n; }, light = c => { const f = v => (v /= 255) <= .03928 ? v/12.92 : ((v + .055)/1.055)**2.4; return .2126*f(c[0]) + .7152*f(c[1]) + .0722*f(c[2]); };
    const over = (a, b) => { const t = a[3] ?? 1; return [0, 1, 2].map(i => a[i]*t + b[i]*(1 - t)); };
    const behind = e => { const up = []; for (let n = e; n; n = n.parentElement) { const c = rgb(getComputedStyle(n).backgroundColor); up.push(c); if ((c[3] ?? 1) === 1) break; } return up.reverse().reduce((b, c) => over(c, b), [255, 255, 255]); };
    const bad = {}; const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walk.nextNode()) { const e = walk.currentNode.parentElement, s = getComputedStyle(e), r = e.getBoundingClientRect();
        if (!walk.currentNode.data.trim() || !r.width || !r.height || s.visibility === 'hidden' || e.closest('script, style, svg, .visually-hidden, .katex-mathml')) continue;
        const b = behind(e), c = over(rgb(s.color), b), [x, y] = [light(c), light(b)].sort((p, q) => q - p), ratio = (x + .05)/(y + .05);
        if (ratio < 4.5) { const k = `${s.color} on rgb(${b.map(Math.round)})`; bad[k] = bad[k] || `${ratio.toFixed(2)}: ${e.className || e.tagName} ${walk.currentNode.data.trim().slice(0, 30)}`; } }
    return Object.entries(bad).map(([k, v]) => `${k} ${v}`); }"""

@pytest.mark.parametrize('theme', ['light', 'dark'])
def test_text_can_be_read(visit, names, theme):
    wrong = {}
    for name in names:
        page = visit(name, theme=theme)
        back = [int(x) for x in re.findall(r'\d+', page.evaluate('getComputedStyle(document.body).backgroundColor'))[:3]]
        assert (sum(back) < 200) == (theme == 'dark'), f'{name}: {back}'
        for line in page.evaluate(CONTRAST): wrong.setdefault(re.sub(r' [\d.]+: .*', '', line, flags=re.S), f'{name}: {line}')
    assert not wrong, '\n'.join(list(wrong.values())[:30])


@pytest.mark.parametrize('word', ['most_similar', 'subsample'])
def test_search_finds(visit, word):
    page = visit('index.html')
    page.locator('input[type=search], #quarto-search input, .aa-DetachedSearchButton').first.click()
    page.keyboard.type(word, delay=20)
    page.wait_for_timeout(800)
    assert page.locator('a', has_text=re.compile(word)).filter(visible=True).count() >= 1, page.locator('body').inner_text()[:500]
