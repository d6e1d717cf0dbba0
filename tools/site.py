"""Build the site into _docs/, without Quarto: nbdev processes the notebooks, smalldocs makes pages of them. `--quarto` has Quarto make them. `--check` also looks for broken links and for what smalldocs does not know."""
import argparse, re, shutil, subprocess, sys
from pathlib import Path

import nbdev.serve
from pages import Pages

ROOT = Path(__file__).resolve().parent.parent
KNOWN = re.compile(r'output-file is not read by smalldocs|format\.html\.grid is ignored|\d+ page\(s\); \d+ thing\(s\) to look at|^$') # nbdev's name for a page, which smalldocs takes from the notebook; Quarto's width, for which styles.css has another name


def build(quarto=False):
    "`_proc/` from `nbs/`, then `_docs/`"
    for name in '_proc', '_docs': shutil.rmtree(ROOT/name, ignore_errors=True)
    nbdev.serve.FilterDefaults = Pages
    nbdev.serve.proc_nbs()
    for path in ROOT/'nbs'/'mark.svg', ROOT/'nbs'/'styles.css': shutil.copy(path, ROOT/'_proc')
    command = ['quarto', 'render', '--no-cache'] if quarto else [sys.executable, '-m', 'smalldocs.cli', 'render', '--quiet', '.']
    subprocess.run(command, cwd=ROOT/'_proc', check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    shutil.move(ROOT/'_proc'/'_docs', ROOT/'_docs')
    return ROOT/'_docs'


def problems():
    "What `smalldocs check` finds, but for what we know"
    done = subprocess.run([sys.executable, '-m', 'smalldocs.cli', 'check', str(ROOT/'_proc')], capture_output=True, text=True)
    return [line for line in (done.stdout + done.stderr).splitlines() if not KNOWN.search(line)]


if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--quarto', action='store_true', help='make the pages with Quarto, which must be installed')
    parser.add_argument('--check', action='store_true', help='exit with 1 where something is broken')
    args = parser.parse_args()
    print(build(args.quarto))
    found = problems() if args.check else []
    for line in found: print(line)
    sys.exit(bool(found))
