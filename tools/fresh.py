"""Run every notebook of nbs/ in a kernel of its own, and compare new outputs with stored ones.

    python tools/fresh.py

A stale output is named, with its notebook and cell, and the exit status is then 1; nothing is
written. The stored outputs are of the Penn Treebank: without it nothing is compared. `--record`
runs one notebook after the other and writes how long each took to
benchmarks/results/notebooks.json; then `tools/times.py` says so at the top of each."""
import argparse, asyncio, base64, json, os, platform, re, struct, sys, time
from collections import namedtuple
from html.parser import HTMLParser
from importlib.metadata import version
from itertools import zip_longest
from pathlib import Path

import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT/'benchmarks'))
import record

# An integer may not change at all. Any other number, percentages among them, may change by one
# unit of its last digit shown, if it is not zero, or by:
RELATIVE = .01  # of the stored number
ABSOLUTE = 1e-6 # for numbers near zero
ROUNDING = 1 + 1e-9 # of a tolerance, as a difference of two floats is rounded
PIXELS = 2 # a picture's width and height, which depend on the version of Matplotlib
# Flags of cells. Those that aren't run are as in settings.ini; the stored outputs are a CPU's,
# so no kernel sees a GPU.
NOT_RUN = 'notest', 'slow', 'cuda', 'multigpu'
NOT_COMPARED = 'timing', # run, and looked at for errors only
CELL_TIMEOUT = 600 # seconds

EMPTY = {'text/plain': ''} # what a bar leaves that is done
BAR = re.compile(r'.*\d+%\|.*[\r\n]?')
NUMBER = re.compile(
    r'((?:(?<![\w.)\]])[-+])?'             # a sign, unless something comes right before it
    r'(?:\d{1,3}(?:,\d{3})+(?![\d,])|\d+)' # digits, with or without commas
    r'(?:\.\d+)?(?:[eE][-+]?\d{1,3}(?!\w))?%?)')
GPU_CODE = re.compile(r'try_gpu|w2v_nb\.chapter\.(training|exercises)\b|Word2Vec\(|#\| cuda')
MEMORY = """
import resource
ours, children = resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN
print(max(resource.getrusage(who).ru_maxrss for who in (ours, children)))"""
MB = 2**20 if sys.platform == 'darwin' else 2**10 # in the units of `ru_maxrss`

Result = namedtuple('Result', 'verdict seconds mb', defaults=[None, None])
Result.__doc__ = "How a notebook did: 'fresh', 'stale' or 'skipped'; its time; its peak memory"


# What differs

def value(number):
    "A number as it's shown, a string, as a float"
    return float(number.rstrip('%').replace(',', ''))

def tolerance(number):
    "How far another number may be from `number`, a string"
    mantissa, _, exponent = number.rstrip('%').lower().partition('e')
    if not (set('.%') & set(number) or exponent): return 0.
    decimals = len(mantissa.partition('.')[2])
    unit = float(f'1e{int(exponent or 0) - decimals}') if value(mantissa) else 0.
    return max(unit, RELATIVE*abs(value(number)), ABSOLUTE)*ROUNDING

def same_number(old, new):
    "Whether two numbers, strings, agree"
    return old == new or abs(value(old) - value(new)) <= tolerance(old)

def same_line(old, new):
    "Whether two lines agree: their words exactly, their numbers nearly"
    old, new = NUMBER.split(old), NUMBER.split(new) # words at even places, numbers at odd ones
    if len(old) != len(new) or old[::2] != new[::2]: return False
    return all(map(same_number, old[1::2], new[1::2]))

def text_change(old, new):
    "The first difference between two lists of lines, in words; None if they agree"
    for before, now in zip_longest(old, new):
        if now is None: return f'line {before!r} is gone'
        if before is None: return f'line {now!r} is new'
        if not same_line(before, now): return f'{before!r} is now {now!r}'

def lines(text):
    "Lines as they are compared: without addresses in memory, and without what aligns a table"
    text = re.sub(r'0x[0-9a-f]{6,}', '0x', ''.join(text))
    return [re.sub(r'\s+', ' ', line).strip().replace('[ ', '[')
            for line in text.strip().splitlines()]

