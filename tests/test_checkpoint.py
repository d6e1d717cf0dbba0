"Training that is killed, starved and stopped: what is on the disk is whole, and a resumed run ends as if nothing had happened."
import os, shutil, signal, subprocess, sys, tempfile, textwrap, time
from pathlib import Path

import numpy as np, pytest

from w2v_nb.checkpoint import checkpoint_files, newest_checkpoint, read_checkpoint
from w2v_nb.corpus import Corpus
from w2v_nb.heldout import HeldOut
from w2v_nb.vectors import WordVectors
from w2v_nb.word2vec import Word2Vec

root = Path(__file__).resolve().parent.parent
posix = pytest.mark.skipif(os.name == 'nt', reason='sends POSIX signals, forks')
SETTINGS = dict(vector_size=40, workers=1)


def write_text(path, words=300_000, V=900, seed=0):
    rng = np.random.default_rng(seed)
    ids = rng.zipf(1.3, size=words) % V
    path.write_text('\n'.join(' '.join(f'w{i}' for i in ids[lo:lo + 20]) for lo in range(0, words, 20)))
    return path


@pytest.fixture(scope='module')
def corpus(tmp_path_factory): return Corpus.from_file(write_text(tmp_path_factory.mktemp('text')/'text.txt'), quiet=True)


def python(code, *args, **kwargs):
    return subprocess.run([sys.executable, '-c', textwrap.dedent(code), *map(str, args)], capture_output=True, text=True, cwd=root, env=os.environ | {'PYTHONPATH': str(root)}, **kwargs)


def same_run(a, b):
    assert a.vectors.tobytes() == b.vectors.tobytes() and a.output_vectors.tobytes() == b.output_vectors.tobytes() and a.index_to_key == b.index_to_key


KILLS = '''
    import os, random, signal, sys, time, warnings
    from pathlib import Path
    from w2v_nb.checkpoint import checkpoint_files
    from w2v_nb.corpus import Corpus
    from w2v_nb.word2vec import Word2Vec, compile_kernel
    text, folder, settings = sys.argv[1], Path(sys.argv[2]), dict(vector_size=40, workers=1, sample=0, epochs=int(sys.argv[3]))
    from threading import RLock
    from tqdm import tqdm
    tqdm.set_lock(RLock()) # its own is shared with forked processes, and one that is killed may hold it for ever
    corpus = Corpus.from_file(text, quiet=True)
    compile_kernel()
    random.seed(1)
    kills = writing = 0
    while kills < 50:
        child = os.fork()
        if not child:
            try:
                if folder.is_dir() and checkpoint_files(folder): Word2Vec.resume(folder, corpus, every=20_000, quiet=True)
                else: Word2Vec(**settings).fit(corpus, checkpoint=folder, every=20_000, quiet=True)
                os._exit(0)
            except BaseException as e: print(repr(e), flush=True); os._exit(1)
        time.sleep(random.uniform(.005, .2))
        until = time.time() + .5*(kills % 2) # every other one strikes while a checkpoint is being written
        while time.time() < until and not (folder.is_dir() and any(folder.glob('.*.tmp'))): pass
        os.kill(child, signal.SIGKILL)
        status = os.waitpid(child, 0)[1]
        assert os.WIFSIGNALED(status), f'it ended by itself, {status}, after {kills} kills'
        kills += 1
        writing += any(folder.glob('.*.tmp')) if folder.is_dir() else 0
    left = checkpoint_files(folder)[0].name
    Word2Vec.resume(folder, corpus, every=20_000, quiet=True).wv.save(sys.argv[4])
    print(kills, writing, left)
'''

@posix
def test_fifty_kills(corpus, tmp_path):
    text, epochs = write_text(tmp_path/'text.txt'), 90
    with tempfile.TemporaryDirectory(dir='/dev/shm' if os.path.isdir('/dev/shm') else None) as fast: # a disk that others use makes a killed process wait for its end
        states = Path(fast)/'states'
        done = python(KILLS, text, states, epochs, tmp_path/'killed.safetensors', timeout=400)
        if states.is_dir(): shutil.copytree(states, tmp_path/'states')
    assert done.returncode == 0, done.stdout + done.stderr
    kills, writing, left = done.stdout.split()[-3:]
    assert int(kills) == 50 and int(writing) >= 5 # some struck while a checkpoint was being written
    assert int(left[5:10]) > 2                    # and the run came on in between
    whole = Word2Vec(**SETTINGS, sample=0, epochs=epochs).fit(corpus, quiet=True)
    same_run(WordVectors.load(tmp_path/'killed.safetensors'), whole.wv)
    assert [p.name for p in (tmp_path/'states').iterdir() if p.name.endswith('.tmp')] == [] and len(checkpoint_files(tmp_path/'states')) == 2


