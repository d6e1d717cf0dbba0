"The promises of the layout: which notebook makes which module, what may import what, how a page begins and ends."
import ast, configparser, json, os, re, subprocess, sys
from pathlib import Path

import pytest

root = Path(__file__).resolve().parent.parent
lib, nbs = root/'w2v_nb', root/'nbs'
BY_HAND = {'__init__', '__main__', '_modidx', 'all'}
HEAVY = ('torch', 'matplotlib.pyplot', 'triton', 'IPython', 'nbclient')

notebooks = sorted(nbs.glob('*.ipynb'))
numbers = {m[2]: int(m[1]) for m in (re.fullmatch(r'(\d\d)_(\w+)', p.stem) for p in notebooks) if m}
generated = sorted(p for p in lib.glob('*.py') if p.stem not in BY_HAND)
# These load fast, since they leave the heavy libraries to the few functions that use them
LIGHT = ['text', 'history', 'learn', 'corpus', 'sampling', 'vectors', 'heldout', 'cpu', 'checkpoint', 'word2vec', 'evaluation',
         'plots', 'cli', 'all']
light = [name for name in LIGHT if (lib/f'{name}.py').exists()]
# What the chapter's modules may import of ours, besides "lower numbers only"
ALLOWED = dict(text=set(), data={'text'}, embedding=set(), forward=set(), loss=set(), history={'text'},
               training={'text', 'forward', 'loss', 'history'}, application={'text'}, learn=set(),
               exercises={'text', 'data', 'embedding', 'forward', 'loss', 'history', 'training'})
chapter = [p for p in notebooks if re.match(r'0[0-8]_', p.name)]


def stem(path): return path.stem

def tree(path): return ast.parse(path.read_text(encoding='utf-8'))

def imported(nodes):
    "Full dotted names that the import statements and `import_module` calls among `nodes` ask for"
    for node in nodes:
        if isinstance(node, ast.Import): yield from (a.name for a in node.names)
        if isinstance(node, ast.ImportFrom):
            base = '.'.join(filter(None, ['w2v_nb' if node.level else '', node.module]))
            yield from (f'{base}.{a.name}' for a in node.names)
        if isinstance(node, ast.Call) and getattr(node.func, 'attr', getattr(node.func, 'id', '')) in ('import_module', '__import__'):
            yield from (a.value for a in node.args if isinstance(a, ast.Constant))

def ours(path):
    "Modules of this package that a file imports, inside functions too"
    names = (n.split('.') for n in imported(ast.walk(tree(path))))
    return {n[1] for n in names if n[0] == 'w2v_nb' and len(n) > 1 and (lib/f'{n[1]}.py').exists()}

def at_load(node):
    "Nodes that run when a module is loaded: all but the bodies of functions"
    for child in ast.iter_child_nodes(node):
        yield child
        if not isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)): yield from at_load(child)

def cells(path): return json.loads(path.read_text(encoding='utf-8'))['cells']

def source(cell): return ''.join(cell['source'])


def test_something_to_test():
    assert notebooks and generated and light and chapter

@pytest.mark.parametrize('path', generated, ids=stem)
def test_module_names_its_notebook(path):
    named = re.search(r'File to edit: \.\./nbs/(\S+\.ipynb)', path.read_text(encoding='utf-8'))
    assert named, f'{path.name} does not say which notebook makes it'
    assert (nbs/named[1]).exists(), f'{path.name} names {named[1]}, which is not there'
    assert re.fullmatch(rf'\d\d_{path.stem}\.ipynb', named[1]), f'{path.name} is made by {named[1]}: names differ'

@pytest.mark.parametrize('path', generated, ids=stem)
def test_imports_point_down(path):
    used = ours(path)
    wrong = sorted(m for m in used if numbers.get(m, 99) >= numbers.get(path.stem, -1))
    assert not wrong, f'{path.name} may only import modules with a lower number than its own, not {wrong}'
    if path.stem in ALLOWED: assert used <= ALLOWED[path.stem]
    if path.stem == 'cli': assert 'gpu' not in used

@pytest.mark.parametrize('name', light)
def test_no_heavy_import_statement(name):
    heavy = sorted(n for n in imported(at_load(tree(lib/f'{name}.py'))) for h in HEAVY if f'{n}.'.startswith(f'{h}.'))
    assert not heavy, f'w2v_nb/{name}.py imports {heavy} when it is loaded'

