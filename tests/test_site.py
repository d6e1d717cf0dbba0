"""The site in a real browser: built by tools/site.py, every page visited, in both themes and on
a narrow screen. `SITE` names a folder that was built otherwise, as by Quarto."""
import ast, configparser, http.server, os, re, shutil, subprocess, sys, tarfile, threading
from functools import partial
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import pytest

from browser import PROGRAM, launch
from house import exported, generated, tree

root = Path(__file__).resolve().parent.parent
pytestmark = pytest.mark.skipif(sys.version_info < (3, 11),
                                reason='smalldocs needs Python 3.11')
notebooks = sorted((root/'nbs').glob('[!_.]*.ipynb'))
PUBLIC = 'https://w2v-nb.github.io/w2v_nb/' # where the site is published
PAPERS = re.compile(
    r'https://(?:arxiv\.org|doi\.org|aclanthology\.org|papers\.nips\.cc|'
    r'proceedings\.mlr\.press|www\.jmlr\.org)/[^\s)"\\\\]+')


@pytest.fixture(scope='module')
def folder():
    "The built site"
    if given := os.environ.get('SITE'): return Path(given)
    done = subprocess.run([sys.executable, root/'tools'/'site.py', '--check'],
                          capture_output=True, text=True, cwd=root)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return root/'_docs'


class Page(HTMLParser):
    "Links and anchors of a page"
    def __init__(self, text):
        super().__init__()
        self.links, self.ids = [], set()
        self.feed(text)
    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if attrs.get('id'): self.ids.add(attrs['id'])
        if tag == 'a' and attrs.get('name'): self.ids.add(attrs['name'])
        if tag == 'a' and attrs.get('href'): self.links.append(attrs['href'])

@pytest.fixture(scope='module')
def texts(folder):
    "{path below the site's folder: HTML}"
    return {p.relative_to(folder).as_posix(): p.read_text(encoding='utf-8')
            for p in folder.rglob('*.html')}

@pytest.fixture(scope='module')
def pages(texts): return {name: Page(text) for name, text in texts.items()}


def test_every_notebook_is_a_page(folder):
    assert len(list(folder.glob('*.html'))) >= len(notebooks) and (folder/'index.html').exists()

def leads_somewhere(name, link, pages, folder):
    "Whether a link of a page leads to a file of the site, and to an anchor that is there"
    address = urlsplit(urljoin(f'/{name}', link))
    target = unquote(address.path).lstrip('/') or 'index.html'
    if not (folder/target).exists(): return False
    if not address.fragment or target not in pages: return True
    return unquote(address.fragment) in pages[target].ids | {'top'}

def test_links_and_anchors(pages, folder):
    links = [(name, link) for name, page in pages.items() for link in page.links
             if not urlsplit(link).scheme and not link.startswith('//')]
    broken = [pair for pair in links if not leads_somewhere(*pair, pages, folder)]
    assert len(links) > 300 and not broken, broken[:20]

def page_of(notebook, pages):
    "A notebook's page; Quarto's pages bear nbdev's names"
    names = f'{notebook.stem}.html', re.sub(r'^\d+_', '', notebook.stem) + '.html'
    return next(pages[name] for name in names if name in pages)

def test_colab_opens_every_notebook(pages):
    config = configparser.ConfigParser()
    config.read(root/'settings.ini', encoding='utf-8')
    settings = config['DEFAULT']
    colab = settings['git_url'].replace('github.com', 'colab.research.google.com/github')
    start = f"{colab}/blob/{settings['branch']}/{settings['nbs_path']}"
    for notebook in notebooks:
        links = page_of(notebook, pages).links
        ours = [link for link in links if 'colab' in urlsplit(link).netloc]
        assert ours == [f'{start}/{notebook.name}'], (notebook.name, ours)

def test_links_to_names_stay_here(pages, texts):
    """No link leads to the public address of a page of this site, and none is left as Markdown
    in the code of a signature"""
    links = [(name, link) for name, page in pages.items() for link in page.links]
    away = [pair for pair in links if pair[1].startswith(PUBLIC)]
    left = [(name, m[0]) for name, text in texts.items()
            for m in re.finditer(r'`\]\([^)]*\)', text)]
    named = [link for _, link in links if re.fullmatch(r'(\./)?\w+\.html#[\w.]+', link)]
    assert not away and not left and len(named) > 50, (away, left, named)

def methods(path):
    "(class, method) of a module: those inside classes, and those that are patched into one"
    for node in tree(path).body:
        if isinstance(node, ast.ClassDef):
            yield from ((node.name, f) for f in node.body
                        if isinstance(f, ast.FunctionDef) and not f.decorator_list)
        elif isinstance(node, ast.FunctionDef):
            if any('patch' in ast.unparse(d) for d in node.decorator_list):
                yield node.args.args[0].annotation.id, node

