"""What vectors cost, here and in gensim: seconds and peak memory of files and 1,000 questions.
Each measurement is a process of its own; ours and gensim's take turns, and the median is kept.
Then, ours alone: opening a large file, its first use, and a thousand questions to a table of
1.2 GB."""
import json, os, statistics, subprocess, sys, tempfile, time
from pathlib import Path

from record import options, save

START = """
import json, sys, time
from pathlib import Path
import numpy as np
def memory(what):
    line = next(line for line in open('/proc/self/status') if line.startswith(what))
    return int(line.split()[1])/1000 # kB in units of 1,000, in MB
def table(V, D):
    rng = np.random.default_rng(0)
    if V*D < 1e8: return rng.normal(size=(V, D), scale=.3).astype(np.float32)
    return rng.random((V, D), dtype=np.float32) - np.float32(.5)
def names(n): return [f'word{i}' for i in range(n)]
"""
END = """
before, start = memory('VmRSS'), time.perf_counter()
{timed}
seconds = time.perf_counter() - start
print(json.dumps(dict(seconds=seconds, before_mb=before, peak_mb=memory('VmHWM'))))
"""
OURS = 'from w2v_nb.vectors import WordVectors as K'
THEIRS = 'from gensim.models import KeyedVectors as K'
WORDS = 'words = names(V); keys = words[:Q]'
MADE = {'ours': 'wv = K(table(V, D), words)',
        'gensim': 'wv = K(D); wv.add_vectors(words, table(V, D))'}
ONE_BY_ONE = 'found = [wv.most_similar(w, topn=10) for w in keys]'
# name: (are vectors made before?, our line that is timed, gensim's)
TASKS = {
    'save': (True, "wv.save(folder/'v.safetensors')", "wv.save(str(folder/'v.kv'))"),
    'load and first answer': (
        False,
        "wv = K.load(folder/'v.safetensors'); wv.most_similar('word7')",
        "wv = K.load(str(folder/'v.kv')); wv.most_similar('word7')"),
    'write binary': (
        True,
        "wv.save_word2vec_format(folder/'v.bin', binary=True)",
        "wv.save_word2vec_format(str(folder/'v.bin'), binary=True)"),
    'read binary': (
        False,
        "K.load_word2vec_format(folder/'v.bin', binary=True)",
        "K.load_word2vec_format(str(folder/'v.bin'), binary=True)"),
    'write text': (
        True,
        "wv.save_word2vec_format(folder/'v.txt')",
        "wv.save_word2vec_format(str(folder/'v.txt'))"),
    'read text': (
        False,
        "K.load_word2vec_format(folder/'v.txt')",
        "K.load_word2vec_format(str(folder/'v.txt'))"),
    '1,000 questions, one by one': (True, ONE_BY_ONE, ONE_BY_ONE),
    '1,000 questions at once': (
        True,
        'found = wv.most_similar_batch(keys, topn=10)',
        ONE_BY_ONE),
}
QUESTIONS = """
from importlib.util import find_spec
questions = Path(find_spec('gensim').origin).parent/'test'/'test_data'/'questions-words.txt'
lines = questions.read_text().splitlines()
asked = {w for line in lines if not line.startswith(':') for w in line.split()}
words = (sorted(asked) + names(V))[:V]
"""
EVALUATION = 'from w2v_nb.vectors.evaluation import evaluate_word_analogies'


def child(*lines, timed):
    "Run lines of Python in a process of its own; the last is timed."
    env = {k: v for k, v in os.environ.items() if k != 'OPENBLAS_CORETYPE'}
    done = subprocess.run([sys.executable, '-c',
                           '\n'.join([START, *lines, END.format(timed=timed)])],
                          capture_output=True, text=True, env=env)
    if done.returncode: raise RuntimeError(done.stderr[-2000:])
    return json.loads(done.stdout.splitlines()[-1])


def median(runs):
    return {k: round(statistics.median(r[k] for r in runs), 4) for k in runs[0]}


def turns(rounds, ours, theirs):
    "Ours and gensim's, by turns"
    runs = [(ours(), theirs()) for _ in range(rounds)]
    a, b = (median(side) for side in zip(*runs))
    times = statistics.median(y['seconds']/x['seconds'] for x, y in runs)
    return dict(ours=a, gensim=b, times=round(times, 2))


