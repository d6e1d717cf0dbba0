"What SECURITY.md says, and that every test it names is there."
import ast, os, re, subprocess, sys, textwrap
from pathlib import Path

import pytest

root = Path(__file__).resolve().parent.parent
modules = sorted(p for p in (root/'w2v_nb').glob('*.py') if p.stem != '_modidx')
FORBIDDEN = {'eval', 'exec', 'compile', '__import__', 'pickle', 'cPickle', 'dill', 'marshal', 'shelve', 'cloudpickle', 'joblib', 'system', 'popen', 'allow_pickle', 'literal_eval', 'torch.load', 'np.load', 'unsafe_load'}


def names(tree):
    "Every name that is called, imported or passed as an option, with and without what stands before its dot"
    for node in ast.walk(tree):
        if isinstance(node, ast.Call): f = ast.unparse(node.func); yield from (f, f.rsplit('.', 1)[-1] if not f.startswith('re.') else f)
        if isinstance(node, ast.Import): yield from (a.name for a in node.names)
        if isinstance(node, ast.ImportFrom): yield from (node.module or '', *(a.name for a in node.names))
        if isinstance(node, ast.keyword) and node.arg: yield node.arg


@pytest.mark.parametrize('path', modules, ids=lambda p: p.stem)
def test_no_code_from_data(path):
    tree = ast.parse(path.read_text(encoding='utf-8'))
    assert not FORBIDDEN & set(names(tree)), f'{path.name}: {FORBIDDEN & set(names(tree))}'
    started = [ast.unparse(n) for n in ast.walk(tree) if isinstance(n, ast.Call) and re.match(r'(subprocess\.\w+|Popen|run)\(', ast.unparse(n.func))]
    assert all('sys.executable' in s for s in started), started


def test_forbidden_names_would_be_found():
    for code in 'eval(x)', 'import pickle', 'from marshal import loads', 'np.load(f, allow_pickle=True)', 'torch.load(f)', 'os.system("ls")':
        assert FORBIDDEN & set(names(ast.parse(code))), code


def test_reading_runs_nothing(tmp_path):
    "An audit hook sees what Python does: while files are read, no code is made, nothing is started or connected to."
    code = textwrap.dedent('''
        import sys, warnings
        from pathlib import Path
        import numpy as np
        from w2v_nb.checkpoint import newest_checkpoint
        from w2v_nb.corpus import Corpus
        from w2v_nb.vectors import WordVectors
        from w2v_nb.word2vec import Word2Vec
        warnings.simplefilter('ignore')
        folder = Path(sys.argv[1])
        (folder/'text').write_text('a b c d\\n'*100)
        def use():
            corpus = Corpus.load(Corpus.from_file(folder/'text', quiet=True).save(folder/'corpus'))
            return (newest_checkpoint(folder/'states')[0].most_similar('a'), WordVectors.load(folder/'v').most_similar('a'),
                    *(WordVectors.load_word2vec_format(folder/f'v{binary}', binary=binary).most_similar('a') for binary in (True, False)))
        wv = Word2Vec(vector_size=8, epochs=1, workers=1).fit(folder/'text', checkpoint=folder/'states', quiet=True).wv
        wv.save(folder/'v')
        for binary in True, False: wv.save_word2vec_format(folder/f'v{binary}', binary=binary)
        use()                                          # imports and compiles what it needs
        seen, watching = [], True
        def hook(event, args):
            if watching and event in ('exec', 'compile', 'import', 'pickle.find_class', 'subprocess.Popen', 'os.system', 'os.exec', 'os.posix_spawn', 'os.fork', 'socket.connect', 'socket.getaddrinfo', 'ctypes.dlopen', 'marshal.loads'): seen.append(event)
        sys.addaudithook(hook)
        use()
        quiet = list(seen)
        eval('1')                                      # so that we know that the hook works
        watching = False
        print(quiet, 'exec' in seen)
    ''')
    done = subprocess.run([sys.executable, '-c', code, tmp_path], capture_output=True, text=True, cwd=root, env=os.environ | {'PYTHONPATH': str(root)})
    assert done.stdout == '[] True\n', done.stdout + done.stderr


def test_one_address():
    "Modules that can connect, and the addresses in the sources."
    users = {p.stem: sorted({n for n in names(ast.parse(p.read_text(encoding='utf-8'))) if re.match(r'(urllib|http|socket|requests|ftplib|pooch|httpx)\b', n)}) for p in modules}
    assert {m for m, used in users.items() if used} == {'text'} and 'pooch' in users['text']
    fetched = {n.value for p in modules for n in ast.walk(ast.parse(p.read_text(encoding='utf-8'))) if isinstance(n, ast.Constant) and isinstance(n.value, str) and re.fullmatch(r'https?://\S+', n.value)}
    assert fetched == {'https://d2l-data.s3-accelerate.amazonaws.com/ptb.zip'}, fetched


def test_every_sentence_names_a_test_that_is_there():
    text = (root/'SECURITY.md').read_text(encoding='utf-8')
    proved, _, trusted = text.partition('## What is trusted')
    for line in re.findall(r'^- .*$', proved, re.M):
        named = re.findall(r'`(test_\w+\.py)(?:::(\w+))?`', line)
        assert named, f'no test is named: {line}'
        for file, function in named: assert re.search(rf'^def {function or "test_"}', (root/'tests'/file).read_text(encoding='utf-8'), re.M), f'{file}::{function} is not there'
    assert trusted
