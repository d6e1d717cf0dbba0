"""Training that is killed, starved and stopped: what is on the disk is whole, and a resumed run
ends as if nothing had happened."""
import os, shutil, signal, subprocess, sys, tempfile, textwrap, threading, time
from pathlib import Path

import numpy as np, pytest

from w2v_nb.runs.checkpoint import Checkpoints, checkpoint_files, newest_checkpoint
from w2v_nb.runs.checkpoint import read_checkpoint, state_hash, write_checkpoint
from w2v_nb.engine.corpus import Corpus
from w2v_nb.runs.heldout import HeldOut
from w2v_nb.vectors import WordVectors
from w2v_nb.runs.word2vec import Word2Vec

root = Path(__file__).resolve().parent.parent
posix = pytest.mark.skipif(os.name == 'nt', reason='sends POSIX signals, forks')
SETTINGS = dict(vector_size=40, workers=1)


def write_text(path, words=300_000, V=900, seed=0):
    rng = np.random.default_rng(seed)
    names = [f'w{i}' for i in rng.zipf(1.3, size=words) % V]
    lines = [' '.join(names[begin:begin + 20]) for begin in range(0, words, 20)]
    path.write_text('\n'.join(lines))
    return path


@pytest.fixture(scope='module')
def corpus(tmp_path_factory):
    return Corpus.from_file(write_text(tmp_path_factory.mktemp('text')/'text.txt'), quiet=True)


def python(code, *args, **kwargs):
    command = [sys.executable, '-c', textwrap.dedent(code), *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, cwd=root,
                          env=os.environ | {'PYTHONPATH': str(root)}, **kwargs)


def train(corpus, folder=None, settings=SETTINGS, **options):
    "A model, with checkpoints in a folder if there is one"
    if folder is not None: options['checkpoint'] = folder
    return Word2Vec(**settings).fit(corpus, quiet=True, **options)


def resume(folder, corpus, **options):
    return Word2Vec.resume(folder, corpus, quiet=True, **options)


def same_run(a, b):
    assert a.vectors.tobytes() == b.vectors.tobytes()
    assert a.output_vectors.tobytes() == b.output_vectors.tobytes()
    assert a.index_to_key == b.index_to_key


KILLS = '''
    import os, random, signal, sys, threading
    from pathlib import Path
    import w2v_nb.runs.checkpoint as module
    from w2v_nb.runs.checkpoint import Checkpoints, checkpoint_files
    from w2v_nb.engine.corpus import Corpus
    from w2v_nb.engine.skipgram import compile_kernel
    from w2v_nb.runs.word2vec import Word2Vec
    text, folder, epochs, result = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    from threading import RLock
    from tqdm import tqdm
    # its own is shared with forked processes, and one that is killed may hold it for ever
    tqdm.set_lock(RLock())
    corpus = Corpus.from_file(text, quiet=True)
    compile_kernel()
    random.seed(1)
    write, count, often = module.write_checkpoint, 0, dict(every=20_000, quiet=True)

    def kill(*args): os.kill(os.getpid(), signal.SIGKILL)

    def kill_after(n):
        "A process that ends when it has written so many checkpoints"
        def counted(*args):
            global count
            path, count = write(*args), count + 1
            if count >= n: kill()
            return path
        module.write_checkpoint = counted

    def kill_amid(seconds):
        "... or so many seconds after it begins to write one, wherever it is then"
        def timed(*args):
            threading.Timer(seconds, kill).start()
            return write(*args)
        module.write_checkpoint = timed

    def kill_before_renaming(): os.replace = kill

    def train():
        if folder.is_dir() and checkpoint_files(folder):
            return Word2Vec.resume(folder, corpus, **often)
        model = Word2Vec(vector_size=40, workers=1, sample=0, epochs=epochs)
        return model.fit(corpus, checkpoint=folder, **often)

    writing = 0
    for kills in range(1, 51):
        first, second = random.randint(1, 8), random.randint(1, 8)
        seconds = random.uniform(0, .004)
        child = os.fork()
        if not child:
            try:
                if kills % 4 == 0: kill_after(first)
                elif kills % 4 == 1: kill_before_renaming()
                elif kills % 4 == 2: kill_after(second)
                else: kill_amid(seconds)
                train()
                os._exit(0)
            except BaseException as e:
                print(repr(e), flush=True)
                os._exit(1)
        status = os.waitpid(child, 0)[1]
        assert os.WIFSIGNALED(status), f'it ended by itself, {status}, after {kills} kills'
        writing += any(folder.glob('.*.tmp')) if folder.is_dir() else 0
    left = checkpoint_files(folder)[0].name
    train().wv.save(result)
    print(kills, writing, left)
'''