@pytest.mark.parametrize('name', light)
def test_loads_nothing_heavy(name):
    code = f'import sys, w2v_nb.{name}; print(*[m for m in {HEAVY} if m in sys.modules])'
    done = subprocess.run([sys.executable, '-c', code], cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert not done.stdout.split(), f'importing w2v_nb.{name} loads {done.stdout.strip()}'

def test_import_compiles_nothing():
    "No kernel of ours has been compiled, or fetched from its cache, when everything is imported"
    code = """import gc, w2v_nb.all, w2v_nb.cli
from numba.core.dispatcher import Dispatcher
ours = [d for d in gc.get_objects() if isinstance(d, Dispatcher) and d.py_func.__module__.startswith('w2v_nb.')]
print(len(ours), *[d.py_func.__name__ for d in ours if d.signatures])"""
    done = subprocess.run([sys.executable, '-c', code], cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    there, *compiled = done.stdout.split()
    assert int(there) > 10 and not compiled, compiled

def test_the_package_says_what_is_there():
    "`python -m w2v_nb`, which is `help(w2v_nb)`: every command, and every module that a notebook makes"
    done = subprocess.run([sys.executable, '-m', 'w2v_nb'], cwd=root, capture_output=True, text=True)
    settings = configparser.ConfigParser(); settings.read(root/'settings.ini', encoding='utf-8')
    commands = [line.split('=')[0].strip() for line in settings['DEFAULT']['console_scripts'].split()]
    missing = [name for name in commands + [p.stem for p in generated] if not re.search(rf'\b{name}\b', done.stdout)]
    assert done.returncode == 0 and len(commands) > 4 and not missing, missing

@pytest.mark.skipif(os.name == 'nt', reason='Windows may check links out as plain files')
def test_quarto_link():
    link = nbs/'_quarto.yml'
    assert link.is_symlink() and not Path(os.readlink(link)).is_absolute()
    assert link.resolve() == root/'_quarto.yml'

@pytest.mark.parametrize('path', notebooks, ids=stem)
def test_notebook_opens_with_title_and_subtitle(path):
    first = cells(path)[0]
    assert first['cell_type'] == 'markdown' and re.match(r'# \S.*\n\n> \S', source(first))

@pytest.mark.parametrize('path', chapter, ids=stem)
def test_chapter_ends_with_summary_and_exercises(path):
    headings = [line.strip() for c in cells(path) if c['cell_type'] == 'markdown'
                for line in source(c).splitlines() if re.match(r'## ', line)]
    assert headings[-2:] == ['## Summary', '## Exercises']

def test_lessons_are_those_of_the_chapter():
    done = subprocess.run([sys.executable, root/'tools'/'lessons.py', '--check'], cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert {p.stem for p in (lib/'lessons').glob('*.ipynb')} == {p.stem for p in chapter} == {p.stem for p in (root/'tools'/'exercises').glob('*.py')}

@pytest.mark.parametrize('path', notebooks, ids=stem)
def test_starts_on_colab(path):
    "The package is fetched there, from this repository, before anything of it is asked for"
    code = [source(c) for c in cells(path) if c['cell_type'] == 'code']
    if not code: return
    here = [i for i, c in enumerate(code) if 'google.colab' in c]
    first = next((i for i, c in enumerate(code) if re.search(r'^(from|import) (w2v_nb|peers)|Path\(', c, re.MULTILINE)), len(code))
    assert len(here) == 1 and here[0] < first and code[here[0]].startswith('#| hide')
    settings = configparser.ConfigParser(); settings.read(root/'settings.ini', encoding='utf-8')
    assert f" {settings['DEFAULT']['git_url']} " in code[here[0]]

@pytest.mark.parametrize('path', notebooks, ids=stem)
def test_no_stored_error(path):
    errors = [o['ename'] for c in cells(path) for o in c.get('outputs', []) if o['output_type'] == 'error']
    assert not errors, f'{path.name} was saved with errors: {errors}'

def test_times():
    "Each notebook says how long it takes and what it needs, as last measured"
    done = subprocess.run([sys.executable, root/'tools'/'times.py', '--check'], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
