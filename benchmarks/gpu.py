"""The engine on a GPU: is it right, how fast is it, how good are its vectors, and what do
others reach on the same card? One command, some minutes; every figure goes into
`results/gpu.json`, with the names of the device and of all versions. Without a GPU only
`--small` runs, in Triton's interpreter."""
import json, math, os, statistics, sys, tempfile, time
from itertools import product
from pathlib import Path
from typing import NamedTuple

from record import RESULTS, options, save

# centre words a second: the source's own run, its clock corrected (07_training)
SOURCE_RATE = 34_079
# raw words a second: w2v-accel 0.0.2's own page; dim 128, window 5, 5 noise words, sample 1e-3,
# a GPU without a name; binaries without a licence, so it was not run
REPORTED = 94_776_200
NOT_YET = 'not yet measured'


# ---- tables for the pages: they need nothing but the results file

def results(folder=RESULTS):
    "What was measured, or None"
    path = Path(folder)/'gpu.json'
    return json.loads(path.read_text()) if path.exists() else None

def markdown(head, rows):
    "A table in Markdown"
    lines = [' | '.join(map(str, row)) for row in [head, ['--:']*len(head), *rows]]
    return '\n'.join(f'| {line} |' for line in lines)

HEAD = ['text', 'words', 'vocabulary', 'kept', 'dim', 'products', 'M words/s', 'M centres/s',
        'centres in a group', 'programs', "of the copy's bandwidth", 'of the rate of additions',
        'compiled and tried in s']

def speed_row(row):
    "A row of the table of speeds"
    return [row['text'], f"{row['words']:,}", f"{row['vocabulary']:,}", f"{row['kept']:.0%}",
            row['dim'], row['precision'], f"{row['raw_words_per_s']/1e6:.1f}",
            f"{row['centres_per_s']/1e6:.1f}", row['config'][0], row['programs'],
            f"{row['share_of_copy'] or math.nan:.0%}",
            f"{row['share_of_adds'] or math.nan:.0%}",
            f"{row['prepared_in_s']:.0f}"]

def table(found):
    "Speed, in Markdown"
    if not found: return NOT_YET
    rows = [speed_row(row) for row in found['speed'] if 'left_out' not in row]
    return markdown(HEAD, rows) + (
        f"\n\nOn one {found['gpu']['name']}; medians of epochs, without compiling. w2v-accel "
        "0.0.2 (reported, not reproduced: binaries without a licence): "
        f"{REPORTED/1e6:.1f} M words/s at dim 128 on a GPU that is not named.")

def quality_table(found):
    "Quality, in Markdown"
    if not found or not found['quality']: return NOT_YET
    rows = found['quality']
    measures = [key for key in rows[0] if key not in ('where', 'seed', 'seconds')]
    def cell(where, measure):
        values = [row[measure] for row in rows if row['where'] == where]
        return ', '.join(f'{value:.4f}' for value in values if value is not None) or '-'
    places = dict.fromkeys(row['where'] for row in rows)
    return markdown(['', *measures], [[where, *(cell(where, measure) for measure in measures)]
                                      for where in places])


# ---- texts

class Case(NamedTuple):
    "A text, and how it is sampled and trained on"
    ids:object
    offsets:object
    counts:object
    sampling:object
    schedule:object
    def trainer(self, tables, device, **options):
        "A trainer of these tables"
        from w2v_nb.engine.gpu import Trainer
        return Trainer(tables, *self, device, **options)
    def tables(self, dim):
        "New tables"
        from w2v_nb.engine.tables import make_tables
        return make_tables(len(self.counts), dim)

def make_case(ids, offsets, counts, sample, epochs=1):
    "With an ordinary schedule"
    import numpy as np
    from w2v_nb.engine.sampling import make_sampling
    from w2v_nb.engine.tables import Schedule
    ids, offsets = np.array(ids), np.array(offsets)
    return Case(ids, offsets, counts, make_sampling(counts, sample=sample),
                Schedule(.025, 1e-4, len(ids), epochs))