@posix
def test_fifty_kills(corpus, tmp_path):
    text, epochs, killed = write_text(tmp_path/'text.txt'), 60, tmp_path/'killed.safetensors'
    # a disk that others use makes a killed process wait for its end
    memory = '/dev/shm' if os.path.isdir('/dev/shm') else None
    with tempfile.TemporaryDirectory(dir=memory) as fast:
        states = Path(fast)/'states'
        done = python(KILLS, text, states, epochs, killed, timeout=1200)
        if states.is_dir(): shutil.copytree(states, tmp_path/'states')
    assert done.returncode == 0, done.stdout + done.stderr
    kills, writing, left = done.stdout.split()[-3:]
    assert int(kills) == 50 and int(writing) >= 12 # some struck while one was being written
    assert int(left[5:10]) > 2                     # and the run came on in between
    whole = train(corpus, settings=dict(SETTINGS, sample=0, epochs=epochs))
    same_run(WordVectors.load(killed), whole.wv)
    assert not list((tmp_path/'states').glob('*.tmp'))
    assert len(checkpoint_files(tmp_path/'states')) == 2


class Interrupt:
    "Ctrl-C, once, as soon as a new checkpoint is there and the run asks for the next."
    def __init__(self, folder): pass
    def __enter__(self):
        import w2v_nb.runs.word2vec as module
        self.module, self.real, pressed = module, module.Checkpoints, []
        class Pressed(module.Checkpoints):
            def due(self, words):
                if self.writer and not pressed:
                    pressed.append(words)
                    self.written.wait()
                    signal.raise_signal(signal.SIGINT)
                    while self.signal is None: time.sleep(.001) # until the main thread noted it
                return super().due(words)
        module.Checkpoints = Pressed
    def __exit__(self, *error): self.module.Checkpoints = self.real


def interrupted(corpus, folder, n, **settings):
    "A model whose training was interrupted up to `n` times, at least once."
    times = 0
    for _ in range(n):
        try:
            with Interrupt(folder):
                if folder.is_dir(): resume(folder, corpus, every=30_000)
                else: train(corpus, folder, settings, every=30_000)
        except KeyboardInterrupt: times += 1
    assert times
    return resume(folder, corpus)


@posix
@pytest.mark.parametrize('settings', [
    dict(),
    dict(vector_size=100, window=2, negative=1, sample=0),
    dict(shrink_windows=False, sample=1e-5, seed=3),
], ids=str)
def test_interrupted_is_undisturbed(corpus, tmp_path, settings):
    settings = dict(SETTINGS, epochs=3) | settings
    whole = train(corpus, settings=settings)
    resumed = interrupted(corpus, tmp_path/'states', 3, **settings)
    same_run(whole.wv, resumed.wv)
    assert whole.history['loss'] == resumed.history['loss']
    assert whole.history['lr'] == resumed.history['lr']
    assert whole.wv.params == resumed.wv.params


