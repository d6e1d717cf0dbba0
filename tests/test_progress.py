"""The progress bar: whole words and ten cells at any width, lines in a pipe, and records in a
log that someone reads."""
import io, os, re, subprocess, sys
from pathlib import Path

import pytest

from w2v_nb.base.progress import LEAST_BAR, bar_class

root = Path(__file__).resolve().parent.parent
FIELDS = re.compile(r'training on 2 threads: +\d+%\|([^|]*)\|(?: (?:[\d.]+M?/10\.0M )?\[.*\])?')
BAR = """from w2v_nb.base.progress import progress_bar
how = dict(total=10**7, desc='training on 2 threads', unit=' words', unit_scale=True)
with progress_bar(**how) as bar:
    bar.set_postfix_str('loss 0.4123, lr 0.0123', refresh=False)
    bar.update(10**7)
"""

ENV = os.environ | dict(PYTHONPATH=str(root))

def errors_of(code):
    "What Python writes to stderr"
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, env=ENV)
    assert done.returncode == 0, done.stderr
    return done.stderr

def assert_fits(line, width):
    "Whole fields, and a bar of ten cells or more"
    found = FIELDS.fullmatch(line)
    assert found and len(found[1]) >= LEAST_BAR and len(line) <= width, line

@pytest.mark.parametrize('width', [60, 80, 90, 100, 200])
@pytest.mark.parametrize('done', [0, 5*10**6, 10**7])
def test_fields_fit(width, done):
    bar = bar_class()(total=10**7, desc='training on 2 threads', unit=' words', unit_scale=True,
                      file=io.StringIO(), ncols=width)
    bar.set_postfix_str('loss 0.4123, lr 0.0123', refresh=False)
    bar.n = done
    line = str(bar)
    assert_fits(line, width)
    if width >= 90: assert 'loss 0.4123, lr 0.0123]' in line

@pytest.mark.skipif(os.name == 'nt', reason='needs a pseudo-terminal')
@pytest.mark.parametrize('width', [60, 80, 100, 200])
def test_terminal(width):
    import fcntl, pty, struct, termios
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack('HHHH', 24, width, 0, 0))
    child = subprocess.Popen([sys.executable, '-c', BAR], stderr=slave, stdout=slave, env=ENV)
    os.close(slave)
    seen = b''
    try:
        while part := os.read(master, 4096): seen += part
    except OSError: pass
    lines = [line.strip() for line in re.split(r'[\r\n]', seen.decode()) if line.strip()]
    assert child.wait() == 0 and lines
    for line in lines: assert_fits(line, width)

LOG = """import logging
logging.basicConfig(level=logging.INFO, format='LOG %(name)s %(message)s')
"""

def test_pipe():
    lines = errors_of(BAR).splitlines()
    assert lines and 'loss 0.4123, lr 0.0123' in lines[-1]
    assert all(len(line) <= 90 for line in lines)

def test_log():
    "Records where someone listens to them, without a bar"
    lines = errors_of(LOG + BAR).splitlines()
    assert lines and all(line.startswith('LOG w2v_nb training') for line in lines)
    assert '100%' in lines[-1] and '#' not in lines[-1]
    quiet = BAR.replace('unit_scale=True', 'unit_scale=True, quiet=True')
    assert not errors_of(LOG + quiet)

@pytest.mark.parametrize('setting', ['basicConfig(level=logging.WARNING)',
                                     "getLogger('w2v_nb').setLevel('INFO')"])
def test_log_that_nobody_reads(setting):
    assert '100%|##' in errors_of(f'import logging\nlogging.{setting}\n{BAR}')
