"What the layout promises: how a page begins and ends, how code is written, what is generated."
import configparser, json, os, re, subprocess, sys
from pathlib import Path

import pytest

from house import (LONG, REPEATED, SAME, WIDTH, cells, generated, is_exempt, lib, long_lines,
                   nbs, notebooks, repeated_lines, root, runs, source)

chapter = [p for p in notebooks if re.match(r'0[0-9]_', p.name)]
GIT_MARK = re.compile(r'^(<{7}|={7}|>{7})( |$)', re.M)


def stem(path): return path.stem

def code_of(path):
    "The sources of a notebook's code cells"
    return [source(c) for c in cells(path) if c['cell_type'] == 'code']

def settings():
    "The settings of the package"
    config = configparser.ConfigParser()
    config.read(root/'settings.ini', encoding='utf-8')
    return config['DEFAULT']

def run(*words):
    "A run of Python from the root of the repository"
    return subprocess.run([sys.executable, *words], cwd=root, capture_output=True, text=True)

def first_match(pattern, code):
    "The number of the first cell that matches, or the number of cells"
    found = (i for i, cell in enumerate(code) if re.search(pattern, cell, re.MULTILINE))
    return next(found, len(code))


def test_something_to_test():
    assert notebooks and generated and chapter

def test_import_compiles_nothing():
    "When everything is imported, no kernel was compiled, or fetched from its cache"
    code = """import gc, w2v_nb.all, w2v_nb.tools.cli
from numba.core.dispatcher import Dispatcher
every = [d for d in gc.get_objects() if isinstance(d, Dispatcher)]
ours = [d for d in every if d.py_func.__module__.startswith('w2v_nb.')]
print(len(ours), *[d.py_func.__name__ for d in ours if d.signatures])"""
    done = run('-c', code)
    assert done.returncode == 0, done.stderr
    kernels, *compiled = done.stdout.split()
    assert int(kernels) > 10 and not compiled, compiled

def test_the_package_says_what_is_there():
    "`w2v`, which is `python -m w2v_nb`, lists the commands; `help(w2v_nb)` the modules, too"
    from w2v_nb.tools.cli import COMMANDS
    scripts = settings()['console_scripts'].split()
    assert scripts == ['w2v=w2v_nb.tools.cli:main'] and len(COMMANDS) > 5
    shown = run('-m', 'w2v_nb')
    doc = run('-c', 'import w2v_nb; print(w2v_nb.__doc__)').stdout
    assert shown.returncode == 0 and shown.stderr == ''
    missing = [name for name in COMMANDS for text in (shown.stdout, doc)
               if f'  w2v {name} ' not in text]
    missing += [p.stem for p in generated if not re.search(rf'\b{p.stem}\b', doc)]
    assert not missing, missing

@pytest.mark.skipif(os.name == 'nt', reason='Windows may check links out as plain files')
def test_quarto_link():
    link = nbs/'_quarto.yml'
    assert link.is_symlink() and not Path(os.readlink(link)).is_absolute()
    assert link.resolve() == root/'_quarto.yml'

@pytest.mark.parametrize('path', notebooks, ids=stem)
def test_notebook_opens_with_title_and_subtitle(path):
    first = cells(path)[0]
    assert first['cell_type'] == 'markdown'
    assert re.match(r'# \S.*\n\n> \S', source(first))

@pytest.mark.parametrize('path', chapter, ids=stem)
def test_chapter_ends_with_summary_and_exercises(path):
    pages = [source(c) for c in cells(path) if c['cell_type'] == 'markdown']
    headings = [line.strip() for page in pages for line in page.splitlines()
                if line.startswith('## ')]
    assert headings[-2:] == ['## Summary', '## Exercises']

def test_lessons_are_those_of_the_chapter():
    done = run('tools/lessons.py', '--check')
    assert done.returncode == 0, done.stderr
    checked = {p.stem for p in (root/'tools'/'exercises').glob('*.py')}
    lessons = {p.stem for p in (lib/'tools'/'lessons').glob('*.ipynb')}
    with_module = {p.stem for p in chapter if (lib/'chapter'/f'{p.stem[3:]}.py').exists()}
    assert lessons - {'START'} == checked >= with_module and 'START' in lessons