@posix
def test_more_workers_sample_the_same(corpus, tmp_path):
    "What is sampled is identical; the loss is that of other seeds."
    heldout, settings = HeldOut(corpus, n=20_000), dict(vector_size=40, workers=2, epochs=3)
    whole = train(corpus, settings=settings)
    resumed = interrupted(corpus, tmp_path/'states', 3, **settings)
    def centres(model): return [round(row.centres_per_s*row.seconds) for row in model.history]
    def loss(model): return float(heldout.loss(*model.tables.views()))
    assert centres(whole) == centres(resumed)
    losses = [loss(train(corpus, settings=settings | dict(seed=seed))) for seed in range(1, 5)]
    spread = max(losses) - min(losses) + .002
    assert min(losses) - spread < loss(resumed) < max(losses) + spread


@posix
def test_workers_may_change(corpus, tmp_path):
    folder = tmp_path/'states'
    with Interrupt(folder), pytest.raises(KeyboardInterrupt):
        train(corpus, folder, dict(workers=2, epochs=30), every=30_000)
    assert resume(folder, corpus, workers=1).workers == 1


@posix
def test_heldout_and_callbacks_go_on(corpus, tmp_path):
    heldout, seen = HeldOut(corpus, n=5000), []
    folder, settings = tmp_path/'states', dict(SETTINGS, epochs=4)
    whole = train(corpus, settings=settings, heldout=heldout)
    def note(model): seen.append(len(model.history))
    def stop(model):
        note(model)
        if len(model.history) == 2: raise RuntimeError('a callback of the user')
    with pytest.raises(RuntimeError):
        train(corpus, folder, settings, heldout=heldout, every=100_000, callbacks=[stop])
    with pytest.raises(ValueError, match='give the same text again, heldout='):
        resume(folder, corpus)
    resumed = resume(folder, corpus, heldout=heldout, callbacks=[note])
    same_run(whole.wv, resumed.wv)
    assert whole.history['val_loss'] == resumed.history['val_loss'] and seen[-2:] == [3, 4]
    validation = [model.history.curve.points['validation'] for model in (whole, resumed)]
    assert validation[0] == validation[1]


SIGNAL = '''
import os, signal, sys, time
from w2v_nb.runs.checkpoint import Checkpoints
from w2v_nb.tools.cli import main
due = Checkpoints.due
def signalled(self, words):
    if words > 100_000 and self.signal is None:
        os.kill(os.getpid(), {number})
        while self.signal is None: time.sleep(.001) # until the main thread has noted it
    return due(self, words)
Checkpoints.due = signalled
sys.exit(main(['train', *sys.argv[1:]]))
'''

COMMAND = [sys.executable, '-m', 'w2v_nb', 'train']

