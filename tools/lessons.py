"""Make w2v_nb/lessons, the learner's copy of the chapter, from nbs/00 to 08 and tools/exercises; with --check only compare them.

A lesson is its notebook without outputs and directives. The bodies of the functions that tools/exercises names are left to be written, the answers to
the questions at the end are left out, and so is what a learner has not got: files of measurements, and packages that are not ours to require. In the
place of the latter there is what the page prints. Cells keep their ids."""
import argparse, ast, filecmp, json, re, sys, tempfile
from pathlib import Path
from nbdev.config import get_config

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
from w2v_nb.learn import definition, names_of, parse, pieces_of, read_exercises

PAGE = '{git_url}/blob/{branch}/nbs/'
DIRECTIVE = re.compile(r'^\s*#\s*\|.*\n?', re.M)
WORDS = re.compile(r""", contains=f?('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")\)""") # of an error message: a learner's own will do
ASKS = re.compile(r'^(?:\*\*\d+\.\*\*|\d+\.) ', re.M) # a question


def text_of(cell): return ''.join(cell['source'])

def markdown(id, text): return dict(cell_type='markdown', id=id, metadata={}, source=text)

def code(id, text): return dict(cell_type='code', execution_count=None, id=id, metadata={}, outputs=[], source=text)


def shows(cell): return any('image/png' in o.get('data', {}) for o in cell['outputs'])


def without(node, there):
    "Why a statement cannot run in a learner's environment: what is missing, else None"
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        modules = [node.module] if isinstance(node, ast.ImportFrom) else [a.name for a in node.names]
        return next((f'`{m.split(".")[0]}`' for m in modules if m.split('.')[0] not in there), None)
    if any(isinstance(n, ast.Constant) and isinstance(n.value, str) and 'benchmarks/results' in n.value for n in ast.walk(node)): return 'a file of measurements'


def prune(cells, there):
    "Statements that can run, for each code cell, and what is missing for the others: {index: (sources, what)}"
    tainted, parsed = {}, {}
    for i, cell in enumerate(cells):
        if cell['cell_type'] != 'code': continue
        source, rows = text_of(cell), []
        lines, nodes = source.splitlines(), parse(source)
        for node in nodes:
            binds, needs = names_of(ast.unparse(node))
            if isinstance(node, (ast.For, ast.With)): needs -= binds
            why = without(node, there) or next((tainted[n] for n in sorted(needs) if n in tainted), None)
            for n in binds: tainted.pop(n, None)
            if why: tainted |= dict.fromkeys(binds, why)
            start, alone = min([node.lineno] + [d.lineno for d in getattr(node, 'decorator_list', [])]), [n for n in nodes if n.lineno <= node.end_lineno and node.lineno <= n.end_lineno] == [node]
            rows.append((node, binds, needs, why, '\n'.join(lines[start-1:node.end_lineno]) if alone else ast.get_source_segment(source, node)))
        parsed[i] = rows
    live, out = set(), {}
    for i in sorted(parsed, reverse=True):
        rows, cut, keep = parsed[i], next((r[3] for r in parsed[i] if r[3]), None), []
        for node, binds, needs, why, source in reversed(rows):
            makes_only = isinstance(node, (ast.Assign, ast.FunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom))
            if why or cut and (not binds & live if makes_only else shows(cells[i])): continue # nobody asks for it any more
            live = (live - binds if makes_only else live) | needs
            keep.insert(0, source)
        if cut: out[i] = keep, cut
    return out


def printed(cell):
    "What a cell's stored outputs say, as text"
    parts = [o.get('text', '') or o.get('data', {}).get('text/plain', '') for o in cell['outputs'] if o.get('name') != 'stderr' and 'image/png' not in o.get('data', {})]
    return '\n'.join(''.join(p).strip('\n') for p in parts)


def leave_out(cells, there, page):
    "Cells, without what a learner's environment cannot run, with what it printed instead"
    out, pruned = [], prune(cells, there)
    for i, cell in enumerate(cells):
        if i not in pruned: out.append(cell); continue
        kept, what = pruned[i]
        if kept: out.append(cell | dict(source='\n'.join(kept)))
        said = printed(cell)
        if not said and not shows(cell): continue
        note = f"*{'The rest of this' if kept else 'A'} cell is left out here, as it needs {what}. [The page]({page}) {'prints:*' if said else 'has the picture.*'}"
        out.append(markdown(f"{cell['id']}-says", note + (f'\n\n```text\n{said}\n```' if said else '')))
    return out


def without_answers(cells):
    "Cells, with an empty one in the place of each answer to a question"
    out, asked, ended = [], False, False
    for cell in cells:
        if cell['cell_type'] == 'markdown':
            ended |= '## Exercises' in text_of(cell).split('\n')
            asked = bool(ASKS.search(text_of(cell).split('\n\n')[-1])) and (ended or '**' in text_of(cell))
        elif asked: cell = code(cell['id'], '# your answer')
        out.append(cell)
    return out


