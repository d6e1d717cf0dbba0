"The rooms: which notebook makes which module, what imports what, what the doors lead to."
import ast, importlib, json, re, subprocess, sys
from collections import defaultdict

import pytest
from setuptools import find_packages

from house import cells, exported, generated, lib, nbs, root, source, tree

ROOMS = json.loads((root/'tests'/'rooms.json').read_text(encoding='utf-8'))
HEAVY = 'torch', 'matplotlib.pyplot', 'triton', 'pyarrow', 'IPython', 'nbclient'
OWN_DOOR = dict(vectors=13) # the last page that adds methods to `WordVectors`; later ones may
                            # import it from the room's door
MAY_LOAD_TORCH = 'engine.gpu', # and the chapter, but for its text
SAME_MEANING = {'NS_EXPONENT'} # the chapter and the engine each define it, as one number

doors = [lib/'__init__.py',
         *(lib/room/'__init__.py' for room in ROOMS if (lib/room).is_dir())]


def dotted(path):
    "A module as 'room.name', a package as 'room.'"
    return '.'.join(path.relative_to(lib).with_suffix('').parts).removesuffix('__init__')

def may_load_torch(module):
    chapter = module.startswith('chapter.') and module != 'chapter.text'
    return module in MAY_LOAD_TORCH or chapter

light = [m for m in map(dotted, generated) if not may_load_torch(m)]


def module_file(module): return lib/f"{module.replace('.', '/')}.py"

def python(code, *words):
    "What Python prints that runs `code` in a process of its own"
    done = subprocess.run([sys.executable, '-c', code, *words], cwd=root, capture_output=True,
                          text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout

def imported(path, nodes):
    "Full names that import statements and `import_module` ask for; relative ones are resolved."
    package = ['w2v_nb', *path.relative_to(lib).parent.parts] if lib in path.parents else []
    for node in nodes:
        if isinstance(node, ast.Import): yield from (a.name for a in node.names)
        if isinstance(node, ast.ImportFrom):
            start = package[:len(package) - node.level + 1] if node.level else []
            start += [node.module] if node.module else []
            yield from ('.'.join([*start, a.name]) for a in node.names)
        called = getattr(node, 'func', None)
        called = getattr(called, 'attr', getattr(called, 'id', ''))
        if called in ('import_module', '__import__'):
            yield from (a.value for a in node.args if isinstance(a, ast.Constant))

def ours(path):
    "Modules ('room.name') and rooms of this package that a file imports, inside functions too."
    out = set()
    for name in imported(path, ast.walk(tree(path))):
        parts = str(name).split('.')
        if parts[0] != 'w2v_nb' or len(parts) < 2 or parts[1] not in ROOMS: continue
        module = '.'.join(parts[1:3])
        out.add(module if module_file(module).exists() else parts[1])
    return out

def at_load(node):
    "Nodes that run when a module is loaded: all but the bodies of functions."
    for child in ast.iter_child_nodes(node):
        yield child
        if not isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            yield from at_load(child)

def notebook_of(path):
    "The notebook that a module names."
    named = re.search(r'File to edit: (\S+\.ipynb)', path.read_text(encoding='utf-8'))
    return named and (path.parent/named[1]).resolve()

NUMBERS = {dotted(p): int(notebook_of(p).name[:2]) for p in generated if notebook_of(p)}


@pytest.mark.parametrize('path', generated, ids=dotted)
def test_module_names_its_notebook(path):
    notebook, room = notebook_of(path), path.parent.name
    assert notebook and notebook.exists(), f'{path} does not name a notebook that exists'
    assert re.fullmatch(rf'\d\d_{path.stem}\.ipynb', notebook.name)
    low, high = ROOMS[room]['numbers']
    assert low <= int(notebook.name[:2]) <= high, f'{notebook.name} is not in the room {room}'

def test_modules_are_the_notebooks_that_export():
    pages = [source(c) for p in nbs.glob('*.ipynb') for c in cells(p)]
    named = [re.search(r'^#\| *default_exp (\S+)', page, re.M) for page in pages]
    asked = [m[1] for m in named if m]
    assert sorted(asked) == sorted(map(dotted, generated))

def test_a_wheel_has_every_module_and_file():
    "`setup.py` finds every package, and says which other files go with it"
    script = (root/'setup.py').read_text(encoding='utf-8')
    assert "find_packages(include=[lib, f'{lib}.*'])" in script
    packages = {*find_packages(root, include=['w2v_nb', 'w2v_nb.*'])}
    assert {f'w2v_nb.{p.parent.name}' for p in generated} | {'w2v_nb'} == packages
    call, = (n for n in ast.walk(ast.parse(script))
             if isinstance(n, ast.Call) and getattr(n.func, 'id', '') == 'setup')
    data, = (k.value for k in call.keywords if k.arg == 'package_data')
    data = eval(compile(ast.Expression(data), 'setup.py', 'eval'), dict(lib='w2v_nb'))
    shipped = {p for package, globs in data.items() for pattern in globs
               for p in (root/package.replace('.', '/')).glob(pattern)}
    others = {p for p in lib.rglob('*') if p.is_file() and p.suffix != '.py'
              and '__pycache__' not in p.parts and '.ipynb_checkpoints' not in p.parts}
    assert shipped == others and len(others) > 5

@pytest.mark.parametrize('path', generated, ids=dotted)
def test_imports_follow_the_table(path):
    me, room = dotted(path), path.parent.name
    for other in ours(path):
        theirs = other.split('.')[0]
        if theirs == room:
            number = NUMBERS.get(other, OWN_DOOR.get(other, 99))
            assert number < NUMBERS[me], f'{me} imports {other}, a higher number'
        else:
            allowed = {*ROOMS[room]['imports']}
            assert {other, theirs} & allowed, f'{me} may not import {other}'

def test_the_gpu_has_one_user():
    "`engine.gpu` imports triton: only the estimator imports it, and only for a GPU"
    assert {dotted(p) for p in generated if 'engine.gpu' in ours(p)} == {'runs.word2vec'}

def test_one_name_has_one_meaning():
    "No name is exported by two modules"
    where = defaultdict(list)
    for path in generated:
        for name in exported(path): where[name].append(dotted(path))
    twice = {name: modules for name, modules in where.items() if len(modules) > 1}
    assert len(where) > 300 and not twice.keys() - SAME_MEANING, twice
    for name in twice:
        values = [getattr(importlib.import_module(f'w2v_nb.{m}'), name) for m in twice[name]]
        assert len(set(values)) == 1, f'{name} is {values}'

@pytest.mark.parametrize('name', light)
def test_no_heavy_import_statement(name):
    path = module_file(name)
    found = sorted(n for n in imported(path, at_load(tree(path))) for h in HEAVY
                   if f'{n}.'.startswith(f'{h}.'))
    assert not found, f'{path} imports {found} when it is loaded'

def test_loads_nothing_heavy():
    "Each light module, the rooms and `all`, in a process of its own"
    names = [f'w2v_nb.{m}' for m in light]
    names += ['w2v_nb.all', *(f'w2v_nb.{p.parent.name}' for p in doors[1:])]
    code = ('import sys, importlib; importlib.import_module(sys.argv[1]); '
            f'print(*[m for m in {HEAVY} if m in sys.modules])')
    for name in names:
        loaded = python(code, name).split()
        assert not loaded, f'importing {name} loads {loaded}'

@pytest.mark.parametrize('path', doors, ids=lambda p: p.parent.name)
def test_doors_lead_somewhere(path):
    "Every name is there, the editor's list is the same, and none is a module's or a room's"
    package = importlib.import_module('.'.join(path.relative_to(root).parent.parts))
    typed = {a.name for node in tree(path).body if isinstance(node, ast.If)
             for i in node.body for a in i.names}
    names = set(package.__all__)
    assert typed == names == set(dir(package)), typed ^ names
    for name in names: assert getattr(package, name) is not None
    assert not names & ({p.stem for p in path.parent.glob('*.py')} | {*ROOMS})
    with pytest.raises(AttributeError, match='no attribute'): package.nothing_like_that

def test_a_door_brings_the_whole_class():
    "In a fresh process per door, a class has the methods that later pages give it"
    code = ('import sys, importlib; '
            'print(*dir(getattr(importlib.import_module(sys.argv[1]), sys.argv[2])))')
    ways = dict(WordVectors=['w2v_nb', 'w2v_nb.vectors', 'w2v_nb.all'],
                Corpus=['w2v_nb', 'w2v_nb.engine'])
    for name, packages in ways.items():
        shown = {python(code, package, name) for package in packages}
        assert len(shown) == 1
        if name == 'WordVectors':
            methods = {'save', 'load', 'to_gensim', 'save_word2vec_format'}
            assert methods <= set(shown.pop().split())


def defined(path):
    "The names that a module defines at its top level"
    for node in tree(path).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)): yield node.name
        if isinstance(node, ast.Assign):
            names = (n for target in node.targets for n in ast.walk(target))
            yield from (n.id for n in names if isinstance(n, ast.Name))

