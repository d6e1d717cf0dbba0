"""The engine, gensim and fastText side by side: same text, same parameters, same number of
threads, in turn, each run in a process of its own. `--part speed` times training and the whole
way from a text file to saved vectors, with the memory that takes; `--part quality` compares
word similarity and analogies over seeds; `--part heldout` asks for the loss on unseen text;
`--part scale` for the time of a word in a short and in a long text, `--part threads` for what a
second thread gains. `--part family` and `--part family_quality` do the first two for skip-gram
and CBOW, each with negative samples and with a tree, `--part subwords` and
`--part subword_quality` with character n-grams. Results are merged into `results/peers.json`.
`python peers.py FILE` measures on a text of your own."""
import argparse, json, os, re, statistics, subprocess, sys, tempfile, time
from itertools import product
from pathlib import Path

from record import cores, cpu_name, RESULTS, save

TOOLS = ['ours', 'gensim', 'gensim_file', 'fasttext']
SHARED = dict(window=5, sample=1e-4, alpha=.05)
OBJECTIVES = {
    'skip-gram, negative samples': dict(sg=1, hs=0, negative=5),
    'CBOW, negative samples': dict(sg=0, hs=0, negative=5),
    'skip-gram, tree': dict(sg=1, hs=1, negative=0),
    'CBOW, tree': dict(sg=0, hs=1, negative=0),
}
SUBWORDS = {
    'skip-gram, subwords': dict(sg=1, hs=0, negative=5, max_n=6),
    'CBOW, subwords': dict(sg=0, hs=0, negative=5, max_n=6),
}
MIN_N, BUCKETS = 3, 2_000_000 # fastText's own
SKIPGRAM = OBJECTIVES['skip-gram, negative samples']
QUESTIONS = 'questions-words.txt' # gensim's own files of word pairs and analogies
PAIRS = {'WordSim-353': 'wordsim353.tsv', 'SimLex-999': 'simlex999.txt'}


def peak_mb(): # most memory that this process held, MB
    status = Path('/proc/self/status').read_text()
    return int(re.search(r'VmHWM:\s+(\d+) kB', status)[1])/1000

def write_binary(path, words, vectors): # word2vec's binary format, for a tool that has none
    with open(path, 'wb') as f:
        f.write(b'%d %d\n' % vectors.shape)
        for word, vector in zip(words, vectors):
            f.write(word.encode() + b' ' + vector.tobytes())


# ---- a run of one tool, in a child process

class Laps(dict):
    "Seconds of each part of a run, in turn"
    def __init__(self): self.start = self.last = time.perf_counter()
    def lap(self, name):
        "This part is over"
        now = time.perf_counter()
        self[name], self.last = now - self.last, now
        if name == 'imports': self['imports_mb'] = peak_mb()
        return self[name]

def run_ours(options, out, laps):
    from w2v_nb.all import Corpus, Word2Vec
    laps.lap('imports')
    corpus = Corpus.from_file(options['file'], min_count=options['min_count'], quiet=True)
    laps.lap('reading')
    names = 'epochs', 'workers', 'negative', 'seed', 'sg', 'hs', 'max_n', 'bucket'
    same = {name: options[name] for name in names}
    model = Word2Vec(vector_size=options['dim'], min_n=MIN_N, **same, **SHARED)
    model.fit(corpus, quiet=True)
    laps.lap('fit')
    if options['max_n']: model.wv.save_fasttext(out)
    else: model.wv.save_word2vec_format(out, binary=True)
    return dict(training=sum(model.history['seconds']), words=len(corpus.ids),
                vocabulary=len(corpus.vocab))

def gensim_settings(options):
    "The same settings, for gensim's constructor"
    names = 'min_count', 'workers', 'negative', 'epochs', 'sg', 'hs'
    same = {name: options[name] for name in names}
    return dict(vector_size=options['dim'], seed=options['seed'] + 1, min_alpha=1e-4,
                **same, **SHARED)