@pytest.mark.parametrize('path', notebooks, ids=stem)
def test_starts_on_colab(path):
    "The package is fetched there, from this repository, before anything of it is asked for"
    code = code_of(path)
    if not code: return
    here = [i for i, cell in enumerate(code) if 'google.colab' in cell]
    assert len(here) == 1 and code[here[0]].startswith('#| hide')
    assert here[0] < first_match(r'^(from|import) (w2v_nb|peers)|Path\(', code)
    assert f" {settings()['git_url']} " in code[here[0]]

def test_one_core_for_a_notebook():
    "Under `nbdev_test`, before anything starts threads; the cell is the same everywhere"
    heavy = r'^\s*(from|import) (torch|numba|numpy|sklearn|scipy|gensim|w2v_nb|peers)\b'
    limits = set()
    for path in notebooks:
        code = code_of(path)
        at = first_match('google.colab', code)
        assert at <= first_match(heavy, code), path.name
        limits |= set(code[at:at + 1])
    limit, = limits
    assert "'execnb' in" in limit
    assert '%env OMP_NUM_THREADS=1' in limit and '%env NUMBA_NUM_THREADS=1' in limit

@pytest.mark.parametrize('path', notebooks, ids=stem)
def test_no_stored_error(path):
    outputs = [o for c in cells(path) for o in c.get('outputs', [])]
    errors = [o['ename'] for o in outputs if o['output_type'] == 'error']
    assert not errors, f'{path.name} was saved with errors: {errors}'
    told = [''.join(o['text']) for o in outputs if o.get('name') == 'stderr']
    warnings = [text for text in told if '/ipykernel_' in text] # a path that no two runs share
    assert not warnings, f'{path.name} was saved with warnings: {warnings}'

def test_times():
    "Each notebook says how long it takes and what it needs, as last measured"
    done = run('tools/times.py', '--check')
    assert done.returncode == 0, done.stderr

def test_check_makes_whatever_is_generated():
    "Each tool that can compare what it makes is a step of `tools/check.py`"
    steps = (root/'tools'/'check.py').read_text(encoding='utf-8')
    tools = [p for p in (root/'tools').glob('*.py') if p.stem not in ('check', 'site')]
    makers = [p.name for p in tools if "'--check'" in p.read_text(encoding='utf-8')]
    assert len(makers) > 4
    assert not [name for name in makers if f"'tools/{name}'" not in steps]


# How code is written. Files that still have to learn it are in two lists, which
# `python tests/house.py` writes anew.

@pytest.mark.parametrize('found, allowed, what', [
    (long_lines, LONG, f'lines over {WIDTH} characters'),
    (repeated_lines, REPEATED, f'{SAME} lines in a row that come again'),
], ids=['long', 'repeated'])
def test_lines(found, allowed, what):
    "The number of such lines in a file never rises"
    limits = json.loads(allowed.read_text(encoding='utf-8'))
    risen = {file: f'{n}, not {limits.get(file, 0)}' for file, n in found().items()
             if n > limits.get(file, 0)}
    assert not risen, f'{what}: {risen}'

def test_what_counts_as_long():
    for line in '#| fig-alt: "words"', "URL = 'https://example.org/page'", "    'http://x.y/z',":
        assert is_exempt(line)
    for line in '# words', "open('https://example.org') or 1":
        assert not is_exempt(line)

def test_what_counts_as_repeated():
    lines = [f'x{i} = {i}' for i in range(SAME)]
    spread = ['import os', *(f'    {line}\n'.rstrip() for line in lines), '', '#| export']
    assert runs(lines) == runs(spread) == [tuple(lines)]
    assert len(runs(lines + ['y = 1'])) == 2 and not runs(lines[1:])

def test_no_marks_of_a_merge():
    for path in [*notebooks, *root.glob('*.md'), *(root/'tests').glob('*.py')]:
        assert not GIT_MARK.search(path.read_text(encoding='utf-8')), path

def test_no_pipe_into_an_early_leaver():
    "Under pipefail, what writes to a `grep -q` or `head` fails if that stops reading first"
    script = (root/'.ci'/'run').read_text(encoding='utf-8')
    assert not re.findall(r'\| *(?:grep -\w*q|head)\b.*', script)