class Visible(HTMLParser):
    "The text of HTML that a reader sees, a line for each piece"
    def __init__(self, html):
        super().__init__()
        self.lines, self.hidden = [], 0
        self.feed(html)
        self.close()
    def handle_starttag(self, tag, attrs): self.hidden += tag in ('script', 'style')
    def handle_endtag(self, tag): self.hidden -= tag in ('script', 'style')
    def handle_data(self, data):
        if data.strip() and not self.hidden: self.lines.append(data)

def shown_lines(kind, content):
    "The lines that a reader sees of an output"
    if kind == 'text/html':
        return [line for piece in Visible(''.join(content)).lines for line in lines(piece)]
    is_text = isinstance(content, (str, list))
    return lines(content if is_text else json.dumps(content, sort_keys=True))

def png_size(data):
    "(width, height) of a stored picture"
    return struct.unpack('>II', base64.b64decode(''.join(data))[16:24])

def picture_change(old, new):
    "How the size of a picture differs, in words; None if it's nearly the same"
    old, new = png_size(old), png_size(new)
    if all(abs(before - now) <= PIXELS for before, now in zip(old, new)): return
    return 'a picture of {}x{} pixels is now one of {}x{}'.format(*old, *new)

def content_change(kind, old, new):
    "How an output differs from the stored one of the same kind, in words; None if it doesn't"
    if kind == 'image/png': return picture_change(old, new)
    if kind.startswith('image/'): return
    found = text_change(shown_lines(kind, old), shown_lines(kind, new))
    return found and f'{kind}: {found}'

def stream_text(outputs, name):
    "What a cell wrote to a stream"
    return ''.join(''.join(o.text) for o in outputs
                   if o.output_type == 'stream' and o.name == name)

def shown(outputs):
    "A cell's outputs as pairs (kind, content): the streams, each as one text; errors; the rest"
    stderr = BAR.sub('', stream_text(outputs, 'stderr')) # bars tell the time
    streams = [('stdout', stream_text(outputs, 'stdout')), ('stderr', stderr)]
    pairs = [(name, text) for name, text in streams if text.strip()]
    pairs += [('error', f'{o.ename}: {o.evalue}') for o in outputs if o.output_type == 'error']
    for output in outputs:
        data = output.get('data', EMPTY)
        if data != EMPTY: pairs += sorted(data.items())
    return pairs

def change(old, new):
    "The first difference between a cell's stored and new outputs, in words; None if they agree"
    old, new = shown(old), shown(new)
    for kind, content in new:
        if kind == 'error': return f'ends in {content}'
    for (kind, before), (new_kind, now) in zip(old, new):
        if kind != new_kind: return f'shows {new_kind}, but {kind} is stored'
        if found := content_change(kind, before, now): return found
    if len(old) > len(new): return f'{old[len(new)][0]} is stored, but no longer shown'
    if len(new) > len(old): return f'{new[len(old)][0]} is new'

def flags(cell):
    "The directives of a cell that are a single word"
    if cell.cell_type != 'code': return []
    return re.findall(r'^#\| *(\w+) *$', cell.source, re.MULTILINE)

def errors(outputs): return [o for o in outputs if o.output_type == 'error']

def stale(stored, new):
    "For each cell that doesn't show what it stores: (its id, what differs)"
    new_cells = {c.id: c for c in new.cells}
    for cell in code_cells(stored):
        if cell.id not in new_cells: continue
        outputs = new_cells[cell.id].outputs
        if set(flags(cell)) & set(NOT_COMPARED): found = change([], errors(outputs))
        else: found = change(cell.outputs, outputs)
        if found: yield cell.id, found


# Running a notebook

def read(path): return nbformat.read(path, as_version=4)

def code_cells(nb): return [c for c in nb.cells if c.cell_type == 'code']