def run_gensim(options, out, laps):
    from gensim.models.fasttext import FastText, save_facebook_model
    from gensim.models.word2vec import LineSentence, Word2Vec
    laps.lap('imports')
    ngrams = dict(min_n=MIN_N, max_n=options['max_n'], bucket=options['bucket'])
    if options['max_n']: model = FastText(**gensim_settings(options), **ngrams)
    else: model = Word2Vec(**gensim_settings(options))
    if options['tool'] == 'gensim_file': text = dict(corpus_file=options['file'])
    else: text = dict(corpus_iterable=list(LineSentence(options['file'])))
    model.build_vocab(**text)
    laps.lap('reading')
    model.train(**text, total_examples=model.corpus_count, total_words=model.corpus_total_words,
                epochs=options['epochs'])
    seconds = laps.lap('fit')
    if options['max_n']: save_facebook_model(model, out)
    else: model.wv.save_word2vec_format(out, binary=True)
    return dict(training=seconds)

def run_fasttext(options, out, laps):
    import fasttext
    laps.lap('imports')
    model = fasttext.train_unsupervised(
        options['file'], model='skipgram' if options['sg'] else 'cbow',
        loss='hs' if options['hs'] else 'ns', dim=options['dim'], ws=SHARED['window'],
        neg=options['negative'], t=SHARED['sample'], lr=SHARED['alpha'],
        epoch=options['epochs'], minCount=options['min_count'], maxn=options['max_n'],
        minn=MIN_N if options['max_n'] else 0,
        bucket=options['bucket'] if options['max_n'] else 1,
        thread=options['workers'], verbose=0)
    seconds = laps.lap('fit') # reading is in it: the library does both at once
    if options['max_n']: model.save_model(out)
    else: write_binary(out, model.words, model.get_input_matrix()[:len(model.words)])
    return dict(training=seconds)

RUNS = dict(ours=run_ours, gensim=run_gensim, gensim_file=run_gensim, fasttext=run_fasttext)

def child(options):
    "One run: its seconds and its memory, as a line of JSON"
    laps = Laps()
    done = RUNS[options['tool']](options, options['out'], laps)
    total = time.perf_counter() - laps.start
    print(json.dumps(laps | done | dict(total=total, peak_mb=peak_mb())))

def environment(workers, cache):
    "Variables of a child process: its number of threads, and where compiled code is kept"
    found = {name: value for name, value in os.environ.items() if name != 'OPENBLAS_CORETYPE'}
    found |= dict.fromkeys(('OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS'), str(workers))
    return found | dict(NUMBA_CACHE_DIR=str(cache)) if cache else found

def run(tool, file, out=None, cache=None, **options):
    "A run of `tool` in a process of its own"
    with tempfile.TemporaryDirectory() as home:
        options = SKIPGRAM | dict(max_n=0, bucket=BUCKETS) | options
        options |= dict(tool=tool, file=str(file), out=str(out or f'{home}/v.bin'))
        command = [sys.executable, __file__, '--child', json.dumps(options)]
        done = subprocess.run(command, capture_output=True, text=True,
                              env=environment(options['workers'], cache))
        if done.returncode: raise RuntimeError(done.stderr[-2000:])
    noted = {name: options[name] for name in ('dim', 'negative', 'workers', 'seed', 'epochs')}
    return dict(tool=tool, **noted, **json.loads(done.stdout.splitlines()[-1]))


# ---- texts

def chapter_file(name, home, small):
    "A file with the sentences of PTB or of pydoc"
    from w2v_nb.chapter.text import read_ptb
    from w2v_nb.base.pydoc import read_pydoc
    sentences = (read_ptb() if name == 'ptb' else read_pydoc())[:2000 if small else None]
    lines = [' '.join(word for word in sentence if word != '<unk>') for sentence in sentences]
    path = Path(home)/f'{name}.txt'
    path.write_text('\n'.join(lines) + '\n', encoding='utf-8')
    return path

