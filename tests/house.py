"""What the gates look at: notebooks, modules, lines of code.

    python tests/house.py

writes how many long and repeated lines there still are into tests/long_lines.json and
tests/repeated_lines.json; the gates let these numbers fall, never rise."""
import ast, json, re
from collections import Counter
from pathlib import Path

root = Path(__file__).resolve().parent.parent
lib, nbs = root/'w2v_nb', root/'nbs'
BY_HAND = '__init__', '__main__', '_doors', '_modidx', 'all'
WIDTH, SAME = 96, 6 # characters of a line; equal lines after one another
LONG, REPEATED = root/'tests'/'long_lines.json', root/'tests'/'repeated_lines.json'

notebooks = sorted(nbs.glob('*.ipynb'))
generated = sorted(p for p in lib.rglob('*.py') if p.stem not in BY_HAND)


def cells(path):
    "The cells of a notebook"
    return json.loads(path.read_text(encoding='utf-8'))['cells']

def source(cell):
    "The source of a cell as a string"
    return ''.join(cell['source'])

def tree(path):
    "The syntax tree of a module"
    return ast.parse(path.read_text(encoding='utf-8'))

def exported(path):
    "The names in a module's `__all__`"
    lists = [n.value for n in tree(path).body
             if isinstance(n, ast.Assign) and getattr(n.targets[0], 'id', '') == '__all__']
    return [name for node in lists for name in ast.literal_eval(node)]

def code():
    "Each piece of code that we write: the file it is in, and its lines"
    for path in notebooks:
        for cell in cells(path):
            if cell['cell_type'] == 'code' and cell['id'] != 'colab':
                yield path, source(cell).splitlines()
    folders = root/'tests', root/'tools', root/'benchmarks'
    scripts = [p for folder in folders for p in folder.rglob('*.py')]
    by_hand = [p for p in lib.rglob('*.py') if p.stem in BY_HAND and p.stem != '_modidx']
    for path in sorted([*scripts, *by_hand, *lib.rglob('assets/*')]):
        yield path, path.read_text(encoding='utf-8').splitlines()

def is_exempt(line):
    "Whether a line may be long: nbdev's directives, and what is only an address"
    address = r'''[\w.\[\]'" =(]*[rbf]?['"]https?://\S+['"][,)]*'''
    return line.startswith('#|') or re.fullmatch(address, line.strip()) is not None

def long_lines():
    "{file: how many of its lines are too long}"
    found = Counter()
    for path, lines in code():
        found[name(path)] += sum(len(line) > WIDTH and not is_exempt(line) for line in lines)
    return {file: n for file, n in sorted(found.items()) if n}

def runs(lines):
    "Every `SAME` lines in a row, without blank lines, imports and directives"
    lines = [line.strip() for line in lines]
    passed = re.compile(r'$|#\||(import|from) ')
    lines = [line for line in lines if not passed.match(line)]
    return [tuple(lines[i:i + SAME]) for i in range(len(lines) - SAME + 1)]

def repeated_lines():
    "{file: how many times a few lines of it are found again, in whichever file}"
    where = [(name(path), run) for path, lines in code() for run in runs(lines)]
    often = Counter(run for _, run in where)
    found = Counter(file for file, run in where if often[run] > 1)
    return dict(sorted(found.items()))

def name(path):
    "A file as the lists name it"
    return path.relative_to(root).as_posix()


if __name__ == '__main__':
    for path, counts in (LONG, long_lines()), (REPEATED, repeated_lines()):
        path.write_text(json.dumps(counts, indent=1) + '\n', encoding='utf-8', newline='\n')
        print(f'{sum(counts.values())} in {len(counts)} files: {name(path)}')
