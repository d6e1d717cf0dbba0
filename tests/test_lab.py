"""Pages in a real JupyterLab, in a browser, as a learner has them: Run All, a bar that moves, a
curve that redraws in place, and nothing that shouldn't be there. Each trains for seconds."""
import json, os, re, shutil, subprocess, sys, time, urllib.request
from pathlib import Path

import pytest

from browser import PROGRAM, launch

root = Path(__file__).resolve().parent.parent
pytestmark = pytest.mark.skipif(not PROGRAM, reason='no Chromium here')
START_TIMEOUT, RUN_TIMEOUT = 60, 300 # seconds: for a server or a page; for a notebook
INTERVAL = .25 # seconds between two looks at a running notebook
MOST_LINES = 60 # of text, in an output of these pages
NO_PTB = "training on the text 'pydoc', because" # said once if PTB can't be downloaded
SETTINGS = {
    'apputils-extension/themes': {'theme': '{theme}'},
    'apputils-extension/notification': {'fetchNews': 'false', 'checkForUpdates': False},
    'notebook-extension/tracker': {'windowingMode': 'none'}} # all cells are in the page
OPTIONS = [
    '--no-browser', '--allow-root', '--LabApp.news_url=None',
    '--ServerApp.ip=127.0.0.1', '--ServerApp.port=0', '--ServerApp.port_retries=0',
    '--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate',
    '--LabApp.extension_manager=readonly']
FOLDERS = ['JUPYTER_CONFIG_DIR', 'JUPYTER_DATA_DIR', 'JUPYTER_RUNTIME_DIR',
           'JUPYTERLAB_SETTINGS_DIR', 'JUPYTERLAB_WORKSPACES_DIR', 'IPYTHONDIR']
OPEN = '.jp-NotebookPanel:not(.lm-mod-hidden)' # the notebook that can be seen
IDLE = '.jp-Notebook-ExecutionIndicator[data-status=idle]'


def address(lab, log):
    "The address of a JupyterLab, which it writes into its log once it's there"
    until = time.monotonic() + START_TIMEOUT
    while lab.poll() is None and time.monotonic() < until:
        found = re.search(r'http://127\.0\.0\.1:\d+/lab\?token=\w+', log.read_text())
        if found: return found[0]
        time.sleep(.2)
    pytest.fail(log.read_text()[-2000:])

def end(process):
    "End a process that we started"
    process.terminate()
    try: process.wait(20)
    except subprocess.TimeoutExpired: process.kill()

@pytest.fixture(scope='module')
def server(tmp_path_factory):
    "(address, folder of settings) of a JupyterLab with a copy of the notebooks"
    pytest.importorskip('jupyterlab')
    home = tmp_path_factory.mktemp('lab')
    work = home/'w2v'
    shutil.copytree(root/'nbs', work/'nbs', ignore=shutil.ignore_patterns('.*', '_*'))
    shutil.copytree(root/'benchmarks'/'results', work/'benchmarks'/'results')
    own = {name: str(home/name.lower()) for name in FOLDERS}
    environment = os.environ | own | dict(CUDA_VISIBLE_DEVICES='', OMP_NUM_THREADS='1')
    command = [sys.executable, '-m', 'jupyterlab', *OPTIONS,
               f"--ServerApp.root_dir={work/'nbs'}"]
    with open(home/'log', 'w') as log:
        lab = subprocess.Popen(command, env=environment, cwd=home, stdout=log, stderr=log)
    try:
        settings = Path(own['JUPYTERLAB_SETTINGS_DIR'])/'@jupyterlab'
        yield address(lab, home/'log'), settings
    finally: end(lab)


# What the page shows of each code cell
LOOK = r"""open => [...document.querySelectorAll(open + ' .jp-CodeCell')].map(cell => {
    const outputs = kind => [...cell.querySelectorAll('.jp-OutputArea-output' + kind)];
    return {
        source: cell.querySelector('.cm-content')?.innerText ?? '',
        prompt: cell.querySelector('.jp-InputPrompt')?.innerText ?? '',
        text: outputs('').map(o => o.innerText),
        stderr: outputs('[data-mime-type*=stderr]').map(o => o.innerText),
        pictures: outputs(' img').map(i => i.src.length + i.src.slice(-200))
    };
})"""

def write_settings(folder, theme):
    "JupyterLab's settings for a theme"
    for place, values in SETTINGS.items():
        file = folder/f'{place}.jupyterlab-settings'
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(values).replace('{theme}', theme))

def new_page(browser, url):
    "A page, and a list of what it complains about or asks of others than `url`"
    page, problems = browser.new_page(viewport=dict(width=1280, height=900)), []
    def answer(route):
        if route.request.url.startswith(url.split('/lab')[0]): return route.continue_()
        problems.append(f'asks for {route.request.url}')
        route.abort()
    page.route('**/*', answer)
    page.on('pageerror', lambda e: problems.append(str(e)))
    return page, problems