def text_file(name, home, small):
    "Path of a text with one sentence a line, and its min_count"
    if name in ('ptb', 'pydoc'): return chapter_file(name, home, small), 10
    from text import english, zipf
    if name == 'english': return english(), 5
    if not name.startswith('zipf'): return Path(name), 5
    words, tokens = map(int, name.split('-')[1:])
    return zipf(words, tokens, folder=home if small else None), 5


# ---- parts

def tell(row):
    "Print a row while the others are still being measured"
    rounded = {k: round(v, 2) if isinstance(v, float) else v for k, v in row.items()}
    print(rounded, flush=True)

def speed(args, home):
    "Every tool in turn, so many rounds; one cold run of ours first, with nothing compiled"
    rows = []
    for name in args.texts:
        file, min_count = text_file(name, home, args.small)
        settings = product(args.dims, args.workers, args.negative)
        for dim, workers, negative in settings:
            options = dict(dim=dim, workers=workers, negative=negative, seed=0,
                           epochs=args.epochs, min_count=min_count)
            with tempfile.TemporaryDirectory() as cache:
                turns = [(0, 'ours'), *product(range(1, args.rounds + 1), args.tools)]
                for r, tool in turns if 'ours' in args.tools else turns[1:]:
                    row = dict(text=name, round=r, cold=r == 0)
                    rows.append(row | run(tool, file, cache=cache, **options))
                    tell(rows[-1])
    return rows

def evaluated(path, small):
    "gensim's evaluators on a file of vectors"
    from gensim.models import KeyedVectors
    from gensim.test.utils import datapath
    wv = KeyedVectors.load_word2vec_format(path, binary=True)
    if small: return dict.fromkeys([*PAIRS, 'analogies'], 0.) # made-up words are in no list
    found = {name: float(wv.evaluate_word_pairs(datapath(file))[1][0])
             for name, file in PAIRS.items()}
    return found | dict(analogies=wv.evaluate_word_analogies(datapath(QUESTIONS))[0])

def differences(scores, small):
    "Of ours and of gensim: means, and Welch's interval"
    from scipy import stats
    found = {}
    for measure in scores['ours'][0]:
        ours, theirs = ([score[measure] for score in scores[tool]]
                        for tool in ('ours', 'gensim_file'))
        if small: low, high = 0., 0.
        else: low, high = stats.ttest_ind(ours, theirs, equal_var=False).confidence_interval()
        found[measure] = dict(mean=statistics.mean(ours) - statistics.mean(theirs),
                              low=float(low), high=float(high))
    return found

def quality(args, home):
    "Word similarity and analogies, of ours and of gensim, seed by seed"
    out, options = {}, dict(dim=100, workers=2, negative=5, epochs=5)
    for name in args.texts:
        file, min_count = text_file(name, home, args.small)
        scores = {tool: [] for tool in args.tools if tool != 'gensim'}
        for seed, tool in product(range(args.seeds), scores):
            path = f'{home}/{tool}.bin'
            run(tool, file, path, seed=seed, min_count=min_count, **options)
            scores[tool].append(evaluated(path, args.small))
            print(name, tool, seed, scores[tool][-1], flush=True)
        out[name] = dict(scores=scores,
                         difference=differences(scores, args.small) if args.seeds > 1 else {})
    return out