def left_out(nb):
    "Cells that aren't run: pairs (id, flag). `cuda` is run if the kernels may see a GPU"
    gpu = os.environ.get('CUDA_VISIBLE_DEVICES') != ''
    not_run = {*NOT_RUN} - {'cuda'} if gpu else {*NOT_RUN}
    return [(cell.id, flag) for cell in nb.cells for flag in flags(cell) if flag in not_run]

async def execute(path, memory=False):
    "A notebook with new outputs, run from its own folder; seconds; if asked, peak memory, MB"
    nb = read(path)
    skip = {cell_id for cell_id, _ in left_out(nb)}
    nb.cells = [c for c in nb.cells if c.id not in skip]
    for cell in code_cells(nb): cell.outputs = []
    memory = memory and os.name != 'nt'
    if memory: nb.cells.append(nbformat.v4.new_code_cell(MEMORY))
    since = time.perf_counter()
    client = NotebookClient(
        nb, timeout=CELL_TIMEOUT, kernel_name='python3', allow_errors=True,
        resources=dict(metadata=dict(path=str(path.parent))),
        extra_arguments=['--HistoryManager.enabled=False', '--log-level=ERROR'])
    await client.async_execute()
    seconds = time.perf_counter() - since
    mb = int(nb.cells.pop().outputs[0].text)/MB if memory else None
    return nb, seconds, mb


# The verdict

def uses_pydoc(nb, upto=None):
    "Whether a notebook reads the installed packages' documentation, in cell `upto` or before"
    for cell in nb.cells:
        if cell.cell_type == 'code' and 'pydoc' in cell.source: return True
        if cell.id == upto: return False
    return False

def uses_gpu(nb):
    "Whether a notebook trains on a GPU if there is one"
    return any(GPU_CODE.search(cell.source) for cell in code_cells(nb))

def versions():
    "The versions of the packages that the text `pydoc` is read from"
    from w2v_nb.base.pydoc import PACKAGES
    python = platform.python_version()
    return {name: python if name == 'stdlib' else version(name) for name in PACKAGES}

def results(name='notebooks'):
    "What `--record` wrote, or nothing"
    path = record.RESULTS/f'{name}.json'
    return json.loads(path.read_text(encoding='utf-8')) if path.exists() else {}

def note_skip(name, why):
    "Print why outputs aren't compared, and note it in `$W2V_NB_SKIPPED`, as `has_ptb` does"
    print(f'skipped {name}: {why}', flush=True)
    if log := os.environ.get('W2V_NB_SKIPPED'):
        with open(log, 'a', encoding='utf-8') as f: f.write(f'{name}: outputs\t{why}\n')

def verdict(path, new, seconds, other, compare):
    """Print what differs and return 'fresh', 'stale' or 'skipped'. `other` says which packages
    behind `pydoc` have another version; without `compare`, only errors count."""
    stored = read(path)
    found = list(stale(stored if compare else new, new))
    excused = [(cell_id, what) for cell_id, what in found
               if other and uses_pydoc(stored, cell_id) and not what.startswith('ends in')]
    wrong = [pair for pair in found if pair not in excused]
    for cell_id, flag in left_out(stored): print(f'  {path.stem} {cell_id}: not run ({flag})')
    for cell_id, what in wrong: print(f'STALE   {path.stem} {cell_id}: {what}', flush=True)
    if wrong: return 'stale'
    if excused:
        cell_ids = ', '.join(cell_id for cell_id, _ in excused)
        note_skip(path.stem, f'{cell_ids} rest on pydoc, which is read here from {other}')
        return 'skipped'
    print(f'fresh   {path.stem:16} {seconds:5.0f} s', flush=True)
    return 'fresh'

async def check(paths, jobs=1, memory=False, other='', compare=True):
    "Run and compare the notebooks, `jobs` at a time: the `Result` of each, by its stem"
    gate, done = asyncio.Semaphore(jobs), {}
    async def one(path):
        async with gate:
            try: new, seconds, mb = await execute(path, memory)
            except (TimeoutError, RuntimeError) as e: # an endless cell, a kernel that died
                message = ' '.join(str(e).split())[:300]
                print(f'STALE   {path.stem}: {type(e).__name__}: {message}', flush=True)
                done[path.stem] = Result('stale')
                return
        done[path.stem] = Result(verdict(path, new, seconds, other, compare), seconds, mb)
    await asyncio.gather(*map(one, paths))
    return done

