"""Make w2v_nb/tools/lessons, the learner's copy of the chapter; with --check only compare it.

A lesson is a notebook that tools/exercises has checks for, without outputs and directives.
Left to be written are the bodies of the functions that the checks name. Left out are the
answers to the questions at the end, and what a learner hasn't got: files of measurements, and
packages that we don't require. In the place of the latter there is what the page prints.
Cells keep their ids. START.ipynb is the course on one page, made of the same files."""

import argparse, ast, json, re, sys, tempfile
from pathlib import Path
from typing import NamedTuple
from nbdev.config import get_config

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
from w2v_nb.tools.learn import assigned, definition, EXERCISE_SECONDS, names_of, parse
from w2v_nb.tools.learn import pieces_of, read_exercises

LESSONS = ROOT / 'w2v_nb' / 'tools' / 'lessons'
CHECKS = sorted((ROOT / 'tools' / 'exercises').glob('*.py'))
DIRECTIVE = re.compile(r'^\s*#\s*\|.*\n?', re.M)
NOT_FOR_LEARNERS = re.compile(r'^#\s*\|\s*(default_exp|hide)\b', re.M)
STRING = r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\""""
CONTAINS = re.compile(
    rf', contains=f?({STRING})\)'
)  # an error's words: a learner's own will do
ASKS = re.compile(r'^(?:\*\*\d+\.\*\*|\d+\.) ', re.M)  # a question
LINK = re.compile(r'\]\((?=(\w+)\.ipynb)')  # to another notebook
FEW = "This is your copy of a [page of w2v_nb]({page}). Left for you to write: {names}."
HOW = (
    "Where a body should be, there is a `NotImplementedError`; the signature says what goes in "
    "and what comes out. Where something must be refused, the kind of error counts, not its "
    "words. Run the page from the top. Below each exercise, `check` says whether you're right; "
    "`hint('name')` gives a nudge, and `hint('name', 2)` says more. In a terminal, in this "
    "folder, the same are `w2v learn --check --only {number}` (save the page first) and "
    "`w2v learn --hint name`. What earlier pages define is imported from the package, so each "
    "page can be worked through on its own. The questions at the end have empty cells for your "
    "answers. All lessons are on [the page START](START.ipynb)."
)
YOURS = "write this; hint('{}') gives a nudge"
ANSWERS = "Our answers, and our way to write the functions, are on [the page]({page})."
KERNEL = dict(display_name='Python 3 (ipykernel)', language='python', name='python3')


class Statement(NamedTuple):
    node: ast.stmt
    binds: frozenset  # names that have a meaning after it
    needs: frozenset  # names that it looks up
    lacks: str  # what a learner hasn't got, None if nothing
    source: str


def text_of(cell):
    return ''.join(cell['source'])


def is_code(cell):
    return cell['cell_type'] == 'code'


def markdown(id, text):
    return dict(cell_type='markdown', id=id, metadata={}, source=text)


def code(id, text):
    cell = dict(cell_type='code', id=id, metadata={}, source=text)
    return cell | dict(execution_count=None, outputs=[])


def has_picture(cell):
    return any('image/png' in output.get('data', {}) for output in cell['outputs'])


# What a learner's environment cannot run


def missing(node, there):
    "What a statement needs that a learner hasn't got: a package or a file; None if nothing"
    modules = []
    if isinstance(node, ast.ImportFrom):
        modules = [node.module]
    elif isinstance(node, ast.Import):
        modules = [alias.name for alias in node.names]
    for module in modules:
        package = module.split('.')[0]
        if package not in there:
            return f'`{package}`'
    constants = [n.value for n in ast.walk(node) if isinstance(n, ast.Constant)]
    if any(isinstance(value, str) and 'benchmarks/results' in value for value in constants):
        return 'a file of measurements'


def source_of(node, nodes, source):
    "The source of a statement: whole lines, with their comments, if they are its own"
    shares = [n for n in nodes if n.lineno <= node.end_lineno and node.lineno <= n.end_lineno]
    if shares != [node]:
        return ast.get_source_segment(source, node)
    decorators = [d.lineno for d in getattr(node, 'decorator_list', [])]
    first = min([node.lineno, *decorators])
    return '\n'.join(source.splitlines()[first - 1 : node.end_lineno])


def statements_of(cell, there, tainted):
    "The statements of a cell. `tainted` ({name: what it lacks}) is brought up to date"
    source, statements = text_of(cell), []
    nodes = parse(source)
    for node in nodes:
        binds, needs = names_of(ast.unparse(node))
        if isinstance(node, (ast.For, ast.With)):
            needs -= binds
        inherited = [tainted[name] for name in sorted(needs) if name in tainted]
        lacks = missing(node, there) or next(iter(inherited), None)
        for name in binds:
            tainted.pop(name, None)
            if lacks:
                tainted[name] = lacks
        text = source_of(node, nodes, source)
        statements.append(Statement(node, binds, needs, lacks, text))
    return statements


MAKES_ONLY = ast.Assign, ast.FunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom


def kept_statements(statements, lacks, live, cell):
    "Sources of the statements that can run and are still asked for, and which names these are"
    kept = []
    for statement in reversed(statements):
        makes_only = isinstance(statement.node, MAKES_ONLY)
        asked_for = statement.binds & live if makes_only else not has_picture(cell)
        if statement.lacks or lacks and not asked_for:
            continue
        live = (live - statement.binds if makes_only else live) | statement.needs
        kept.insert(0, statement.source)
    return kept, live


def prune(cells, there):
    "{index of a cell that cannot run as it is: (sources of what can, what is missing)}"
    tainted, live, pruned = {}, set(), {}
    parsed = {
        i: statements_of(cell, there, tainted) for i, cell in enumerate(cells) if is_code(cell)
    }
    for i in sorted(parsed, reverse=True):
        lacks = next((statement.lacks for statement in parsed[i] if statement.lacks), None)
        kept, live = kept_statements(parsed[i], lacks, live, cells[i])
        if lacks:
            pruned[i] = kept, lacks
    return pruned


def printed(cell):
    "What a cell's stored outputs say, as text"
    parts = []
    for output in cell['outputs']:
        data = output.get('data', {})
        if output.get('name') != 'stderr' and 'image/png' not in data:
            parts.append(''.join(output.get('text', '') or data.get('text/plain', '')))
    return '\n'.join(part.strip('\n') for part in parts)


def note(cell, kept, lacks, page):
    "What to say where a cell, or a part of it, is left out; None where it showed nothing"
    text = printed(cell)
    if not text and not has_picture(cell):
        return None
    what = 'The rest of this' if kept else 'A'
    has = 'prints:*' if text else 'has the picture.*'
    said = f"*{what} cell is left out here, as it needs {lacks}. [The page]({page}) {has}"
    return markdown(f"{cell['id']}-says", said + (f'\n\n```text\n{text}\n```' if text else ''))


def leave_out(cells, there, page):
    "Cells, without what a learner's environment cannot run, with what it printed instead"
    out, pruned = [], prune(cells, there)
    for i, cell in enumerate(cells):
        kept, lacks = pruned.get(i, ([], None))
        if lacks is None:
            out.append(cell)
            continue
        if kept:
            out.append(cell | dict(source='\n'.join(kept)))
        if left_out := note(cell, kept, lacks, page):
            out.append(left_out)
    return out


# What a learner is to write


def without_answers(cells):
    "Cells, with an empty one in the place of each answer to a question"
    out, asked, at_the_end = [], False, False
    for cell in cells:
        if not is_code(cell):
            text = text_of(cell)
            at_the_end |= '## Exercises' in text.split('\n')
            question = ASKS.search(text.split('\n\n')[-1])
            asked = bool(question) and (at_the_end or '**' in text)
        elif asked:
            cell = code(cell['id'], '# your answer')
        out.append(cell)
    return out


def function_in(source, exercise):
    "An exercise's function, where it is in the source"
    wanted = definition(pieces_of([source]), exercise.name)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef) and ast.unparse(node) == ast.unparse(wanted):
            return node


def on_lines_of_its_own(source, node):
    "A cell's source with a function's body below its head, if it's in the same line"
    first, lines = node.body[0], source.split('\n')
    line = lines[first.lineno - 1]
    if not line[: first.col_offset].strip():
        return source
    head, body = line[: first.col_offset].rstrip(), line[first.col_offset :]
    indent = ' ' * (node.col_offset + 4)
    lines[first.lineno - 1 : first.lineno] = [head, indent + body]
    return '\n'.join(lines)


def blank(source, exercise):
    "A cell's source without the body of an exercise's function, or without the lines it names"
    source = on_lines_of_its_own(source, function_in(source, exercise))
    node, lines = function_in(source, exercise), source.split('\n')
    body = node.body[1:] if ast.get_docstring(node) else node.body
    if exercise.lines:
        stripped = [line.strip() for line in lines]
        first, last = (stripped.index(line) for line in exercise.lines)
    else:
        first, last = body[0].lineno - 1, node.end_lineno - 1
    indent = re.match(' *', lines[first])[0]
    yours = f'{indent}raise NotImplementedError({YOURS.format(exercise.name)!r})'
    return '\n'.join([*lines[:first], yours, *lines[last + 1 :]])


def with_blanks(cells, exercises):
    "Cells, with blanks where the exercises are, each announced, and checked below"
    out, left = [], list(exercises)
    for cell in cells:
        pieces, checks = pieces_of([text_of(cell)]) if is_code(cell) else [], []
        for exercise in [e for e in left if definition(pieces, e.name)]:
            left.remove(exercise)
            number, what = exercises.index(exercise) + 1, f"Write `{exercise.name}`"
            what += ', the lines that are missing.' if exercise.lines else '.'
            out.append(markdown(f'exercise{number}', f"**Exercise {number}.** {what}"))
            cell = cell | dict(source=blank(text_of(cell), exercise))
            checks.append(code(f'check{number}', f'check({exercise.name!r})'))
        out += [cell, *checks]
    assert not left, f'not found: {left}'
    return out


# The lesson


def cells_of(path):
    "A notebook's cells, without directives and what is hidden"
    cells = []
    for cell in json.loads(path.read_text(encoding='utf-8'))['cells']:
        text = text_of(cell)
        if not NOT_FOR_LEARNERS.search(text):
            cells.append(cell | dict(source=DIRECTIVE.sub('', text) if is_code(cell) else text))
    return cells


def finished(cell, pages):
    "A cell as it is stored: links lead to lessons, or to pages on the web; no outputs"
    ours = {path.stem[:2] for path in CHECKS} | {'ST'}  # and START
    text = text_of(cell)
    if is_code(cell):
        cell, text = cell | dict(outputs=[], execution_count=None), CONTAINS.sub(')', text)
    else:
        text = LINK.sub(lambda m: m[0] if m[1][:2] in ours else m[0] + pages, text)
    return cell | dict(source=text.splitlines(True))


def lesson(path, exercises, pages, there):
    "A notebook (JSON) for the learner"
    page = pages + path.name
    cells = leave_out(without_answers(cells_of(path)), there, page)
    cells = with_blanks(cells, exercises)
    names = ', '.join(f'`{exercise.name}`' for exercise in exercises)
    about = f'> {FEW.format(page=page, names=names)} {HOW.format(number=path.stem[:2])}'
    brought = code('checks', 'from w2v_nb.tools.learn import check, hint')
    cells[2:2] = [markdown('lesson', about), brought]
    cells.append(markdown('answers', ANSWERS.format(page=page)))
    return notebook(finished(cell, pages) for cell in cells)


def notebook(cells):
    "A notebook (JSON) of Python"
    return dict(
        cells=list(cells),
        metadata=dict(kernelspec=KERNEL, language_info=dict(name='python')),
        nbformat=4,
        nbformat_minor=5,
    )


# The course on one page

START = """# Start here

