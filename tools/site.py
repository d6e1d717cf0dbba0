"""Build the site into _docs/, without Quarto: nbdev processes the notebooks, smalldocs makes pages of them. `--check` also looks for broken links and for what smalldocs does not know."""
import argparse, contextlib, io, re, shutil, subprocess, sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
KNOWN = re.compile(r'output-file is not read by smalldocs|\d+ page\(s\); \d+ thing\(s\) to look at|^$') # nbdev's name for a page, which smalldocs takes from the notebook


def build():
    "`_proc/` from `nbs/`, then `_docs/`"
    from nbdev.serve import proc_nbs
    for name in '_proc', '_docs': shutil.rmtree(ROOT/name, ignore_errors=True)
    proc_nbs()
    for name in 'mark.svg', 'styles.css': shutil.copy(ROOT/'nbs'/name, ROOT/'_proc'/name)
    subprocess.run([sys.executable, '-m', 'smalldocs.cli', 'render', '--quiet', str(ROOT/'_proc')], check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    shutil.move(ROOT/'_proc'/'_docs', ROOT/'_docs')
    return ROOT/'_docs'


def problems():
    "What `smalldocs check` finds, but for what we know"
    done = subprocess.run([sys.executable, '-m', 'smalldocs.cli', 'check', str(ROOT/'_proc')], capture_output=True, text=True)
    return [line for line in (done.stdout + done.stderr).splitlines() if not KNOWN.search(line)]


if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--check', action='store_true', help='exit with 1 where something is broken')
    args = parser.parse_args()
    print(build())
    found = problems() if args.check else []
    for line in found: print(line)
    sys.exit(bool(found))
