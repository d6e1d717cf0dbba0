"""Make everything that is generated, in the right order, then run the quick tests.

    python tools/check.py

Each step says which files it changed. The first one that fails ends it, with exit status 1.
What takes long is not run: `nbdev_test`, `python tools/fresh.py`, `pytest tests`."""
import argparse, hashlib, os, shutil, subprocess, sys, time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MADE = 'nbs', 'w2v_nb', 'README.md', '_quarto.yml' # what the steps may change
PASSED_OVER = '__pycache__', '.ipynb_checkpoints', '.last_checked'
QUICK = 'test_gates', 'test_rooms', 'test_docstrings'
STEPS = { # what a step is for: the command
    'notebooks without traces of their runs': ['nbdev_clean'],
    'modules from the notebooks': ['nbdev_export'],
    'docstrings from the comments next to parameters': ['tools/docstrings.py'],
    'tables of notebooks': ['tools/rooms.py'],
    'lessons from the chapter': ['tools/lessons.py'],
    'running times at the top of each notebook': ['tools/times.py', '--check'],
    'README.md from the index': ['tools/readme.py'],
    'quick tests': ['-m', 'pytest', '-q', '-x', *(f'tests/{name}.py' for name in QUICK)],
}


def command(words):
    "The words of a step as the operating system takes them"
    if words[0].endswith('.py') or words[0] == '-m': return [sys.executable, *words]
    ours = os.path.dirname(sys.executable) # the programs of this environment
    program = shutil.which(words[0], path=f"{ours}{os.pathsep}{os.environ.get('PATH', '')}")
    if not program: sys.exit(f"{words[0]} isn't installed; run: pip install -e '.[dev]'")
    return [program, *words[1:]]


def contents():
    "{path: digest} of every file that a step may change"
    paths = [p for name in MADE for p in (ROOT/name, *(ROOT/name).rglob('*'))]
    return {p.relative_to(ROOT).as_posix(): hashlib.sha256(p.read_bytes()).digest()
            for p in paths if p.is_file() and not set(PASSED_OVER) & set(p.parts)}


def changed(before, after):
    "Paths that are new, gone or different, in order"
    return sorted(p for p in before.keys() | after.keys() if before.get(p) != after.get(p))


def run(steps):
    "Run steps in order until one fails; print what each changed"
    before, everything = contents(), set()
    for name, words in steps.items():
        since = time.monotonic()
        done = subprocess.run(command(words), cwd=ROOT, capture_output=True, text=True)
        after = contents()
        files = changed(before, after)
        if done.returncode:
            print((done.stdout + done.stderr).strip(), file=sys.stderr)
            sys.exit(f"FAILED: {name} ({' '.join(words)})")
        print(f'{name}: {time.monotonic() - since:.0f} s', flush=True)
        for path in files: print(f'  changed {path}')
        everything, before = everything | set(files), after
    count = len(everything)
    print(f"all is well; {count or 'no'} file{'s'*(count != 1)} changed")


if __name__ == '__main__':
    argparse.ArgumentParser(description=__doc__,
                            formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    run(STEPS)
