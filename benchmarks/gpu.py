"""The engine on a GPU: is it right, how fast is it, how good are its vectors, and what do others reach on the same card? One command, some minutes;
every figure goes into `results/gpu.json`, with the names of the device and of all versions. Without a GPU only `--small` runs, in Triton's interpreter."""
import json, math, os, statistics, sys, tempfile, time
from pathlib import Path

from record import RESULTS, options, save

SOURCE_RATE = 34_079 # centre words a second: the source's own run, its clock corrected (06_training)
REPORTED = 94_776_200 # raw words a second: w2v-accel 0.0.2's own page; dim 128, window 5, 5 noise words, sample 1e-3, a GPU without a name; binaries without a licence, so it was not run
NOT_YET = 'not yet measured'


# ---- tables for the pages: they need nothing but the results file

def results(folder=RESULTS):
    "What was measured, or None"
    path = Path(folder)/'gpu.json'
    return json.loads(path.read_text()) if path.exists() else None

def table(found):
    "Speed, in Markdown"
    if not found: return NOT_YET
    head = ['text', 'words', 'vocabulary', 'kept', 'dim', 'products', 'M words/s', 'M centres/s', 'centres in a group', 'programs', 'of the copy\'s bandwidth', 'of the rate of additions', 'compiled and tried in s']
    rows = [[r['text'], f"{r['words']:,}", f"{r['vocabulary']:,}", f"{r['kept']:.0%}", r['dim'], r['precision'], f"{r['raw_words_per_s']/1e6:.1f}", f"{r['centres_per_s']/1e6:.1f}", r['config'][0], r['programs'], f"{r['share_of_copy'] or math.nan:.0%}", f"{r['share_of_adds'] or math.nan:.0%}", f"{r['prepared_in_s']:.0f}"] for r in found['speed'] if 'left_out' not in r]
    return markdown(head, rows) + f"\n\nOn one {found['gpu']['name']}; medians of epochs, without compiling. w2v-accel 0.0.2 (reported, not reproduced: binaries without a licence): {REPORTED/1e6:.1f} M words/s at dim 128 on a GPU that is not named."

def quality_table(found):
    "Quality, in Markdown"
    if not found or not found['quality']: return NOT_YET
    measures = [k for k in found['quality'][0] if k not in ('where', 'seed', 'seconds')]
    places = list(dict.fromkeys(r['where'] for r in found['quality']))
    cell = lambda place, m: ', '.join(f'{r[m]:.4f}' for r in found['quality'] if r['where'] == place and r[m] is not None) or '-'
    return markdown(['', *measures], [[place, *(cell(place, m) for m in measures)] for place in places])

def markdown(head, rows): return '\n'.join(f"| {' | '.join(map(str, row))} |" for row in [head, ['--:']*len(head), *rows])


# ---- measuring

def seconds_of(work, device, turns=1):
    "Seconds that `work` takes, the device's part included: the median"
    import torch
    wait, times = (torch.cuda.synchronize if device.type == 'cuda' else lambda: None), []
    for _ in range(turns):
        wait(); start = time.perf_counter(); work(); wait()
        times.append(time.perf_counter() - start)
    return statistics.median(times)

