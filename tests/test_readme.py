"""README.md: its lines for the shell run as they are, its links lead somewhere, in a clone
and on the package index."""
import json, os, re, runpy, shutil, signal, socket, subprocess, sys, time
import urllib.error, urllib.request
from pathlib import Path

import pytest

root = Path(__file__).resolve().parent.parent
README = (root/'README.md').read_text(encoding='utf-8')
posix = pytest.mark.skipif(os.name == 'nt', reason='runs lines of a POSIX shell')

OURS = 'https://github.com/w2v-nb/w2v_nb'
CLONE = f'git clone {OURS} && cd w2v_nb' # of this folder
BY_CI = ['pip install . && w2v train',   # steps of .ci/run
         "pip install -e '.[dev]' && nbdev_test"]
RELEASE = 'pip install w2v_nb && w2v train' # there, from this wheel
INSTALL = "pip install -e '.[dev]'"                                # the first half of a step
LAB = 'jupyter lab my-lessons', 'jupyter lab nbs/' # started, asked, stopped
HERE = ['w2v train my.txt', 'pip install scikit-learn gensim', 'w2v similar w2v_my london',
        'w2v map w2v_my map.html', 'w2v eval w2v_my', 'w2v convert w2v_my my.bin',
        'pip install jupyterlab', 'w2v learn my-lessons', 'w2v learn my-lessons --check']


def shell_lines():
    "Every line of a block for the shell, without comments"
    blocks = re.findall(r'^```sh\n(.*?)^```', README, re.MULTILINE | re.DOTALL)
    return [line.split(' #')[0].strip() for block in blocks for line in block.splitlines()]

def test_every_line_is_run():
    lines = shell_lines()
    assert set(lines) == {CLONE, RELEASE, INSTALL, *BY_CI, *LAB, *HERE}
    steps = (root/'.ci'/'run').read_text()
    assert all(line in steps for line in BY_CI)
    first = lines.index(BY_CI[0])
    assert lines.index(CLONE) < first < lines.index('w2v train my.txt') < lines.index(HERE[2])


LOCAL = {'GIT_CONFIG_COUNT': '2', # git clones this folder instead of the public address
         'GIT_CONFIG_KEY_0': f'url.{root}.insteadOf', 'GIT_CONFIG_VALUE_0': OURS,
         'GIT_CONFIG_KEY_1': 'safe.directory', 'GIT_CONFIG_VALUE_1': '*'}

@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    "A clone of this folder, with a text of one's own in it"
    place = tmp_path_factory.mktemp('readme')
    if (root/'.git').exists() and shutil.which('git'):
        done = subprocess.run(f'{CLONE} && pwd', shell=True, cwd=place, env=os.environ | LOCAL,
                              capture_output=True, text=True)
        assert done.returncode == 0 and done.stdout.strip().endswith('w2v_nb'), done.stderr
    else: shutil.copytree(root/'nbs', place/'w2v_nb'/'nbs')
    from w2v_nb.base.pydoc import read_pydoc
    sentences = [' '.join(words) for words in read_pydoc()[:30_000]]
    sentences += ['the train from london to the city of paris is late',
                  'the train from london to the city of rome is late']*100
    (place/'w2v_nb'/'my.txt').write_text('\n'.join(sentences), encoding='utf-8')
    return place/'w2v_nb'

def environment(**more):
    "The commands of this interpreter come first"
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ['PATH']])
    return os.environ | dict(PATH=path, PYTHONPATH=str(root)) | more

def fetch(address):
    "The status of the answer; the address is printed just before the server listens"
    for wait in [.2] * 300:
        try:
            with urllib.request.urlopen(address, timeout=60) as answer: return answer.status
        except urllib.error.URLError as e:
            if not isinstance(e.reason, ConnectionRefusedError): raise
        time.sleep(wait)

def free_port():
    "A port that nobody listens on"
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        return free.getsockname()[1]

def printed_address(child, port):
    "The address that a server prints"
    lines = []
    for text in child.stderr:
        lines.append(text)
        if found := re.search(rf'http://127\.0\.0\.1:{port}/\S*', text): return found[0]
    pytest.fail(''.join(lines))

def ask(line, folder, settings):
    "Start a server, fetch the page whose address it prints, stop it"
    settings.mkdir(exist_ok=True)
    port = free_port()
    server = dict(allow_root=True, open_browser=False, ip='127.0.0.1', port=port)
    config = json.dumps(dict(ServerApp=server))
    (settings/'jupyter_server_config.json').write_text(config)
    child = subprocess.Popen(line, shell=True, cwd=folder, text=True, stderr=subprocess.PIPE,
                             stdout=subprocess.DEVNULL, start_new_session=True,
                             env=environment(JUPYTER_CONFIG_DIR=str(settings)))
    try: assert fetch(printed_address(child, port)) == 200
    finally:
        os.killpg(child.pid, signal.SIGTERM)
        child.communicate(timeout=60)

@posix
def test_lines_run_as_they_are(folder, tmp_path):
    "In the order of the page. `--check` ends with 1 while there is something to write"
    for line in shell_lines():
        if line in LAB: ask(line, folder, tmp_path/'jupyter')
        if line not in HERE: continue
        done = subprocess.run(line, shell=True, cwd=folder, env=environment(), timeout=600,
                              capture_output=True, text=True)
        shown = f'{line}\n{done.stdout}\n{done.stderr}'
        expected = (0, 1) if line.endswith('--check') else (0,)
        assert done.returncode in expected and 'Traceback' not in done.stderr, shown
    for name in 'w2v_my/vectors.txt', 'map.html', 'my.bin', 'my-lessons':
        assert (folder/name).exists()


def links(text):
    "Addresses of links and pictures, outside of blocks of code"
    prose = re.sub(r'^```.*?^```', '', text, flags=re.MULTILINE | re.DOTALL)
    return re.findall(r'\]\(([^)\s]+)\)', prose)

def anchors(text):
    "What a link may name after its '#'"
    headings = re.findall(r'^#+ (.+)$', text, re.MULTILINE)
    return {re.sub(r'[^\w -]', '', heading).lower().replace(' ', '-') for heading in headings}

def leads_somewhere(link):
    return link[1:] in anchors(README) if link[0] == '#' else (root/link).exists()

def test_links_are_relative_and_lead_somewhere():
    ours = [link for link in links(README) if not re.match(r'[a-z]+:', link)]
    broken = [link for link in ours if not leads_somewhere(link)]
    assert len(ours) > 25 and not broken, broken
    assert any(link.endswith('.png') for link in ours)
    assert not any('w2v-nb/w2v_nb' in link for link in links(README))

def test_links_are_addresses_on_the_package_index(monkeypatch):
    import setuptools
    given = {}
    monkeypatch.setattr(setuptools, 'setup', lambda **options: given.update(options))
    runpy.run_path(str(root/'setup.py'))
    shown = links(given['long_description'])
    assert len(shown) == len(links(README))
    assert all(re.match(r'https://|#', link) for link in shown)
    pictures = [link for link in shown if link.endswith('.png')]
    assert pictures and all('/raw.githubusercontent.com/' in link for link in pictures)
    assert f"{given['url']}/blob/main/nbs/02_text.ipynb" in shown

def test_the_first_page_says_what_is_measured():
    assert 'not yet measured' not in README
