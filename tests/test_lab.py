"The chapter in a real JupyterLab, in a browser, as a learner has it: Run All, a bar that moves, a curve that redraws in place, and nothing that should not be there."
import json, os, re, shutil, subprocess, sys, time
from pathlib import Path

import pytest

from browser import PROGRAM, launch

root = Path(__file__).resolve().parent.parent
pytestmark = pytest.mark.skipif(not PROGRAM, reason='no Chromium here')
STARTS, RUNS, OFTEN = 60, 600, .5 # seconds: for a server or a page to be there; for a notebook to run; between two looks at it
LONGEST = 60                       # lines of text that an output of these pages may have
NO_PTB = "training on the text 'pydoc', because" # what is said, once, where the Penn Treebank is not to be had
SETTINGS = {'apputils-extension/themes': {'theme': '{theme}'}, 'apputils-extension/notification': {'fetchNews': 'false', 'checkForUpdates': False},
            'notebook-extension/tracker': {'windowingMode': 'none'}} # all cells are in the page, seen or not


@pytest.fixture(scope='module')
def server(tmp_path_factory):
    "Address of a JupyterLab that has a copy of the notebooks and folders of its own, and its folder of settings"
    pytest.importorskip('jupyterlab')
    home = tmp_path_factory.mktemp('lab')
    shutil.copytree(root/'nbs', home/'w2v'/'nbs', ignore=shutil.ignore_patterns('.*', '_*'))
    shutil.copytree(root/'benchmarks'/'results', home/'w2v'/'benchmarks'/'results')
    own = {name: str(home/name.lower()) for name in ('JUPYTER_CONFIG_DIR', 'JUPYTER_DATA_DIR', 'JUPYTER_RUNTIME_DIR', 'JUPYTERLAB_SETTINGS_DIR', 'JUPYTERLAB_WORKSPACES_DIR', 'IPYTHONDIR')}
    options = ['--no-browser', '--allow-root', '--ServerApp.ip=127.0.0.1', '--ServerApp.port=0', '--ServerApp.port_retries=0', f"--ServerApp.root_dir={home/'w2v'/'nbs'}",
               '--LabApp.news_url=None', '--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate', '--LabApp.extension_manager=readonly']
    with open(home/'log', 'w') as log:
        lab = subprocess.Popen([sys.executable, '-m', 'jupyterlab', *options], env=os.environ | own | dict(CUDA_VISIBLE_DEVICES='', OMP_NUM_THREADS='1'), cwd=home, stdout=log, stderr=log)
    try:
        url, until = None, time.monotonic() + STARTS
        while not url and lab.poll() is None and time.monotonic() < until:
            url = re.search(r'http://127\.0\.0\.1:\d+/lab\?token=\w+', (home/'log').read_text())
            time.sleep(.2)
        assert url, (home/'log').read_text()[-2000:]
        yield url[0], Path(own['JUPYTERLAB_SETTINGS_DIR'])/'@jupyterlab'
    finally:
        lab.terminate()
        try: lab.wait(20)
        except subprocess.TimeoutExpired: lab.kill()


# What the page shows of each code cell
LOOK = r"""() => [...document.querySelectorAll('.jp-NotebookPanel:not(.lm-mod-hidden) .jp-CodeCell')].map(c => ({
    source: c.querySelector('.cm-content')?.innerText ?? '', prompt: c.querySelector('.jp-InputPrompt')?.innerText ?? '',
    text: [...c.querySelectorAll('.jp-OutputArea-output')].map(o => o.innerText),
    stderr: [...c.querySelectorAll('.jp-OutputArea-output[data-mime-type*=stderr]')].map(o => o.innerText),
    pictures: [...c.querySelectorAll('.jp-OutputArea-output img')].map(i => i.src.length + i.src.slice(-200)) }))"""