def family(args, home, objectives=None):
    "The speed of every tool at each objective, in turn; rows say which text and objective"
    rows, objectives = [], objectives or {name: OBJECTIVES[name] for name in args.objectives}
    for name, objective in product(args.texts, objectives):
        file, min_count = text_file(name, home, args.small)
        options = dict(dim=100, workers=2, seed=0, min_count=min_count,
                       bucket=1000 if args.small else BUCKETS,
                       epochs=5 if name == 'ptb' else args.epochs, **objectives[objective])
        with tempfile.TemporaryDirectory() as cache:
            turns = [(0, 'ours'), *product(range(1, args.rounds + 1), args.tools)]
            for r, tool in turns if 'ours' in args.tools else turns[1:]:
                row = dict(text=name, objective=objective, round=r, cold=r == 0)
                rows.append(row | run(tool, file, cache=cache, **options))
                tell(rows[-1])
    return dict(machine=dict(cpu=cpu_name(), cores=cores()), rows=rows)

def family_quality(args, home):
    "Word similarity and analogies at each objective, for each tool and seed"
    out, same = {}, dict(dim=100, workers=args.workers[0], epochs=5)
    one = ', one thread'*(args.workers[0] == 1)
    file, min_count = text_file(args.texts[-1], home, args.small)
    for objective in args.objectives:
        scores = {tool: [] for tool in args.tools if tool != 'gensim'}
        for seed, tool in product(range(args.seeds), scores):
            path = f'{home}/{tool}.bin'
            run(tool, file, path, seed=seed, min_count=min_count, **same,
                **OBJECTIVES[objective])
            scores[tool].append(evaluated(path, args.small))
            print(objective, tool, seed, scores[tool][-1], flush=True)
        out[objective] = dict(scores={tool + one: found for tool, found in scores.items()})
    return out

def subwords(args, home):
    "The speed of every tool with character n-grams"
    return family(args, home, subword_objectives(args))

def subword_objectives(args):
    "Skip-gram and CBOW; skip-gram alone in a small run"
    return dict(list(SUBWORDS.items())[:1 if args.small else 2])

def hide_words(file, hidden, home):
    "The same text without some words"
    path = Path(home)/'hidden.txt'
    with open(file, encoding='utf-8') as text, open(path, 'w', encoding='utf-8') as out:
        for line in text:
            out.write(' '.join(word for word in line.split() if word not in hidden) + '\n')
    return path

def pairs_of(file):
    "The pairs of one of gensim's lists, in lower case, with their scores"
    from gensim.test.utils import datapath
    lines = Path(datapath(file)).read_text(encoding='utf-8').splitlines()
    fields = [line.lower().split('\t') for line in lines if line and not line.startswith('#')]
    return [(one, other, float(score)) for one, other, score in fields]

def subword_scores(path, hidden):
    "Spearman's rho on pairs of known words, and on pairs with a word that was hidden"
    from scipy.stats import spearmanr
    from w2v_nb.all import SubwordVectors, evaluate_word_analogies
    from gensim.test.utils import datapath
    wv, found = SubwordVectors.load_fasttext(path), {}
    for name, file in PAIRS.items():
        pairs = pairs_of(file)
        kinds = {name: [], f'{name}, one word unseen': []}
        for one, other, score in pairs:
            known = [word in wv.key_to_index for word in (one, other)]
            masked = [word in hidden for word in (one, other)]
            pair = wv.similarity(one, other), score
            if all(known): kinds[name].append(pair)
            elif any(known) and any(masked): kinds[f'{name}, one word unseen'].append(pair)
        for kind, some in kinds.items(): found[kind] = float(spearmanr(*zip(*some)).statistic)
    score = evaluate_word_analogies(wv, datapath(QUESTIONS))
    return found | dict(analogies=float(score[0]))

def subword_quality(args, home):
    "Quality with character n-grams, of ours and of fastText, and on words that were hidden"
    pairs = [pair for file in PAIRS.values() for pair in pairs_of(file)]
    hidden, out = set(sorted({word for *both, _ in pairs for word in both})[::5]), {}
    file, min_count = text_file(args.texts[-1], home, args.small)
    file = hide_words(file, hidden, home)
    for objective, settings in subword_objectives(args).items():
        scores = {tool: [] for tool in args.tools if 'gensim' not in tool}
        for seed, tool in product(range(1 if args.small else args.seeds), scores):
            path = f'{home}/{tool}.bin'
            run(tool, file, path, dim=100, workers=2, epochs=args.epochs, seed=seed,
                min_count=min_count, bucket=1000 if args.small else BUCKETS, **settings)
            scores[tool].append({} if args.small else subword_scores(path, hidden))
            print(objective, tool, seed, scores[tool][-1], flush=True)
        out[objective] = dict(scores=scores, epochs=args.epochs, hidden=len(hidden))
    return out

