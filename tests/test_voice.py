"""How we write: plain English in the field's words. Phrases that read as if translated are
looked for in prose, comments, pictures' alt texts, docstrings and messages.

    python tests/test_voice.py

lists them, and writes how many each file still has into tests/voice.json; the test lets these
numbers fall, never rise."""
import ast, io, json, re, tokenize
from collections import Counter

import pytest

from house import LONG, cells, generated, name, notebooks, root, source, tree

LEFT = LONG.with_name('voice.json')
INSTEAD = { # a phrase to drop: what to write
    r'(?<!there )\b(is|are|was|were|be) (?-i:none)\b(?! of)': "isn't a valid ...",
    r'\b(numbers?|words?|ones?) that (is|are) none\b': 'NaN or infinity',
    r'(?<!there )\bis no (?!longer|more|less|better|worse|way|need|doubt)\w+':
        "isn't a ..., is out of range",
    r'\b(to be|can be|cannot be) had\b': "can't be downloaded, isn't there",
    r'\bis begun\b': 'starts',
    r'\bfirst values\b': 'initial values, initialisation',
    r'\bjudge[sd]?\b(?! (it|for) yourself)(?<!people have judged)': 'validate, held-out loss',
    r'\bin the mean\b': 'on average',
    r'\bbeside\b': 'next to',
    r'\bstands?\b(?!-| (for|out|alone|still|in for))': 'is',
    r'\bthe source\b(?! (of|code|text|file|tree|distribution|notebook|cell|for|and|is))': 'D2L',
    r'\b(wherever|whoever|whatever) (it|they|he) (may|might)\b': 'any',
    r'\bsave for\b|\bbut for the\b': 'except for',
    r'\bthereof\b|\bthereby\b|\bwherein\b': 'of it, so, in which',
    r'\b(color|neighbor|behavior|center)(s|ed|ing)?\b': 'British spelling',
    r'\b(normal|initial|optim|general)iz(e|es|ed|er|ing)\b': 'British spelling',
}
PATTERNS = {pattern: re.compile(pattern, re.IGNORECASE) for pattern in INSTEAD}
CODE = re.compile(r'```.*?```|`[^`]*`|\$\$.*?\$\$|\$[^$]*\$|\]\([^)]*\)|https?://\S+|<[^>]*>|"[^"]*"',
                  re.DOTALL)


def prose(path):
    "The text of a notebook's or Markdown file's words, without code, formulas and addresses"
    if path.suffix == '.md': texts = [path.read_text(encoding='utf-8')]
    else: texts = [source(c) for c in cells(path) if c['cell_type'] == 'markdown']
    return [CODE.sub(' ', text) for text in texts]

def comments(path):
    "The comments of a notebook's code, and the alt texts of its pictures"
    for code in (source(c) for c in cells(path) if c['cell_type'] == 'code'):
        lines = code.splitlines(keepends=True)
        yield from (line for line in lines if line.startswith('#| fig-alt'))
        magic = '!', '%', '#|'
        python = ''.join(line for line in lines if not line.lstrip().startswith(magic))
        try: tokens = list(tokenize.generate_tokens(io.StringIO(python).readline))
        except (tokenize.TokenError, IndentationError): continue # a cell of the shell
        yield from (CODE.sub(' ', t.string) for t in tokens if t.type == tokenize.COMMENT)

def docstrings(module):
    "The docstrings of a module and of what it defines"
    kinds = ast.Module, ast.ClassDef, ast.FunctionDef
    found = [ast.get_docstring(n) for n in ast.walk(tree(module)) if isinstance(n, kinds)]
    return [CODE.sub(' ', text) for text in found if text]

def messages(module):
    "The strings in what a module raises and warns of"
    def warns(n):
        called = isinstance(n, ast.Call) and n.func
        return getattr(called, 'attr', getattr(called, 'id', '')) in ('warn', 'warn_user')
    told = [n for n in ast.walk(tree(module)) if isinstance(n, ast.Raise) or warns(n)]
    strings = {n for t in told for n in ast.walk(t)
               if isinstance(n, ast.Constant) and isinstance(n.value, str)}
    return [CODE.sub(' ', n.value) for n in strings]

def pieces():
    "Pairs of a file's name and a piece of its text"
    for path in [*notebooks, root/'CONTRIBUTING.md', root/'SECURITY.md', root/'CHANGELOG.md']:
        yield from ((name(path), text) for text in prose(path))
    for path in notebooks: yield from ((name(path), text) for text in comments(path))
    for module in generated:
        yield from ((name(module), text) for text in docstrings(module) + messages(module))

def found():
    "Triples: file, pattern, the words around what was found"
    for file, text in pieces():
        for pattern, regex in PATTERNS.items():
            for m in regex.finditer(text):
                around = text[max(m.start() - 30, 0):m.end() + 30]
                yield file, pattern, ' '.join(around.split())


def test_voice():
    "No file has more such phrases than it is allowed"
    allowed = json.loads(LEFT.read_text(encoding='utf-8'))
    every = list(found())
    counts = Counter(file for file, *_ in every)
    risen = [f'{file}: ...{around}... ({INSTEAD[pattern]})' for file, pattern, around in every
             if counts[file] > allowed.get(file, 0)]
    assert not risen, '\n'.join(risen)

def test_the_list_only_shrinks():
    "A file that has fewer than it is allowed gets a lower number"
    allowed = json.loads(LEFT.read_text(encoding='utf-8'))
    counts = Counter(file for file, *_ in found())
    slack = {file: n for file, n in allowed.items() if counts[file] < n}
    assert not slack, f'run python tests/test_voice.py; fewer now: {slack}'

@pytest.mark.parametrize('text, number', [
    ('9 is no row', 1), ('where that text is not to be had', 1), ('two words in the mean', 1),
    ('`beside` is code', 0), ('it stands for a word', 0), ('it is no longer there', 0),
    ('the colour of the centre', 0), ('the color of the center', 2)])
def test_what_is_found(text, number):
    text = CODE.sub(' ', text)
    assert sum(len(regex.findall(text)) for regex in PATTERNS.values()) == number


if __name__ == '__main__':
    every = list(found())
    for row in every: print(*row, sep='\t')
    counts = dict(sorted(Counter(file for file, *_ in every).items()))
    LEFT.write_text(json.dumps(counts, indent=1) + '\n', encoding='utf-8', newline='\n')
    print(sum(counts.values()), 'in', len(counts), 'files')