def run_all(server, name, theme, picture):
    "Open a notebook, run all of it, and look at it again and again until it has finished: what was seen, one list of cells a look; what the page asked of others or complained about"
    url, settings = server
    for place, values in SETTINGS.items():
        (settings/place).parent.mkdir(parents=True, exist_ok=True)
        (settings/f'{place}.jupyterlab-settings').write_text(json.dumps(values).replace('{theme}', theme))
    from playwright.sync_api import sync_playwright
    with sync_playwright() as p:
        browser = launch(p)
        page, problems = browser.new_page(viewport=dict(width=1280, height=900)), []
        def answer(route):
            if route.request.url.startswith(url.split('/lab')[0]): route.continue_()
            else: problems.append(f'asks for {route.request.url}'); route.abort()
        page.route('**/*', answer)
        page.on('pageerror', lambda e: problems.append(str(e)))
        page.goto(url.replace('/lab?', f'/lab/workspaces/{Path(name).stem}/tree/{name}?'))
        page.locator('.jp-CodeCell').first.wait_for(timeout=STARTS*1000)
        page.locator('.jp-Toolbar-kernelName', has_text='Python').wait_for(timeout=STARTS*1000)
        page.locator('.jp-Notebook-ExecutionIndicator[data-status=idle]').wait_for(state='attached', timeout=STARTS*1000)
        page.get_by_role('menuitem', name='Edit', exact=True).click(); page.get_by_text('Clear Outputs of All Cells').click()
        page.get_by_role('menuitem', name='Run', exact=True).click(); page.get_by_text('Run All Cells', exact=True).click()
        seen, until = [], time.monotonic() + RUNS
        while time.monotonic() < until:
            page.wait_for_timeout(OFTEN*1000)
            seen.append(page.evaluate(LOOK))
            if not any('*' in c['prompt'] for c in seen[-1]): break # all ran, or one failed
        page.wait_for_timeout(1000) # the last messages
        seen.append(page.evaluate(LOOK))
        page.locator('.jp-NotebookPanel:not(.lm-mod-hidden) .jp-OutputArea-output img').first.scroll_into_view_if_needed()
        page.screenshot(path=picture)
        browser.close()
    return seen, problems


def values(seen, line, get):
    "What `get` makes of the cell that has `line` in its source, in each look, without repetition"
    cells = [next(c for c in look if line in c['source'].replace('\xa0', ' ')) for look in seen]
    return [v for v, before in zip(map(get, cells), [None, *map(get, cells)]) if v != before]

@pytest.mark.parametrize('name, theme, trains', [('06_training', 'JupyterLab Light', ['pytorch = train(', 'mxnet = train(']), ('07_application', 'JupyterLab Dark', ['history = train('])])
def test_run_all(server, name, theme, trains, tmp_path):
    seen, problems = run_all(server, f'{name}.ipynb', theme, tmp_path/f'{name}.png')
    last = seen[-1]
    assert not problems, problems
    assert [c['prompt'] for c in last if c['source'].strip()] == [f'[{i}]:' for i in range(1, len(last) + 1)]
    for line in trains:
        bar = lambda cell: [m[1] for t in cell['text'] for m in [re.search(r'(\d+)%\|', t)] if m]
        states = values(seen, line, bar)
        assert max(map(len, states)) == 1, f'more than one bar at a time: {states}'
        percents = [int(s[0]) for s in states if s]
        assert len(percents) > 3 and percents == sorted(percents), f'the bar does not move: {percents}'
        assert not states[-1], 'the bar stays when all is done'
        curves = values(seen, line, lambda cell: cell['pictures'])
        assert max(map(len, curves)) == 1, f'more than one curve at a time in the cell of {line}'
        assert len([c for c in curves if c]) > 3, 'the curve does not change'
    for c in last:
        assert all(NO_PTB in text for text in c['stderr']), c
        assert len(c['pictures']) <= 1, f"{len(c['pictures'])} pictures in the cell of {c['source']}"
        assert sum(t.count('\n') + 1 for t in c['text'] if t) <= LONGEST, f"a flood in the cell of {c['source']}"
        assert not re.search(r'Traceback|TqdmWarning|ipywidgets|Error:', ' '.join(t for t in c['text'] if t not in c['stderr'])), c