def memory_rates(device, small):
    "Bytes a second that a copy reads and writes; rows of 128 float32 that are read, or added to, in random order"
    import torch, triton, triton.language as tl
    @triton.jit
    def add_rows(T, rows, n, READ: tl.constexpr, D: tl.constexpr, B: tl.constexpr):
        r, d, total = tl.program_id(0)*B + tl.arange(0, B), tl.arange(0, D), tl.zeros([D], tl.float32)
        at = T + tl.load(rows + r, mask=r < n, other=0).to(tl.int64)[:, None]*D + d[None, :]
        if READ:
            total += tl.sum(tl.load(at, mask=(r < n)[:, None], other=0.), 0)
            tl.store(T + d, total, mask=total == 123456.)
        else: tl.atomic_add(at, tl.full([B, D], 1., tl.float32), mask=(r < n)[:, None], sem='relaxed')
    size, n, found = (1000, 64, {}) if small else (2**28, 2**22, {})
    a = torch.zeros(size, device=device); b = torch.empty_like(a)
    found['copy_bytes_per_s'] = 8*size/seconds_of(lambda: b.copy_(a), device, 5)
    for V in (100,) if small else (7000, 555_000):
        T, rows = torch.zeros(V, 128, device=device), torch.randint(V, (n,), device=device, dtype=torch.int32)
        for name, read in ('read', True), ('added', False):
            run = lambda: add_rows[(-(-n//16),)](T, rows, n, read, 128, 16)
            run(); found[f'rows_{name}_per_s_of_{V}'] = n/seconds_of(run, device, 5)
    return found

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
    share = torch.cumsum(1/(torch.arange(V, device=device, dtype=torch.float64) + 2.7), 0)
    g, parts = torch.Generator(device).manual_seed(seed), []
    for lo in range(0, n, 1 << 24):
        x = torch.rand(min(1 << 24, n - lo), generator=g, device=device, dtype=torch.float64)*share[-1]
        parts.append(torch.searchsorted(share, x).clamp_(max=V - 1).to(torch.int32).cpu().numpy())
    ids = np.concatenate(parts)
    return ids, np.minimum(np.arange(0, n + 20, 20), n), np.maximum(np.bincount(ids, minlength=V), 1)

def texts(device, small):
    "Name, ids, offsets, counts, epochs, `sample` values, dimensions"
    import numpy as np
    from w2v_nb.all import Corpus, has_ptb
    if small:
        few = made_up(12)
        yield few.name, few.ids, few.offsets, few.counts, 1, [.05], [16]; return
    dims = [100, 128, 300]
    if has_ptb('the GPU on PTB'): c = Corpus.ptb(); yield 'ptb', np.array(c.ids), np.array(c.offsets), c.counts, 100, [1e-4], dims
    c = Corpus.pydoc(); yield 'pydoc', np.array(c.ids), np.array(c.offsets), c.counts, 50, [1e-4], dims
    for V in 71_000, 555_000: yield f'zipf-{V}', *synthetic(V, 200_000_000, device), 2, [1e-3], dims

def speed(device, small, memory, budget=200):
    "Whole epochs, after compiling: medians; with a progress bar, too; the shares of what the memory can do, by `memory_rates`"
    from w2v_nb.cpu import Schedule, make_tables
    from w2v_nb.gpu import Config, Trainer, rows_a_centre
    from w2v_nb.sampling import make_sampling
    from w2v_nb.text import progress
    rows, began = [], time.perf_counter()
    for name, ids, offsets, counts, epochs, samples, dims in texts(device, small):
        for sample in samples:
            for dim in dims:
                for precision in ('ieee', 'tf32') if dim == 128 else ('ieee',):
                    if time.perf_counter() - began > budget: rows.append(dict(text=name, dim=dim, precision=precision, left_out=f'{budget} s were over')); continue
                    s, schedule, t = make_sampling(counts, sample=sample), Schedule(.025, 1e-4, len(ids), epochs), make_tables(len(counts), dim)
                    trainer = Trainer(t, ids, offsets, counts, s, schedule, device, precision=precision, config=Config(4, 16, 1, 2) if small else None)
                    start = time.perf_counter(); trainer.prepare(); compiling = time.perf_counter() - start
                    times, centres = [], 0
                    for epoch in range(epochs):
                        start = time.perf_counter(); centres = trainer(t, ids, offsets, epoch, s, schedule)[2]; times.append(time.perf_counter() - start)
                    with progress(total=len(ids), quiet=False, file=open(os.devnull, 'w')) as bar:
                        start = time.perf_counter(); trainer(t, ids, offsets, 0, s, schedule, tick=lambda words, *_: bar.update(words - bar.n)); barred = time.perf_counter() - start
                    middle, rows_each = statistics.median(times), sum(rows_a_centre(ids, offsets, s, trainer.config.centres))
                    rate = centres/middle*rows_each*dim                    # numbers read, and as many added, a second
                    rows.append(dict(text=name, words=len(ids), vocabulary=len(counts), sample=sample, kept=centres/len(ids), dim=dim, precision=precision, raw_words_per_s=len(ids)/middle, centres_per_s=centres/middle,
                                     config=list(trainer.config), programs=trainer.programs, prepared_in_s=compiling, seconds=times, seconds_with_bar=barred, rows_a_centre=rows_each,
                                     share_of_copy=rate*8/memory['copy_bytes_per_s'] if memory else None, share_of_adds=rate/128/min(v for k, v in memory.items() if k.startswith('rows_added')) if memory else None))
                    print({k: v for k, v in rows[-1].items() if k != 'seconds'}, flush=True)
                    del trainer
    return rows

def correctness(device, small):
    "The same draws as on the CPU, and how far the tables are apart after a chunk"
    import numpy as np
    from w2v_nb.all import Corpus
    from w2v_nb.cpu import AHEAD, Schedule, make_scratch, make_tables, train_range
    from w2v_nb.gpu import Config, Trainer
    from w2v_nb.sampling import draw_block, make_block, make_sampling
    c = made_up(20) if small else Corpus.pydoc()
    ids, offsets, n = np.array(c.ids), np.array(c.offsets), min(len(c.ids), 100_000)
    dim = 16 if small else 100
    s, schedule = make_sampling(c.counts, sample=.05 if small else 1e-4), Schedule(.025, 1e-4, len(ids), 1)
    def begin(): # tables that have learnt something
        t = make_tables(len(c.counts), dim)
        train_range(t, ids, offsets, 0, n, 0, s, schedule, 16, AHEAD, make_block(s), make_scratch(s, t.stride))
        return t
    before, cpu = [v.copy() for v in begin().views()], begin()
    loss, terms, centres = train_range(cpu, ids, offsets, 0, n, 0, s, schedule, 1, AHEAD, make_block(s), make_scratch(s, cpu.stride))
    found = []
    for config, programs in ((Config(1, 16 if small else 64, 2, 1), 1), (Config(4, 16 if small else 32, 1, 8), None)):
        t = begin()
        trainer = Trainer(t, ids, offsets, c.counts, s, schedule, device, config=config)
        if programs: trainer.programs = programs; trainer.most.fill_(float('inf')); trainer.sums.zero_()
        start = time.perf_counter(); got = trainer(t, ids, offsets, 0, s, schedule, every=1, hi=n); took = time.perf_counter() - start
        errors = [float(np.linalg.norm(a - b)/np.linalg.norm(b - o)) for a, b, o in zip(t.views(), cpu.views(), before)]
        found.append(dict(config=list(config), programs=trainer.programs, terms=got[1], terms_on_cpu=terms, centres=got[2], centres_on_cpu=centres, loss_ratio=got[0]/loss, errors=errors, seconds=took))
    # the draws of an epoch: kept words and windows, one by one
    from w2v_nb.gpu import find_kept
    block, lo, wrong, seen = make_block(s), 0, 0, 0
    while lo < n:
        first, last, end = draw_block(ids, offsets, lo, n, 0, s, block)
        chunk = trainer.chunk_at(lo, end); find_kept(chunk, trainer.keep, trainer.room, 0, s, schedule)
        ends = [0, *trainer.room.ends[:len(chunk.ids)].tolist()]
        a, b = ends[chunk.below], ends[chunk.above]
        i, spans = np.arange(first, last), trainer.room.spans[a:b].cpu().numpy()
        same = b - a == last - first and (trainer.room.places[a:b].cpu().numpy() + chunk.begin == block.places[i]).all() and (spans == i - block.left[i] + 256*(block.right[i] - i - 1)).all()
        wrong, seen, lo = wrong + (not same), seen + last - first, end
    return dict(chunks=found, centres_compared=seen, blocks_that_differ=wrong, epoch=whole_epoch(device, small, ids, offsets, c.counts, s))

def whole_epoch(device, small, ids, offsets, counts, s):
    "Contexts less noise words, counted for each word over an epoch, as `15_gpu` counts writes: with what the draws on the CPU add up to"
    import numpy as np
    from w2v_nb.cpu import Schedule, make_tables
    from w2v_nb.gpu import Config, Trainer
    from w2v_nb.sampling import draw_block, make_block
    tiny, t, V = 2.**-60, make_tables(len(counts), 16), len(counts)
    t.input[:], t.output[:] = 0, 1
    schedule, block, lo, wanted = Schedule(tiny, tiny, len(ids), 1), make_block(s), 0, np.zeros(V)
    trainer = Trainer(t, ids, offsets, counts, s, schedule, device, config=Config(4, 16 if small else 32, 1, 8))
    centres = trainer(t, ids, offsets, 0, s, schedule)[2]
    while lo < len(ids):
        first, last, lo = draw_block(ids, offsets, lo, len(ids), 0, s, block)
        i, change = np.arange(first, last), np.zeros(len(block.words) + 1)
        each = 1 - (block.noise[i] != block.words[i, None]).sum(1)      # what a centre adds to each of its contexts
        np.add.at(change, block.left[i], each); np.add.at(change, block.right[i], -each)
        total = np.cumsum(change)[:-1]
        total[i] -= each*(block.right[i] > block.left[i])               # but not to itself
        some = np.flatnonzero(total)
        np.add.at(wanted, block.words[some], total[some])
    return dict(centres=centres, words_whose_count_differs=int((t.views()[0][:, 0].astype(np.float64)/(tiny/2) != wanted).sum()))

def word_lists(small):
    "Files of word pairs and analogies: gensim's, where it is installed; made up for the small run"
    if small:
        folder = Path(tempfile.mkdtemp())
        (folder/'pairs').write_text('w0\tw1\t1\nw2\tw3\t2\nw4\tw5\t3\n'); (folder/'analogies').write_text(': made up\nw0 w1 w2 w3\nw4 w5 w6 w7\n')
        return {'WordSim-353': folder/'pairs', 'SimLex-999': folder/'pairs', 'analogies': folder/'analogies'}
    try: from gensim.test.utils import datapath
    except ImportError: datapath = lambda name: None
    return {'WordSim-353': datapath('wordsim353.tsv'), 'SimLex-999': datapath('simlex999.txt'), 'analogies': datapath('questions-words.txt')}

def quality(device, small, text):
    "Word similarity, analogies and held-out loss, of the GPU and of the CPU, by seeds"
    from w2v_nb.all import Corpus, HeldOut, Text, Word2Vec, evaluate_word_analogies, evaluate_word_pairs, split_text
    if not small and text is None: return []
    files = word_lists(small)
    whole = Text('made up', made_up_sentences(60)) if small else Text('english', [line.split() for line in Path(text).read_text(encoding='utf-8').splitlines()])
    training, unseen = split_text(whole)
    corpus = Corpus.from_sentences(training, min_count=1 if small else 5, name=whole.name)
    judge, rows = HeldOut(Corpus.from_sentences(unseen, vocab=corpus.vocab), n=50 if small else 50_000, sample=.05 if small else 1e-4), []
    for where in 'cpu', 'gpu':
        for seed in range(1 if small else 3):
            model = Word2Vec(alpha=.05, epochs=1 if small else 5, seed=seed, sample=.05 if small else 1e-4, vector_size=16 if small else 100, device='cpu')
            if where == 'gpu': model.find_device = lambda: device
            model.fit(corpus, quiet=True)
            row = dict(where=where, seed=seed, seconds=sum(model.history['seconds']), heldout=judge.loss(*model.tables.views()).loss)
            row |= {name: None if path is None else float(evaluate_word_analogies(model.wv, path).score if name == 'analogies' else evaluate_word_pairs(model.wv, path).spearman[0]) for name, path in files.items()}
            rows.append(row); print(row, flush=True)
    return rows

def plain_torch(device, small):
    "The plain way in PyTorch: gather, batched product, `index_add_`; the same windows, rates and number of noise words, drawn before the clock starts"
    import numpy as np, torch
    from w2v_nb.all import Corpus
    from w2v_nb.cpu import make_tables
    from w2v_nb.sampling import draw_block, make_block, make_sampling
    c = made_up(20) if small else Corpus.pydoc()
    ids, offsets, s, rows = np.array(c.ids), np.array(c.offsets), make_sampling(c.counts, sample=.05 if small else 1e-4), []
    block, lo, contexts, outs = make_block(s), 0, [], []
    while lo < len(ids):
        first, last, lo = draw_block(ids, offsets, lo, len(ids), 0, s, block)
        at = np.arange(first, last)[:, None] + np.delete(np.arange(-5, 6), 5)
        some = (at >= block.left[first:last, None]) & (at < block.right[first:last, None])
        contexts.append(np.where(some, block.words[np.clip(at, 0, len(block.words) - 1)], -1)); outs.append(np.column_stack([block.words[first:last], block.noise[first:last]]))
    contexts, outs = (torch.tensor(np.concatenate(x).astype(np.int64), device=device) for x in (contexts, outs))
    for dim in [16] if small else [128]:
        for batch in [64] if small else [1024, 4096, 16384]:
            X, U = (torch.tensor(v, device=device) for v in make_tables(len(c.counts), dim).views())
            def epoch():
                for lo in range(0, len(contexts), batch):
                    ctx, out = contexts[lo:lo + batch], outs[lo:lo + batch]
                    mask = (ctx >= 0)[:, :, None] & torch.cat([torch.ones_like(out[:, :1], dtype=torch.bool), out[:, 1:] != out[:, :1]], 1)[:, None, :]
                    ctx = ctx.clamp(min=0)
                    x, u = X[ctx], U[out]
                    slope = -torch.sigmoid(torch.bmm(x, u.transpose(1, 2))); slope[:, :, 0] += 1
                    slope = slope*mask*.025
                    X.index_add_(0, ctx.flatten(), torch.bmm(slope, u).flatten(0, 1)); U.index_add_(0, out.flatten(), torch.bmm(slope.transpose(1, 2), x).flatten(0, 1))
            epoch(); took = seconds_of(epoch, device, 3)
            rows.append(dict(dim=dim, batch=batch, centres_per_s=len(contexts)/took, raw_words_per_s=len(ids)/took, finite=bool(torch.isfinite(X).all())))
    return rows

def chapter(device, small):
    "The chapter's own loop: true centre words a second"
    from w2v_nb.data import load_data
    from w2v_nb.embedding import make_embeddings
    from w2v_nb.text import read_pydoc, read_sentences
    from w2v_nb.training import train
    text = read_pydoc(['numba'])[:300] if small else read_sentences().sentences
    data, vocab = load_data(text, 64 if small else 512, 5, 5)
    history = train(make_embeddings(len(vocab), 16 if small else 100), data, .002, 2 if small else 5, device, quiet=True)
    return dict(centres_per_s=history['centres_per_s'], losses=history['loss'], times_the_source=statistics.median(history['centres_per_s'][1:])/SOURCE_RATE)


if __name__ == '__main__':
    args = options(__doc__, text='')
    import torch
    here = torch.cuda.is_available()
    if not here and not args.small: sys.exit('no GPU here: only --small can run')
    if not here: os.environ['TRITON_INTERPRET'] = '1'
    import triton
    device, failed = torch.device('cuda', 0) if here else torch.device('cpu'), {}
    def part(work, *more): # what fails is told, and does not take the rest with it
        start = time.perf_counter()
        try: return work(device, args.small, *more)
        except Exception as e: failed[work.__name__] = f'{type(e).__name__}: {e}'; print(work.__name__, failed[work.__name__], flush=True)
        finally: print(f'{work.__name__}: {time.perf_counter() - start:.0f} s', flush=True)
    p = torch.cuda.get_device_properties(0) if here else None
    gpu = dict(name=p.name if here else 'none: the interpreter', multiprocessors=p.multi_processor_count if here else 0, memory=p.total_memory if here else 0, cuda=torch.version.cuda)
    memory = part(memory_rates)
    done = dict(gpu=gpu, triton=triton.__version__, correctness=part(correctness), memory=memory, quality=part(quality, args.text or None), speed=part(speed, memory), plain_torch=part(plain_torch), chapter=part(chapter))
    save('gpu', done | dict(failed=failed), args.out, gpu['name'])
    sys.exit(bool(failed))
