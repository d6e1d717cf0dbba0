"""The first five minutes: seconds of `import w2v_nb.all`, of the first and of later runs of
`w2v train`, and from `pip install` to the first neighbours in an environment that has PyTorch
and nothing else. The text is a file, of the documentation of the packages installed here;
*first* is a run that finds neither bytecode nor a compiled kernel in its caches."""
import os, statistics, subprocess, sys, sysconfig, tempfile, time, venv
from importlib.metadata import version
from pathlib import Path

from record import options, save
from w2v_nb.base.pydoc import read_pydoc

ROOT = Path(__file__).resolve().parent.parent
IMPORT = """import time
start = time.perf_counter()
import w2v_nb.all
print(time.perf_counter() - start)"""
WHERE = 'import w2v_nb; print(w2v_nb.__file__)'
PIP = '-m', 'pip'
CACHES = 'PYTHONPYCACHEPREFIX', 'NUMBA_CACHE_DIR', 'XDG_CACHE_HOME', 'LOCALAPPDATA'


def caches(folder):
    "An environment whose caches are below `folder`"
    drop = 'PYTHONDONTWRITEBYTECODE', 'PYTHONPATH'
    kept = {name: value for name, value in os.environ.items() if name not in drop}
    return kept | {name: str(folder/name.lower()) for name in CACHES}


def timed(*command, **kwargs):
    "Seconds of a command, and what it writes"
    start = time.perf_counter()
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, **kwargs)
    if done.returncode: raise RuntimeError(done.stderr[-2000:])
    return time.perf_counter() - start, done.stdout


def importing(python, times):
    "Seconds of the import: first, with no bytecode; then the median"
    with tempfile.TemporaryDirectory() as folder:
        env = caches(Path(folder))
        run = lambda: float(timed(python, '-c', IMPORT, cwd=folder, env=env)[1])
        seconds = [run() for _ in range(times + 1)]
    return dict(first=seconds[0], later=statistics.median(seconds[1:]))


def to_neighbours(python, text, word, options, env, cwd):
    "Seconds to train on `text`, and to ask for the neighbours of `word` in another process"
    w2v = lambda *words: timed(python, '-m', 'w2v_nb', *words, cwd=cwd, env=env)
    train, _ = w2v('train', text, '--output', 'out', '--overwrite', '--quiet', *options)
    similar, printed = w2v('similar', 'out', word, '--topn', 3)
    if len(printed.split()) < 3: raise RuntimeError(f'no neighbours: {printed}')
    return dict(train=train, similar=similar)


def training(python, text, word, options):
    "The first run, and a second one"
    with tempfile.TemporaryDirectory() as folder:
        run = lambda: to_neighbours(python, text, word, options, caches(Path(folder)), folder)
        return dict(first=run(), later=run())


def new_environment(folder, small):
    "Python with PyTorch; on a small scale that of this environment, so that nothing is fetched"
    venv.create(folder, with_pip=True, symlinks=os.name != 'nt')
    python = folder/('Scripts' if os.name == 'nt' else 'bin')/'python'
    if small:
        link = next(folder.rglob('site-packages'))/'here.pth'
        link.write_text(sysconfig.get_path('purelib'))
    else: timed(python, *PIP, 'install', '-q', f"torch=={version('torch').split('+')[0]}")
    return python


def installing(text, word, options, small):
    "`pip install` of the wheel and what it requires but PyTorch, then to the first neighbours"
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        build = ['wheel', '-q', '--no-deps', '-w', folder, *['--no-build-isolation']*small]
        timed(sys.executable, *PIP, *build, ROOT)
        python, wheel = new_environment(folder/'env', small), next(folder.glob('*.whl'))
        how = ['--no-deps', '--force-reinstall']*small
        seconds, _ = timed(python, *PIP, 'install', '-q', *how, wheel)
        env = caches(folder)
        _, place = timed(python, '-c', WHERE, cwd=folder, env=env)
        if str(folder.resolve()) not in str(Path(place.strip()).resolve()):
            raise RuntimeError(f'not the wheel: {place}')
        steps = dict(install=seconds) | to_neighbours(python, text, word, options, env, folder)
    return steps | dict(total=sum(steps.values()))


def rounded(results):
    "The same, with times to a millisecond"
    if isinstance(results, dict): return {name: rounded(x) for name, x in results.items()}
    return round(results, 3) if isinstance(results, float) else results


def sample(small):
    "Sentences, a word of them, and options of `w2v train`"
    if not small: return read_pydoc(), 'float32', []
    sentences = [[f'w{(i*j) % 17}' for j in range(9)] for i in range(500)]
    return sentences, 'w1', ['--epochs', 1, '--vector-size', 8, '--sample', '0']


if __name__ == '__main__':
    args = options(__doc__)
    sentences, word, more = sample(args.small)
    with tempfile.TemporaryDirectory() as folder:
        text = Path(folder)/'my.txt'
        text.write_text('\n'.join(map(' '.join, sentences)), encoding='utf-8')
        results = dict(words=sum(map(len, sentences)),
                       importing=importing(sys.executable, 2 if args.small else 9),
                       training=training(sys.executable, text, word, more),
                       installing=installing(text, word, more, args.small))
    save('start', rounded(results), args.out)
