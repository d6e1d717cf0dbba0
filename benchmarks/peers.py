"""The engine, gensim and fastText side by side: same text, same parameters, same number of threads, in turn, each run in a process of its own.
`--part speed` times training and the whole way from a text file to saved vectors, with the memory that takes; `--part quality` compares word
similarity and analogies over seeds; `--part heldout` asks for the loss on unseen text; `--part scale` for the time of a word in a short and in a long text, `--part threads` for what a second thread gains. Results are merged into `results/peers.json`.
`python peers.py FILE` measures on a text of your own."""
import argparse, json, os, re, statistics, subprocess, sys, tempfile, time
from itertools import product
from pathlib import Path

from record import RESULTS, save

TOOLS = ['ours', 'gensim', 'gensim_file', 'fasttext']
SHARED = dict(window=5, sample=1e-4, alpha=.05)


def peak_mb(): # most memory that this process held, MB
    return int(re.search(r'VmHWM:\s+(\d+) kB', Path('/proc/self/status').read_text())[1])/1000

def write_binary(path, words, vectors): # word2vec's binary format, for a tool that has none
    with open(path, 'wb') as f:
        f.write(b'%d %d\n' % vectors.shape)
        for w, v in zip(words, vectors): f.write(w.encode() + b' ' + v.tobytes())


# ---- a run of one tool, in a child process

def run_ours(o, out, lap):
    from w2v_nb.all import Corpus, Word2Vec
    lap('imports')
    corpus = Corpus.from_file(o['file'], min_count=o['min_count'], quiet=True); lap('reading')
    model = Word2Vec(vector_size=o['dim'], epochs=o['epochs'], workers=o['workers'], negative=o['negative'], seed=o['seed'], **SHARED).fit(corpus, quiet=True); lap('fit')
    model.wv.save_word2vec_format(out, binary=True)
    return dict(training=sum(model.history['seconds']), words=len(corpus.ids), vocabulary=len(corpus.vocab))

def run_gensim(o, out, lap):
    from gensim.models.word2vec import LineSentence, Word2Vec
    lap('imports')
    model = Word2Vec(vector_size=o['dim'], min_count=o['min_count'], workers=o['workers'], negative=o['negative'], seed=o['seed'] + 1, sg=1, hs=0, min_alpha=1e-4, epochs=o['epochs'], **SHARED)
    where = dict(corpus_file=o['file']) if o['tool'] == 'gensim_file' else dict(corpus_iterable=list(LineSentence(o['file'])))
    model.build_vocab(**where); lap('reading')
    start = time.perf_counter()
    model.train(**where, total_examples=model.corpus_count, total_words=model.corpus_total_words, epochs=o['epochs']); lap('fit')
    seconds = time.perf_counter() - start
    model.wv.save_word2vec_format(out, binary=True)
    return dict(training=seconds)

def run_fasttext(o, out, lap):
    import fasttext
    lap('imports')
    start = time.perf_counter()
    model = fasttext.train_unsupervised(o['file'], model='skipgram', dim=o['dim'], ws=SHARED['window'], neg=o['negative'], t=SHARED['sample'], lr=SHARED['alpha'],
        epoch=o['epochs'], minCount=o['min_count'], minn=0, maxn=0, bucket=1, thread=o['workers'], verbose=0); lap('fit')
    seconds = time.perf_counter() - start            # reading is in it: the library does both at once
    write_binary(out, model.words, model.get_input_matrix()[:len(model.words)])
    return dict(training=seconds)

def child(o):
    "One run: its seconds and its memory, as a line of JSON"
    laps, last, start = {}, [time.perf_counter()], time.perf_counter()
    def lap(name):
        now = time.perf_counter(); laps[name], last[0] = now - last[0], now
        if name == 'imports': laps['imports_mb'] = peak_mb()
    done = dict(ours=run_ours, gensim=run_gensim, gensim_file=run_gensim, fasttext=run_fasttext)[o['tool']](o, o['out'], lap)
    print(json.dumps(laps | done | dict(total=time.perf_counter() - start, peak_mb=peak_mb())))

