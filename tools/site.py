"""Build the site into _docs/ without Quarto: nbdev processes the notebooks, smalldocs renders.

`--quarto` has Quarto make the pages. `--check` also looks for broken links, and for what
smalldocs doesn't know."""
import argparse, re, shutil, subprocess, sys
from pathlib import Path

import nbdev.serve
from pages import Pages

ROOT = Path(__file__).resolve().parent.parent
KNOWN = re.compile('|'.join([
    'output-file is not read by smalldocs',      # which names a page after its notebook
    r'format\.html\.grid is ignored',            # Quarto's width; styles.css has our own
    r'\d+ page\(s\); \d+ thing\(s\) to look at', # the last line
    '^$']))


def build(quarto=False):
    "`_proc/` from `nbs/`, then `_docs/`"
    for name in '_proc', '_docs': shutil.rmtree(ROOT/name, ignore_errors=True)
    nbdev.serve.FilterDefaults = Pages
    nbdev.serve.proc_nbs()
    for name in 'mark.svg', 'styles.css': shutil.copy(ROOT/'nbs'/name, ROOT/'_proc')
    command = [sys.executable, '-m', 'smalldocs.cli', 'render', '--quiet', '.']
    if quarto: command = ['quarto', 'render', '--no-cache']
    subprocess.run(command, cwd=ROOT/'_proc', check=True, stdout=subprocess.PIPE,
                   stderr=subprocess.STDOUT)
    shutil.move(ROOT/'_proc'/'_docs', ROOT/'_docs')
    return ROOT/'_docs'


def problems():
    "What `smalldocs check` finds, apart from what we know"
    command = [sys.executable, '-m', 'smalldocs.cli', 'check', str(ROOT/'_proc')]
    done = subprocess.run(command, capture_output=True, text=True)
    lines = (done.stdout + done.stderr).splitlines()
    return [line for line in lines if not KNOWN.search(line)]


if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--quarto', action='store_true',
                        help='make the pages with Quarto, which must be installed')
    parser.add_argument('--check', action='store_true',
                        help='exit with 1 if something is broken')
    args = parser.parse_args()
    print(build(args.quarto))
    found = problems() if args.check else []
    for line in found: print(line)
    sys.exit(bool(found))
