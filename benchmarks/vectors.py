"""What vectors cost, here and in gensim: seconds and peak memory of reading and writing files and of a thousand questions.
Each measurement is a process of its own; ours and gensim's take turns, and the median is kept. Then, ours alone: opening a large
file, its first use, and a thousand questions to a table of 1.2 GB."""
import json, os, statistics, subprocess, sys, tempfile, time
from pathlib import Path

from record import options, save

START = """
import json, sys, time
from pathlib import Path
import numpy as np
def memory(what): return next(int(line.split()[1])/1000 for line in open('/proc/self/status') if line.startswith(what)) # kB in units of 1,000, in MB
def table(V, D): return np.random.default_rng(0).normal(size=(V, D), scale=.3).astype(np.float32) if V*D < 1e8 else np.random.default_rng(0).random((V, D), dtype=np.float32) - np.float32(.5)
"""
END = """
before, start = memory('VmRSS'), time.perf_counter()
{timed}
print(json.dumps(dict(seconds=time.perf_counter() - start, before_mb=before, peak_mb=memory('VmHWM'))))
"""
OURS, THEIRS = 'from w2v_nb.vectors import WordVectors as K', 'from gensim.models import KeyedVectors as K'
WORDS = "words = [f'word{i}' for i in range(V)]; keys = words[:Q]"
MADE = {'ours': 'wv = K(table(V, D), words)', 'gensim': 'wv = K(D); wv.add_vectors(words, table(V, D))'}
ONE_BY_ONE = 'found = [wv.most_similar(w, topn=10) for w in keys]'
# name: (what is made before, ours and gensim's line that is timed)
TASKS = {'save': (True, "wv.save(folder/'v.safetensors')", "wv.save(str(folder/'v.kv'))"),
         'load and first answer': (False, "wv = K.load(folder/'v.safetensors'); wv.most_similar('word7')", "wv = K.load(str(folder/'v.kv')); wv.most_similar('word7')"),
         'write binary': (True, "wv.save_word2vec_format(folder/'v.bin', binary=True)", "wv.save_word2vec_format(str(folder/'v.bin'), binary=True)",),
         'read binary': (False, "K.load_word2vec_format(folder/'v.bin', binary=True)", "K.load_word2vec_format(str(folder/'v.bin'), binary=True)"),
         'write text': (True, "wv.save_word2vec_format(folder/'v.txt')", "wv.save_word2vec_format(str(folder/'v.txt'))"),
         'read text': (False, "K.load_word2vec_format(folder/'v.txt')", "K.load_word2vec_format(str(folder/'v.txt'))"),
         '1,000 questions, one by one': (True, ONE_BY_ONE, ONE_BY_ONE),
         '1,000 questions at once': (True, 'found = wv.most_similar_batch(keys, topn=10)', ONE_BY_ONE)}
QUESTIONS = """
from importlib.util import find_spec
questions = Path(find_spec('gensim').origin).parent/'test'/'test_data'/'questions-words.txt'
asked = {w for line in questions.read_text().splitlines() if not line.startswith(':') for w in line.split()}
words = (sorted(asked) + [f'word{i}' for i in range(V)])[:V]
"""


def child(*lines, timed):
    "Run lines of Python in a process of its own; the last is timed."
    env = {k: v for k, v in os.environ.items() if k != 'OPENBLAS_CORETYPE'}
    done = subprocess.run([sys.executable, '-c', '\n'.join([START, *lines, END.format(timed=timed)])], capture_output=True, text=True, env=env)
    if done.returncode: raise RuntimeError(done.stderr[-2000:])
    return json.loads(done.stdout.splitlines()[-1])


def median(runs):
    return {k: round(statistics.median(r[k] for r in runs), 4) for k in runs[0]}


def turns(rounds, ours, theirs):
    "Ours and gensim's, by turns"
    runs = [(ours(), theirs()) for _ in range(rounds)]
    a, b = (median(side) for side in zip(*runs))
    return dict(ours=a, gensim=b, times=round(statistics.median(y['seconds']/x['seconds'] for x, y in runs), 2))


def against_gensim(folder, V, D, Q, rounds, names=TASKS):
    rows = []
    for name in names:
        made, ours, theirs = TASKS[name]
        size = f"V, D, Q, folder = {V}, {D}, {Q}, Path({str(folder)!r})"
        def run(side, imports, timed): return child(imports, size, *([WORDS, MADE[side]] if made else []), timed=timed)
        rows.append(dict(task=name, words=V, dim=D) | turns(rounds, lambda: run('ours', OURS, ours), lambda: run('gensim', THEIRS, theirs)))
        print(rows[-1], flush=True)
    return rows