def test_questions_have_answers():
    text = (root/'tests'/'questions.md').read_text(encoding='utf-8')
    questions = re.findall(r'^\d+\. Where .*\? `(w2v_nb/\w+/\w+\.py): (\w+)`$', text, re.M)
    taught = re.findall(r'^\d+\. .*\? .*\. `(nbs/0[0-8]_\w+\.ipynb)`$', text, re.M)
    assert len(questions) >= 20 and len(taught) >= 20
    assert len(questions) + len(taught) == len(re.findall(r'^\d+\.', text, re.M))
    assert len(set(taught)) == 9 and all((root/page).exists() for page in taught)
    lost = [f'{path}: {name}' for path, name in questions
            if not (root/path).exists() or name not in defined(root/path)]
    assert not lost, f'look where these are now: {lost}'

def test_the_map_of_the_house_is_true():
    "What CONTRIBUTING.md says is decided in a notebook is in its module; the rooms are these"
    text = (root/'CONTRIBUTING.md').read_text(encoding='utf-8')
    rows = re.findall(r'^\|.*\| `nbs/(\w+\.ipynb)` \| `(\w+)` \|$', text, re.M)
    modules = {notebook_of(p).name: p for p in generated}
    lost = [(notebook, name) for notebook, name in rows
            if notebook not in modules or name not in defined(modules[notebook])]
    assert len(rows) >= 20 and not lost, f'look where these are now: {lost}'
    numbers = re.findall(r'^\| `(\d\d)` to `(\d\d)` \| `(\w+)` \|', text, re.M)
    there = {room: ROOMS[room]['numbers'] for room in ROOMS if (lib/room).is_dir()}
    assert {room: [int(low), int(high)] for low, high, room in numbers} == there
    files = r'`((?:tests|tools)/[\w.]+|benchmarks/[\w.]+\.py|nbs/\w+\.ipynb)`'
    missing = [p for p in re.findall(files, text) if not (root/p).exists()]
    assert not missing, missing