class Interrupt:
    "Ctrl-C as soon as a new checkpoint is there."
    def __init__(self, folder): self.folder = folder
    def __enter__(self):
        import threading
        old = set(checkpoint_files(self.folder)) if self.folder.is_dir() else set()
        def press():
            while not self.stop and not (self.folder.is_dir() and set(checkpoint_files(self.folder)) - old): time.sleep(.001)
            if not self.stop: signal.raise_signal(signal.SIGINT)
        self.stop, self.thread = False, threading.Thread(target=press)
        self.thread.start()
    def __exit__(self, *error): self.stop = True; self.thread.join()


def interrupted(corpus, folder, n, **settings):
    "A model whose training was interrupted up to `n` times, at least once."
    times = 0
    for _ in range(n):
        try:
            with Interrupt(folder): Word2Vec.resume(folder, corpus, every=30_000, quiet=True) if folder.is_dir() else Word2Vec(**settings).fit(corpus, checkpoint=folder, every=30_000, quiet=True)
        except KeyboardInterrupt: times += 1
    assert times
    return Word2Vec.resume(folder, corpus, quiet=True)


@posix
@pytest.mark.parametrize('settings', [dict(), dict(vector_size=100, window=2, negative=1, sample=0), dict(shrink_windows=False, sample=1e-5, seed=3)], ids=str)
def test_interrupted_is_undisturbed(corpus, tmp_path, settings):
    settings = SETTINGS | dict(epochs=3) | settings
    a, b = Word2Vec(**settings).fit(corpus, quiet=True), interrupted(corpus, tmp_path/'states', 3, **settings)
    same_run(a.wv, b.wv)
    assert a.history['loss'] == b.history['loss'] and a.history['lr'] == b.history['lr']
    assert a.wv.params == b.wv.params


@posix
def test_more_workers_sample_the_same(corpus, tmp_path):
    "What is sampled is identical; the loss is that of other seeds."
    heldout, settings = HeldOut(corpus, n=20_000), dict(vector_size=40, workers=2, epochs=3)
    a, b = Word2Vec(**settings).fit(corpus, quiet=True), interrupted(corpus, tmp_path/'states', 3, **settings)
    count = lambda m: [round(r.centres_per_s*r.seconds) for r in m.history]
    assert count(a) == count(b)
    seeds = [float(heldout.loss(*Word2Vec(**settings, seed=seed).fit(corpus, quiet=True).tables.views())) for seed in range(1, 5)]
    spread, loss = max(seeds) - min(seeds), float(heldout.loss(*b.tables.views()))
    assert min(seeds) - spread - .002 < loss < max(seeds) + spread + .002


@posix
def test_workers_may_change(corpus, tmp_path):
    with Interrupt(tmp_path/'states'), pytest.raises(KeyboardInterrupt): Word2Vec(workers=2, epochs=30).fit(corpus, checkpoint=tmp_path/'states', every=30_000, quiet=True)
    assert Word2Vec.resume(tmp_path/'states', corpus, workers=1, quiet=True).workers == 1


@posix
def test_heldout_and_callbacks_go_on(corpus, tmp_path):
    heldout, seen = HeldOut(corpus, n=5000), []
    folder, settings = tmp_path/'states', SETTINGS | dict(epochs=4)
    a = Word2Vec(**settings).fit(corpus, heldout=heldout, quiet=True)
    def stop(model):
        seen.append(len(model.history))
        if len(model.history) == 2: raise RuntimeError('a callback of the user')
    with pytest.raises(RuntimeError): Word2Vec(**settings).fit(corpus, heldout=heldout, checkpoint=folder, every=100_000, callbacks=[stop], quiet=True)
    with pytest.raises(ValueError, match='give it again, heldout='): Word2Vec.resume(folder, corpus, quiet=True)
    b = Word2Vec.resume(folder, corpus, heldout=heldout, callbacks=[lambda m: seen.append(len(m.history))], quiet=True)
    same_run(a.wv, b.wv)
    assert a.history['val_loss'] == b.history['val_loss'] and seen[-2:] == [3, 4]
    assert b.history.curve.points['validation'] == a.history.curve.points['validation']


COMMAND = [sys.executable, '-c', 'import sys; from w2v_nb.cli import w2v_train; sys.exit(w2v_train())']