> word2vec, written by you

These notebooks are [the chapter of w2v_nb]({pages}) with {functions} of its functions left out.
You read a page, write what is missing, and see at once whether it's right. Together they are
word2vec: in the end you have written it yourself.

## How it works

1. Open [the first lesson]({first}) and run it from the top. Stop at the first **Exercise**.
2. Write the function where it says `NotImplementedError`, and run the cell.
3. Run the cell below it, such as `check('cosine')`. It says whether your function passes; if
   not, what it gave and what was wanted. What takes longer than {seconds} seconds is stopped.
4. Stuck? `hint('cosine')` gives a nudge, `hint('cosine', 2)` says more. Neither is the answer.

In a terminal, in this folder:

| you type | you get |
|---|---|
| `w2v learn --check` | a line for each lesson, then what comes next |
| `w2v learn --check --only 06` | a line for each function of a lesson |
| `w2v learn --hint skip_gram` | a nudge |
| `w2v learn --hint skip_gram 2` | something more concrete |

Save a notebook before you check it there.

## The lessons

Take them in this order, or any other: each page imports from the package what earlier ones
define. The minutes, for reading and writing, are a guess; in all it's about {hours} hours.

| lesson | what it teaches | you write | minutes |
|---|---|---|--:|
{rows}

## How far am I?

