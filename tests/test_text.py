"What is too rough for a notebook: servers that lie or hang, damaged files, children that die."
import hashlib, http.server, io, os, signal, socket, subprocess, sys, threading, zipfile
from pathlib import Path

import pytest
from w2v_nb.base import files, pydoc
from w2v_nb.chapter import text as T

root = Path(__file__).resolve().parent.parent


def archive(words='a b c\n'):
    "A zip in the shape of PTB's, with its SHA-1"
    out = io.BytesIO()
    with zipfile.ZipFile(out, 'w') as z:
        for split in 'train', 'valid', 'test':
            z.writestr(f'ptb/ptb.{split}.txt', f' {words} \n')
    return out.getvalue(), hashlib.sha1(out.getvalue()).hexdigest()


@pytest.fixture
def server():
    "A server on this machine; `answer` says what it does with a GET"

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self):
            self.send_response(200)
            self.end_headers()

        def do_GET(self):
            httpd.asked += 1
            httpd.answer(self)

        def log_message(self, *args):
            pass

    httpd = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
    httpd.asked, httpd.url = 0, f'http://127.0.0.1:{httpd.server_port}/ptb.zip'
    threading.Thread(target=httpd.serve_forever, daemon=True).start()
    yield httpd
    httpd.shutdown()


def sends(data, length=None):
    "An answer that promises `length` bytes and sends `data`"

    def answer(handler):
        handler.send_response(200)
        handler.send_header('Content-Length', str(len(data) if length is None else length))
        handler.end_headers()
        handler.wfile.write(data)

    return answer


@pytest.fixture(autouse=True)
def no_folder(monkeypatch):
    monkeypatch.delenv('W2V_NB_DATA', raising=False)


def test_downloads_once(server, tmp_path):
    data, sha1 = archive()
    server.answer = sends(data)
    for _ in range(2):
        assert T.fetch_ptb(server.url, sha1, tmp_path).read_bytes() == data
    assert server.asked == 1


def test_damaged_cache_is_fetched_again(server, tmp_path):
    data, sha1 = archive()
    (tmp_path/'ptb.zip').write_bytes(data[:-1])
    server.answer = sends(data)
    assert T.fetch_ptb(server.url, sha1, tmp_path).read_bytes() == data and server.asked == 1


def test_given_folder_first_and_only_read(server, tmp_path, monkeypatch):
    data, sha1 = archive()
    given, cache = tmp_path/'given', tmp_path/'cache'
    given.mkdir()
    (given/'ptb.zip').write_bytes(data)
    monkeypatch.setenv('W2V_NB_DATA', str(given))
    assert T.fetch_ptb(server.url, sha1, cache) == given/'ptb.zip' and server.asked == 0
    (given/'ptb.zip').write_bytes(b'damaged')
    server.answer = sends(data)
    with pytest.warns(UserWarning, match='is damaged'):
        assert T.fetch_ptb(server.url, sha1, cache) == cache/'ptb.zip'
    assert (given/'ptb.zip').read_bytes() == b'damaged'
    monkeypatch.setenv('W2V_NB_DATA', str(tmp_path/'nowhere'))
    with pytest.warns(UserWarning, match='does not exist'):
        T.fetch_ptb(server.url, sha1, cache)


