"""Run every notebook of nbs/ once, each in a kernel of its own, and compare the outputs it stores with the new ones. A stale output is named, with its notebook and cell, and makes this exit with 1; nothing is written. Without the Penn Treebank, which the stored outputs are of, nothing is compared. `--record` runs one notebook after the other and writes how long each took to benchmarks/results/notebooks.json; then `tools/times.py` says so at the top of each."""
import argparse, asyncio, base64, json, os, platform, re, struct, sys, time
from html.parser import HTMLParser
from importlib.metadata import version
from pathlib import Path

import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT/'benchmarks'))
import record

# An integer may not change at all. Any other number, percentages among them, may change by one unit of its last digit shown, if it is not zero, or by:
RELATIVE, ABSOLUTE = .01, 1e-6 # of the stored number; of numbers near zero
PIXELS = 2                     # by which a picture's width and height may change, as another version of Matplotlib may have it
NOT_RUN = 'notest', 'slow', 'cuda', 'multigpu' # as settings.ini has them; the stored outputs are a CPU's, so no kernel sees a GPU
NOT_COMPARED = 'timing',                       # run, and looked at for errors only
CELL_TIMEOUT = 600 # seconds

EMPTY = {'text/plain': ''} # what a bar leaves that is done
NUMBER = re.compile(r'((?:(?<![\w.)\]])[-+])?(?:\d{1,3}(?:,\d{3})+(?![\d,])|\d+)(?:\.\d+)?(?:[eE][-+]?\d{1,3}(?!\w))?%?)')
MEMORY = "\nimport resource; print(max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))"


def flags(cell): return re.findall(r'^#\| *(\w+) *$', cell.source, re.M) if cell.cell_type == 'code' else []

def tolerance(number):
    "How far another number may be from `number`, a string"
    mantissa, _, exponent = number.rstrip('%').lower().partition('e')
    if not (set('.%') & set(number) or exponent): return 0.
    unit = float(f"1e{int(exponent or 0) - len(mantissa.partition('.')[2])}")
    return max(unit*bool(value(mantissa)), RELATIVE*abs(value(number)), ABSOLUTE) * (1 + 1e-9) # for the rounding of the difference

def value(number): return float(number.rstrip('%').replace(',', ''))

def text_change(old, new):
    "The first difference between two texts, in words; None if they agree"
    for a, b in zip(old + [None]*len(new), new + [None]*len(old)): # lines
        if a is None or b is None: return None if a == b else f'line {a!r} is gone' if b is None else f'line {b!r} is new'
        x, y = NUMBER.split(a), NUMBER.split(b)
        near = len(x) == len(y) and x[::2] == y[::2] and all(p == q or abs(value(p) - value(q)) <= tolerance(p) for p, q in zip(x[1::2], y[1::2]))
        if not near: return f'{a!r} is now {b!r}'

def lines(text):
    "Lines as they are compared: without addresses in memory, and without what aligns a table"
    text = re.sub(r'0x[0-9a-f]{6,}', '0x', ''.join(text))
    return [re.sub(r'\s+', ' ', line).strip().replace('[ ', '[') for line in text.strip().splitlines()]

class Visible(HTMLParser):
    "The text of HTML that a reader sees, a line for each piece"
    def __init__(self, html): super().__init__(); self.lines, self.hidden = [], 0; self.feed(html); self.close()
    def handle_starttag(self, tag, attrs): self.hidden += tag in ('script', 'style')
    def handle_endtag(self, tag): self.hidden -= tag in ('script', 'style')
    def handle_data(self, data): self.lines += [data] if data.strip() and not self.hidden else []

def png_size(data): return struct.unpack('>II', base64.b64decode(''.join(data))[16:24])

def shown(outputs):
    "What the outputs of a cell show: pairs (kind, content), the streams each as one text, before the rest"
    streams = {name: ''.join(''.join(o.text) for o in outputs if o.output_type == 'stream' and o.name == name) for name in ('stdout', 'stderr')}
    streams['stderr'] = re.sub(r'.*\d+%\|.*[\r\n]?', '', streams['stderr']) # without bars, which tell the time
    return ([(name, text) for name, text in streams.items() if text.strip()]
            + [('error', f'{o.ename}: {o.evalue}') for o in outputs if o.output_type == 'error']
            + [pair for o in outputs if o.get('data', EMPTY) != EMPTY for pair in sorted(o.data.items())])