def split(name, file):
    "Sentences to train on, and unseen ones"
    from w2v_nb.all import read_ptb
    lines = map(str.split, file.read_text(encoding='utf-8').splitlines())
    lines = [line for line in lines if line]
    if name == 'ptb': return lines, read_ptb('valid')
    return [line for i, line in enumerate(lines) if i % 20], lines[::20]

def heldout(args, home):
    "Loss on unseen sentences after the same training, for ours and gensim"
    from gensim.models.word2vec import Word2Vec as Theirs
    from w2v_nb.all import Corpus, HeldOut, Word2Vec, match_rows
    out = {}
    for name in args.texts:
        file, min_count = text_file(name, home, args.small)
        known, unseen = split(name, file)
        corpus = Corpus.from_sentences(known, min_count=min_count)
        questions = HeldOut(Corpus.from_sentences(unseen, vocab=corpus.vocab))
        rows, same = dict(ours=[], gensim=[]), dict(epochs=5, workers=2, negative=5)
        for seed in range(min(args.seeds, 3)):
            ours = Word2Vec(seed=seed, **same, **SHARED).fit(corpus, quiet=True)
            options = SKIPGRAM | dict(same, dim=100, seed=seed, min_count=min_count)
            theirs = Theirs(known, **gensim_settings(options))
            tables = [match_rows(table, theirs.wv.index_to_key, corpus.vocab)
                      for table in (theirs.wv.vectors, theirs.syn1neg)]
            rows['ours'].append(tuple(questions.loss(*ours.tables.views())))
            rows['gensim'].append(tuple(questions.loss(*tables)))
            print(name, seed, rows['ours'][-1], rows['gensim'][-1], flush=True)
        out[name] = rows
    return out

def scale(args, home):
    "Nanoseconds for a word of a short and of a long text, with the same vocabulary"
    import numpy as np
    from w2v_nb.all import Corpus, Vocab, Word2Vec
    sizes, V = ((20_000, 60_000), 500) if args.small else ((1_000_000, 30_000_000), 40_000)
    share = 1/(np.arange(V) + 2.7)
    vocab = Vocab({f'w{i}': int(n) for i, n in enumerate(share/share[-1]*5)}, unk=None)
    rng, p = np.random.default_rng(0), share/share.sum()
    ids = rng.choice(V, max(sizes), p=p).astype(np.int32)
    out = {str(n): [] for n in sizes}
    for _, n in product(range(args.rounds), sizes):
        corpus = Corpus(ids[:n], np.arange(0, n + 1, 20), vocab)
        model = Word2Vec(epochs=1, workers=2).fit(corpus, quiet=True)
        out[str(n)].append(model.history[0].seconds/n*1e9)
        print(n, out[str(n)][-1], 'ns a word', flush=True)
    return out

def threads(args, home):
    "Words a second of ours with one thread and with two, in turn"
    from w2v_nb.all import Corpus, Word2Vec
    out = {}
    for name in args.texts:
        file, min_count = text_file(name, home, args.small)
        corpus = Corpus.from_file(file, min_count=min_count, quiet=True)
        out[name] = {'1': [], '2': []}
        for _, n in product(range(args.rounds), (1, 2)):
            model = Word2Vec(epochs=1, workers=n).fit(corpus, quiet=True)
            out[name][str(n)].append(model.history[0].raw_words_per_s)
        print(name, out[name], flush=True)
    return out