def public_names():
    "Exported functions and classes, and public methods that have a docstring"
    public = {name for path in generated for name in exported(path)}
    for path in generated:
        nodes = [n for n in tree(path).body if isinstance(n, (ast.FunctionDef, ast.ClassDef))]
        yield from (node.name for node in nodes if node.name in public)
        yield from (f'{owner}.{f.name}' for owner, f in methods(path)
                    if owner in public and f.name[0] != '_' and ast.get_docstring(f))

def test_every_name_is_documented(pages):
    ids, names = {i for page in pages.values() for i in page.ids}, list(public_names())
    missing = [name for name in names if not {name, name.lower()} & ids]
    assert len(names) > 250 and not missing, missing

def test_the_reading_list_has_every_paper():
    found = {p.name: set(PAPERS.findall(p.read_text(encoding='utf-8'))) for p in notebooks}
    listed = found.pop('reading.ipynb')
    missing = {link: name for name, links in found.items() for link in links - listed}
    assert len(listed) > 12 and not missing, missing


def test_some_code_is_open(texts):
    "Code of an `#| export` cell is folded, that of an `#| exports` cell isn't"
    name = '02_text.html' if '02_text.html' in texts else 'text.html'
    folded = ' '.join(re.findall(r'<details.*?</details>', texts[name], re.DOTALL))
    folded, every = (re.sub(r'<[^>]+>', '', html) for html in (folded, texts[name]))
    for line, is_folded in ('return path.is_file() and', True), ('known.sort(key', False):
        assert line in every and (line in folded) == is_folded, line


# In a browser

@pytest.fixture(scope='module')
def katex(tmp_path_factory):
    "KaTeX's files from its npm package, of the version that the pages load"
    if not shutil.which('npm'): pytest.skip('KaTeX is fetched by npm, which is not installed')
    from smalldocs.layout import KATEX
    place = tmp_path_factory.mktemp('katex')
    package = 'katex@' + re.search(r'katex@([\d.]+)', KATEX)[1]
    done = subprocess.run(['npm', 'pack', '--silent', package], cwd=place, capture_output=True,
                          text=True)
    if done.returncode: pytest.skip(f'npm could not fetch KaTeX: {done.stderr.strip()[-200:]}')
    safe = dict(filter='data') if hasattr(tarfile, 'data_filter') else {} # from Python 3.11.4
    with tarfile.open(next(place.glob('*.tgz'))) as archive: archive.extractall(place, **safe)
    return place/'package'/'dist'

class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args): pass

@pytest.fixture(scope='module')
def address(folder):
    "Where the site is served"
    handler = partial(Quiet, directory=str(folder))
    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f'http://127.0.0.1:{server.server_port}/'
    server.shutdown()

class Visitor:
    "Opens pages, one tab for each width and theme; what goes wrong is in `problems`"
    def __init__(self, browser, address, katex):
        self.browser, self.address, self.katex = browser, address, katex
        self.tabs, self.problems = {}, []
    def answer(self, route):
        "Serve the site and KaTeX, nothing else"
        url = route.request.url
        formula = re.search(r'katex@[\d.]+/dist/(.*)', url)
        if formula: return route.fulfill(path=self.katex/formula[1])
        if url.startswith(self.address): return route.continue_()
        self.problems.append(f'asks for {url}')
        route.abort()
    def note(self, page, what): self.problems.append(f'{page.url}: {what}')
    def new_tab(self, width, theme):
        context = self.browser.new_context(viewport=dict(width=width, height=900),
                                           color_scheme=theme, reduced_motion='reduce')
        page = context.new_page()
        page.route('**/*', self.answer)
        page.on('console', lambda m: self.note(page, m.text) if m.type == 'error' else None)
        page.on('pageerror', lambda e: self.note(page, e))
        page.on('response', lambda r: self.note(r, r.status) if r.status >= 400 else None)
        return page
    def __call__(self, name, width=1280, theme='light'):
        if (width, theme) not in self.tabs:
            self.tabs[width, theme] = self.new_tab(width, theme)
        page = self.tabs[width, theme]
        page.goto(self.address + name, wait_until='load')
        return page

@pytest.fixture(scope='module')
def visit(address, katex):
    if not PROGRAM: pytest.skip('no Chromium here')
    with pytest.importorskip('playwright.sync_api').sync_playwright() as p:
        browser = launch(p)
        yield Visitor(browser, address, katex)
        browser.close()

@pytest.fixture(scope='module')
def names(folder): return sorted(p.name for p in folder.glob('*.html'))


PLAIN_MATHS = r"""() => { // formulas that are left as they were typed
    const main = document.querySelector('main'), found = [];
    const walk = document.createTreeWalker(main, NodeFilter.SHOW_TEXT);
    while (walk.nextNode()) {
        const text = walk.currentNode;
        const isCode = text.parentElement.closest('code, pre, .katex, script');
        if (/\\\(|\\\[|\$\$/.test(text.data) && !isCode) found.push(text.data.slice(0, 60));
    }
    return found;
}"""
IMAGES = """() => [...document.images] // that are missing, or not described
    .filter(i => !i.complete || !i.naturalWidth || !(i.alt || '').trim())
    .map(i => `${i.src.slice(0, 60)} alt=${i.alt}`)"""