@posix
@pytest.mark.parametrize('number, status', [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signals_write_a_last_checkpoint(tmp_path, number, status):
    write_text(tmp_path/'my text.txt')
    states, other = tmp_path/'states', tmp_path/'other'
    env = os.environ | {'PYTHONPATH': str(root)}
    options = ['my text.txt', '--epochs', '3', '--sample', '0', '--vector-size', '40',
               '--deterministic', '--quiet']
    command = [sys.executable, '-c', SIGNAL.format(number=int(number)), *options]
    child = subprocess.run([*command, '--checkpoint', 'states', '--every', '1h'], cwd=tmp_path,
                           env=env, stderr=subprocess.PIPE, text=True, timeout=1200)
    assert child.returncode == status and child.stderr.count('\n') == 1
    assert 'go on with: w2v train --resume states' in child.stderr
    files = checkpoint_files(states)
    assert len(files) == 1
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(('w2v_', '.w2v'))]
    state = read_checkpoint(files[0])[1]
    assert state['epoch'] + state['done'][0] > 0
    other.mkdir()
    resumed = ['--resume', states, '--quiet', '--output', 'resumed']
    subprocess.run([*COMMAND, *resumed], cwd=other, env=env, check=True)
    subprocess.run([*COMMAND, *options, '--output', 'whole'], cwd=tmp_path, env=env, check=True)
    written = [folder/'vectors.txt' for folder in (other/'resumed', tmp_path/'whole')]
    assert written[0].read_bytes() == written[1].read_bytes()


@posix
def test_an_ignored_signal_stays_ignored(corpus, tmp_path):
    old = signal.signal(signal.SIGINT, signal.SIG_IGN)
    def press(model): os.kill(os.getpid(), signal.SIGINT)
    try: model = train(corpus, tmp_path, dict(SETTINGS, epochs=2), callbacks=[press])
    finally: signal.signal(signal.SIGINT, old)
    assert len(model.history) == 2


def test_a_vanished_folder_is_a_warning(corpus, tmp_path):
    folder, away = tmp_path/'states', tmp_path/'away'
    def move(model):
        if len(model.history) == 2: folder.rename(away)
    with pytest.warns(UserWarning, match='no checkpoint was written to .*Training goes on'):
        model = train(corpus, folder, dict(SETTINGS, epochs=5), every=100_000, callbacks=[move])
    assert len(model.history) == 5 and not folder.exists()
    same_run(resume(away, corpus).wv, model.wv) # the last good one is kept


FULL = '''
    import os, resource, signal, sys, warnings
    from w2v_nb.engine.corpus import Corpus
    from w2v_nb.engine.skipgram import compile_kernel
    from w2v_nb.runs.checkpoint import Checkpoints
    from w2v_nb.runs.word2vec import Word2Vec
    corpus = Corpus.from_file(sys.argv[1], quiet=True)
    kind, folder = sys.argv[2:4]
    checkpoints, begin = [], Checkpoints.begin

    def note_and_begin(self, *args):
        checkpoints.append(self)
        begin(self, *args)

    Checkpoints.begin = note_and_begin
    filler = os.path.join(folder, 'filler')

    def fill_disk():
        with open(filler, 'wb', buffering=0) as f:
            try:
                while True: f.write(bytes(4096))
            except OSError as e: assert e.errno == 28 # no space left on device

    def limit_files(size): resource.setrlimit(resource.RLIMIT_FSIZE, size)

    def fail(model):
        if len(model.history) != 2: return
        checkpoints[0].written.wait() # which makes room, by deleting an older one
        if kind == 'filled': fill_disk()
        elif kind == 'full':
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            limit_files((100_000, resource.RLIM_INFINITY))
        else: os.chmod(folder, 0o555)

    def mend():
        if kind == 'filled': os.remove(filler)
        elif kind == 'full': limit_files((resource.RLIM_INFINITY,)*2)
        else:
            os.seteuid(os.getuid())
            os.chmod(folder, 0o755)

    compile_kernel() # what it imports must be there before rights are given up
    if kind == 'read-only' and os.geteuid() == 0: # root may write everywhere
        os.mkdir(folder)
        os.chown(folder, 65534, 65534)
        os.seteuid(65534)
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter('always')
        model = Word2Vec(vector_size=40, workers=1, epochs=5)
        model.fit(corpus, checkpoint=folder, every=100_000, callbacks=[fail], quiet=True)
    mend()
    assert len(model.history) == 5
    again = Word2Vec.resume(folder, corpus, quiet=True)
    assert (again.wv.vectors == model.wv.vectors).all()
    print(seen[0].message)
'''

def check_full(tmp_path, kind, folder, reason):
    "A disk that fails in some way is a warning, which names the reason"
    done = python(FULL, write_text(tmp_path/'text.txt'), kind, folder)
    assert done.returncode == 0, done.stdout + done.stderr
    assert 'no checkpoint was written' in done.stdout and reason in done.stdout


@posix
@pytest.mark.parametrize('kind, reason', [
    ('full', 'File too large'),
    ('read-only', 'Permission denied'),
])
def test_a_disk_that_fails_is_a_warning(tmp_path, kind, reason):
    os.chmod(tmp_path, 0o777)
    for folder in tmp_path.parents: # of pytest, which are closed to others
        if 'pytest-' in str(folder): os.chmod(folder, 0o755)
    check_full(tmp_path, kind, tmp_path/'states', reason)


@pytest.fixture
def small_disk(tmp_path):
    "A file system of 2 MB"
    disk = tmp_path/'disk'
    disk.mkdir()
    mount = ['mount', '-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', disk]
    if not shutil.which('mount') or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip('no file system can be mounted here')
    yield disk
    subprocess.run(['umount', disk], check=True)

@posix
def test_a_full_disk_is_a_warning(tmp_path, small_disk):
    check_full(tmp_path, 'filled', small_disk/'states', 'No space left on device')
    assert len(checkpoint_files(small_disk/'states')) <= 2


LITTLE_MEMORY = '''
    import resource, sys
    import w2v_nb.runs.word2vec
    from w2v_nb.tools.cli import main
    status = dict(line.split(':', 1) for line in open('/proc/self/status'))
    used = int(status['VmSize'].split()[0])*1024
    resource.setrlimit(resource.RLIMIT_AS, (used + 300_000_000, resource.RLIM_INFINITY))
    text, output = sys.argv[1:]
    sys.exit(main(['train', text, '--vector-size', '60000', '--output', output, '--quiet']))
'''

@posix
def test_too_little_memory_is_said_first(tmp_path):
    "An address space too small for the tables: before training, an error of one line"
    if not Path('/proc/self/status').exists():
        pytest.skip('the address space in use is read from /proc')
    done = python(LITTLE_MEMORY, write_text(tmp_path/'text.txt'), tmp_path/'out')
    assert done.returncode == 2 and done.stderr.count('\n') == 1, done.stderr
    assert 'not enough memory: training' in done.stderr
    assert 'lower --vector-size' in done.stderr
    assert not (tmp_path/'out').exists()


def test_damage_falls_back(corpus, tmp_path):
    model = train(corpus, tmp_path, dict(SETTINGS, epochs=2), every=50_000)
    newest, _ = checkpoint_files(tmp_path)
    raw = bytearray(newest.read_bytes())
    raw[len(raw)//2] ^= 1
    newest.write_bytes(raw)
    with pytest.warns(UserWarning, match='is damaged: its contents'):
        again = resume(tmp_path, corpus)
    same_run(again.wv, model.wv)


@pytest.mark.parametrize('change', [
    dict(epoch=-1), dict(epoch='1'), dict(done=[1]), dict(done=None), dict(rows=3),
    dict(rows=[[1]]), dict(settings={}), dict(settings=None), dict(corpus=[]), dict(curve=[]),
    dict(curve=dict(training=[[1]])), dict(finished=0), dict(seconds='x'),
], ids=str)
def test_hostile_states(corpus, tmp_path, change):
    train(corpus, tmp_path, dict(SETTINGS, epochs=1))
    wv, state = newest_checkpoint(tmp_path)
    copy = WordVectors(wv.vectors.copy(), wv.index_to_key, counts=wv.counts.copy(),
                       output_vectors=wv.output_vectors.copy())
    for path in checkpoint_files(tmp_path): path.unlink()
    path, changed = write_checkpoint(tmp_path, copy, state), state | change
    copy.params = dict(copy.params, state=changed, hash=state_hash(copy, changed))
    copy.save(path)
    with pytest.raises(ValueError, match='not one that training writes'):
        resume(tmp_path, corpus)


def test_two_at_once(corpus, tmp_path):
    if os.name == 'nt': pytest.skip('no lock on Windows')
    with Checkpoints(tmp_path):
        with pytest.raises(BlockingIOError, match='in use by another training'):
            train(corpus, tmp_path, dict(SETTINGS, epochs=1))


def test_nothing_is_left_behind(corpus, tmp_path):
    def open_files(folder=Path('/proc/self/fd')):
        return len(os.listdir(folder)) if folder.exists() else 0
    def used():
        handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
        return threading.active_count(), handlers
    before, files = used(), open_files()
    train(corpus, tmp_path, dict(SETTINGS, epochs=2), every=20_000)
    for _ in range(3): resume(tmp_path, corpus)
    assert used() == before and open_files() <= files + 1
    assert sorted(tmp_path.iterdir(), reverse=True) == checkpoint_files(tmp_path)