# ---- the table

def summary(runs, words):
    "Medians of some runs of a tool on a text of so many words"
    def middle(value): return statistics.median(map(value, runs))
    return dict(words_per_s=words*runs[0]['epochs']/middle(lambda run: run['training']),
                total=middle(lambda run: run['total']),
                peak_mb=middle(lambda run: run['peak_mb']),
                above_mb=middle(lambda run: run['peak_mb'] - run['imports_mb']))

def medians(rows):
    """{(text, dim, noise words, threads): {tool: medians of its runs}}; cold runs are called
    `ours, cold`"""
    groups = {}
    for row in rows:
        key = tuple(row[k] for k in ('text', 'dim', 'negative', 'workers'))
        group = groups.setdefault(key, {})
        group.setdefault('ours, cold' if row['cold'] else row['tool'], []).append(row)
    words = {row['text']: row['words'] for row in rows if row['tool'] == 'ours'}
    return {key: {tool: summary(runs, words[key[0]]) for tool, runs in tools.items()}
            for key, tools in groups.items()}

def ratios(found, tools):
    "Words a second and total time, as ratios to the faster of gensim's two ways"
    theirs = [found for tool, found in tools.items() if tool.startswith('gensim')]
    if not theirs: return '', ''
    faster = found['words_per_s']/max(their['words_per_s'] for their in theirs)
    sooner = min(their['total'] for their in theirs)/found['total']
    return f'{faster:.1f}', f'{sooner:.1f}'

def table(results):
    "The speed part as a table in Markdown: medians, and ratios to gensim"
    head = ['text', '--vector-size', '--negative', '--workers', 'tool', 'words/s', 'x gensim',
            'file to vectors, s', 'x gensim', 'memory above imports, MB']
    lines = ['| ' + ' | '.join(head) + ' |', '|---|--:|--:|--:|---|--:|--:|--:|--:|--:|']
    for setting, tools in medians(results['speed']).items():
        for tool, found in tools.items():
            faster, sooner = ratios(found, tools)
            cells = [*setting, tool, f"{found['words_per_s']:,.0f}", faster,
                     f"{found['total']:.1f}", sooner, f"{found['above_mb']:,.0f}"]
            lines.append('| ' + ' | '.join(map(str, cells)) + ' |')
    return '\n'.join(lines)

def paired(rows):
    "Words a second of ours, round by round, over those of the faster of gensim's two ways"
    seconds = {(row['round'], row['tool']): row['training'] for row in rows if not row['cold']}
    theirs = {}
    for (r, tool), s in seconds.items():
        if 'gensim' in tool: theirs[r] = min(s, theirs.get(r, s))
    return [s/seconds[r, 'ours'] for r, s in theirs.items() if (r, 'ours') in seconds]

def family_medians(family):
    "{(text, objective): {tool: medians of its runs}}; `ratio` is the median of paired ratios"
    groups = {}
    for row in family['rows']:
        groups.setdefault((row['text'], row['objective']), []).append(row)
    found = {}
    for key, rows in groups.items():
        words = next(row['words'] for row in rows if row['tool'] == 'ours')
        warm = {tool: [row for row in rows if row['tool'] == tool and not row['cold']]
                for tool in TOOLS}
        found[key] = {tool: summary(runs, words) for tool, runs in warm.items() if runs}
        if ratios := paired(rows): found[key]['ours']['ratio'] = statistics.median(ratios)
    return found

