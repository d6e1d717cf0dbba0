"""Ctrl-C: when `fit` has returned or raised, nobody writes to the tables any more.
In Python 3.10 to 3.12 an interrupted `Thread.join` takes a living thread for one that ended."""
import hashlib, os, signal, subprocess, sys, threading
from pathlib import Path

import numpy as np, pytest

from w2v_nb.runs.checkpoint import Checkpoints, checkpoint_files, read_checkpoint
from w2v_nb.engine.corpus import Corpus
from w2v_nb.engine.tables import Schedule, make_tables
from w2v_nb.engine.skipgram import Threads
from w2v_nb.runs.rounds import Rounds
from w2v_nb.engine.sampling import make_sampling
from w2v_nb.base.stopping import in_threads
from w2v_nb.chapter.text import Vocab
from w2v_nb.vectors import WordVectors

posix = pytest.mark.skipif(os.name == 'nt', reason='sends POSIX signals to one thread')
# Seconds that a worker gives the main thread to leave too early: with too few of them a fault
# is missed, but none is invented.
PATIENCE = .3


def press():
    "Ctrl-C that wakes the main thread from its waiting"
    signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)


@pytest.fixture(scope='module')
def corpus():
    ids = np.random.default_rng(0).zipf(1.3, 200_000).astype(np.int64) % 500
    counts = {f'w{i}': int(n) + 1 for i, n in enumerate(np.bincount(ids, minlength=500))}
    return Corpus(ids.astype(np.int32), np.arange(0, len(ids) + 1, 20), Vocab(counts, unk=None))


@posix
@pytest.mark.parametrize('times', [1, 2, 5])
def test_nobody_works_any_more(times):
    left, late, stop, lock = threading.Event(), [], threading.Event(), threading.Lock()
    def work():
        with lock: presses, pressed[0] = pressed[0], 0
        for _ in range(presses):
            press()
            if left.wait(PATIENCE): late.append('at work')
        while not stop.is_set(): pass
        if left.wait(PATIENCE): late.append('at work')
    pressed = [times]
    with pytest.raises(KeyboardInterrupt):
        try: in_threads(work, 2, stop, lambda: None)
        finally: left.set()
    assert not late and not [t for t in threading.enumerate() if 'safely' in t.name]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@posix
@pytest.mark.parametrize('kind', [Threads, Rounds])
@pytest.mark.parametrize('piece, times', [(0, 1), (1, 2), (2, 1), (3, 3)])
def test_tables_rest(corpus, kind, piece, times):
    asked, left, late, tables = [], threading.Event(), [], make_tables(500, 32)
    runner = make_runner(kind, corpus, tables)
    def until(words):
        if threading.current_thread() is threading.main_thread(): return False
        asked.append(words)
        if len(asked) == piece + 1:
            for _ in range(times):
                press()
                if left.wait(PATIENCE): late.append(words)
        return False
    with pytest.raises(KeyboardInterrupt):
        try: runner.run(0, until=until)
        finally:
            left.set()
            before = digest(tables)
    assert not late and digest(tables) == before
    totals = runner.run(0, runner.totals) # what is left of the epoch can be trained
    assert totals.words == len(corpus.ids) and digest(tables) != before

def make_runner(kind, corpus, tables, workers=2):
    schedule = Schedule(.025, .0001, len(corpus.ids), 1)
    text, sampling = (corpus.ids, corpus.offsets), make_sampling(corpus.counts)
    return kind(tables, *text, sampling, schedule, workers)

def digest(tables):
    return hashlib.sha256(tables.input.tobytes() + tables.output.tobytes()).hexdigest()


def test_a_handler_that_only_notes_does_not_stop(corpus):
    seen, asked = [], []
    old = signal.signal(signal.SIGINT, lambda number, frame: seen.append(number))
    def until(words):
        asked.append(words)
        if len(asked) == 2: signal.raise_signal(signal.SIGINT)
        return False
    try: totals = make_runner(Threads, corpus, make_tables(500, 8)).run(0, until=until)
    finally: signal.signal(signal.SIGINT, old)
    assert totals.words == len(corpus.ids) and seen == [signal.SIGINT]


def test_a_thread_that_cannot_be_started(corpus, monkeypatch):
    "Those that were started do not wait for it in a meeting"
    start, started = threading.Thread.start, []
    def refused(thread):
        if 'safely' in thread.name and len(started) == 2:
            raise RuntimeError("can't start new thread")
        started.append(thread)
        start(thread)
    monkeypatch.setattr(threading.Thread, 'start', refused)
    tables = make_tables(500, 8)
    for kind in Threads, Rounds:
        started.clear()
        before, runner = digest(tables), make_runner(kind, corpus, tables, workers=3)
        with pytest.raises(RuntimeError, match="can't start"): runner.run(0)
        assert digest(tables) == before and not any(thread.is_alive() for thread in started)


