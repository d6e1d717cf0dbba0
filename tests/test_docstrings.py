"Docstrings say what parameters mean: all of those of public names, in the comments' words."
import inspect, json, subprocess, sys
from pathlib import Path

import pytest
import w2v_nb.all as everything

root = Path(__file__).resolve().parent.parent
NAMES = [n for n in everything.__all__ if callable(getattr(everything, n))]

BARE = set("""
    base.machine.CodeCache.load_overload(sig)
    base.machine.CodeCache.load_overload(target_context)
    base.machine.CodeCache.save_overload(data) base.machine.CodeCache.save_overload(sig)
    base.machine.Locator(py_file) base.machine.Locator(py_func)
    base.machine.Locator.from_function(py_file) base.machine.Locator.from_function(py_func)
    base.machine.why_no_gpu(driver) base.progress.DisplayLine.write(text)
    base.progress.PlainLines.write(text) chapter.data.Examples.to(device)
    chapter.data.Minibatches.to(device) chapter.exercises.Resampled.to(device)
    chapter.training.check_training(data_iter) chapter.training.check_training(lr)
    chapter.training.check_training(num_epochs) chapter.training.check_training(val_iter)
    tools.cli.OneLineParser.exit(message) tools.cli.OneLineParser.exit(status)
    tools.cli.OneLineParser.parse_args(args) tools.cli.OneLineParser.parse_args(namespace)
    tools.cli.check_output(option)
""".split())  # without a comment so far: take one away when you write it


def is_ours(thing):
    "Is this a function of the package?"
    return inspect.isfunction(thing) and thing.__module__.startswith('w2v_nb')


def documented(name):
    "Public functions of a class, and the class or function itself"
    thing = getattr(everything, name)
    yield name, thing
    if not inspect.isclass(thing):
        return
    for method in vars(thing):
        f = inspect.getattr_static(thing, method)
        f = getattr(f, '__func__', getattr(f, 'f', f))
        if not method.startswith('_') and is_ours(f):
            yield f'{name}.{method}', f


def test_the_file_is_up_to_date():
    command = [sys.executable, root/'tools'/'docstrings.py', '--check']
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize('name', NAMES)
def test_every_parameter_is_in_the_docstring(name):
    for what, thing in documented(name):
        own = thing.__dict__.get('__init__') if inspect.isclass(thing) else thing
        if not is_ours(own):
            continue
        wanted = [p for p in inspect.signature(own).parameters if p not in ('self', 'cls')]
        lines = (inspect.getdoc(thing) or '').splitlines()
        found = [line.split(' : ')[0].lstrip('*') for line in lines]
        missing = [p for p in wanted if p not in found]
        assert not missing, (what, missing)


def test_help_says_what_a_setting_means():
    text = inspect.getdoc(everything.Word2Vec)
    assert 'negative : int, default 5\n    negative samples for each window' in text
    assert 'The file' not in text and text.count('\nParameters\n') == 1
    signature = str(inspect.signature(everything.Word2Vec))
    assert signature.startswith('(*args, vector_size: int = 100')


def test_reading_no_source():
    "What a wheel has is enough, and it is read once"
    code = """
import inspect
inspect.getsource = inspect.getsourcelines = None
from w2v_nb.all import Corpus
print('min_count' in Corpus.from_file.__doc__)
"""
    command = [sys.executable, '-c', code]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    assert done.stdout.strip() == 'True', done.stderr


def without_meaning():
    "Parameters and fields that have no comment: public ones, of every module"
    file = root/'w2v_nb'/'base'/'docstrings.json'
    for module, parts in json.loads(file.read_text(encoding='utf-8')).items():
        for name, text in parts.items():
            if any(part.startswith('_') for part in name.split('.')):
                continue
            before = text.partition('\n\nReturns\n')[0].partition('Returns\n-------')[0]
            lines = before.splitlines()[2:]
            for line, after in zip(lines, lines[1:] + ['']):
                bare = not line.startswith(' ') and not after.startswith('    ')
                if line and bare and not line.startswith('*'):
                    yield f"{module}.{name}", line.split(' : ')[0]


def test_every_parameter_has_a_meaning():
    "The comment beside it; `BARE` names what still waits for one"
    bare = ((name.removeprefix('w2v_nb.'), parameter) for name, parameter in without_meaning())
    missing = {f'{name}({parameter})' for name, parameter in bare}
    assert not missing - BARE, sorted(missing - BARE)
