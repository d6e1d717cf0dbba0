"What SECURITY.md says, and that every test it names is there."
import ast, os, re, subprocess, sys
from pathlib import Path

import pytest

from house import tree

root = Path(__file__).resolve().parent.parent
modules = sorted(p for p in (root/'w2v_nb').rglob('*.py') if p.stem != '_modidx')
FORBIDDEN = {
    'eval', 'exec', 'compile', '__import__', 'literal_eval',             # code from text
    'pickle', 'cPickle', 'dill', 'cloudpickle', 'joblib',                # objects from bytes
    'marshal', 'shelve', 'allow_pickle', 'torch.load', 'np.load', 'unsafe_load',
    'system', 'popen'}                                                   # commands of a shell
OPTIONS = {'allow_pickle'} # of functions
OWN_CELLS = {'exec', 'compile'} # in `run_statements`: a learner's cells, in that kernel
CONNECTS = re.compile(r'(urllib|http|socket|requests|ftplib|pooch|httpx)\b')
STARTS = re.compile(r'(subprocess\.\w+|Popen|run)\(')


def called(node):
    "The name of what is called, with and without what stands before its dot"
    name = ast.unparse(node.func)
    return {name} if name.startswith('re.') else {name, name.rsplit('.', 1)[-1]}

def names(syntax_tree):
    "Every name that is called, imported or passed as an option"
    found = set()
    for node in ast.walk(syntax_tree):
        if isinstance(node, ast.Call): found |= called(node)
        if isinstance(node, ast.Import): found |= {a.name for a in node.names}
        if isinstance(node, ast.ImportFrom):
            found |= {node.module or '', *(a.name for a in node.names)}
        if isinstance(node, ast.keyword): found |= {node.arg} & OPTIONS
    return found


@pytest.mark.parametrize('path', modules, ids=lambda p: p.stem)
def test_no_code_from_data(path):
    forbidden = FORBIDDEN & names(tree(path))
    assert forbidden == (OWN_CELLS if path.stem == 'learn' else set()), path.name
    calls = [node for node in ast.walk(tree(path)) if isinstance(node, ast.Call)]
    code = [node for node in calls if called(node) & OWN_CELLS]
    assert len(code) == (2 if path.stem == 'learn' else 0), path.name
    calls = [ast.unparse(n) for n in ast.walk(tree(path)) if isinstance(n, ast.Call)]
    started = [call for call in calls if STARTS.match(call)]
    assert all('sys.executable' in call for call in started), started


@pytest.mark.parametrize('code', [
    'eval(x)', 'import pickle', 'from marshal import loads', 'np.load(f, allow_pickle=True)',
    'torch.load(f)', 'os.system("ls")'])
def test_forbidden_names_would_be_found(code): assert FORBIDDEN & names(ast.parse(code))


READING = r"""
import sys, warnings
from pathlib import Path
from w2v_nb.runs.checkpoint import newest_checkpoint
from w2v_nb.engine.corpus import Corpus
from w2v_nb.vectors import WordVectors
from w2v_nb.runs.word2vec import Word2Vec
warnings.simplefilter('ignore')
folder = Path(sys.argv[1])
WATCHED = {
    'exec', 'compile', 'import', 'pickle.find_class', 'marshal.loads', 'ctypes.dlopen',
    'subprocess.Popen', 'os.system', 'os.exec', 'os.posix_spawn', 'os.fork',
    'socket.connect', 'socket.getaddrinfo'}
seen, watching = [], False

def hook(event, args):
    if watching and event in WATCHED: seen.append(event)

def write():
    (folder/'text').write_text('a b c d\n'*100)
    Corpus.from_file(folder/'text', quiet=True).save(folder/'corpus')
    model = Word2Vec(vector_size=8, epochs=1, workers=1, sample=0)
    wv = model.fit(folder/'text', checkpoint=folder/'states', quiet=True).wv
    wv.save(folder/'v')
    for binary in True, False: wv.save_word2vec_format(folder/f'v{binary}', binary=binary)

def read():
    Corpus.load(folder/'corpus')
    Corpus.from_file(folder/'text', quiet=True)
    tables = [newest_checkpoint(folder/'states')[0], WordVectors.load(folder/'v')]
    for binary in True, False:
        tables.append(WordVectors.load_word2vec_format(folder/f'v{binary}', binary=binary))
    for table in tables: table.most_similar('a')

write()
read() # imports and compiles what it needs
sys.addaudithook(hook)
watching = True
read()
quiet = list(seen)
eval('1') # to know that the hook works
watching = False
print(quiet, 'exec' in seen)
"""

def test_reading_runs_nothing(tmp_path):
    """An audit hook sees what Python does: while files are read, no code is made, and nothing
    is started or connected to"""
    done = subprocess.run([sys.executable, '-c', READING, tmp_path], capture_output=True,
                          text=True, cwd=root, env=os.environ | {'PYTHONPATH': str(root)})
    assert done.stdout == '[] True\n', done.stdout + done.stderr


def addresses(path):
    "Strings of a module that are nothing but an address"
    strings = (n.value for n in ast.walk(tree(path)) if isinstance(n, ast.Constant))
    return {s for s in strings if isinstance(s, str) and re.fullmatch(r'https?://\S+', s)}

def test_one_address():
    "One module fetches, with the help of another, and the sources hold one address"
    used = {p.stem: names(tree(p)) for p in modules}
    connecting = {stem for stem, found in used.items() if any(map(CONNECTS.match, found))}
    assert connecting == {'text', 'files'}
    assert {stem for stem, found in used.items() if 'why_unreachable' in found} == {'text'}
    fetched = set().union(*map(addresses, modules))
    assert fetched == {'https://d2l-data.s3-accelerate.amazonaws.com/ptb.zip'}, fetched


def has_test(file, function):
    "Whether a file of tests has that function, or any if none is named"
    text = (root/'tests'/file).read_text(encoding='utf-8')
    return re.search(rf'^def {function or "test_"}', text, re.MULTILINE) is not None

def test_every_sentence_names_a_test_that_is_there():
    text = (root/'SECURITY.md').read_text(encoding='utf-8')
    proved, _, trusted = text.partition('## What is trusted')
    for line in re.findall(r'^- .*$', proved, re.MULTILINE):
        named = re.findall(r'`(test_\w+\.py)(?:::(\w+))?`', line)
        assert named, f'no test is named: {line}'
        lost = [pair for pair in named if not has_test(*pair)]
        assert not lost, f'not there: {lost}'
    assert trusted