def five_words():
    vectors, outputs = np.ones((5, 4), np.float32), np.zeros((5, 4), np.float32)
    return WordVectors(vectors, list('abcde'), counts=range(5), output_vectors=outputs)


@posix
def test_checkpoints_are_finished_first(tmp_path, monkeypatch):
    "The file that is being written when Ctrl-C is pressed twice is there, and nobody writes"
    import w2v_nb.runs.checkpoint as module
    left, late, write = threading.Event(), [], module.write_checkpoint
    def slow(*args):
        for _ in range(3):
            press()
            if left.wait(PATIENCE): late.append('at work')
        return write(*args)
    monkeypatch.setattr(module, 'write_checkpoint', slow)
    wv = five_words()
    with pytest.raises(KeyboardInterrupt):
        try:
            with Checkpoints(tmp_path, every=10) as checkpoints:
                checkpoints.begin(wv, {})
                checkpoints.save(10, epoch=0, done=[10, 0., 0, 0])
                checkpoints.save(20, epoch=0, done=[20, 0., 0, 0])
        finally: left.set()
    assert not late and checkpoints.written.is_set() and not checkpoints.writer.is_alive()
    assert read_checkpoint(checkpoint_files(tmp_path)[0])
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert not list(tmp_path.glob('.*.tmp'))
    with Checkpoints(tmp_path, new=False): pass # the folder is free again


@posix
def test_a_checkpoint_without_a_thread(tmp_path, monkeypatch):
    def refused(thread): raise RuntimeError("can't start new thread")
    wv = five_words()
    with Checkpoints(tmp_path, every=10) as checkpoints:
        checkpoints.begin(wv, {})
        with monkeypatch.context() as m:
            m.setattr(threading.Thread, 'start', refused)
            checkpoints.save(10, wait=True, epoch=0, done=[10, 0., 0, 0])
        assert len(checkpoint_files(tmp_path)) == 1


FIT = '''
import hashlib, signal, sys, threading, time
import numpy as np
from w2v_nb.runs.checkpoint import Checkpoints
from w2v_nb.engine.corpus import Corpus
from w2v_nb.chapter.text import Vocab
import w2v_nb.runs.word2vec as module
signal.signal(signal.SIGINT, signal.default_int_handler)
ids = np.random.default_rng(0).integers(0, 500, 400_000).astype(np.int32)
vocab = Vocab({f'w{i}': 800 for i in range(500)}, unk=None)
corpus = Corpus(ids, np.arange(0, len(ids) + 1, 20), vocab)
moment, deterministic, times = int(sys.argv[1]), sys.argv[2] == 'True', int(sys.argv[3])
settings = dict(vector_size=200, epochs=50, workers=4, sample=0, deterministic=deterministic)
model, asked = module.Word2Vec(**settings), []
kind = module.Rounds if deterministic else module.Threads
run, main = kind.run, threading.main_thread().ident
def interrupted(runner, epoch, totals, until, tick):
    def press(words):
        asked.append(words)
        if len(asked) == moment:
            for _ in range(times): signal.pthread_kill(main, signal.SIGINT)
        return False
    return run(runner, epoch, totals, press, tick)
kind.run, kind.prepare = interrupted, lambda runner: None
def state():
    tables = model.tables
    return hashlib.sha256(tables.input.tobytes() + tables.output.tobytes()).hexdigest()
try: model.fit(corpus, quiet=True)
except KeyboardInterrupt:
    threads = [t.name for t in threading.enumerate() if 'safely' in t.name]
    before = state()
    time.sleep(.2)
    print(state() == before, threads, len(asked) >= moment)
'''

@posix
@pytest.mark.parametrize('moment, deterministic, times', [
    (1, False, 1), (7, False, 2), (40, False, 1), (1, True, 2), (3, True, 1)])
def test_fit_has_stopped(moment, deterministic, times):
    env = os.environ | {'PYTHONPATH': str(Path(__file__).resolve().parent.parent)}
    command = [sys.executable, '-c', FIT, str(moment), str(deterministic), str(times)]
    done = subprocess.run(command, capture_output=True, text=True, env=env)
    assert done.stdout == 'True [] True\n', done.stdout + done.stderr