def all_analogies(V, D, rounds):
    "The full file of analogies; all of its words have vectors"
    def run(side, imports, timed): return child(imports, f'V, D = {V}, {D}', QUESTIONS, MADE[side], timed=timed)
    return dict(task='analogies', words=V, dim=D) | turns(rounds, lambda: run('ours', OURS + '; from w2v_nb.evaluation import evaluate_word_analogies', 'evaluate_word_analogies(wv, questions)'),
                                                          lambda: run('gensim', THEIRS, 'wv.evaluate_word_analogies(str(questions))'))


def command(folder, V, D, rounds):
    "Seconds from typing `w2v_similar` to its end, Python's start included, with a file that was read before"
    child(OURS, WORDS.replace('range(V)', f'range({V})').replace('[:Q]', ''), timed=f"K(table({V}, {D}), words).save('{folder}/small.safetensors')")
    seconds = []
    for _ in range(rounds + 1):
        start = time.perf_counter()
        subprocess.run([sys.executable, '-c', 'from w2v_nb.cli import w2v_similar; w2v_similar()', f'{folder}/small.safetensors', 'word7'], check=True, capture_output=True)
        seconds.append(time.perf_counter() - start)
    return dict(words=V, dim=D, seconds=round(statistics.median(seconds[1:]), 3))


def large(folder, V, D, rounds):
    "Opening a large file, and what its first use costs"
    made = child(OURS, WORDS.replace('range(V)', f'range({V})').replace('[:Q]', ''), timed=f"K(table({V}, {D}), words, counts=np.arange({V})).save('{folder}/large.safetensors')")
    path = f"path = '{folder}/large.safetensors'"
    return dict(words=V, dim=D, save=median([made]), load=median([child(OURS, 'import safetensors', path, timed='K.load(path)') for _ in range(rounds)]),
                words_decoded=median([child(OURS, path, 'wv = K.load(path)', timed='wv.key_to_index') for _ in range(rounds)]),
                values_checked=median([child(OURS, path, 'wv = K.load(path)', timed='wv.vectors') for _ in range(rounds)]),
                first_answer=median([child(OURS, path, 'wv = K.load(path)', timed="wv.most_similar('word7')") for _ in range(rounds)]))


def batch_in_memory(V, D, Q):
    "A thousand questions to a large table, and the memory they take beside it"
    run = child(OURS, f"wv = K(table({V}, {D}), [f'word{{i}}' for i in range({V})])", timed=f"wv.most_similar_batch(range({Q}))")
    return dict(words=V, dim=D, questions=Q, table_mb=V*D*4/1e6) | run | dict(beside_the_table=round((run['peak_mb'] - run['before_mb'])/(V*D*4/1e6), 4))


if __name__ == '__main__':
    args = options(__doc__)
    V, D, Q, rounds, text_words, big = (500, 20, 50, 1, 600, 2000) if args.small else (40_000, 100, 1000, 5, 390_000, 1_000_000)
    with tempfile.TemporaryDirectory() as folder:
        if not os.path.exists('/proc/self/status'): raise SystemExit('memory is read from /proc, which is not here')
        child(OURS, WORDS.replace('range(V)', '[0]').replace('Q', '1'), timed='K(table(1, 1), words).most_similar(0)') # warms the cache of compiled code
        rows = against_gensim(Path(folder), V, D, Q, rounds) + [all_analogies(V, D, min(rounds, 3))]
        print(rows[-1], flush=True)
        child(OURS, timed=f"K(table({text_words}, {D}), [f'word{{i}}' for i in range({text_words})]).save_word2vec_format('{folder}/v.txt')")
        child(OURS, timed=f"K.load_word2vec_format('{folder}/v.txt')") # compiles, once
        size = Path(folder, 'v.txt').stat().st_size
        text = dict(bytes=size, words=text_words, dim=D) | turns(min(rounds, 3), lambda: child(OURS, timed=f"K.load_word2vec_format('{folder}/v.txt')"), lambda: child(THEIRS, timed=f"K.load_word2vec_format('{folder}/v.txt')"))
        print(text, flush=True)
        results = dict(against_gensim=rows, w2v_similar=command(folder, V, D, 2*rounds), large_text=text, large_file=large(folder, big, D, rounds), large_batch=batch_in_memory(big, 3*D, Q))
    save('vectors', results, args.out)