def against_gensim(folder, V, D, Q, rounds):
    "Each task, here and in gensim"
    size, rows = f"V, D, Q, folder = {V}, {D}, {Q}, Path({str(folder)!r})", []
    for name, (made, ours, theirs) in TASKS.items():
        def run(side, imports, timed):
            return child(imports, size, *([WORDS, MADE[side]] if made else []), timed=timed)
        measured = turns(rounds, lambda: run('ours', OURS, ours),
                         lambda: run('gensim', THEIRS, theirs))
        rows.append(dict(task=name, words=V, dim=D) | measured)
        print(rows[-1], flush=True)
    return rows


def all_analogies(V, D, rounds):
    "The full file of analogies; all of its words have vectors"
    def run(side, imports, timed):
        return child(imports, f'V, D = {V}, {D}', QUESTIONS, MADE[side], timed=timed)
    imports = f'{OURS}; {EVALUATION}'
    measured = turns(
        rounds, lambda: run('ours', imports, 'evaluate_word_analogies(wv, questions)'),
        lambda: run('gensim', THEIRS, 'wv.evaluate_word_analogies(str(questions))'))
    return dict(task='analogies', words=V, dim=D) | measured


def command(folder, V, D, rounds):
    "Seconds from typing `w2v similar` to its end, Python's start included"
    path, seconds = f'{folder}/small.safetensors', []
    child(OURS, timed=f"K(table({V}, {D}), names({V})).save('{path}')")
    main = 'from w2v_nb.tools.cli import main; main()'
    for _ in range(rounds + 1): # the first reads the file
        start = time.perf_counter()
        subprocess.run([sys.executable, '-c', main, 'similar', path, 'word7'], check=True,
                       capture_output=True)
        seconds.append(time.perf_counter() - start)
    return dict(words=V, dim=D, seconds=round(statistics.median(seconds[1:]), 3))


def large_text(folder, words, D, rounds):
    "Reading a large text file, here and in gensim"
    path = Path(folder)/'v.txt'
    read = f"K.load_word2vec_format('{path}')"
    child(OURS, timed=f"K(table({words}, {D}), names({words})).save_word2vec_format('{path}')")
    child(OURS, timed=read) # compiles, once
    row = dict(bytes=path.stat().st_size, words=words, dim=D)
    row |= turns(rounds, lambda: child(OURS, timed=read), lambda: child(THEIRS, timed=read))
    print(row, flush=True)
    return row


def large(folder, V, D, rounds):
    "Opening a large file, and what its first use costs"
    path = f"path = '{folder}/large.safetensors'"
    counted = f'K(table({V}, {D}), names({V}), counts=np.arange({V}))'
    made = child(OURS, path, timed=f'{counted}.save(path)')
    def first(*lines, timed):
        return median([child(OURS, *lines, timed=timed) for _ in range(rounds)])
    opened = path, 'wv = K.load(path)'
    return dict(words=V, dim=D, save=median([made]),
                load=first('import safetensors', path, timed='K.load(path)'),
                words_decoded=first(*opened, timed='wv.key_to_index'),
                values_checked=first(*opened, timed='wv.vectors'),
                first_answer=first(*opened, timed="wv.most_similar('word7')"))


def batch_in_memory(V, D, Q):
    "A thousand questions to a large table, and the memory they take beside it"
    run = child(OURS, f'wv = K(table({V}, {D}), names({V}))',
                timed=f'wv.most_similar_batch(range({Q}))')
    size = V*D*4/1e6
    run['beside_the_table'] = round((run['peak_mb'] - run['before_mb'])/size, 4)
    return dict(words=V, dim=D, questions=Q, table_mb=size) | run


FULL = dict(V=40_000, D=100, Q=1000, rounds=5, text_words=390_000, big=1_000_000)
SMALL = dict(V=500, D=20, Q=50, rounds=1, text_words=600, big=2000)
def measure(folder, V, D, Q, rounds, text_words, big):
    "All of it"
    # warms the cache of compiled code
    child(OURS, timed="K(table(1, 1), ['word0']).most_similar(0)")
    rows = against_gensim(folder, V, D, Q, rounds)
    rows.append(all_analogies(V, D, min(rounds, 3)))
    print(rows[-1], flush=True)
    return dict(against_gensim=rows, similar_command=command(folder, V, D, 2*rounds),
                large_text=large_text(folder, text_words, D, min(rounds, 3)),
                large_file=large(folder, big, D, rounds),
                large_batch=batch_in_memory(big, 3*D, Q))


if __name__ == '__main__':
    args = options(__doc__)
    if not os.path.exists('/proc/self/status'):
        raise SystemExit('memory is read from /proc, which is not here')
    with tempfile.TemporaryDirectory() as folder:
        results = measure(folder, **(SMALL if args.small else FULL))
    save('vectors', results, args.out)