@posix
@pytest.mark.parametrize('number, status', [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signals_write_a_last_checkpoint(tmp_path, number, status):
    text, env = write_text(tmp_path/'my text.txt'), os.environ | {'PYTHONPATH': str(root)}
    options = ['--epochs', '60', '--sample', '0', '--vector-size', '40', '--deterministic', '--quiet']
    child = subprocess.Popen([*COMMAND, 'my text.txt', *options, '--checkpoint', 'states', '--every', '1h'], cwd=tmp_path, env=env, stderr=subprocess.PIPE, text=True)
    until = time.time() + 60
    while not (tmp_path/'states'/'lock').exists() and time.time() < until: time.sleep(.02)
    time.sleep(1.5) # it trains now
    child.send_signal(number)
    err = child.communicate(timeout=60)[1]
    assert child.returncode == status and err.count('\n') == 1 and 'go on with: w2v_train --resume states' in err
    files = checkpoint_files(tmp_path/'states')
    assert len(files) == 1 and not [p for p in tmp_path.iterdir() if p.name.startswith(('w2v_', '.w2v'))]
    epoch, done = (read_checkpoint(files[0])[1][k] for k in ('epoch', 'done'))
    assert epoch + done[0] > 0
    other = tmp_path/'elsewhere'
    other.mkdir()
    subprocess.run([*COMMAND, '--resume', tmp_path/'states', '--quiet', '--output', 'resumed'], cwd=other, env=env, check=True)
    subprocess.run([*COMMAND, 'my text.txt', *options, '--output', 'whole'], cwd=tmp_path, env=env, check=True)
    assert (other/'resumed'/'vectors.txt').read_bytes() == (tmp_path/'whole'/'vectors.txt').read_bytes()


@posix
def test_an_ignored_signal_stays_ignored(corpus, tmp_path):
    old = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try: model = Word2Vec(**SETTINGS, epochs=2).fit(corpus, checkpoint=tmp_path, callbacks=[lambda m: os.kill(os.getpid(), signal.SIGINT)], quiet=True)
    finally: signal.signal(signal.SIGINT, old)
    assert len(model.history) == 2


def test_a_vanished_folder_is_a_warning(corpus, tmp_path):
    folder, away, once = tmp_path/'states', tmp_path/'away', []
    def move(model):
        if len(model.history) == 2: folder.rename(away)
    with pytest.warns(UserWarning, match='no checkpoint was written to .*Training goes on'):
        model = Word2Vec(**SETTINGS, epochs=5).fit(corpus, checkpoint=folder, every=100_000, callbacks=[move], quiet=True)
    assert len(model.history) == 5 and not folder.exists()
    same_run(Word2Vec.resume(away, corpus, quiet=True).wv, model.wv) # the last good one stands


FULL = '''
    import os, resource, signal, sys, warnings
    from w2v_nb.corpus import Corpus
    from w2v_nb.word2vec import Word2Vec
    corpus = Corpus.from_file(sys.argv[1], quiet=True)
    kind, folder = sys.argv[2:4]
    def fail(model):
        if len(model.history) != 2: return
        if kind == 'filled':
            with open(os.path.join(folder, 'filler'), 'wb', buffering=0) as f:
                try:
                    while True: f.write(bytes(4096))
                except OSError as e: assert e.errno == 28 # no space left on device
        elif kind == 'full':
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
        else: os.chmod(folder, 0o555)
    from w2v_nb.word2vec import compile_kernel; compile_kernel() # what it imports must be there before rights are given up
    if kind == 'read-only' and os.geteuid() == 0:
        os.mkdir(folder); os.chown(folder, 65534, 65534); os.seteuid(65534) # root may write everywhere
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter('always')
        model = Word2Vec(vector_size=40, workers=1, epochs=5).fit(corpus, checkpoint=folder, every=100_000, callbacks=[fail], quiet=True)
    if kind == 'filled': os.remove(os.path.join(folder, 'filler'))
    elif kind == 'full': resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,)*2)
    else: os.seteuid(os.getuid()); os.chmod(folder, 0o755)
    assert len(model.history) == 5
    again = Word2Vec.resume(folder, corpus, quiet=True)
    assert (again.wv.vectors == model.wv.vectors).all()
    print(seen[0].message)
'''

@posix
@pytest.mark.parametrize('kind, says', [('full', 'File too large'), ('read-only', 'Permission denied')])
def test_a_disk_that_fails_is_a_warning(tmp_path, kind, says):
    os.chmod(tmp_path, 0o777); os.chmod(tmp_path.parent, 0o755); os.chmod(tmp_path.parent.parent, 0o755)
    done = python(FULL, write_text(tmp_path/'text.txt'), kind, tmp_path/'states')
    assert done.returncode == 0 and 'no checkpoint was written' in done.stdout and says in done.stdout, done.stdout + done.stderr


@pytest.fixture
def small_disk(tmp_path):
    "A file system of 2 MB"
    disk = tmp_path/'disk'
    disk.mkdir()
    if not shutil.which('mount') or subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', disk], capture_output=True).returncode: pytest.skip('no file system can be mounted here')
    yield disk
    subprocess.run(['umount', disk], check=True)

@posix
def test_a_full_disk_is_a_warning(tmp_path, small_disk):
    done = python(FULL, write_text(tmp_path/'text.txt'), 'filled', small_disk/'states')
    assert done.returncode == 0 and 'no checkpoint was written' in done.stdout and 'No space left on device' in done.stdout, done.stdout + done.stderr
    assert len(checkpoint_files(small_disk/'states')) <= 2


@posix
def test_too_little_memory_is_said_first(tmp_path):
    "An address space that is too small for the tables: an error of one line before training, by the command."
    code = '''
        import resource, sys
        import w2v_nb.word2vec
        from w2v_nb.cli import w2v_train
        used = next(int(line.split()[1])*1024 for line in open('/proc/self/status') if line.startswith('VmSize:'))
        resource.setrlimit(resource.RLIMIT_AS, (used + 300_000_000, resource.RLIM_INFINITY))
        sys.exit(w2v_train([sys.argv[1], '--vector-size', '60000', '--output', sys.argv[2], '--quiet']))
    '''
    if not Path('/proc/self/status').exists(): pytest.skip('the address space in use is read from /proc')
    done = python(code, write_text(tmp_path/'text.txt'), tmp_path/'out')
    assert done.returncode == 2 and 'not enough memory: training' in done.stderr and 'lower --vector-size' in done.stderr and done.stderr.count('\n') == 1, done.stderr
    assert not (tmp_path/'out').exists()


def test_damage_falls_back(corpus, tmp_path):
    model = Word2Vec(**SETTINGS, epochs=2).fit(corpus, checkpoint=tmp_path, every=50_000, quiet=True)
    newest, before = checkpoint_files(tmp_path)
    raw = bytearray(newest.read_bytes())
    raw[len(raw)//2] ^= 1
    newest.write_bytes(raw)
    with pytest.warns(UserWarning, match='is damaged: its hash'): again = Word2Vec.resume(tmp_path, corpus, quiet=True)
    same_run(again.wv, model.wv)


@pytest.mark.parametrize('change', [dict(epoch=-1), dict(epoch='1'), dict(done=[1]), dict(done=None), dict(rows=3), dict(rows=[[1]]), dict(settings={}), dict(settings=None), dict(corpus=[]), dict(curve=[]), dict(curve=dict(training=[[1]])), dict(finished=0), dict(seconds='x')], ids=str)
def test_hostile_states(corpus, tmp_path, change):
    from w2v_nb.checkpoint import write_checkpoint
    Word2Vec(**SETTINGS, epochs=1).fit(corpus, checkpoint=tmp_path, quiet=True)
    wv, state = newest_checkpoint(tmp_path)
    copy = WordVectors(wv.vectors.copy(), wv.index_to_key, counts=wv.counts.copy(), output_vectors=wv.output_vectors.copy())
    for p in checkpoint_files(tmp_path): p.unlink()
    changed = state | change
    path = write_checkpoint(tmp_path, copy, state)
    copy.params = dict(copy.params, state=changed)
    from w2v_nb.checkpoint import state_hash
    copy.params['hash'] = state_hash(copy, changed)
    copy.save(path)
    with pytest.raises(ValueError, match='not one that a training writes'): Word2Vec.resume(tmp_path, corpus, quiet=True)


def test_two_at_once(corpus, tmp_path):
    from w2v_nb.checkpoint import Checkpoints
    if os.name == 'nt': pytest.skip('no lock on Windows')
    with Checkpoints(tmp_path):
        with pytest.raises(BlockingIOError, match='in use by another training'): Word2Vec(**SETTINGS, epochs=1).fit(corpus, checkpoint=tmp_path, quiet=True)


def test_nothing_is_left_behind(corpus, tmp_path):
    import threading
    before = threading.active_count(), len(os.listdir('/proc/self/fd')) if Path('/proc/self/fd').exists() else 0, [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)]
    Word2Vec(**SETTINGS, epochs=2).fit(corpus, checkpoint=tmp_path, every=20_000, quiet=True)
    for _ in range(3): Word2Vec.resume(tmp_path, corpus, quiet=True)
    after = threading.active_count(), len(os.listdir('/proc/self/fd')) if Path('/proc/self/fd').exists() else 0, [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)]
    assert after[0] == before[0] and after[2] == before[2] and after[1] <= before[1] + 1
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(['lock', *(p.name for p in checkpoint_files(tmp_path))])