def run(tool, file, out='/dev/null', cache=None, **o):
    "A run of `tool` in a process of its own"
    env = {k: v for k, v in os.environ.items() if k != 'OPENBLAS_CORETYPE'} | {k: str(o['workers']) for k in ('OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS')}
    if cache: env['NUMBA_CACHE_DIR'] = str(cache)
    with tempfile.TemporaryDirectory() as home:
        o |= dict(tool=tool, file=str(file), out=str(out) if out != '/dev/null' else f'{home}/v.bin')
        done = subprocess.run([sys.executable, __file__, '--child', json.dumps(o)], capture_output=True, text=True, env=env)
        if done.returncode: raise RuntimeError(done.stderr[-2000:])
    return dict(tool=tool, **{k: o[k] for k in ('dim', 'negative', 'workers', 'seed', 'epochs')}, **json.loads(done.stdout.splitlines()[-1]))


# ---- texts

def text_file(name, home, small, english_words=None):
    "Path of a text with one sentence a line, and its min_count"
    from w2v_nb.text import read_ptb, read_pydoc
    if name in ('ptb', 'pydoc'):
        path = Path(home)/f'{name}.txt'
        lines = (read_ptb() if name == 'ptb' else read_pydoc())[:2000 if small else None]
        path.write_text('\n'.join(' '.join(w for w in s if w != '<unk>') for s in lines) + '\n', encoding='utf-8')
        return path, 10
    from text import english, zipf
    if name == 'english': return english(), 5
    if name.startswith('zipf'): words, tokens = map(int, name.split('-')[1:]); return zipf(words, tokens, folder=home if small else None), 5
    return Path(name), 5


# ---- parts

def speed(args, home):
    "Every tool in turn, so many rounds; one cold run of ours first, with nothing compiled"
    rows = []
    for name in args.texts:
        file, min_count = text_file(name, home, args.small)
        for dim in args.dims:
            for workers, negative in product(args.workers, args.negative):
                o = dict(dim=dim, workers=workers, negative=negative, seed=0, epochs=args.epochs, min_count=min_count)
                with tempfile.TemporaryDirectory() as cache:
                    for r in range(args.rounds + 1):
                        for tool in args.tools:
                            if r == 0 and tool != 'ours': continue            # round 0: cold
                            row = dict(text=name, round=r, cold=r == 0) | run(tool, file, cache=cache, **o)
                            rows.append(row)
                            print({k: round(v, 2) if isinstance(v, float) else v for k, v in row.items()}, flush=True)
    return rows

def quality(args, home):
    "gensim's evaluators on the vectors of ours and of gensim, seed by seed; Welch's interval of the difference"
    from gensim.models import KeyedVectors
    from gensim.test.utils import datapath
    from scipy import stats
    out = {}
    for name in args.texts:
        file, min_count = text_file(name, home, args.small)
        scores = {tool: [] for tool in args.tools if tool != 'gensim'}
        for seed in range(args.seeds):
            for tool in scores:
                run(tool, file, f'{home}/{tool}.bin', dim=100, workers=2, negative=5, seed=seed, epochs=5, min_count=min_count)
                wv = KeyedVectors.load_word2vec_format(f'{home}/{tool}.bin', binary=True)
                found = [float(wv.evaluate_word_pairs(datapath(f))[1][0]) if not args.small else 0. for f in ('wordsim353.tsv', 'simlex999.txt')]
                scores[tool].append(dict(zip(('WordSim-353', 'SimLex-999', 'analogies'), found + [wv.evaluate_word_analogies(datapath('questions-words.txt'))[0] if not args.small else 0.])))
                print(name, tool, seed, scores[tool][-1], flush=True)
        out[name] = dict(scores=scores, difference={})
        for measure in scores['ours'][0] if args.seeds > 1 else ():
            a, b = ([s[measure] for s in scores[tool]] for tool in ('ours', 'gensim_file'))
            ci = stats.ttest_ind(a, b, equal_var=False).confidence_interval() if not args.small else (0., 0.)
            out[name]['difference'][measure] = dict(mean=statistics.mean(a) - statistics.mean(b), low=float(ci[0]), high=float(ci[1]))
    return out