def blank(source, exercise):
    "A cell's source without the body of an exercise's function, or the lines of it that the exercise names"
    node, lines = definition(pieces_of([source]), exercise.name), source.split('\n')
    real = next(n for n in ast.walk(ast.parse(source)) if isinstance(n, ast.FunctionDef) and n.name == node.name and ast.unparse(n) == ast.unparse(node))
    body = real.body[1:] if ast.get_docstring(real) else real.body
    if exercise.lines:
        stripped = [line.strip() for line in lines]
        first, last = (stripped.index(line) for line in exercise.lines)
    else: first, last = body[0].lineno - 1, real.end_lineno - 1
    indent = re.match(' *', lines[first])[0]
    assert body and first > real.lineno - 1, f'{exercise.name} has its body in the line of its name'
    return '\n'.join(lines[:first] + [f'{indent}raise NotImplementedError({exercise.hint!r})'] + lines[last+1:])


def with_blanks(cells, exercises):
    "Cells, with blanks where the exercises are, each announced"
    out, left = [], list(exercises)
    for cell in cells:
        here = [e for e in left if cell['cell_type'] == 'code' and definition(pieces_of([text_of(cell)]), e.name)]
        for e in here:
            left.remove(e); n = exercises.index(e) + 1
            out.append(markdown(f'exercise{n}', f"**Exercise {n}.** Write `{e.name}`{', the lines that are missing' if e.lines else ''}."))
            cell = cell | dict(source=blank(text_of(cell), e))
        out.append(cell)
    assert not left, f'not found: {left}'
    return out


def lesson(path, exercises, cfg, there):
    "A notebook (JSON) for the learner"
    page, stem = PAGE.format(**cfg) + path.name, path.stem
    cells = [c for c in json.loads(path.read_text(encoding='utf-8'))['cells'] if not re.search(r'^#\s*\|\s*(default_exp|hide)\b', text_of(c), re.M)]
    cells = [c | dict(source=DIRECTIVE.sub('', text_of(c)) if c['cell_type'] == 'code' else text_of(c)) for c in cells]
    cells = with_blanks(leave_out(without_answers(cells), there, page), exercises)
    names = ', '.join(f'`{e.name}`' for e in exercises)
    few = f"This is your copy of a [page of w2v_nb]({page}). Left for you to write: {names}."
    how = (f"Where a body should be, there is a `NotImplementedError` with a hint; the signature says what goes in and what comes out. Where something must be refused, the kind of error counts, not its words. Run the page from the top: the cells below show whether you are right. "
           f"Or save it, and in a terminal, beside this file, type `w2v_learn . --check --only {stem[:2]}`. What earlier pages define is imported from the package, so each page can be worked through on its own. The questions at the end have empty cells for your answers.")
    cells.insert(2, markdown('lesson', f'> {few} {how}'))
    cells.append(markdown('answers', f'Our answers, and our way to write the functions, are on [the page]({page}).'))
    numbered = {p.stem[:2] for p in path.parent.glob('0[0-8]_*.ipynb')}
    for c in cells:
        if c['cell_type'] == 'markdown': c['source'] = re.sub(r'\]\((?=(\w+)\.ipynb)', lambda m: '](' if m[1][:2] in numbered else f']({PAGE.format(**cfg)}', c['source'])
        if c['cell_type'] == 'code': c['source'] = WORDS.sub(')', c['source'])
        c['source'] = c['source'].splitlines(True)
        if c['cell_type'] == 'code': c |= dict(outputs=[], execution_count=None)
    return dict(cells=cells, metadata=dict(kernelspec=dict(display_name='Python 3 (ipykernel)', language='python', name='python3'), language_info=dict(name='python')), nbformat=4, nbformat_minor=5)


def make(folder):
    "Fill a folder with lessons"
    cfg = get_config(path=ROOT)
    given = dict(git_url=cfg.git_url, branch=cfg.branch)
    there = set(sys.stdlib_module_names) | {re.match(r'\w+', r)[0] for r in cfg.requirements.split()} | {cfg.lib_name}
    for path in sorted(cfg.nbs_path.glob('0[0-8]_*.ipynb')):
        checks = ROOT/'tools'/'exercises'/f'{path.stem}.py'
        nb = lesson(path, read_exercises(checks), given, there)
        (folder/path.name).write_text(json.dumps(nb, indent=1, ensure_ascii=False, sort_keys=True) + '\n', encoding='utf-8', newline='\n')
        (folder/f'{path.stem}.checks').write_bytes(checks.read_bytes())


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--check', action='store_true', help='write nothing; exit 1 when the lessons are out of date')
    ours = ROOT/'w2v_nb'/'lessons'
    with tempfile.TemporaryDirectory() as new:
        check = parser.parse_args().check
        make(Path(new))
        ours.mkdir(exist_ok=True)
        names = sorted(p.name for folder in (ours, Path(new)) for p in folder.iterdir())
        stale = [n for n in dict.fromkeys(names) if not ((ours/n).exists() and (Path(new)/n).exists() and filecmp.cmp(ours/n, Path(new)/n, shallow=False))]
        if check and stale: sys.exit(f"out of date: {', '.join(stale)}; run `python tools/lessons.py`")
        for n in stale:
            if (Path(new)/n).exists(): (ours/n).write_bytes((Path(new)/n).read_bytes())
            else: (ours/n).unlink()


if __name__ == '__main__': main()
