"""The first five minutes: seconds of `import w2v_nb.all`, of the first and of later runs of `w2v_train`, and from `pip install` to the first
neighbours in an environment that has PyTorch and nothing else. The text is a file, of the documentation of the packages installed here;
*first* is a run that finds neither bytecode nor a compiled kernel in its caches."""
import os, statistics, subprocess, sys, sysconfig, tempfile, time, venv
from importlib.metadata import version
from pathlib import Path

from record import options, save
from w2v_nb.text import read_pydoc

ROOT = Path(__file__).resolve().parent.parent
IMPORT = 'import time; start = time.perf_counter(); import w2v_nb.all; print(time.perf_counter() - start)'
TRAIN, SIMILAR = ('import sys; from w2v_nb.cli import {0}; sys.exit({0}())'.format(name) for name in ('w2v_train', 'w2v_similar'))


def caches(folder):
    "An environment whose caches are below `folder`"
    drop = 'PYTHONDONTWRITEBYTECODE', 'PYTHONPATH'
    return {k: v for k, v in os.environ.items() if k not in drop} | {name: str(folder/name.lower()) for name in ('PYTHONPYCACHEPREFIX', 'NUMBA_CACHE_DIR', 'XDG_CACHE_HOME', 'LOCALAPPDATA')}


def timed(*command, **kwargs):
    "Seconds of a command, and what it writes"
    start = time.perf_counter()
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, **kwargs)
    if done.returncode: raise RuntimeError(done.stderr[-2000:])
    return time.perf_counter() - start, done.stdout


def importing(python, times):
    "Seconds of the import: first, with no bytecode; then the median"
    with tempfile.TemporaryDirectory() as folder:
        seconds = [float(timed(python, '-c', IMPORT, cwd=folder, env=caches(Path(folder)))[1]) for _ in range(times + 1)]
    return dict(first=seconds[0], later=statistics.median(seconds[1:]))


def to_neighbours(python, text, word, options, env, cwd):
    "Seconds to train on `text` and ask for the neighbours of `word`, each in a process of its own"
    train = timed(python, '-c', TRAIN, text, '--output', 'out', '--overwrite', '--quiet', *options, cwd=cwd, env=env)[0]
    similar, said = timed(python, '-c', SIMILAR, 'out', word, '--topn', 3, cwd=cwd, env=env)
    if len(said.split()) < 3: raise RuntimeError(f'no neighbours: {said}')
    return dict(train=train, similar=similar)


def training(python, text, word, options):
    "The first run, and a second one"
    with tempfile.TemporaryDirectory() as folder:
        return {name: to_neighbours(python, text, word, options, caches(Path(folder)), folder) for name in ('first', 'later')}


def new_environment(folder, small):
    "Python with PyTorch; on a small scale one that sees the packages of this environment, so that nothing is fetched"
    venv.create(folder, with_pip=True, symlinks=os.name != 'nt')
    python = folder/('Scripts' if os.name == 'nt' else 'bin')/'python'
    if small: next(folder.rglob('site-packages')).joinpath('here.pth').write_text(sysconfig.get_path('purelib'))
    else: timed(python, '-m', 'pip', 'install', '-q', f"torch=={version('torch').split('+')[0]}")
    return python


def installing(text, word, options, small):
    "`pip install` of the wheel with all that it requires but PyTorch, then to the first neighbours"
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        timed(sys.executable, '-m', 'pip', 'wheel', '-q', '--no-deps', '-w', folder, *['--no-build-isolation']*small, ROOT)
        python, wheel = new_environment(folder/'env', small), next(folder.glob('*.whl'))
        seconds = timed(python, '-m', 'pip', 'install', '-q', *['--no-deps', '--force-reinstall']*small, wheel)[0]
        env = caches(folder)
        at = timed(python, '-c', 'import w2v_nb; print(w2v_nb.__file__)', cwd=folder, env=env)[1]
        if str(folder.resolve()) not in str(Path(at.strip()).resolve()): raise RuntimeError(f'not the wheel: {at}')
        steps = dict(install=seconds) | to_neighbours(python, text, word, options, env, folder)
    return steps | dict(total=sum(steps.values()))


def rounded(results): return {k: rounded(v) if isinstance(v, dict) else round(v, 3) if isinstance(v, float) else v for k, v in results.items()}


if __name__ == '__main__':
    args = options(__doc__)
    with tempfile.TemporaryDirectory() as folder:
        text, word, more = Path(folder)/'my.txt', 'float32', []
        if args.small:
            word, more = 'w1', ['--epochs', 1, '--vector-size', 8, '--sample', '0']
            sentences = [[f'w{(i*j) % 17}' for j in range(9)] for i in range(500)]
        else: sentences = read_pydoc()
        text.write_text('\n'.join(map(' '.join, sentences)), encoding='utf-8')
        save('start', rounded(dict(words=sum(map(len, sentences)), importing=importing(sys.executable, 2 if args.small else 9), training=training(sys.executable, text, word, more),
                                   installing=installing(text, word, more, args.small))), args.out)