def case_of(corpus, small):
    "A corpus, with a `sample` that suits its size"
    return make_case(corpus.ids, corpus.offsets, corpus.counts, .05 if small else 1e-4)

def made_up_sentences(n, V=30):
    "Short sentences of made-up words, for the small run"
    import numpy as np
    rng = np.random.default_rng(0)
    return [[f'w{i}' for i in rng.integers(V, size=6)] for _ in range(n)]

def made_up(n):
    "A corpus of them"
    from w2v_nb.all import Corpus
    return Corpus.from_sentences(made_up_sentences(n), min_count=1, name='made up')

def synthetic(V, n, device, seed=0):
    "Ids by Zipf's law, made on the device, in sentences of 20 words; their counts"
    import numpy as np, torch
    ranks = torch.arange(V, device=device, dtype=torch.float64)
    share = torch.cumsum(1/(ranks + 2.7), 0)
    generator, parts = torch.Generator(device).manual_seed(seed), []
    for lo in range(0, n, 1 << 24):
        x = torch.rand(min(1 << 24, n - lo), generator=generator, device=device,
                       dtype=torch.float64)*share[-1]
        found = torch.searchsorted(share, x).clamp_(max=V - 1)
        parts.append(found.to(torch.int32).cpu().numpy())
    ids = np.concatenate(parts)
    offsets = np.minimum(np.arange(0, n + 20, 20), n)
    return ids, offsets, np.maximum(np.bincount(ids, minlength=V), 1)

def texts(device, small):
    "Name, case and dimensions"
    from w2v_nb.all import Corpus, has_ptb
    if small:
        few = made_up(12)
        yield few.name, case_of(few, small), [16]
        return
    dims = [100, 128, 300]
    if has_ptb('the GPU on PTB'):
        ptb = Corpus.ptb()
        yield 'ptb', make_case(ptb.ids, ptb.offsets, ptb.counts, 1e-4, epochs=100), dims
    pydoc = Corpus.pydoc()
    yield 'pydoc', make_case(pydoc.ids, pydoc.offsets, pydoc.counts, 1e-4, epochs=50), dims
    for V in 71_000, 555_000:
        text = synthetic(V, 200_000_000, device)
        yield f'zipf-{V}', make_case(*text, 1e-3, epochs=2), dims


# ---- measuring

def seconds_of(work, device, turns=1):
    "Seconds that `work` takes, the device's part included: the median"
    import torch
    def wait():
        if device.type == 'cuda': torch.cuda.synchronize()
    times = []
    for _ in range(turns):
        wait()
        start = time.perf_counter()
        work()
        wait()
        times.append(time.perf_counter() - start)
    return statistics.median(times)

def rows_kernel():
    "A kernel that reads rows of a table, or adds to them"
    import triton, triton.language as tl
    @triton.jit
    def touch_rows(T, rows, n, READ: tl.constexpr, D: tl.constexpr, B: tl.constexpr):
        r, d = tl.program_id(0)*B + tl.arange(0, B), tl.arange(0, D)
        row = tl.load(rows + r, mask=r < n, other=0).to(tl.int64)
        at, some = T + row[:, None]*D + d[None, :], (r < n)[:, None]
        if READ:
            total = tl.sum(tl.load(at, mask=some, other=0.), 0)
            # never true, but the compiler can't know: so it must read
            tl.store(T + d, total, mask=total == 123456.)
        else: tl.atomic_add(at, tl.full([B, D], 1., tl.float32), mask=some, sem='relaxed')
    return touch_rows