def heldout(args, home):
    "Loss on unseen sentences after the same training, for ours and gensim"
    from gensim.models.word2vec import Word2Vec as Theirs
    from w2v_nb.all import Corpus, HeldOut, Word2Vec, match_rows, read_ptb
    out = {}
    for name in args.texts:
        file, min_count = text_file(name, home, args.small)
        lines = [line.split() for line in file.read_text(encoding='utf-8').splitlines() if line.strip()]
        unseen = read_ptb('valid') if name == 'ptb' else lines[::20]
        lines = lines if name == 'ptb' else [s for i, s in enumerate(lines) if i % 20]
        corpus = Corpus.from_sentences(lines, min_count=min_count)
        judge = HeldOut(Corpus.from_sentences(unseen, vocab=corpus.vocab))
        rows = dict(ours=[], gensim=[])
        for seed in range(min(args.seeds, 3)):
            model = Word2Vec(epochs=5, workers=2, negative=5, seed=seed, **SHARED).fit(corpus, quiet=True)
            theirs = Theirs(lines, vector_size=100, min_count=min_count, workers=2, sg=1, hs=0, min_alpha=1e-4, epochs=5, negative=5, seed=seed + 1, **SHARED)
            rows['ours'].append(tuple(judge.loss(*model.tables.views())))
            rows['gensim'].append(tuple(judge.loss(*(match_rows(t, theirs.wv.index_to_key, corpus.vocab) for t in (theirs.wv.vectors, theirs.syn1neg)))))
            print(name, seed, rows['ours'][-1], rows['gensim'][-1], flush=True)
        out[name] = rows
    return out


def scale(args, home):
    "Does a word of a long text cost more than one of a short text? Ours alone, the same vocabulary, one epoch"
    import numpy as np
    from w2v_nb.all import Corpus, Vocab, Word2Vec
    sizes, V = (20_000, 60_000) if args.small else (1_000_000, 30_000_000), 500 if args.small else 40_000
    share = 1/(np.arange(V) + 2.7)
    vocab = Vocab({f'w{i}': int(n) for i, n in enumerate(share/share[-1]*5)}, unk=None)
    ids = np.random.default_rng(0).choice(V, max(sizes), p=share/share.sum()).astype(np.int32)
    out = {str(n): [] for n in sizes}
    for _ in range(args.rounds):
        for n in sizes:
            corpus = Corpus(ids[:n], np.arange(0, n + 1, 20), vocab)
            out[str(n)].append(Word2Vec(epochs=1, workers=2).fit(corpus, quiet=True).history[0].seconds/n*1e9)
            print(n, out[str(n)][-1], 'ns a word', flush=True)
    return out


def threads(args, home):
    "Words a second of ours with one thread and with two, in turn"
    from w2v_nb.all import Corpus, Word2Vec
    out = {}
    for name in args.texts:
        file, min_count = text_file(name, home, args.small)
        corpus = Corpus.from_file(file, min_count=min_count, quiet=True)
        out[name] = {str(n): [] for n in (1, 2)}
        for _ in range(args.rounds):
            for n in (1, 2): out[name][str(n)].append(Word2Vec(epochs=1, workers=n).fit(corpus, quiet=True).history[0].raw_words_per_s)
        print(name, out[name], flush=True)
    return out


# ---- the table