def keep(done, before, device):
    "Write what was measured into the results file, next to what it has of other notebooks"
    notebooks = dict(before.get('notebooks', {}))
    for stem, r in done.items():
        notebooks[stem] = dict(seconds=round(r.seconds, 1), mb=r.mb and round(r.mb))
    name = 'notebooks' if device == 'cpu' else 'notebooks_gpu'
    measured = dict(pydoc=versions(), notebooks=dict(sorted(notebooks.items())))
    record.save(name, measured, device=device)


# The command

def options():
    "The command line"
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('notebooks', nargs='*', type=Path, help='files; all of nbs/ by default')
    parser.add_argument('--jobs', type=int, default=min(2, record.cores()),
                        help='how many to run at a time (%(default)s)')
    parser.add_argument('--record', action='store_true',
                        help='one at a time, with all cores; write how long each took, '
                             'if all are fresh')
    parser.add_argument('--gpu', action='store_true',
                        help='with --record: run the notebooks that use a GPU on one, with '
                             'their `cuda` cells; outputs are not compared')
    args = parser.parse_args()
    if args.gpu and not args.record: parser.error('--gpu needs --record')
    if args.record: args.jobs = 1
    return args

def set_up_kernels(jobs, gpu):
    "Share the cores among the kernels, and hide GPUs unless asked for one: the device's name"
    for name in 'OMP_NUM_THREADS', 'NUMBA_NUM_THREADS':
        os.environ[name] = str(max(1, record.cores()//jobs))
    if not gpu:
        os.environ['CUDA_VISIBLE_DEVICES'] = ''
        return 'cpu'
    import torch
    if not torch.cuda.is_available(): sys.exit('--gpu: no GPU found')
    return torch.cuda.get_device_name()

def chosen(args, before):
    "The notebooks to run, the slowest first"
    paths = [p.resolve() for p in args.notebooks]
    paths = paths or sorted((ROOT/'nbs').glob('[!_.]*.ipynb'))
    if args.gpu: paths = [p for p in paths if uses_gpu(read(p))]
    measured = before.get('notebooks', {})
    seconds = {p: measured.get(p.stem, {}).get('seconds', 1e9) for p in paths}
    return sorted(paths, key=lambda p: (-seconds[p], p))

def version_changes(before):
    "What has changed in the packages behind `pydoc` since the times were recorded, in words"
    if not before: return []
    stored = before['pydoc']
    return [f'{package} {now} (stored: {stored.get(package)})'
            for package, now in versions().items() if stored.get(package) != now]

def elsewhere(before):
    "Whether the times were recorded on another machine"
    return bool(before) and before['machine']['cpu'] != record.cpu_name()


def main():
    args = options()
    from w2v_nb.chapter.text import has_ptb
    if not has_ptb('stored outputs are fresh'): return
    device = set_up_kernels(args.jobs, args.gpu)
    before = results('notebooks_gpu' if args.gpu else 'notebooks')
    changes = version_changes(before)
    if args.record and args.notebooks and (changes or elsewhere(before)):
        sys.exit('The other notebooks were measured on another machine or with other versions: '
                 'record them all.')
    other = '' if args.record else ', '.join(changes)
    paths = chosen(args, before)
    done = asyncio.run(check(paths, args.jobs, args.record, other, compare=not args.gpu))
    verdicts = [result.verdict for result in done.values()]
    print(', '.join(f'{verdicts.count(word)} {word}' for word in ('fresh', 'stale', 'skipped')))
    if 'stale' in verdicts:
        sys.exit('Run the stale notebooks again from top to bottom, look at what changed, '
                 'then run nbdev_clean.')
    if args.record: keep(done, before if args.notebooks else {}, device)


if __name__ == '__main__': main()