Run this cell, or type the line in a terminal, without the `!`:"""
ROW = '| [{lesson}]({lesson}.ipynb) | {teaches} | {names} | {minutes} |'


def about(checks):
    "What a file of checks says of its lesson: what it teaches, and how many minutes it takes"
    given = assigned(ast.parse(checks.read_text(encoding='utf-8')))
    return given['TEACHES'].value, given['MINUTES'].value


def start(pages):
    "The course on one page, a notebook (JSON)"
    rows, functions, total = [], 0, 0
    for checks in CHECKS:
        exercises, (teaches, minutes) = read_exercises(checks), about(checks)
        names = ', '.join(f'`{exercise.name}`' for exercise in exercises)
        rows.append(
            ROW.format(lesson=checks.stem, teaches=teaches, names=names, minutes=minutes)
        )
        functions, total = functions + len(exercises), total + minutes
    text = START.format(
        pages=pages.replace('/blob/', '/tree/'),
        functions=functions,
        first=f'{CHECKS[0].stem}.ipynb',
        seconds=EXERCISE_SECONDS,
        hours=round(total / 60),
        rows='\n'.join(rows),
    )
    cells = markdown('start', text), code('progress', '!w2v learn --check')
    return notebook(cell | dict(source=cell['source'].splitlines(True)) for cell in cells)


def write(path, nb):
    "Write a notebook (JSON), the same on every system"
    text = json.dumps(nb, indent=1, ensure_ascii=False, sort_keys=True) + '\n'
    path.write_text(text, encoding='utf-8', newline='\n')


def make(folder):
    "Fill a folder with lessons"
    cfg = get_config(path=ROOT)
    pages = f'{cfg.git_url}/blob/{cfg.branch}/nbs/'
    required = {re.match(r'\w+', name)[0] for name in cfg.requirements.split()}
    there = {*sys.stdlib_module_names, *required, cfg.lib_name, 'IPython'}
    for checks in CHECKS:
        path = cfg.nbs_path / f'{checks.stem}.ipynb'
        write(folder / path.name, lesson(path, read_exercises(checks), pages, there))
        (folder / f'{path.stem}.checks').write_bytes(checks.read_bytes())
    write(folder / 'START.ipynb', start(pages))


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument(
        '--check',
        action='store_true',
        help='write nothing; exit 1 when the lessons are out of date',
    )
    check = parser.parse_args().check
    LESSONS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        make(Path(folder))
        old, new = contents(LESSONS), contents(Path(folder))
    stale = [name for name in sorted({*old, *new}) if old.get(name) != new.get(name)]
    if check and stale:
        sys.exit(f"out of date: {', '.join(stale)}; run `python tools/lessons.py`")
    for name in stale:
        if name in new:
            (LESSONS / name).write_bytes(new[name])
        else:
            (LESSONS / name).unlink()


if __name__ == '__main__':
    main()