def change(old, new):
    "What the first difference between a cell's stored and new outputs is; None if there is none"
    old, new = shown(old), shown(new)
    for kind, content in new:
        if kind == 'error': return f'ends in {content}'
    for (kind, a), (now, b) in zip(old, new):
        if kind != now: return f'shows {now} where {kind} is stored'
        if kind == 'image/png':
            if any(abs(p - q) > PIXELS for p, q in zip(png_size(a), png_size(b))):
                return 'a picture of {}x{} pixels is now one of {}x{}'.format(*png_size(a), *png_size(b))
        elif not kind.startswith('image/'):
            a, b = (sum(map(lines, Visible(''.join(t)).lines), []) if kind == 'text/html' else lines(t if isinstance(t, (str, list)) else json.dumps(t, sort_keys=True)) for t in (a, b))
            if found := text_change(a, b): return f'{kind}: {found}'
    if len(old) > len(new): return f'{old[len(new)][0]} is stored, and comes no more'
    if len(new) > len(old): return f'{new[len(old)][0]} is new'

def stale(stored, new):
    "For each cell that does not show what it stores: (its id, what differs)"
    now = {c.id: c for c in new.cells}
    for cell in stored.cells:
        if cell.cell_type != 'code' or cell.id not in now: continue
        outputs = now[cell.id].outputs
        found = change([], [o for o in outputs if o.output_type == 'error']) if set(flags(cell)) & set(NOT_COMPARED) else change(cell.outputs, outputs)
        if found: yield cell.id, found


def read(path): return nbformat.read(path, as_version=4)

def left_out(nb):
    "Cells that are not run: pairs (id, flag); `cuda` is, where the kernels may see a GPU"
    return [(c.id, f) for c in nb.cells for f in flags(c) if f in NOT_RUN and not (f == 'cuda' and os.environ.get('CUDA_VISIBLE_DEVICES') != '')]

async def execute(path, memory=False):
    "The notebook at `path` with new outputs, run from its own folder; seconds; if asked, the largest memory of its processes, MB"
    nb = read(path)
    skip = {i for i, _ in left_out(nb)}
    nb.cells = [c for c in nb.cells if c.id not in skip]
    for c in nb.cells:
        if c.cell_type == 'code': c.outputs = []
    if memory and os.name != 'nt': nb.cells.append(nbformat.v4.new_code_cell(MEMORY))
    since = time.perf_counter()
    await NotebookClient(nb, timeout=CELL_TIMEOUT, kernel_name='python3', allow_errors=True, resources=dict(metadata=dict(path=str(path.parent))),
                         extra_arguments=['--HistoryManager.enabled=False', '--log-level=ERROR']).async_execute()
    seconds = time.perf_counter() - since
    mb = int(nb.cells.pop().outputs[0].text) / (2**20 if sys.platform == 'darwin' else 2**10) if memory and os.name != 'nt' else None
    return nb, seconds, mb


def uses_pydoc(nb, upto=None):
    "Whether the notebook reads the documentation of the installed packages, in cell `upto` or before"
    for c in nb.cells:
        if c.cell_type == 'code' and 'pydoc' in c.source: return True
        if c.id == upto: return False
    return False

def uses_gpu(nb):
    "Whether the notebook trains on a GPU where there is one"
    return any(re.search(r'try_gpu|w2v_nb\.(training|exercises)\b|Word2Vec\(|#\| cuda', c.source) for c in nb.cells if c.cell_type == 'code')

def versions():
    "Of what the text `pydoc` is read from"
    from w2v_nb.text import PACKAGES
    return {p: platform.python_version() if p == 'stdlib' else version(p) for p in PACKAGES}

def results(name='notebooks'):
    "What `--record` wrote, if it did"
    path = record.RESULTS/f'{name}.json'
    return json.loads(path.read_text(encoding='utf-8')) if path.exists() else {}

def note_skip(name, why):
    "Tell, and note in the file `$W2V_NB_SKIPPED`, as `has_ptb` does"
    print(f'skipped {name}: {why}', flush=True)
    if log := os.environ.get('W2V_NB_SKIPPED'):
        with open(log, 'a', encoding='utf-8') as f: f.write(f'{name}: outputs\t{why}\n')