def family_table(family, objectives=tuple(OBJECTIVES), texts=('ptb', 'english')):
    "A row for each tool, text and objective: of gensim's two ways the faster"
    head = ['text', 'objective', 'tool', 'words/s', 'ours, times as fast', 'peak memory, MB']
    lines = ['| ' + ' | '.join(head) + ' |', '|---|---|---|--:|--:|--:|']
    for (text, objective), tools in family_medians(family).items():
        if text not in texts or objective not in objectives: continue
        ours, theirs = tools['ours'], [tool for tool in tools if 'gensim' in tool]
        faster = max(theirs, key=lambda tool: tools[tool]['words_per_s'], default=None)
        for tool in [tool for tool in ('ours', faster, 'fasttext') if tool in tools]:
            ratio = (ours['ratio'] if tool == faster else
                     ours['words_per_s']/tools[tool]['words_per_s'])
            speed, name = f"{tools[tool]['words_per_s']:,.0f}", tool.partition('_')[0]
            cells = [text, objective, name, speed,
                     '' if tool == 'ours' else f'{ratio:.1f}', f"{tools[tool]['peak_mb']:,.0f}"]
            lines.append('| ' + ' | '.join(cells) + ' |')
    return '\n'.join(lines)

def family_summary(family, texts=('ptb', 'english')):
    "A row for each objective: our words a second on each text, and times as fast as gensim"
    found = family_medians(family)
    head = ['', *(f'{text}, {what}' for text in texts for what in ('words/s', 'x gensim'))]
    lines = ['| ' + ' | '.join(head) + ' |', '|---' + '|--:'*(len(head) - 1) + '|']
    for objective in OBJECTIVES:
        ours = [found[text, objective]['ours'] for text in texts]
        cells = [cell for row in ours for cell in (f"{row['words_per_s']:,.0f}",
                                                   f"{row['ratio']:.1f}")]
        lines.append('| ' + ' | '.join([objective, *cells]) + ' |')
    return '\n'.join(lines)

def quality_table(quality, objectives=tuple(OBJECTIVES)):
    "Means of each measure, ours and gensim's, and the interval of the difference"
    lines = ['| objective | | ours | gensim | difference | 95 % interval |',
             '|---|---|--:|--:|--:|--:|']
    for objective in objectives:
        scores = quality[objective]['scores']
        for measure, gain in quality[objective]['difference'].items():
            means = [statistics.mean(score[measure] for score in scores[tool])
                     for tool in ('ours', 'gensim_file')]
            cells = [objective, measure, *(f'{mean:.3f}' for mean in means),
                     f"{gain['mean']:+.3f}", f"{gain['low']:+.3f} to {gain['high']:+.3f}"]
            lines.append('| ' + ' | '.join(cells) + ' |')
    return '\n'.join(lines)

def subword_table(subwords, texts=('english', 'ptb')):
    "A row for each tool, text and objective with n-grams, and ours as times as fast, by rounds"
    groups = {}
    for row in subwords['rows']:
        if row['text'] not in texts or row['cold']: continue
        tools = groups.setdefault((row['text'], row['objective']), {})
        tools.setdefault(row['tool'], []).append(row)
    head = ['text', 'objective', 'tool', 'words/s', 'ours, times as fast', 'peak memory, MB']
    lines = ['| ' + ' | '.join(head) + ' |', '|---|---|---|--:|--:|--:|']
    for (text, objective), tools in groups.items():
        ours, words = {row['round']: row for row in tools['ours']}, tools['ours'][0]['words']
        for tool, rows in tools.items():
            ratios = [row['training']/ours[row['round']]['training'] for row in rows]
            found, ratio = summary(rows, words), statistics.median(ratios)
            cells = [text, objective, tool, f"{found['words_per_s']:,.0f}",
                     '' if tool == 'ours' else f'{ratio:.1f}', f"{found['peak_mb']:,.0f}"]
            lines.append('| ' + ' | '.join(cells) + ' |')
    return '\n'.join(lines)

def subword_scores_table(quality):
    "Means over seeds of each measure, ours and fastText's"
    lines = ['| objective | | ours | fastText |', '|---|---|--:|--:|']
    for objective, part in quality.items():
        for measure in part['scores']['ours'][0]:
            means = [statistics.mean(score[measure] for score in part['scores'][tool])
                     for tool in ('ours', 'fasttext')]
            lines.append(f'| {objective} | {measure} | {means[0]:.3f} | {means[1]:.3f} |')
    return '\n'.join(lines)