def medians(rows):
    "{(text, dim, noise words, threads): {tool: medians of its runs}}; cold runs are called `ours, cold`"
    groups = {}
    for row in rows: groups.setdefault((row['text'], row['dim'], row['negative'], row['workers']), {}).setdefault('ours, cold' if row['cold'] else row['tool'], []).append(row)
    words = {row['text']: row['words'] for row in rows if row['tool'] == 'ours'}
    middle = lambda runs, key: statistics.median(r[key] for r in runs)
    return {key: {tool: dict(words_per_s=words[key[0]]*runs[0]['epochs']/middle(runs, 'training'), total=middle(runs, 'total'), peak_mb=middle(runs, 'peak_mb'),
                             above_mb=statistics.median(r['peak_mb'] - r['imports_mb'] for r in runs)) for tool, runs in tools.items()} for key, tools in groups.items()}

def table(results):
    "The speed part as a table in Markdown: medians, and ratios to the faster of gensim's two ways"
    lines = ['| text | dim | noise | threads | tool | words/s | x gensim | file to vectors, s | x gensim | memory above imports, MB |', '|---|--:|--:|--:|---|--:|--:|--:|--:|--:|']
    for (text, dim, negative, workers), tools in medians(results['speed']).items():
        gensim = [m for t, m in tools.items() if t.startswith('gensim')]
        best = dict(words_per_s=max(m['words_per_s'] for m in gensim), total=min(m['total'] for m in gensim)) if gensim else None
        for tool, m in tools.items():
            ratio = (f"{m['words_per_s']/best['words_per_s']:.1f}", f"{best['total']/m['total']:.1f}") if best else ('', '')
            lines.append(f"| {text} | {dim} | {negative} | {workers} | {tool} | {m['words_per_s']:,.0f} | {ratio[0]} | {m['total']:.1f} | {ratio[1]} | {m['above_mb']:,.0f} |")
    return '\n'.join(lines)


PARTS = dict(speed=speed, quality=quality, heldout=heldout, scale=scale, threads=threads)

def options():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument('file', nargs='?', help='a text of your own, one sentence a line')
    p.add_argument('--small', action='store_true', help='a small run, to see that it works')
    p.add_argument('--out', type=Path, default=RESULTS, help='folder for the results file')
    p.add_argument('--part', choices=list(PARTS), default='speed')
    p.add_argument('--texts', nargs='+', default=['ptb', 'pydoc', 'english'])
    p.add_argument('--tools', nargs='+', choices=TOOLS, default=TOOLS)
    p.add_argument('--dims', nargs='+', type=int, default=[100])
    p.add_argument('--negative', nargs='+', type=int, default=[5])
    p.add_argument('--workers', nargs='+', type=int, default=[2])
    p.add_argument('--rounds', type=int, default=3); p.add_argument('--epochs', type=int, default=1); p.add_argument('--seeds', type=int, default=5)
    return p.parse_args()


if __name__ == '__main__':
    if sys.argv[1:2] == ['--child']: child(json.loads(sys.argv[2])); sys.exit()
    args = options()
    if args.file: args.texts = [args.file]
    if args.small: args.texts, args.rounds, args.seeds, args.tools = ['zipf-300-9000'], 1, 2, ['ours', 'gensim_file']
    path = args.out/'peers.json'
    old = json.loads(path.read_text()) if path.exists() else {part: [] if part == 'speed' else {} for part in PARTS}
    with tempfile.TemporaryDirectory() as home:
        for part in PARTS if args.small else [args.part]:
            new = PARTS[part](args, home)
            if part == 'speed':
                key = lambda r: tuple(r[k] for k in ('text', 'dim', 'negative', 'workers', 'tool'))
                same = {key(r) for r in new}
                old[part] = [r for r in old[part] if key(r) not in same] + new
            else: old[part] = old.get(part, {}) | new
            save('peers', {part: old.get(part, {}) for part in PARTS}, args.out)
    if old['speed']: print(table(old))