def verdict(path, new, seconds, other, compare):
    "Print whether the outputs of a notebook are fresh, or only whether it ran; `other` says how the versions that `pydoc` is read from differ. One of 'fresh', 'stale', 'skipped'"
    stored = read(path)
    found = list(stale(stored if compare else new, new))
    excused = [(i, what) for i, what in found if other and uses_pydoc(stored, i) and not what.startswith('ends in')]
    wrong = [f for f in found if f not in excused]
    for i, flag in left_out(stored): print(f'  {path.stem} {i}: not run, being {flag}')
    for i, what in wrong: print(f'STALE   {path.stem} {i}: {what}', flush=True)
    if excused and not wrong: note_skip(path.stem, f"{', '.join(i for i, _ in excused)} rest on pydoc, which is read here from {other}")
    if not found: print(f'fresh   {path.stem:16} {seconds:5.0f} s', flush=True)
    return 'stale' if wrong else 'skipped' if found else 'fresh'

async def check(paths, jobs=1, memory=False, other='', compare=True):
    "Run and compare the notebooks, `jobs` at a time: for each its stem, verdict, seconds and MB"
    gate, done = asyncio.Semaphore(jobs), {}
    async def one(path):
        async with gate:
            try: new, seconds, mb = await execute(path, memory)
            except (TimeoutError, RuntimeError) as e: # a cell without end, a kernel that died
                print(f"STALE   {path.stem}: {type(e).__name__}: {' '.join(str(e).split())[:300]}", flush=True)
                done[path.stem] = 'stale', None, None
                return
        done[path.stem] = verdict(path, new, seconds, other, compare), seconds, mb
    await asyncio.gather(*map(one, paths))
    return done

def keep(done, before, device):
    "Write what was measured into the results file, beside what it has of other notebooks"
    measured = {name: dict(seconds=round(s, 1), mb=mb and round(mb)) for name, (_, s, mb) in done.items()}
    record.save('notebooks' if device == 'cpu' else 'notebooks_gpu', dict(pydoc=versions(), notebooks=dict(sorted((before.get('notebooks', {}) | measured).items()))), device=device)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('notebooks', nargs='*', type=Path, help='files; all of nbs/ by default')
    cores = len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count()
    parser.add_argument('--jobs', type=int, default=min(2, cores), help='how many at a time (%(default)s)')
    parser.add_argument('--record', action='store_true', help='one at a time, with all cores; write how long each took, if all are fresh')
    parser.add_argument('--gpu', action='store_true', help='with --record: the notebooks that use a GPU, on one, with their `cuda` cells; outputs are not compared')
    args = parser.parse_args()
    if args.gpu and not args.record: parser.error('--gpu goes with --record')
    from w2v_nb.text import has_ptb
    if not has_ptb('stored outputs are fresh'): return
    jobs, device = 1 if args.record else args.jobs, 'cpu'
    for name in 'OMP_NUM_THREADS', 'NUMBA_NUM_THREADS': os.environ[name] = str(max(1, cores // jobs))
    if args.gpu:
        import torch
        if not torch.cuda.is_available(): sys.exit('no GPU here')
        device = torch.cuda.get_device_name()
    else: os.environ['CUDA_VISIBLE_DEVICES'] = ''
    paths = [p.resolve() for p in args.notebooks] or sorted((ROOT/'nbs').glob('[!_.]*.ipynb'))
    if args.gpu: paths = [p for p in paths if uses_gpu(read(p))]
    before, here = results('notebooks_gpu' if args.gpu else 'notebooks'), versions()
    differ = [p for p, v in here.items() if before and before['pydoc'].get(p) != v]
    if args.record and args.notebooks and (differ or before and before['machine']['cpu'] != record.cpu_name()):
        sys.exit('the others were measured on another machine or with other versions: record all')
    other = '' if args.record else ', '.join(f"{p} {here[p]} (stored: {before['pydoc'].get(p)})" for p in differ)
    seconds = lambda path: before.get('notebooks', {}).get(path.stem, {}).get('seconds', 1e9)
    done = asyncio.run(check(sorted(paths, key=lambda p: (-seconds(p), p)), jobs, args.record, other, not args.gpu)) # the longest first
    count = lambda word: sum(v == word for v, *_ in done.values())
    print(f"{count('fresh')} fresh, {count('stale')} stale, {count('skipped')} skipped")
    if count('stale'): sys.exit('Run the stale notebooks again from top to bottom, look at what changed, then nbdev_clean')
    if args.record: keep(done, before if args.notebooks else {}, device)


if __name__ == '__main__': main()