TOO_WIDE = """() => [...document.querySelectorAll('main *')]
    .filter(e => e.getBoundingClientRect().right > 391
        && !e.closest('pre, table, .cell-output, .katex-display'))
    .slice(0, 3).map(e => e.outerHTML.slice(0, 120))"""

def wait_for_maths(page):
    "Until no formula is left as it was typed, or a minute is over"
    try: page.wait_for_function(f'() => !({PLAIN_MATHS})().length', timeout=60_000)
    except Exception as e:
        if type(e).__name__ != 'TimeoutError': raise

def problems_of(visit, name):
    "What is wrong with a page, and how many formulas it has"
    visit.problems.clear()
    page = visit(name)
    wait_for_maths(page)
    wrong = [*visit.problems]
    wrong += [f'{name}: maths left as {text!r}' for text in page.evaluate(PLAIN_MATHS)]
    wrong += [f'{name}: picture {image}' for image in page.evaluate(IMAGES)]
    formulas = page.locator('.katex').count()
    narrow = visit(name, 390)
    wait_for_maths(narrow)
    width = narrow.evaluate('document.documentElement.scrollWidth')
    if width > 390:
        elements = narrow.evaluate(TOO_WIDE)
        wrong.append(f'{name}: {width} px wide on a screen of 390: {elements}')
    return wrong, formulas

def test_pages(visit, names):
    """No error; nothing asked of other addresses; maths set; pictures there and described;
    nothing wider than a telephone"""
    found = [problems_of(visit, name) for name in names]
    wrong = [line for lines, _ in found for line in lines]
    assert sum(formulas for _, formulas in found) > 50 and not wrong, '\n'.join(wrong[:40])


CONTRAST = r"""() => { // pairs of colours whose contrast is below 4.5 (WCAG 2), with an example
    const rgb = css => {
        const n = (css.match(/[\d.]+/g) || [0, 0, 0, 0]).map(Number);
        return css.startsWith('color(srgb') ? [255*n[0], 255*n[1], 255*n[2], n[3] ?? 1] : n;
    };
    const linear = v => (v /= 255) <= .03928 ? v/12.92 : ((v + .055)/1.055)**2.4;
    const light = c => .2126*linear(c[0]) + .7152*linear(c[1]) + .0722*linear(c[2]);
    const over = (a, b) => [0, 1, 2].map(i => a[i]*(a[3] ?? 1) + b[i]*(1 - (a[3] ?? 1)));
    const behind = element => { // the colour behind it, through what is translucent
        const layers = [];
        for (let e = element; e; e = e.parentElement) {
            layers.push(rgb(getComputedStyle(e).backgroundColor));
            if ((layers.at(-1)[3] ?? 1) === 1) break;
        }
        return layers.reverse().reduce((below, c) => over(c, below), [255, 255, 255]);
    };
    const bad = {}, walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const unseen = 'script, style, svg, .visually-hidden, .katex-mathml';
    while (walk.nextNode()) {
        const text = walk.currentNode.data.trim(), element = walk.currentNode.parentElement;
        const style = getComputedStyle(element), box = element.getBoundingClientRect();
        if (!text || !box.width || !box.height) continue;
        if (style.visibility === 'hidden' || element.closest(unseen)) continue;
        const back = behind(element), ink = over(rgb(style.color), back);
        const [high, low] = [light(ink), light(back)].sort((a, b) => b - a);
        const ratio = (high + .05)/(low + .05);
        if (ratio >= 4.5) continue;
        const name = element.className || element.tagName;
        const colours = `${style.color} on rgb(${back.map(Math.round)})`;
        bad[colours] ??= `${ratio.toFixed(2)}: ${name} ${text.slice(0, 30)}`;
    }
    return Object.entries(bad).map(([colours, example]) => `${colours} ${example}`);
}"""
BACKGROUND = 'getComputedStyle(document.body).backgroundColor'

@pytest.mark.parametrize('theme', ['light', 'dark'])
def test_text_can_be_read(visit, names, theme):
    wrong = {} # one page for each pair of colours
    for name in names:
        page = visit(name, theme=theme)
        back = [int(x) for x in re.findall(r'\d+', page.evaluate(BACKGROUND))[:3]]
        assert (sum(back) < 200) == (theme == 'dark'), f'{name}: {back}'
        for line in page.evaluate(CONTRAST):
            colours = re.sub(r' [\d.]+: .*', '', line, flags=re.DOTALL)
            wrong.setdefault(colours, f'{name}: {line}')
    assert not wrong, '\n'.join(list(wrong.values())[:30])

@pytest.mark.parametrize('word', ['most_similar', 'subsample'])
def test_search_finds(visit, word):
    page = visit('index.html')
    field = 'input[type=search], #quarto-search input, .aa-DetachedSearchButton'
    page.locator(field).first.click()
    page.keyboard.type(word, delay=20)
    links = page.locator('a', has_text=re.compile(word))
    links.filter(visible=True).first.wait_for(timeout=60_000)