# ---- the command

PARTS = dict(speed=speed, quality=quality, heldout=heldout, scale=scale, threads=threads,
             family=family, family_quality=family_quality, subwords=subwords,
             subword_quality=subword_quality)

def arguments():
    "The command line"
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument('file', nargs='?', help='a text of your own, one sentence a line')
    p.add_argument('--small', action='store_true', help='a small run, to see that it works')
    p.add_argument('--out', type=Path, default=RESULTS, help='folder for the results file')
    p.add_argument('--part', choices=list(PARTS), default='speed')
    p.add_argument('--texts', nargs='+', default=['ptb', 'pydoc', 'english'])
    p.add_argument('--objectives', nargs='+', choices=list(OBJECTIVES),
                   default=list(OBJECTIVES))
    p.add_argument('--tools', nargs='+', choices=TOOLS, default=TOOLS)
    p.add_argument('--dims', nargs='+', type=int, default=[100])
    p.add_argument('--negative', nargs='+', type=int, default=[5])
    p.add_argument('--workers', nargs='+', type=int, default=[2])
    p.add_argument('--rounds', type=int, default=3)
    p.add_argument('--epochs', type=int, default=1)
    p.add_argument('--seeds', type=int, default=5)
    args = p.parse_args()
    if args.file: args.texts = [args.file]
    if args.small:
        args.texts, args.rounds, args.seeds = ['zipf-300-9000'], 1, 2
        args.tools, args.objectives = ['ours', 'gensim_file'], ['CBOW, tree']
    return args

def merged(old, part, new):
    "Earlier results of a part, with new ones in the place of those of the same setting"
    if part == 'speed': return merged_rows(old['speed'], new)
    if part in ('family', 'subwords'):
        return new | dict(rows=merged_rows(old.get(part, {}).get('rows', []), new['rows']))
    if part == 'family_quality': return merged_scores(old.get(part, {}), new)
    return old.get(part, {}) | new

def merged_rows(old, new):
    "New rows in the place of those of the same setting and tool"
    names = 'text', 'objective', 'dim', 'negative', 'workers', 'tool'
    def setting(row): return [row.get(name) for name in names]
    measured = [setting(row) for row in new]
    return [row for row in old if setting(row) not in measured] + new

def merged_scores(old, new):
    "Scores of tools, measured now or earlier; our difference from gensim, once both are there"
    out = dict(old)
    for objective, found in new.items():
        scores = old.get(objective, {}).get('scores', {}) | found['scores']
        both = all(len(scores.get(tool, [])) > 1 for tool in ('ours', 'gensim_file'))
        both = both and any(scores['ours'][0].values()) # a small run knows no words
        out[objective] = dict(scores=scores,
                              difference=differences(scores, False) if both else {})
    return out

def measure(args):
    "The parts that were asked for; the results file is written after each"
    path = args.out/'peers.json'
    results = {part: [] if part == 'speed' else {} for part in PARTS}
    if path.exists(): results = json.loads(path.read_text())
    with tempfile.TemporaryDirectory() as home:
        for part in PARTS if args.small else [args.part]:
            results[part] = merged(results, part, PARTS[part](args, home))
            own = part.startswith(('family', 'subword')) # they say their own machine
            kept = {k: results[k] for k in ('machine', 'versions') if k in results and own}
            save('peers', kept | {part: results.get(part, {}) for part in PARTS}, args.out)
    return results


if __name__ == '__main__':
    if sys.argv[1:2] == ['--child']: child(json.loads(sys.argv[2]))
    else:
        args = arguments()
        results = measure(args)
        if results['speed']: print(table(results))
        if results.get('family'): print(family_table(results['family'], texts=args.texts))