@pytest.mark.parametrize('how', ['cut off', 'another file', 'not found'])
def test_bad_download_leaves_nothing(server, tmp_path, how):
    data, sha1 = archive()
    server.answer = {
        'cut off': sends(data[: len(data) // 2], len(data)),
        'another file': sends(archive('x y z\n')[0]),
        'not found': lambda h: h.send_error(404),
    }[how]
    with pytest.raises(ConnectionError, match='W2V_NB_DATA') as caught:
        T.fetch_ptb(server.url, sha1, tmp_path)
    assert server.url in str(caught.value) and str(tmp_path) in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_killed_download_leaves_no_archive(server, tmp_path):
    data, sha1 = archive()
    begun, killed = threading.Event(), threading.Event()

    def answer(handler):
        sends(data[:100], len(data))(handler)
        handler.wfile.flush()
        begun.set()
        killed.wait(600)

    server.answer = answer
    code = f"""from w2v_nb.chapter.text import fetch_ptb
fetch_ptb({server.url!r}, {sha1!r}, {str(tmp_path)!r})"""
    command = [sys.executable, '-c', code]
    child = subprocess.Popen(command, cwd=root, stderr=subprocess.DEVNULL)
    assert begun.wait(600)
    child.kill()
    child.wait()
    killed.set()
    assert not (tmp_path/'ptb.zip').exists()


def test_silent_server_is_given_up(tmp_path, monkeypatch):
    "A server that accepts and never answers: an error, not a wait for ever"
    ask = T.why_unreachable
    # it never answers, however long one waits
    monkeypatch.setattr(T, 'why_unreachable', lambda url: ask(url, seconds=0.1))
    with socket.create_server(('127.0.0.1', 0)) as s:
        with pytest.raises(ConnectionError, match='Download that file'):
            T.fetch_ptb(f'http://127.0.0.1:{s.getsockname()[1]}/ptb.zip', '0' * 40, tmp_path)


def test_folder_that_cannot_be_written(server, tmp_path):
    data, sha1 = archive()
    server.answer = sends(data)
    (tmp_path/'file').write_text('')
    with pytest.raises(ConnectionError, match='could not get PTB'):
        T.fetch_ptb(server.url, sha1, tmp_path/'file'/'folder')


def test_skipped_checks_are_noted(tmp_path, monkeypatch, capsys):
    why = ConnectionError('no network. Remedy: patience')
    monkeypatch.setattr(T, 'why_no_ptb', lambda: why)
    monkeypatch.setenv('W2V_NB_SKIPPED', str(tmp_path/'skipped'))
    assert not T.has_ptb('a check') and capsys.readouterr().out == 'not checked: needs PTB\n'
    assert (tmp_path/'skipped').read_text() == 'a check\tneeds PTB: no network\n'
    with pytest.warns(UserWarning, match="training on the text 'pydoc'"):
        assert T.read_sentences().name == 'pydoc'


def sources(folder, n=6):
    for i in range(n):
        docstring = f'"This is the sentence of module number{i} in a test."'
        (folder/f'm{i}.py').write_text(f'{docstring}\n"not a docstring"\n')
    return sorted(folder.glob('*.py'))


def test_sources_in_order_each_once(tmp_path):
    files = sources(tmp_path)
    (tmp_path/'m2.py').write_text('def (')  # does not parse
    (tmp_path/'m3.py').write_bytes(b'"""caf\xe9 is not UTF-8 but a word of the text"""')
    out = pydoc.read_sources(files + files)
    assert [s.split()[6] for s in out] == ['number0', 'number1', 'number4', 'number5']


def test_dead_child_is_reported(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, 'path', ['/no/such/folder'])  # so the child finds no module
    with pytest.raises(RuntimeError, match='6 of 6 files were not read'):
        pydoc.read_sources(sources(tmp_path))


def test_script_needs_no_guard(tmp_path):
    "A script without a main guard runs once, and its interruption leaves no children"
    sources(tmp_path)
    script = tmp_path/'script.py'
    script.write_text(f"""
import sys
sys.path.insert(0, {str(root)!r})
print('once')
from w2v_nb.base.pydoc import read_sources
print(len(read_sources([{str(tmp_path/"m0.py")!r}])))
""")
    out = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    assert out.stdout.split() == ['once', '1']


@pytest.mark.skipif(os.name == 'nt', reason='sends a POSIX signal')
def test_interrupt_ends_the_children():
    code = """import w2v_nb.base.pydoc as T
start = T.start_child
def told(errors):
    child = start(errors)
    print('on', flush=True)
    return child
T.start_child = told
T.read_sources(T.source_files('torch') * 3)"""
    child = subprocess.Popen(
        [sys.executable, '-c', code],
        cwd=root,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    for _ in range(2):
        assert child.stdout.readline() == b'on\n'  # both children are there
    child.send_signal(signal.SIGINT)
    assert child.wait(600) != 0
    with pytest.raises(ProcessLookupError):
        os.killpg(child.pid, 0)  # nobody is left of its session


def test_cache_that_cannot_be_written(tmp_path):
    (tmp_path/'file').write_text('')
    with pytest.warns(UserWarning, match='is read again next time'):
        assert pydoc.read_pydoc(['numba'], tmp_path/'file'/'folder')


@pytest.mark.skipif(os.name == 'nt', reason='needs a pseudo-terminal')
def test_bar_in_a_terminal():
    "In a terminal the bar rewrites its line"
    import fcntl, pty, struct, termios

    master, slave = pty.openpty()
    size = struct.pack('HHHH', 24, 80, 0, 0)  # rows and columns; no pixels
    fcntl.ioctl(slave, termios.TIOCSWINSZ, size)
    code = """
from w2v_nb.base.progress import progress_bar
for i in progress_bar(range(30), desc="adding", mininterval=0, miniters=1): pass
"""
    child = subprocess.Popen([sys.executable, '-c', code], cwd=root, stderr=slave, stdout=slave)
    os.close(slave)
    seen = b''
    try:
        while part := os.read(master, 4096):
            seen += part
    except OSError:
        pass  # Linux's way to say: end of file
    assert child.wait() == 0 and seen.count(b'\r') > 2 and b'30/30' in seen
    assert seen.replace(b'\r\n', b'').count(b'\n') == 0  # one line, rewritten


@pytest.mark.skipif(os.name != 'posix', reason='HOME is what POSIX has')
def test_no_home_folder(tmp_path, monkeypatch):
    "One warning and a folder that can be written, not one that is called ~"
    import pwd

    def nobody(uid):
        raise KeyError(uid)

    for name in 'HOME', 'XDG_CACHE_HOME':
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, 'getpwuid', nobody)
    monkeypatch.chdir(tmp_path)
    files.passing_folder.cache_clear()
    with pytest.warns(UserWarning, match='XDG_CACHE_HOME') as told:
        folders = [files.cache_folder(), files.cache_folder()]
    assert len(told) == 1 and folders[0] == folders[1]
    assert folders[0].is_dir() and folders[0].is_absolute()
    assert not list(tmp_path.iterdir())