def end_kernels(url):
    "End the kernels of earlier runs, so that a notebook gets a fresh one"
    server, token = url.split('/lab?token=')
    def ask(method, path):
        headers = dict(Authorization=f'token {token}')
        request = urllib.request.Request(server + path, headers=headers, method=method)
        with urllib.request.urlopen(request) as answer: return answer.read()
    for session in json.loads(ask('GET', '/api/sessions')):
        ask('DELETE', f"/api/sessions/{session['id']}")

def open_notebook(page, url, name):
    "Open a notebook, and wait until its kernel is there"
    page.goto(url.replace('/lab?', f'/lab/workspaces/{Path(name).stem}/tree/{name}?'))
    timeout = START_TIMEOUT*1000
    page.locator('.jp-CodeCell').first.wait_for(timeout=timeout)
    page.locator('.jp-Toolbar-kernelName', has_text='Python').wait_for(timeout=timeout)
    page.locator(IDLE).wait_for(state='attached', timeout=timeout)

def choose(page, menu, item):
    "Choose from a menu"
    page.get_by_role('menuitem', name=menu, exact=True).click()
    page.get_by_text(item, exact=True).click()

def looks(page):
    "What the page shows again and again until all cells ran, or one failed"
    seen, until = [], time.monotonic() + RUN_TIMEOUT
    while time.monotonic() < until:
        page.wait_for_timeout(INTERVAL*1000)
        seen.append(page.evaluate(LOOK, OPEN))
        if not any('*' in cell['prompt'] for cell in seen[-1]): break
    idle = page.locator(f'{OPEN} {IDLE}').first # comes after the last messages
    idle.wait_for(state='attached', timeout=RUN_TIMEOUT*1000)
    return seen + [page.evaluate(LOOK, OPEN)]

def run_all(server, name, theme, picture):
    "Run all of a notebook: the cells at each look, and what the page complained about"
    url, settings = server
    write_settings(settings, theme)
    end_kernels(url)
    from playwright.sync_api import sync_playwright
    with sync_playwright() as p:
        browser = launch(p)
        page, problems = new_page(browser, url)
        open_notebook(page, url, name)
        choose(page, 'Edit', 'Clear Outputs of All Cells')
        choose(page, 'Run', 'Run All Cells')
        seen = looks(page)
        page.locator(f'{OPEN} .jp-OutputArea-output img').first.scroll_into_view_if_needed()
        page.screenshot(path=picture)
        browser.close()
    return seen, problems


def states(seen, line, get):
    "What `get` makes of the cell with `line` in its source, at each look, without repetition"
    cells = [next(c for c in look if line in c['source'].replace('\xa0', ' ')) for look in seen]
    values = [get(cell) for cell in cells]
    return [value for value, before in zip(values, [None, *values]) if value != before]

def percents(cell):
    "The percentage of each bar that a cell shows"
    bars = [re.search(r'(\d+)%\|', text) for text in cell['text']]
    return [int(bar[1]) for bar in bars if bar]

def check_training(seen, line):
    "A bar that moves and goes away, and a curve that changes in place"
    bars = states(seen, line, percents)
    assert max(map(len, bars)) == 1, f'more than one bar at a time: {bars}'
    moves = [bar[0] for bar in bars if bar]
    assert len(moves) > 3 and moves == sorted(moves), f'the bar does not move: {moves}'
    assert not bars[-1], 'the bar stays when all is done'
    curves = states(seen, line, lambda cell: cell['pictures'])
    assert max(map(len, curves)) == 1, f'more than one curve at a time in the cell of {line}'
    assert len([curve for curve in curves if curve]) > 2, 'the curve does not change'

def check_outputs(cell):
    "No errors or warnings, no flood, no picture twice"
    source, stderr = cell['source'], cell['stderr']
    assert all(NO_PTB in text for text in stderr), cell
    pictures = len(cell['pictures'])
    assert pictures <= 1, f'{pictures} pictures in the cell of {source}'
    lines = sum(text.count('\n') + 1 for text in cell['text'] if text)
    assert lines <= MOST_LINES, f'{lines} lines in the cell of {source}'
    text = ' '.join(text for text in cell['text'] if text not in stderr)
    assert not re.search(r'Traceback|TqdmWarning|ipywidgets|Error:', text), cell

@pytest.mark.parametrize('name, theme, line', [
    ('08_application', 'JupyterLab Dark', None), # it trains quietly
    ('30_heldout', 'JupyterLab Light', 'train(net, data'),
    ('30_heldout', 'JupyterLab Dark', 'train(net, data'),
])
def test_run_all(server, name, theme, line, tmp_path):
    seen, problems = run_all(server, f'{name}.ipynb', theme, tmp_path/f'{name}.png')
    assert not problems, problems
    prompts = [cell['prompt'] for cell in seen[-1] if cell['source'].strip()]
    assert prompts == [f'[{i}]:' for i in range(1, len(seen[-1]) + 1)]
    if line: check_training(seen, line)
    for cell in seen[-1]: check_outputs(cell)