def memory_rates(device, small):
    "Bytes a second of a copy; rows of 128 float32 that are read, or added to, in random order"
    import torch
    touch_rows, (size, n) = rows_kernel(), (1000, 64) if small else (2**28, 2**22)
    source = torch.zeros(size, device=device)
    target = torch.empty_like(source)
    seconds = seconds_of(lambda: target.copy_(source), device, 5)
    found = dict(copy_bytes_per_s=8*size/seconds)
    for V in (100,) if small else (7000, 555_000):
        T = torch.zeros(V, 128, device=device)
        rows = torch.randint(V, (n,), device=device, dtype=torch.int32)
        for name, read in ('read', True), ('added', False):
            def run(): touch_rows[(-(-n//16),)](T, rows, n, read, 128, 16)
            run() # compiles
            found[f'rows_{name}_per_s_of_{V}'] = n/seconds_of(run, device, 5)
    return found

def shares(rate, memory):
    "Of what the memory can do, if so many numbers are read, and as many added, in a second"
    if not memory: return dict(share_of_copy=None, share_of_adds=None)
    adds = min(value for name, value in memory.items() if name.startswith('rows_added'))
    return dict(share_of_copy=rate*8/memory['copy_bytes_per_s'], share_of_adds=rate/128/adds)

def seconds_with_bar(trainer, n):
    "An epoch with a progress bar"
    from w2v_nb.base.progress import progress_bar
    with open(os.devnull, 'w') as nowhere:
        with progress_bar(total=n, quiet=False, file=nowhere) as bar:
            start = time.perf_counter()
            trainer.run(0, tick=lambda words, *_: bar.update(words - bar.n))
            return time.perf_counter() - start

def epochs_of(name, case, dim, precision, device, small, memory):
    "A row of results: all epochs of a case"
    from w2v_nb.engine.gpu import Config, rows_a_centre
    trainer = case.trainer(case.tables(dim), device, precision=precision,
                           config=Config(4, 16, 1, 2) if small else None)
    start, times, n = time.perf_counter(), [], len(case.ids)
    trainer.prepare()
    prepared = time.perf_counter() - start
    for epoch in range(case.schedule.epochs):
        start = time.perf_counter()
        centres = trainer.run(epoch).centres
        times.append(time.perf_counter() - start)
    middle = statistics.median(times)
    rows = sum(rows_a_centre(case.ids, case.offsets, case.sampling, trainer.config.centres))
    return dict(text=name, words=n, vocabulary=len(case.counts), kept=centres/n, dim=dim,
                precision=precision, raw_words_per_s=n/middle, centres_per_s=centres/middle,
                config=list(trainer.config), programs=trainer.programs, prepared_in_s=prepared,
                seconds=times, seconds_with_bar=seconds_with_bar(trainer, n),
                rows_a_centre=rows,
                **shares(centres/middle*rows*dim, memory))

def speed(device, small, memory, budget=200):
    "Whole epochs, after compiling: medians; with a progress bar, too"
    rows, began = [], time.perf_counter()
    for name, case, dims in texts(device, small):
        settings = [(dim, precision) for dim in dims
                    for precision in (('ieee', 'tf32') if dim == 128 else ('ieee',))]
        for dim, precision in settings:
            if time.perf_counter() - began > budget:
                rows.append(dict(text=name, dim=dim, precision=precision,
                                 left_out=f'{budget} s were over'))
                continue
            rows.append(epochs_of(name, case, dim, precision, device, small, memory))
            print({k: v for k, v in rows[-1].items() if k != 'seconds'}, flush=True)
    return rows


# ---- is it right?

def train_on_cpu(case, tables, n, loss_every):
    "The first n words: what `train_range` gives"
    from w2v_nb.engine.skipgram import Setup, make_own, train_range
    setup = Setup(tables, case.ids, case.offsets, case.sampling, case.schedule,
                  loss_every=loss_every)
    return train_range(setup, 0, n, 0, make_own(case.sampling, tables.stride))

def begun_tables(case, dim, n):
    "Tables that have learnt something"
    tables = case.tables(dim)
    train_on_cpu(case, tables, n, 16)
    return tables

def chunk_errors(case, dim, n, device, config, programs):
    "How far the tables are from the CPU's after a chunk, over what was learnt in it"
    import numpy as np
    before, on_cpu, tables = (begun_tables(case, dim, n) for _ in range(3))
    loss, terms, centres = train_on_cpu(case, on_cpu, n, 1)
    trainer = case.trainer(tables, device, config=config)
    trainer.loss_every = 1
    if programs: # one: then the order is the CPU's, and no row needs a lower rate
        trainer.programs = programs
        trainer.highest_rates.fill_(math.inf)
        trainer.sums.zero_()
    start = time.perf_counter()
    totals = trainer.run(0, hi=n)
    seconds = time.perf_counter() - start
    errors = [float(np.linalg.norm(a - b)/np.linalg.norm(b - o))
              for a, b, o in zip(tables.views(), on_cpu.views(), before.views())]
    return dict(config=list(config), programs=trainer.programs, terms=totals.terms,
                terms_on_cpu=terms, centres=totals.centres, centres_on_cpu=centres,
                loss_ratio=totals.loss/loss, errors=errors, seconds=seconds)

def cpu_blocks(case, n):
    "The CPU's draws for the first n words: begin, end, block and its centres"
    import numpy as np
    from w2v_nb.engine.sampling import draw_block, make_block
    block, lo = make_block(case.sampling), 0
    while lo < n:
        first, last, end = draw_block(case.ids, case.offsets, lo, n, 0, case.sampling, block)
        yield lo, end, block, np.arange(first, last)
        lo = end

def compare_draws(case, n, trainer):
    "Kept words and windows, one by one: centres, and blocks in which any differs"
    from w2v_nb.engine.gpu import find_kept
    wrong = seen = 0
    for lo, end, block, i in cpu_blocks(case, n):
        chunk, room = trainer.chunk_at(lo, end), trainer.room
        find_kept(chunk, trainer.keep, room, 0, case.sampling, case.schedule)
        ends = [0, *room.ends[:len(chunk.ids)].tolist()]
        centres = slice(ends[chunk.below], ends[chunk.above])
        positions = room.positions[centres].cpu().numpy() + chunk.begin
        spans = i - block.window_begin[i] + 256*(block.window_end[i] - i - 1)
        same = len(positions) == len(i) and (positions == block.positions[i]).all()
        wrong += not (same and (room.spans[centres].cpu().numpy() == spans).all())
        seen += len(i)
    return dict(centres_compared=seen, blocks_that_differ=wrong)

def expected_counts(case):
    "For each word, over an epoch: contexts less their noise words"
    import numpy as np
    wanted = np.zeros(len(case.counts))
    for _, _, block, i in cpu_blocks(case, len(case.ids)):
        change = np.zeros(len(block.words) + 1)
        # what a centre adds to each of its contexts ...
        each = 1 - (block.noise[i] != block.words[i, None]).sum(1)
        np.add.at(change, block.window_begin[i], each)
        np.add.at(change, block.window_end[i], -each)
        total = np.cumsum(change)[:-1]
        # ... but not to itself
        total[i] -= each*(block.window_end[i] > block.window_begin[i])
        some = np.flatnonzero(total)
        np.add.at(wanted, block.words[some], total[some])
    return wanted

def whole_epoch(case, device, config):
    "The same as the GPU writes it, counted as on the page 29_gpu"
    import numpy as np
    from w2v_nb.engine.tables import Schedule
    tiny, tables = 2.**-60, case.tables(16)
    tables.input[:], tables.output[:] = 0, 1
    case = case._replace(schedule=Schedule(tiny, tiny, len(case.ids), 1))
    centres = case.trainer(tables, device, config=config).run(0).centres
    written = tables.views()[0][:, 0].astype(np.float64)/(tiny/2)
    differ = int((written != expected_counts(case)).sum())
    return dict(centres=centres, words_whose_count_differs=differ)

def correctness(device, small):
    "The same draws as on the CPU, and how far the tables are apart after a chunk"
    from w2v_nb.all import Corpus
    from w2v_nb.engine.gpu import Config
    case = case_of(made_up(20) if small else Corpus.pydoc(), small)
    n, dim = min(len(case.ids), 100_000), 16 if small else 100
    alone, usual = Config(1, 16 if small else 64, 2, 1), Config(4, 16 if small else 32, 1, 8)
    chunks = [chunk_errors(case, dim, n, device, config, programs)
              for config, programs in ((alone, 1), (usual, None))]
    trainer = case.trainer(case.tables(dim), device, config=usual)
    return dict(chunks=chunks, **compare_draws(case, n, trainer),
                epoch=whole_epoch(case, device, usual))


# ---- is it good?

def made_up_lists():
    "Files of word pairs and analogies for the small run"
    folder = Path(tempfile.mkdtemp())
    (folder/'pairs').write_text('w0\tw1\t1\nw2\tw3\t2\nw4\tw5\t3\n')
    (folder/'analogies').write_text(': made up\nw0 w1 w2 w3\nw4 w5 w6 w7\n')
    return {'WordSim-353': folder/'pairs', 'SimLex-999': folder/'pairs',
            'analogies': folder/'analogies'}

def word_lists(small):
    "Files of word pairs and analogies: gensim's, where it is installed"
    if small: return made_up_lists()
    try: from gensim.test.utils import datapath
    except ImportError: datapath = {}.get
    return {'WordSim-353': datapath('wordsim353.tsv'), 'SimLex-999': datapath('simlex999.txt'),
            'analogies': datapath('questions-words.txt')}

def score(wv, measure, path):
    "Of one of these files; None where there is none"
    from w2v_nb.all import evaluate_word_analogies, evaluate_word_pairs
    if path is None: return None
    if measure == 'analogies': return float(evaluate_word_analogies(wv, path).score)
    return float(evaluate_word_pairs(wv, path).spearman[0])

def sentences_of(small, path):
    "The text to train on"
    from w2v_nb.all import Text
    if small: return Text('made up', made_up_sentences(60))
    lines = Path(path).read_text(encoding='utf-8').splitlines()
    return Text('english', [line.split() for line in lines])

def quality(device, small, text):
    "Word similarity, analogies and held-out loss, of the GPU and of the CPU, by seeds"
    from w2v_nb.all import Corpus, HeldOut, Word2Vec, split_text
    if not small and text is None: return []
    whole, files, rows = sentences_of(small, text), word_lists(small), []
    training, unseen = split_text(whole)
    sample = .05 if small else 1e-4
    corpus = Corpus.from_sentences(training, min_count=1 if small else 5, name=whole.name)
    questions = HeldOut(Corpus.from_sentences(unseen, vocab=corpus.vocab),
                    n=50 if small else 50_000, sample=sample)
    settings = dict(alpha=.05, epochs=1 if small else 5, sample=sample,
                    vector_size=16 if small else 100, device='cpu')
    for where, seed in product(('cpu', 'gpu'), range(1 if small else 3)):
        model = Word2Vec(seed=seed, **settings)
        if where == 'gpu': model._find_device = lambda *_: device
        model.fit(corpus, quiet=True)
        row = dict(where=where, seed=seed, seconds=sum(model.history['seconds']),
                   heldout=questions.loss(*model.tables.views()).loss)
        rows.append(row | {name: score(model.wv, name, path) for name, path in files.items()})
        print(rows[-1], flush=True)
    return rows


# ---- what others reach

def drawn_windows(case, device):
    "For each centre its contexts, -1 where there is none, and its outputs: int64 tensors"
    import numpy as np, torch
    contexts, outputs = [], []
    for _, _, block, i in cpu_blocks(case, len(case.ids)):
        at = i[:, None] + np.delete(np.arange(-5, 6), 5)
        some = (at >= block.window_begin[i, None]) & (at < block.window_end[i, None])
        words = block.words[np.clip(at, 0, len(block.words) - 1)]
        contexts.append(np.where(some, words, -1))
        outputs.append(np.column_stack([block.words[i], block.noise[i]]))
    return [torch.tensor(np.concatenate(parts).astype(np.int64), device=device)
            for parts in (contexts, outputs)]

def torch_step(X, U, contexts, outputs, rate=.025):
    "A step of the plain way: gather, batched product, `index_add_`"
    import torch
    counts = outputs != outputs[:, :1] # noise that equals the centre does not
    counts[:, 0] = True
    mask = (contexts >= 0)[:, :, None] & counts[:, None, :]
    contexts = contexts.clamp(min=0)
    x, u = X[contexts], U[outputs]
    slopes = -torch.sigmoid(torch.bmm(x, u.transpose(1, 2)))
    slopes[:, :, 0] += 1
    slopes = slopes*mask*rate
    X.index_add_(0, contexts.flatten(), torch.bmm(slopes, u).flatten(0, 1))
    U.index_add_(0, outputs.flatten(), torch.bmm(slopes.transpose(1, 2), x).flatten(0, 1))

def plain_torch(device, small):
    "The plain way in PyTorch, on the same windows and noise, drawn before the clock starts"
    import torch
    from w2v_nb.all import Corpus
    case = case_of(made_up(20) if small else Corpus.pydoc(), small)
    contexts, outputs = drawn_windows(case, device)
    n, rows = len(contexts), []
    for dim, batch in [(16, 64)] if small else product([128], [1024, 4096, 16384]):
        X, U = (torch.tensor(view, device=device) for view in case.tables(dim).views())
        def epoch():
            for lo in range(0, n, batch):
                torch_step(X, U, contexts[lo:lo + batch], outputs[lo:lo + batch])
        epoch()
        seconds = seconds_of(epoch, device, 3)
        rows.append(dict(dim=dim, batch=batch, centres_per_s=n/seconds,
                         raw_words_per_s=len(case.ids)/seconds,
                         finite=bool(torch.isfinite(X).all())))
    return rows

def chapter(device, small):
    "The chapter's own loop: true centre words a second"
    from w2v_nb.chapter.data import load_data
    from w2v_nb.chapter.embedding import make_embeddings
    from w2v_nb.base.pydoc import read_pydoc
    from w2v_nb.chapter.text import read_sentences
    from w2v_nb.chapter.training import train
    text = read_pydoc(['numba'])[:300] if small else read_sentences().sentences
    data, vocab = load_data(text, 64 if small else 512, 5, 5)
    net = make_embeddings(len(vocab), 16 if small else 100)
    history = train(net, data, .002, 2 if small else 5, device, quiet=True)
    rates = history['centres_per_s']
    return dict(centres_per_s=rates, losses=history['loss'],
                times_the_source=statistics.median(rates[1:])/SOURCE_RATE)


# ---- the command

def describe(there):
    "The GPU"
    import torch
    if not there:
        return dict(name='none: the interpreter', multiprocessors=0, memory=0,
                    cuda=torch.version.cuda)
    properties = torch.cuda.get_device_properties(0)
    return dict(name=properties.name, multiprocessors=properties.multi_processor_count,
                memory=properties.total_memory, cuda=torch.version.cuda)

def measure(device, args):
    "Each part, by name; what fails is told, and does not take the rest with it"
    done = dict(failed={})
    parts = [(memory_rates, lambda: ()), (correctness, lambda: ()),
             (quality, lambda: (args.text or None,)), (speed, lambda: (done['memory_rates'],)),
             (plain_torch, lambda: ()), (chapter, lambda: ())]
    for work, more in parts:
        start, name = time.perf_counter(), work.__name__
        try: done[name] = work(device, args.small, *more())
        except Exception as e:
            done[name], done['failed'][name] = None, f'{type(e).__name__}: {e}'
            print(name, done['failed'][name], flush=True)
        print(f'{name}: {time.perf_counter() - start:.0f} s', flush=True)
    return done


if __name__ == '__main__':
    args = options(__doc__, text='')
    import torch
    there = torch.cuda.is_available()
    if not there and not args.small: sys.exit('no GPU here: only --small can run')
    if not there: os.environ['TRITON_INTERPRET'] = '1'
    import triton
    gpu, device = describe(there), torch.device('cuda', 0) if there else torch.device('cpu')
    done = measure(device, args)
    done['memory'] = done.pop('memory_rates')
    save('gpu', dict(gpu=gpu, triton=triton.__version__) | done, args.out, gpu['name'])
    sys.exit(bool(done['failed']))
