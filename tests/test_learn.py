"""The learner's copy: true solutions pass, plausible wrong ones don't; nothing is overwritten;
whatever a notebook holds, a check comes to an end."""

import ast, json, os, re, shutil, signal, subprocess, sys, time, zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from w2v_nb.tools.learn import Kernel, Verdict, at_a_glance, check_here, check_lessons
from w2v_nb.tools.learn import copy_lessons, definition, lessons_folder, next_verdict
from w2v_nb.tools.learn import pieces_of, read_cells, read_exercises, run_check, write_new

root = Path(__file__).resolve().parent.parent
LEARN = [sys.executable, '-m', 'w2v_nb', 'learn']
CHECKS = sorted(lessons_folder().glob('*.checks'))
EXERCISES = {path.stem: read_exercises(path) for path in CHECKS}
ALL = [exercise for exercises in EXERCISES.values() for exercise in exercises]
posix = pytest.mark.skipif(os.name == 'nt', reason='POSIX signals and permissions')


def environment(tmp_path, **more):
    "Without PTB and without a network"
    dropped = 'W2V_NB_DATA', 'no_proxy', 'NO_PROXY', 'NO_COLOR', 'COLUMNS'
    kept = {name: value for name, value in os.environ.items() if name not in dropped}
    for name in 'http_proxy', 'https_proxy':
        kept[name] = kept[name.upper()] = 'http://127.0.0.1:9'
    ours = dict(
        XDG_CACHE_HOME=str(tmp_path / 'cache'), HOME=str(tmp_path), PYTHONPATH=str(root)
    )
    return kept | ours | more


def call(tmp_path, command, *args, env=None, **kwargs):
    "Run a command in a process of its own"
    command, env = [*command, *map(str, args)], env or environment(tmp_path)
    return subprocess.run(
        command, cwd=tmp_path, env=env, capture_output=True, text=True, **kwargs
    )


def python(tmp_path, code, *args, **kwargs):
    "Run Python code"
    return call(tmp_path, [sys.executable, '-c', code], *args, **kwargs)


def run(tmp_path, *args, **kwargs):
    "Run `w2v learn`"
    return call(tmp_path, LEARN, *args, **kwargs)


def assert_refused(done, says):
    "Exit status 2, and one line that says why"
    assert done.returncode == 2, (done.stdout, done.stderr)
    assert done.stderr.count('\n') == 1 and says in done.stderr, done.stderr


def read_notebook(path):
    return json.loads(path.read_text(encoding='utf-8'))


def write_notebook(path, nb):
    path.write_text(json.dumps(nb), encoding='utf-8')


def true_cells(lesson):
    "Source of each cell of the chapter's notebook, by the cell's id"
    cells = read_notebook(root / 'nbs' / f'{lesson}.ipynb')['cells']
    return {cell['id']: ''.join(cell['source']) for cell in cells}


def edited(lesson, change):
    """The lesson's notebook (JSON). `change` is given the id and source of a code cell, and
    returns its new source, or None to drop the cell"""
    nb = read_notebook(lessons_folder() / f'{lesson}.ipynb')
    cells = []
    for cell in nb['cells']:
        source = ''.join(cell['source'])
        if cell['cell_type'] == 'code':
            source = change(cell['id'], source)
        if source is not None:
            cells.append(cell | dict(source=source))
    return nb | dict(cells=cells)


def is_blank(source):
    return 'raise NotImplementedError' in source


def solved(lesson, wrong=lambda id, source: source):
    "The lesson with the true solutions, which `wrong` may spoil"
    true = true_cells(lesson)

    def solve(id, source):
        return wrong(id, true[id]) if is_blank(source) else source

    return edited(lesson, solve)


def spoilt_mean(change):
    "06_loss with the true solutions, but `masked_mean` changed"

    def spoil(id, source):
        return change(source) if 'def masked_mean(' in source else source

    return solved('06_loss', spoil)


def first_do(*lines):
    "Write lines at the start of the body of `masked_mean`"
    added = ''.join(f'    {line}\n' for line in lines)
    return lambda source: source.replace('    if mask is None', added + '    if mask is None')


def replaced(old, new):
    return lambda source: source.replace(old, new)


def sources(nb):
    return [''.join(cell['source']) for cell in nb['cells'] if cell['cell_type'] == 'code']


# Plausible mistakes: what to replace in the true solution by what.
# None but the exercise's own cell holds the text.
WRONG = {
    'cosine': [
        ('np.sqrt(np.dot(x, x) * np.dot(y, y))', '(np.dot(x, x) * np.dot(y, y))'),
        ('np.sqrt(np.dot(x, x) * np.dot(y, y))', 'np.sqrt(np.dot(x, x))'),
        ('np.sqrt(np.dot(x, x) * np.dot(y, y))', 'len(x)'),
        ('np.dot(x, y) / np.sqrt', 'abs(np.dot(x, y)) / np.sqrt'),
        ('np.dot(x, x) * np.dot(y, y)', 'np.dot(x, x) + np.dot(y, y)'),
        ('np.dot(x, y) / np.sqrt', '1 - np.dot(x, y) / np.sqrt'),
    ],
    'sigmoid': [
        ('np.exp(-x)', 'np.exp(x)'),
        ('1 / (1 + np.exp(-x))', '1 / np.exp(-x)'),
        ('1 / (1 + np.exp(-x))', 'np.tanh(x)'),
        ('1 / (1 + np.exp(-x))', '(1 + np.tanh(x)) / 2'),
        ('1 / (1 + np.exp(-x))', '1. * (x > 0)'),
        ('1 / (1 + np.exp(-x))', '1 / (1 + sum(np.exp(-x)))'),
    ],
    'softmax': [
        ('scores - scores.max()', 'scores'),
        ('powers / powers.sum()', 'powers / powers.max()'),
        ('powers / powers.sum()', 'powers / len(powers)'),
        ('torch.exp(', 'torch.sigmoid('),
        ('torch.exp(scores', 'torch.pow(2, scores'),
        ('powers / powers.sum()', 'scores / scores.sum()'),
        ('scores - scores.max()', 'scores.sub_(scores.max())'),
    ],
    'huffman': [
        ('[(fork, -1)] + path', '[(fork, 1)] + path'),
        ('(n1 + n2, ', '(n1, '),
        ('(n, i, {w: []})', '(-n, i, {w: []})'),
        ('[(fork, 1)] + path', 'path + [(fork, 1)]'),
        ('range(len(counts) - 1)', 'range(len(counts) - 2)'),
        ('return heap[0][2]', 'return heap[0]'),
        ('[(fork, 1)] + path', '[(0, 1)] + path'),
    ],
    'split_lines': [
        (' if (tokens := line.split())', ''),
        ('line.split()', "line.split(' ')"),
        ("text.split('\\n')", '[text]'),
        ("text.split('\\n')", "text.split('\\n')[:-1]"),
        ("text.split('\\n')", 'text.splitlines()'),
        ('(tokens := line.split())', '(tokens := tuple(line.split()))'),
    ],
    'Vocab.__getitem__': [
        ('get(tokens, 0)', 'get(tokens, -1)'),
        ('get(tokens, 0)', 'get(tokens)'),
        ('    if tokens not in self and', '    if False and'),
        ('[self[token] for token in tokens]', '[self.token_to_idx.get(t, 0) for t in tokens]'),
        ('if not isinstance(tokens, str)', 'if len(tokens) > 1'),
        (' and self.unk is None', ''),
    ],
    'keep_probability': [
        ('np.sqrt(', '('),
        ('np.minimum(1, ', '('),
        ('counts.sum()', 'counts.max()'),
        (', 0)', ', 1)'),
        ('np.minimum(1, np.sqrt', '1 - np.minimum(1, np.sqrt'),
        ('if not 0 < t', 'if t < 0'),
        ('np.maximum(counts, 1)', 'counts'),
        (
            't * counts.sum() / np.maximum(counts, 1)',
            'np.maximum(counts, 1) / counts.sum() / t',
        ),
        (
            '    counts = np.asarray(counts, dtype=np.float64)',
            '    counts = np.asarray(counts, dtype=np.float32)',
        ),
    ],
    'subsample': [
        ('[offsets]', '[offsets - 1]'),
        ('np.concatenate([[0], np.cumsum(kept)])[offsets]', 'offsets'),
        ('known_counts', 'counts'),
        (' < keep', ' > keep'),
        ('default_rng(seed)', 'default_rng()'),
        ('np.concatenate([[0], np.cumsum(kept)])', 'np.append(np.cumsum(kept), kept.sum())'),
        (', t)[ids]', ')[ids]'),
        ('return ids[kept]', 'return ids[kept].astype(np.int64)'),
    ],
    'contexts_at': [
        ('positions - windows', 'positions - windows + 1'),
        ('positions + windows + 1', 'positions + windows'),
        ('positions - windows, offsets[sentence - 1]', 'positions - windows, 0'),
        ('windows + 1, offsets[sentence]', 'windows + 1, len(ids)'),
        ('    around += around >= np.repeat(positions, sizes)   # step over the centre\n', ''),
        ("side='right'", "side='left'"),
        ('sizes = hi - lo - 1', 'sizes = hi - lo'),
        (
            'ids[around], starts',
            'ids[around][ids[around] != np.repeat(ids[positions], sizes)], starts',
        ),
    ],
    'RandomGenerator.draw': [
        ('self.rng.multinomial(n, self.p)', 'np.round(n*self.p).astype(int)'),
        ('self.rng.permutation(np.repeat(', '(np.repeat('),
        ('self.p)', 'np.ones_like(self.p)/len(self.p))'),
        (
            'return self.rng.permutation',
            'self.rng = np.random.default_rng(0); return self.rng.permutation',
        ),
        (', dtype=np.int32)', ')'),
        ('self.rng.', 'np.random.'),
    ],
    'get_negatives': [
        ('    for i, j in zip(k, m):', '    for i, j in []:'),
        ('around[:, m] == noise[k, m]', 'contexts[m] == noise[k, m][None]'),
        ('noise.T.copy()', 'noise.copy()'),
        ('clash |= noise == row', 'clash |= noise == contexts'),
        ('draw(len(m))', 'rng.integers(1, len(generator.p), size=len(m))'),
        ('draw_outside(generator, around[:, j], owner[j])', '0'),
        ('generator.draw(num_noise_words', 'RandomGenerator(generator.p).draw(num_noise_words'),
    ],
    'batchify': [
        ('column < size, column < size * (1 + K)', 'column < size, column < size'),
        ('masks.float(), labels.float()', 'labels.float(), masks.float()'),
        ('K * start', 'start'),
        ('+ column - size)', '+ column)'),
        ('(words * masks)', '(words)'),
        ('.long(), (words', ', (words'),
        ('column < size * (1 + K)', 'column < size * K'),
        ('contexts[(start + column)', 'contexts[(start + column + 1)'),
        ('centers[rows, None]', 'centers[rows]'),
        ('masks.float()', 'masks'),
    ],
    'init_bounds': [
        ('6 / (vocab_size + dim)', '6'),
        ('(vocab_size + dim)', '(vocab_size * dim)'),
        ('0.5 / dim, 0.', '0.5 / dim, 0.5 / dim'),
        ('0.5 / dim', '1 / dim'),
        ('math.sqrt(6 / (vocab_size + dim))', 'math.sqrt(2 / (vocab_size + dim))'),
        ('uniform=(UNIFORM_BOUND, UNIFORM_BOUND)', 'uniform=(UNIFORM_BOUND, 0.)'),
    ],
    'init_embedding': [
        ('(-bound, bound', '(0, bound'),
        ('uniform_(-bound, bound', 'normal_(0, bound'),
        (', generator=generator', ''),
        ('    return embed', '    return embed.weight'),
        ('    return embed', ''),
        (
            'with torch.no_grad(): embed.weight.uniform_(-bound, bound, generator=generator)',
            'embed.weight = nn.Parameter(torch.empty_like(embed.weight)'
            '.uniform_(-bound, bound, generator=generator))',
        ),
        (
            'with torch.no_grad(): embed.weight.uniform_(-bound, bound, generator=generator)',
            'embed = nn.Embedding.from_pretrained(torch.empty_like(embed.weight)'
            '.uniform_(-bound, bound, generator=generator))',
        ),
    ],
    'skip_gram': [
        ('embed_u(contexts', 'embed_v(contexts'),
        (
            'torch.bmm(embed_v(center), embed_u(contexts_and_negatives).transpose(1, 2))',
            '(embed_v(center) * embed_u(contexts_and_negatives)).sum(-1)',
        ),
        ('transpose(1, 2))', 'transpose(1, 2)).sigmoid()'),
        ('transpose(1, 2))', 'transpose(1, 2)).softmax(-1)'),
        (
            'torch.bmm(embed_v(center), embed_u(contexts_and_negatives)',
            'torch.bmm(embed_u(center), embed_v(contexts_and_negatives)',
        ),
        ('transpose(1, 2))', 'transpose(1, 2)).detach()'),
        ('transpose(1, 2))', 'transpose(1, 2)) / embed_v(center).shape[-1]**.5'),
    ],
    'masked_mean': [
        ('values.masked_fill(mask == 0, 0)', '(values * mask)'),
        ('mask.sum(dim=1).clamp(min=1)', 'values.shape[1]'),
        ('.clamp(min=1)', ''),
        ('mask == 0', 'mask == 1'),
        ('.sum(dim=1) / mask', '.sum() / mask'),
        ('if mask.shape != values.shape:', 'if False:'),
        ('values.mean(dim=1)', 'values.mean(dim=0)'),
        ('values.mean(dim=1)', 'values.sum(dim=1)'),
    ],
    'SigmoidBCELoss.forward': [
        ('masked_mean(terms, mask)', 'masked_mean(terms, None)'),
        ('(inputs, target,', '(-inputs, target,'),
        (
            '        if mask is not None: inputs = inputs.masked_fill(mask == 0, 0)'
            ' # no gradient for padding\n',
            '',
        ),
        ('masked_mean(terms, mask)', 'masked_mean(terms, mask) * target.shape[1]'),
        (
            "F.binary_cross_entropy_with_logits(inputs, target, reduction='none')",
            'torch.where(target > 0, -torch.sigmoid(inputs).log(),'
            ' -(1 - torch.sigmoid(inputs)).log())',
        ),
        ('return masked_mean(', 'return -masked_mean('),
        ('(inputs, target,', '(inputs, 1 - target,'),
        ('masked_mean(terms, mask)', 'masked_mean(terms, mask).mean()'),
    ],
    'sgns_grad': [
        (' - labels', ' + labels'),
        (
            "g = torch.sigmoid(torch.einsum('bd,bnd->bn', v, U)) - labels",
            "g = labels - torch.sigmoid(torch.einsum('bd,bnd->bn', v, U))",
        ),
        ("        g = g.masked_fill(mask == 0, 0)\n", ''),
        ("torch.einsum('bn,bnd->bd', g, U)", "torch.einsum('bn,bnd->bd', g, U) / U.shape[1]"),
        ('torch.sigmoid(', '('),
        ("torch.einsum('bn,bd->bnd', g, v)", "g[:, :, None] * U"),
        ('if mask.shape != g.shape:', 'if False:'),
        (
            "torch.einsum('bn,bnd->bd', g, U), torch",
            "torch.einsum('bn,bnd->bd', g, U).sum(0), torch",
        ),
    ],
    'History.__getitem__': [
        ('getattr(r, key) for r in self]', 'getattr(r, key) for r in self][-1:]'),
        ('        if key not in Row._fields: raise', '        if False: raise'),
        (
            'return [getattr(r, key) for r in self]',
            'return tuple(getattr(r, key) for r in self)',
        ),
        ('return super().__getitem__(key)', 'return super().__getitem__(int(key) - 1)'),
        ("for r in self]", "for r in self if getattr(r, key) is not None]"),
        ('if not isinstance(key, str)', 'if isinstance(key, int)'),
        ('raise KeyError', 'raise ValueError'),
    ],
    'table_cells': [
        ('any(v is not None for', 'all(v is not None for'),
        ('any(v is not None for v in history[f])', 'any(history[f])'),
        ("f in ('epoch', 'loss') or ", ''),
        ('format(v, COLUMN_FORMATS[f])', 'str(v)'),
        ("'' if (v :=", "'None' if (v :="),
        ('return [known] + ', 'return '),
        ('(v := getattr(r, f)) is None', 'not (v := getattr(r, f))'),
    ],
    'batch_loss': [
        (' + shift', ''),
        ('mask).sum()', 'mask).mean()'),
        ('label, mask)', 'label)'),
        ('net[0], net[1])', 'net[1], net[0])'),
        (' + shift', ' * (1 + shift)'),
        ('mask).sum()', 'mask).sum().detach()'),
        ('mask).sum()', 'mask)'),
        ('+ shift, label, mask', '+ shift, mask, mask'),
    ],
    'evaluate_loss': [
        ('return total.item() / n', 'return total.item() / len(data_iter)'),
        ('n += len(batch[0])', 'n += 1'),
        ('batch, shift)', 'batch)'),
        ('if not n: raise', 'if n < 0: raise'),
        ('return total.item() / n', 'return total / n'),
        ('torch.inference_mode()', 'torch.enable_grad()'),
        (
            'total += batch_loss(net, batch, shift)',
            'total += batch_loss(net, batch, shift) / len(batch[0])',
        ),
        ('return total.item() / n', 'return total.item()'),
    ],
    'train_epoch': [
        ('        optimizer.zero_grad()\n', ''),
        ('        optimizer.step()\n', ''),
        (
            '        loss.backward()\n        optimizer.step()',
            '        optimizer.step()\n        loss.backward()',
        ),
        ('loss = batch_loss(net, batch)', 'loss = batch_loss(net, batch) / len(batch[0])'),
        ('loss = batch_loss(net, batch)', 'loss = -batch_loss(net, batch)'),
        ('        loss.backward()\n', ''),
        ('        optimizer.step()', '        optimizer.step(); optimizer.step()'),
        ('        optimizer.step()', '        optimizer.step(); loss = batch_loss(net, batch)'),
    ],
    'get_similar_tokens': [
        (
            'unit = W / W.norm(dim=1, keepdim=True).clamp(min=torch.finfo(W.dtype).tiny)',
            'unit = W',
        ),
        ('[query] if vocab.unk is None else [query, 0]', '[query]'),
        ('[query] if vocab.unk is None else [query, 0]', '[0]'),
        ('[query] if vocab.unk is None else [query, 0]', '[query, 0]'),
        ('.clamp(min=torch.finfo(W.dtype).tiny)', ''),
        ('unit @ unit[query]', 'unit @ W[query]'),
        ('min(k, int((cosines > -torch.inf).sum()))', 'min(k, len(W))'),
        ('min(k, int((cosines > -torch.inf).sum()))', 'k'),
        (', values.tolist()', ', values'),
        ('cosines.topk(min', '(-cosines).topk(min'),
        (' or query_token == vocab.unk', ''),
        ('if k < 1: raise', 'if False: raise'),
        ('if len(W) != len(vocab):', 'if False:'),
        ('-torch.inf\n', '-1\n'),
    ],
    'Resampled.draw': [
        (
            'subsample(self.ids, self.offsets,',
            'subsample(*(self.kept if hasattr(self, "kept") else (self.ids, self.offsets)),',
        ),
        (', self.epoch, 0]', ', 0]'),
        ('rng.permutation(', '('),
        ('self.kept[1]', 'self.offsets'),
        ('self.t, rng', '1., rng'),
        ('[self.seed, self.epoch, 0]', '[self.epoch, 0]'),
        ('np.random.default_rng([self.seed, self.epoch, 0])', 'np.random.default_rng()'),
        ('center_positions(self.kept[1])', 'len(self.kept[0])'),
    ],
    'Resampled.__iter__': [
        ('    self.epoch += 1\n', ''),
        ('    self.draw() # for the next pass\n', ''),
        ('    self.epoch += 1\n    self.draw() # for the next pass\n', ''),
        (
            'rng.integers(1, self.max_window_size, size=len(positions), endpoint=True)',
            'np.full(len(positions), self.max_window_size)',
        ),
        (', size=len(positions), endpoint=True)', ', size=len(positions))'),
        ('integers(1,', 'integers(0,'),
        (' ** NS_EXPONENT', ''),
        ('known_counts', 'counts'),
        ('[self.seed, self.epoch, 1]', '[self.epoch, 1]'),
        ('[self.seed, self.epoch, 1]', '[self.seed, 1]'),
        ('.to(self.device)', ''),
        ('len(order), self.batch_size', 'len(order) - self.batch_size + 1, self.batch_size'),
        ('contexts_at(ids, offsets,', 'contexts_at(self.ids, self.offsets,'),
    ],
}


def number_of_checks(group):
    functions = [node for node in group.body if isinstance(node, ast.FunctionDef)]
    return sum(ast.get_docstring(function) is not None for function in functions)


def test_every_exercise_has_wrong_solutions():
    assert set(WRONG) == {e.name for e in ALL} and all(len(w) >= 5 for w in WRONG.values())
    assert [len(e) for e in EXERCISES.values()] == [2, 2, 4, 4, 2, 1, 3, 3, 1, 2, 2]
    for path in CHECKS:
        groups = ast.parse(path.read_text(encoding='utf-8')).body
        for group in groups:
            assert not isinstance(group, ast.ClassDef) or number_of_checks(group) >= 3


@pytest.fixture(scope='module')
def kernel(tmp_path_factory):
    pytest.importorskip('nbclient')
    work = tmp_path_factory.mktemp('work')
    for path in CHECKS:
        shutil.copy(path, work / f'hidden_{path.stem}.py')
    with Kernel(work) as kernel:
        yield kernel


def verdict(kernel, exercise, cells, limit=300):
    "What is said about a solution, and whether it is right"
    says, source = at_a_glance(cells, exercise, EXERCISES[exercise.lesson])
    if says:
        return says, False
    found = run_check(kernel, exercise, source, limit)
    return found.says, found.state == 'right'


@pytest.mark.parametrize('exercise', ALL, ids=lambda e: f'{e.lesson}-{e.name}')
def test_true_passes_and_wrong_does_not(kernel, exercise):
    true = sources(solved(exercise.lesson))
    assert verdict(kernel, exercise, true) == ('', True)
    wrong = []
    for old, new in WRONG[exercise.name]:
        hits = []

        def spoil(id, source):
            if old in source:
                hits.append(id)
            return source.replace(old, new)

        says, passed = verdict(kernel, exercise, sources(solved(exercise.lesson, spoil)))
        if not hits:
            wrong.append(f'the true solution has no {old!r}')
        elif passed or not says:
            wrong.append(f'{new!r} in the place of {old!r} passes')
        elif not re.match(r'\d of \d checks pass', says):
            wrong.append(f'{new!r} in the place of {old!r}: {says}')
        elif says.count('\n') > 1 or 'AssertionError' in says or len(says) > 700:
            wrong.append(f'{new!r} in the place of {old!r} is told badly: {says}')
    assert not wrong, '\n'.join(wrong)


@pytest.mark.parametrize('exercise', ALL, ids=lambda e: f'{e.lesson}-{e.name}')
def test_each_is_judged_alone(kernel, exercise):
    "All other blanks are still blank"
    true = true_cells(exercise.lesson)
    short = exercise.name.rpartition('.')[2]

    def solve_one(id, source):
        return true[id] if is_blank(source) and f'def {short}(' in source else source

    nb = edited(exercise.lesson, solve_one)
    assert sum(map(is_blank, sources(nb))) == len(EXERCISES[exercise.lesson]) - 1
    assert verdict(kernel, exercise, sources(nb)) == ('', True)


NOT_YOURS = [
    ('from w2v_nb.chapter.forward import skip_gram', 'no such definition'),
    (
        """import w2v_nb.chapter.forward as x
def skip_gram(*a): return x.skip_gram(*a)""",
        'it imports w2v_nb.chapter.forward',
    ),
    (
        """def skip_gram(*a):
    from w2v_nb.chapter.forward import skip_gram as s
    return s(*a)""",
        'it imports w2v_nb.chapter.forward',
    ),
    (
        """def skip_gram(*a):
    from w2v_nb.chapter import forward
    return forward.skip_gram(*a)""",
        'it imports w2v_nb.chapter.forward',
    ),
    (
        """import importlib
def skip_gram(*a): pass
SOLUTION = 3
class Given: pass
def skip_gram(*a): return SOLUTION""",
        '0 of 6',
    ),
]


@pytest.mark.parametrize('cell, says', NOT_YOURS)
def test_our_function_is_not_yours(kernel, cell, says):
    assert says in verdict(kernel, EXERCISES['05_forward'][0], [cell])[0]


# Trouble

SLEEP = (
    'import time',
    'while True:',
    '    try: time.sleep(99)',
    '    except BaseException: pass',
)
FLOOD = 'import os', 'while True: print("x"*10**6); os.write(1, b"y"*10**6)'
UNHAPPY = 'class E(Exception):', '    def __str__(self): raise self', 'raise E'
BAD_DECORATOR = '\nclass Oops(int): x = 1/0\n@Oops\ndef masked_mean(): pass'
TROUBLE = {
    'deleted': (lambda source: None, 'no such definition'),
    'renamed': (replaced('def masked_mean', 'def mean_masked'), 'no such definition'),
    'syntax': (replaced('return', 'retrun 1 +'), "its cell isn't Python: line"),
    'page': (replaced('mask.sum(dim=1)', 'total'), "name 'total' is not defined"),
    'raises': (
        lambda source: source + BAD_DECORATOR,
        'its definition fails: ZeroDivisionError',
    ),
    'for ever': (first_do('while True: pass'), 'longer than 3 s'),
    'deaf': (first_do(*SLEEP), 'longer than 3 s'),
    'floods': (first_do(*FLOOD), 'longer than 3 s'),
    'exits': (first_do('raise SystemExit(0)'), 'SystemExit'),
    'dies': (first_do('import os; os._exit(0)'), 'it ends the kernel'),
    'deep': (first_do('masked_mean(values, mask)'), 'RecursionError'),
    'long': (first_do('raise ValueError("z"*10**8)'), 'zzz'),
    'unhappy': (first_do(*UNHAPPY), '0 of 6'),
}


@pytest.mark.parametrize('change, says', TROUBLE.values(), ids=TROUBLE)
def test_trouble(kernel, change, says):
    first, forward = EXERCISES['06_loss'][:2]
    cells = sources(spoilt_mean(change))
    limit = 3 if 'longer than' in says else 300  # what never ends takes 3 s on any machine
    said, passed = verdict(kernel, first, cells, limit)
    assert not passed and says in said and len(said) < 1500, said[:2000]
    assert verdict(kernel, forward, cells) == ('', True)  # as if nothing had happened


def test_only_what_is_needed_runs(tmp_path, kernel):
    "A mark is left by everything on the page that isn't part of a function that is asked for"
    mark = tmp_path / 'mark'
    leave = f'open({str(mark)!r}, "a").write("x")\n'
    nb = solved('06_loss')
    for cell in nb['cells']:
        if cell['cell_type'] == 'code':
            source = ''.join(cell['source'])
            cell['source'] = f'{leave}{source}\n{leave}other = {leave}def nobody(): {leave}'
    for exercise in EXERCISES['06_loss']:
        assert verdict(kernel, exercise, sources(nb)) == ('', True)
    assert not mark.exists()
    (tmp_path / 'torch.py').write_text(leave)
    write_notebook(tmp_path / '06_loss.ipynb', nb)
    assert [found.state for found in check_lessons(tmp_path, ['06'])] == ['right'] * 3
    assert not mark.exists()


def test_magic_and_rubbish_beside(kernel):
    nb = solved('06_loss', lambda id, s: '%timeit 1\n' + s + '\n!ls\nmasked_mean(1, 2, 3)')
    rubbish = '%%bash\nls', '%load_ext nothing', 'what is this', '', '\0'
    nb['cells'][:0] = [dict(cell_type='code', source=source) for source in rubbish]
    assert verdict(kernel, EXERCISES['06_loss'][0], sources(nb)) == ('', True)


HELPERS = """import math as m
FOUR = 4
half = lambda x: x/2
def masked_mean(*a): return helper(*a)
def helper(values, mask=None):
    assert half(FOUR) == m.sqrt(4)
    if mask is None: return values.mean(1)
    if mask.shape != values.shape: raise ValueError
    return values.masked_fill(mask == 0, 0).sum(1)/mask.sum(1).clamp(min=1)"""


def test_helpers_of_your_own(kernel):
    assert verdict(kernel, EXERCISES['06_loss'][0], [HELPERS]) == ('', True)


# The command


@pytest.fixture
def lessons(tmp_path):
    copy_lessons(tmp_path / 'mine')
    return tmp_path / 'mine'


def contents(folder, pattern='*'):
    return {path.name: path.read_bytes() for path in folder.glob(pattern) if path.is_file()}


def test_a_first_copy(tmp_path):
    done = run(tmp_path, 'a/b')
    assert done.returncode == 0 and done.stderr == ''
    assert done.stdout.count('wrote') == 12 and 'jupyter lab a/b/START.ipynb' in done.stdout
    assert contents(tmp_path / 'a' / 'b') == contents(lessons_folder(), '*.ipynb')


def test_nothing_is_overwritten(tmp_path, lessons):
    (lessons / '02_text.ipynb').write_text('mine')
    (lessons / '03_data.ipynb').unlink()
    (lessons / '04_embedding.ipynb').unlink()
    (lessons / '04_embedding.ipynb').mkdir()
    (lessons / '05_forward.ipynb').unlink()
    if posix_here := os.name != 'nt':
        (lessons / '05_forward.ipynb').symlink_to('nowhere')
    done = run(tmp_path, 'mine')
    assert done.returncode == 0
    assert 'wrote mine/03_data.ipynb' in done.stdout.replace('\\', '/')
    assert done.stdout.count('was there already') == (11 if posix_here else 10)
    assert (lessons / '02_text.ipynb').read_text() == 'mine'
    assert (lessons / '04_embedding.ipynb').is_dir()
    assert not (lessons / 'nowhere').exists()
    assert not [path for path in lessons.iterdir() if path.name.startswith('.')]


@pytest.mark.parametrize('error', [None, OSError(1, 'no links')], ids=['links', 'no links'])
def test_who_comes_second_does_not_overwrite(tmp_path, monkeypatch, error):
    "The name is taken between the look and the write, on disks with links and without"
    path, real_link = tmp_path / 'x.ipynb', os.link

    def link(a, b):
        path.write_text('theirs')
        if error:
            raise error
        return real_link(a, b)

    monkeypatch.setattr(os, 'link', link)
    assert write_new(path, b'ours') is False and path.read_text() == 'theirs'
    assert list(tmp_path.iterdir()) == [path]


@posix
def test_a_full_disk_leaves_nothing(tmp_path):
    import resource

    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

    done = run(tmp_path, 'mine', preexec_fn=limit)
    assert_refused(done, 'mine cannot be written (File too large)')
    assert list((tmp_path / 'mine').iterdir()) == []


REFUSED = [
    ([], 'DIR'),
    (['file'], 'file is a file; give the name of a folder'),
    (['file', '--check'], 'there is no folder file'),
    (['nowhere', '--check'], 'w2v learn nowhere makes it'),
    ([root / 'w2v_nb'], 'inside the package'),
    ([lessons_folder() / 'x' / 'y'], 'inside the package'),
    (['file/x'], 'cannot be written'),
    (['mine', '--only', '06'], '--only goes with --check'),
    (['--hint', 'skip_gram', '--only', '06'], '--only goes with --check'),
    (['--hint', 'skip_gram', '--check'], 'choose one of --check and --hint'),
    (['--hint', 'skip_gram', '3'], 'after --hint skip_gram comes 2 or nothing, not 3'),
    (['--hint', 'skip_gram', 'batchify', '2'], 'comes 2 or nothing, not batchify 2'),
    (['--hint', 'skipgram'], "no exercise or lesson 'skipgram'; did you mean skip_gram?"),
    (['--hint', '???'], "no exercise or lesson '???'; START.ipynb lists them"),
    (['--hint'], '--hint: expected at least one argument'),
    (['--check'], 'no lessons in this folder; name theirs'),
    (['mine', '--check', '--only', '4', '99'], 'no lesson 4, 99; there are 00_words'),
    (['mine', '--check', '--limit', 'nan'], '--limit must be'),
    (['mine', '--check', '--limit', '0'], '--limit must be'),
    (['mine', '--chek'], 'did you mean --check?'),
]


def test_errors_are_one_line(tmp_path, lessons):
    (tmp_path / 'file').write_text('')
    for args, says in REFUSED:
        done = run(tmp_path, *args)
        assert_refused(done, says)
        assert done.stdout == ''
    assert not (lessons_folder() / 'x').exists()


is_root = hasattr(os, 'getuid') and os.getuid() == 0


@posix
@pytest.mark.skipif(is_root, reason='nothing is forbidden to root')
def test_forbidden(tmp_path):
    (tmp_path / 'locked').mkdir(mode=0o500)
    done = run(tmp_path, 'locked/mine')
    assert_refused(done, 'locked/mine cannot be written (Permission denied)')


def test_without_jupyterlab(tmp_path, lessons):
    code = """import sys, w2v_nb.tools.learn as learn
from w2v_nb.tools.cli import main
learn.find_spec = lambda name: None
sys.exit(main(['learn', 'mine', '--check']))"""
    assert_refused(python(tmp_path, code), 'pip install jupyterlab')


FOREIGN = """import sys
sys.modules["w2v_nb"] = None
from ipykernel import kernelapp
kernelapp.launch_new_instance()"""


@posix
@pytest.mark.parametrize(
    'code, says',
    [('raise SystemExit(1)', 'does not start'), (FOREIGN, 'cannot import w2v_nb')],
    ids=['dead', 'foreign'],
)
def test_a_kernel_that_will_not_do(tmp_path, lessons, code, says):
    spec = tmp_path / 'jupyter' / 'kernels' / 'python3'
    spec.mkdir(parents=True)
    argv = [sys.executable, '-c', code, '-f', '{connection_file}']
    write_notebook(spec / 'kernel.json', dict(argv=argv, display_name='x', language='python'))
    write_notebook(lessons / '05_forward.ipynb', solved('05_forward'))
    env = environment(tmp_path, JUPYTER_PATH=str(tmp_path / 'jupyter'))
    assert_refused(run(tmp_path, 'mine', '--check', '--only', '05', env=env), says)


def test_check_of_untouched_copy_needs_no_kernel(tmp_path, lessons):
    done = run(tmp_path, 'mine', '--check')
    assert done.returncode == 1 and f'0 of {len(ALL)} right' in done.stdout
    assert done.stdout.count('not begun') == len(EXERCISES)
    done = run(tmp_path, 'mine', '--check', '--only', *EXERCISES)
    assert done.returncode == 1 and f'0 of {len(ALL)} right' in done.stdout
    assert done.stdout.count('still to be written') == len(ALL)
    code = """import sys
from w2v_nb.tools.cli import main
main(['learn', 'mine', '--check'])
print('torch' in sys.modules)"""
    assert python(tmp_path, code).stdout.splitlines()[-1] == 'False'


DAMAGED = [
    '',
    '{',
    '[]',
    '3',
    '{"cells": 3}',
    '{"cells": [3]}',
    '{"cells": [{"cell_type": "code"}]}',
    '{"cells": [{"cell_type": "code", "source": [1]}]}',
    '[' * 100_000,
]


def test_damaged_notebooks(lessons):
    for text in DAMAGED:
        (lessons / '06_loss.ipynb').write_text(text)
        found = list(check_lessons(lessons, ['06']))
        assert [verdict.state for verdict in found] == ['wrong'] * 3, text[:40]
        assert all('is not a notebook any more' in verdict.says for verdict in found), text[:40]


def test_what_is_not_a_notebook(lessons):
    path = lessons / '06_loss.ipynb'
    says = lambda: next(check_lessons(lessons, ['06'])).says
    path.write_bytes(b'\xff\xfe{}')
    assert 'is not a notebook any more' in says()
    path.unlink()
    assert 'there is no' in says()
    path.mkdir()
    assert 'copies it again' in says()
    path.rmdir()
    path.write_text('{"cells": []}')
    assert 'there is no such definition' in says()


def test_the_whole_command(tmp_path, lessons):
    "All solved: exit status 0; one spoilt: 1, and the line says what to think about"
    for lesson in EXERCISES:
        write_notebook(lessons / f'{lesson}.ipynb', solved(lesson))
    before = contents(lessons)
    done = run(tmp_path, 'mine', '--check')
    assert done.returncode == 0 and done.stderr == '', done.stdout + done.stderr
    assert f'{len(ALL)} of {len(ALL)} right' in done.stdout
    assert contents(lessons) == before
    spoilt = spoilt_mean(replaced('.clamp(min=1)', ''))
    write_notebook(lessons / '06_loss.ipynb', spoilt)
    done = run(tmp_path, 'mine', '--check', '--only', '06_loss', '05')
    assert done.returncode == 1 and '3 of 4 right' in done.stdout
    assert 'A row in which nothing counts is 0, not 0/0.' in done.stdout


def wait_until(condition, seconds=600):
    "Whether a condition came true in time"
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if condition():
            return True
        time.sleep(0.1)
    return False


def has_ended(pid):
    "Whether a process has ended, or is left for its parent to collect"
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    stat = Path(f'/proc/{pid}/stat')
    return stat.exists() and stat.read_text().split()[2] == 'Z'


@posix
def test_ctrl_c(tmp_path, lessons):
    pid = tmp_path / 'pid'
    write_pid = f'open({str(pid)!r}, "w").write(str(os.getpid()))'
    nb = spoilt_mean(first_do('import os, time', write_pid, 'time.sleep(600)'))
    write_notebook(lessons / '06_loss.ipynb', nb)
    child = subprocess.Popen(
        [*LEARN, *'mine --check --only 06 --limit 500'.split()],
        cwd=tmp_path,
        env=environment(tmp_path),
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    wait_until(lambda: pid.exists() and pid.read_text())
    child.send_signal(signal.SIGINT)
    _, err = child.communicate(timeout=600)
    assert child.returncode == 130 and err == 'w2v learn: stopped\n', err
    assert wait_until(lambda: has_ended(int(pid.read_text()))), 'the kernel is still there'


@posix
def test_reader_that_has_enough(tmp_path, lessons):
    command = f"{' '.join(LEARN)} mine --check | head -n 1"
    done = subprocess.run(
        ['bash', '-c', command],
        cwd=tmp_path,
        env=environment(tmp_path),
        capture_output=True,
        text=True,
    )
    assert done.stdout == '00_words        0 of 2  not begun\n' and done.stderr == ''


# What is printed


@pytest.fixture
def three_states(lessons):
    "05 is right, 06 has a wrong function and one that is not written, 04 is half done"
    write_notebook(lessons / '05_forward.ipynb', solved('05_forward'))
    true = true_cells('06_loss')

    def spoil(id, source):
        right = true[id] if is_blank(source) and 'def sgns_grad(' not in source else source
        return right.replace('.clamp(min=1)', '') if 'def masked_mean(' in right else right

    write_notebook(lessons / '06_loss.ipynb', edited('06_loss', spoil))
    half = true_cells('04_embedding')
    written = lambda id, source: half[id] if 'def init_bounds(' in source else source
    write_notebook(lessons / '04_embedding.ipynb', edited('04_embedding', written))
    return lessons


OVERVIEW = [
    '03_data         0 of 4  not begun',
    '04_embedding    1 of 2  begun; to do: init_embedding',
    '05_forward      1 of 1  passed',
    '06_loss         1 of 3  failing: masked_mean',
    '07_training     0 of 3  not begun',
]


def test_a_line_for_each_lesson(tmp_path, three_states):
    "In a pipe: lines that are not wrapped, without colours, then what comes next"
    done = run(tmp_path, 'mine', '--check')
    lines = done.stdout.splitlines()
    assert done.returncode == 1 and done.stderr == '', done.stderr
    assert [line[:2] for line in lines[:11]] == [lesson[:2] for lesson in EXERCISES]
    assert lines[3:8] == OVERVIEW and lines[11:13] == [f'3 of {len(ALL)} right', '']
    says = 'A row in which nothing counts is 0, not 0/0. It gave [nan, nan]; wanted: [0.0, 0.0]'
    assert lines[13:] == [
        f'Next: masked_mean in 06_loss.ipynb: 5 of 6 checks pass. {says}',
        'A hint: w2v learn --hint masked_mean',
        'Only this lesson: w2v learn mine --check --only 06',
    ]


NEXT = [  # states of 02's two functions, 03's two and 04's; which of the five comes next
    (['to do'] * 5, 0),
    (['right', 'to do', 'to do', 'to do', 'to do'], 1),
    (['to do', 'to do', 'to do', 'right', 'to do'], 2),
    (['to do', 'to do', 'to do', 'right', 'wrong'], 4),
    (['right', 'wrong', 'wrong', 'right', 'to do'], 1),
    (['right'] * 5, None),
]


@pytest.mark.parametrize('states, expected', NEXT)
def test_what_comes_next(states, expected):
    "What is wrong comes first, then a lesson that is begun, then the first one"
    lessons = ['02_text', '02_text', '03_data', '03_data', '04_embedding']
    numbered = enumerate(zip(lessons, states))
    verdicts = [Verdict(lesson, f'f{i}', state) for i, (lesson, state) in numbered]
    assert next_verdict(verdicts) is (None if expected is None else verdicts[expected])


def test_the_folder_can_be_left_out(tmp_path, lessons):
    done = run(lessons, '--check')
    assert done.stdout == run(tmp_path, 'mine', '--check').stdout
    assert 'Next: cosine in 00_words.ipynb: still to be written' in done.stdout
    (lessons / '07_training.ipynb').rename(tmp_path / '07_training.ipynb')
    done = run(tmp_path, '--check')
    assert 'there is no 00_words.ipynb; w2v learn . copies it again' in done.stdout
    assert '07_training     0 of 3  not begun' in done.stdout


def on_a_terminal(tmp_path, *args, columns=80, **more):
    "What `w2v learn` prints on a terminal of some width"
    import fcntl, pty, struct, termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack('HHHH', 24, columns, 0, 0))
    env = environment(tmp_path, **dict(TERM='xterm') | more)
    child = subprocess.Popen(
        [*LEARN, *args], cwd=tmp_path, env=env, stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    parts = []
    try:
        while part := os.read(ours, 9999):
            parts.append(part)
    except OSError:  # Linux's way to say that the other side has gone
        pass
    os.close(ours)
    child.wait(timeout=600)
    return b''.join(parts).decode().replace('\r\n', '\n')


GREEN, RED, YELLOW = ('\x1b[{}m'.format(n) for n in (32, 31, 33))


def without_colours(text):
    return re.sub(r'\x1b\[\d+m', '', text)


@posix
def test_colours_on_a_terminal(tmp_path, three_states):
    shown = on_a_terminal(tmp_path, 'mine', '--check', columns=60)
    assert f'{GREEN}passed\x1b[0m' in shown and f'{RED}failing\x1b[0m' in shown
    assert f'{YELLOW}begun\x1b[0m; to do' in shown and 'not begun' in shown
    assert shown.count('\x1b[0m') == 3
    plain = without_colours(shown)
    assert max(map(len, plain.splitlines())) <= 60
    together = ' '.join(plain.split())
    assert 'wanted: [0.0, 0.0] A hint: w2v learn --hint masked_mean' in together


@posix
@pytest.mark.parametrize('columns', [30, 41, 80, 200])
def test_lines_fit_the_terminal(tmp_path, lessons, columns):
    "Nothing is lost by wrapping, and no line is longer, except for a single word"
    for args in (['mine', '--check'], ['--hint', '03'], ['--hint', '09', '2']):
        shown = without_colours(on_a_terminal(tmp_path, *args, columns=columns))
        for line in shown.splitlines():
            assert len(line) <= columns or len(line.split()) == 1, line
        piped = run(tmp_path, *args).stdout
        assert shown.split() == piped.split()
        assert args[0] == 'mine' or max(map(len, shown.splitlines())) > 0.7 * columns


@posix
def test_when_there_are_colours(tmp_path, lessons):
    "Not if `NO_COLOR` has a value, nor on a terminal that can't show them"
    (lessons / '06_loss.ipynb').write_text('{')  # wrong, and no kernel is needed to say so
    show = lambda *args, **more: on_a_terminal(tmp_path, 'mine', '--check', *args, **more)
    assert f'{RED}failing\x1b[0m: masked_mean' in show(columns=99)
    assert f'{RED}wrong\x1b[0m masked_mean' in show('--only', '06', NO_COLOR='')
    for more in dict(NO_COLOR='1'), dict(TERM='dumb'):
        shown = show('--only', '06', **more)
        assert 'wrong masked_mean' in shown and '\x1b' not in shown


# Hints


def code_lines(exercise):
    "The statements of our solution, each as it is written, and what it assigns or returns"
    cells = list(true_cells(exercise.lesson).values())
    node = definition(pieces_of(cells), exercise.name)
    source = next(source for source in cells if ast.unparse(node).split('(')[0] in source)
    lines = [line.partition(' # ')[0].strip() for line in source.splitlines()]
    inside = [line for line in lines if not line.startswith(('def ', 'class ', '@', '#', ')'))]
    values = [re.sub(r'^(return|raise) |^[^=()]+ = ', '', line) for line in inside]
    return {line for line in inside + values if len(line) > 12 and '"' not in line[:1]}


@pytest.mark.parametrize('exercise', ALL, ids=lambda e: f'{e.lesson}-{e.name}')
def test_two_hints_and_no_answer(exercise):
    assert len(exercise.hints) == 2 and len(set(exercise.hints)) == 2
    lines = code_lines(exercise)
    assert lines
    for hint in exercise.hints:
        assert 40 < len(hint) < 420 and hint[-1] in '.?'
        assert not [line for line in lines if line in hint]
    nudge, more = exercise.hints
    assert nudge.count('(') <= more.count('(') + 1 and len(nudge) < 260


def test_hint_command(tmp_path):
    "One step after the other, for a function by its name, with its class or not, or a lesson"
    nudge, more = EXERCISES['05_forward'][0].hints
    done = run(tmp_path, '--hint', 'skip_gram')
    expected = f'skip_gram: {nudge}\nMore: w2v learn --hint skip_gram 2\n'
    assert (done.returncode, done.stdout, done.stderr) == (0, expected, '')
    assert run(tmp_path, '--hint', 'skip_gram', '2').stdout == f'skip_gram: {more}\n'
    for name in '06', '06_loss', '06_loss.ipynb':
        lines = run(tmp_path, '--hint', name).stdout.splitlines()
        assert lines[:3] == [f'{e.name}: {e.hints[0]}' for e in EXERCISES['06_loss']]
    assert run(tmp_path, '--hint', 'forward').stdout.startswith('SigmoidBCELoss.forward: ')
    both = run(tmp_path, '--hint', '__getitem__').stdout.splitlines()[:2]
    assert [line.partition(':')[0] for line in both] == [
        'Vocab.__getitem__',
        'History.__getitem__',
    ]
    assert list(tmp_path.iterdir()) == []


# In a notebook

CRASH = 'def skip_gram(*a): return 1/0'
ENDLESS = 'def skip_gram(*a):\n    while True: pass'
LOUD = "def skip_gram(*a):\n    print('x'*10**6)\n    import sys\n    sys.exit(3)"
FLAT = """import torch
def skip_gram(center, words, v, u): return (v(center) * u(words)).sum(-1)"""
BAD_CELL = 'def skip_gram(x=1/0): pass'
FROM_PACKAGE = 'from w2v_nb.chapter.forward import skip_gram'


def in_a_notebook(tmp_path, cells):
    "What cells print, each as lines, in a notebook of its own"
    from nbclient import NotebookClient
    from nbformat.v4 import new_code_cell, new_notebook

    nb = new_notebook(cells=[new_code_cell(cell) for cell in cells])
    settings = dict(allow_errors=True, kernel_name='python3', timeout=300)
    NotebookClient(nb, resources={'metadata': {'path': str(tmp_path)}}, **settings).execute()
    for cell in nb.cells:
        if cell.source.startswith(('check', 'hint')):
            assert {output.output_type for output in cell.outputs} == {'stream'}, cell
            assert {output.name for output in cell.outputs} == {'stdout'}, cell
    texts = [''.join(output.get('text', '') for output in cell.outputs) for cell in nb.cells]
    return [text.splitlines() for text in texts]


def test_check_in_a_notebook(tmp_path):
    "Right, wrong, crashing and endless answers, in one or two lines, and never a traceback"
    pytest.importorskip('nbclient')
    true = solved('05_forward')
    right = next(source for source in sources(true) if 'def skip_gram(' in source)
    lesson = sources(read_notebook(lessons_folder() / '05_forward.ipynb'))
    blank = next(source for source in lesson if is_blank(source))
    ours = ["check('skip_gram')", "check('skip_gram', limit=1)"]
    said = in_a_notebook(
        tmp_path,
        [
            lesson[0],  # which brings `check` and `hint`
            'import torch\nfrom torch import nn',
            *(ours[0], blank, ours[0], FLAT, ours[0], CRASH, ours[0], ENDLESS, ours[1]),
            *(LOUD, ours[0], BAD_CELL, ours[0], FROM_PACKAGE, ours[0], right, ours[0]),
            "check('skipgram')",
            "check('05')",
            "hint('skip_gram')",
            "hint('skip_gram', 2)",
            "hint('skip_gram', 3)",
        ],
    )
    said = [lines for lines in said if lines]
    assert all(len(lines) <= 2 for lines in said), said
    assert said[0] == ['skip_gram: not defined yet: run its cell first']
    assert said[1] == ["skip_gram: still to be written; for a nudge: hint('skip_gram')"]
    flat = 'skip_gram: 2 of 6 checks pass. Scores of shape [B, 1, N], not [B, N].'
    assert said[2] == [flat, 'It gave torch.Size([2, 4]); wanted: (2, 1, 4)']
    assert said[3][0].startswith('skip_gram: 0 of 6 checks pass.')
    assert said[3][1] == 'It stops with ZeroDivisionError: division by zero, in `return 1 / 0`'
    endless = 'it takes longer than 1 s: is there a loop that does not end?'
    assert said[4] == [f'skip_gram: {endless}']
    assert said[5][1] == 'It stops with SystemExit: 3, in `sys.exit(3)`'
    assert said[6] == ['skip_gram: its definition fails: ZeroDivisionError: division by zero']
    assert said[7][0].startswith('skip_gram: ') and 'right' not in said[7][0]
    assert said[8] == said[10] == ['skip_gram: right']
    assert 'did you mean skip_gram?' in said[9][0]
    nudge, more = EXERCISES['05_forward'][0].hints
    assert said[11] == [f'skip_gram: {nudge}', "More: hint('skip_gram', 2)"]
    assert said[12:] == [[f'skip_gram: {more}'], ['there are hints 1 and 2, not 3']]


@pytest.mark.parametrize('exercise', ALL, ids=lambda e: f'{e.lesson}-{e.name}')
def test_notebook_and_command_agree(kernel, exercise):
    "The same verdict, in the same words, on our solution and on a wrong one"
    assert check_here(exercise, sources(solved(exercise.lesson))).state == 'right'
    for old, new in WRONG[exercise.name][:1]:
        spoil = lambda id, source: source.replace(old, new)
        cells = sources(solved(exercise.lesson, spoil))
        here, there = check_here(exercise, cells), verdict(kernel, exercise, cells)
        assert (here.says, here.state == 'right') == there


def test_a_crash_names_its_line(kernel):
    "In the notebook and in the command, in the same words"
    exercise, cell = EXERCISES['05_forward'][0], 'def skip_gram(*a):\n    return a[9]'
    here, there = check_here(exercise, [cell]), verdict(kernel, exercise, [cell])
    assert here.says == there[0]
    stops = 'It stops with IndexError: tuple index out of range, in `return a[9]`'
    assert here.says.endswith(stops)


def wanted_by(exercise, old, new):
    "What is said of what a wrong solution gave"
    spoil = lambda id, source: source.replace(old, new)
    return check_here(exercise, sources(solved(exercise.lesson, spoil))).says.split('\n')[1]


SEEN = {
    ('softmax', 'scores - scores.max()', 'scores'): 'It gave [nan, 0.0, 0.0]; wanted: [1.0,',
    ('get_similar_tokens', 'if k < 1: raise', 'if False: raise'): 'It raised nothing; wanted',
    ('split_lines', "text.split('\\n')", 'text.splitlines()'): "It gave [['a'], ['b'], ['c'],",
    ('History.__getitem__', '{key!r} isn', 'it isn'): 'It raised KeyError: ',
    ('contexts_at', 'positions - windows', 'positions - windows + 1'): 'It gave [[13], [11,',
}


def test_what_it_gave_and_what_was_wanted():
    "Of values that are long, the first place where they differ"
    by_name = {exercise.name: exercise for exercise in ALL}
    for (name, old, new), seen in SEEN.items():
        assert wanted_by(by_name[name], old, new).startswith(seen), name
    seen = wanted_by(by_name['RandomGenerator.draw'], 'self.rng.', 'np.random.')
    assert re.fullmatch(r'It gave \d+ at \[0\]\[\d+\]; wanted: \d+', seen)


def test_no_check_outside_a_notebook(tmp_path):
    code = "from w2v_nb.tools.learn import check; check('skip_gram')"
    done = python(tmp_path, code)
    assert done.stdout == 'check works in a notebook; in a terminal: w2v learn --check\n'
    assert (done.returncode, done.stderr) == (0, '')


# The course on one page


def test_start_is_the_whole_course(tmp_path, lessons):
    import nbformat

    nb = read_notebook(lessons / 'START.ipynb')
    nbformat.validate(nbformat.from_dict(nb))
    text = ''.join(nb['cells'][0]['source'])
    rows = re.findall(r'^\| \[(\w+)\]\(\1\.ipynb\) \| (.+) \| (.+) \| (\d+) \|$', text, re.M)
    assert [row[0] for row in rows] == list(EXERCISES)
    for lesson, teaches, names, minutes in rows:
        assert re.findall('`(.+?)`', names) == [e.name for e in EXERCISES[lesson]]
        assert 20 < len(teaches) < 90 and 10 <= int(minutes) <= 120
    assert all((lessons / name).exists() for name in re.findall(r'\]\((\w+\.ipynb)', text))
    hours = int(re.search(r'about (\d+) hours', text)[1])
    assert hours == round(sum(int(row[-1]) for row in rows) / 60)
    assert f'{len(ALL)} of its functions' in text
    lines = re.findall(r'^\| `w2v (learn .+?)` \|', text, re.M)
    assert len(lines) == 4 and sources(nb) == ['!w2v learn --check']
    for line in lines:
        done = call(lessons, LEARN[:-1], *line.split())
        assert done.returncode == ('--check' in line) and done.stderr == '' and done.stdout


@pytest.mark.parametrize('lesson', EXERCISES)
def test_a_check_below_each_exercise(lesson):
    code = sources(read_notebook(lessons_folder() / f'{lesson}.ipynb'))
    assert code[0] == 'from w2v_nb.tools.learn import check, hint'
    calls = [f'check({exercise.name!r})' for exercise in EXERCISES[lesson]]
    for i, source in enumerate(code):
        if is_blank(source):
            name = re.search(r"hint\('(.+?)'\) gives a nudge", source)[1]
            assert code[i + 1] == f'check({name!r})' == calls.pop(0)
    assert not calls


# What the lessons are


@pytest.mark.parametrize('lesson', EXERCISES)
def test_lessons_hold_no_answers(lesson):
    nb = read_notebook(lessons_folder() / f'{lesson}.ipynb')
    code = sources(nb)
    assert sum(map(is_blank, code)) == len(EXERCISES[lesson])
    for found in '#|', '# |', 'benchmarks/results', 'scipy':
        assert not any(found in source for source in code), found
    for cell in nb['cells']:
        if cell['cell_type'] == 'code':
            assert cell['outputs'] == [] and cell['execution_count'] is None


@pytest.mark.parametrize('lesson', EXERCISES)
def test_lessons_are_notebooks_of_python(lesson):
    import nbformat
    from IPython.core.inputtransformer2 import TransformerManager

    nb = read_notebook(lessons_folder() / f'{lesson}.ipynb')
    nbformat.validate(nbformat.from_dict(nb))
    for source in sources(nb):
        ast.parse(TransformerManager().transform_cell(source))


@pytest.mark.parametrize('lesson', EXERCISES)
def test_lessons_say_what_to_do(lesson):
    nb = read_notebook(lessons_folder() / f'{lesson}.ipynb')
    texts = [''.join(c['source']) for c in nb['cells'] if c['cell_type'] == 'markdown']
    last = next(i for i, text in enumerate(texts) if '## Exercises' in text)
    questions = re.findall(r'^\d\. ', '\n'.join(texts[last:]), re.M)
    assert sources(nb).count('# your answer') >= len(questions) >= 2
    links = re.findall(r'\]\((\w+\.ipynb)', '\n'.join(texts))
    assert all((lessons_folder() / name).exists() for name in links)
    assert f'--only {lesson[:2]}' in texts[2]
    assert all(f'`{exercise.name}`' in texts[2] for exercise in EXERCISES[lesson])


def build_wheel(tmp_path):
    "Built from a copy of what git would take, so that a stale build folder plays no part"
    source = tmp_path / 'source'
    source.mkdir()
    for name in 'settings.ini setup.py pyproject.toml MANIFEST.in LICENSE'.split():
        shutil.copy(root / name, source / name)
    for name in 'README.md', 'CHANGELOG.md', 'CITATION.cff':
        shutil.copy(root / name, source / name)
    stale = shutil.ignore_patterns('__pycache__', '.ipynb_checkpoints')
    shutil.copytree(root / 'w2v_nb', source / 'w2v_nb', ignore=stale)
    code = f'from setuptools import build_meta; build_meta.build_wheel({str(tmp_path)!r})'
    done = subprocess.run(
        [sys.executable, '-c', code], cwd=source, capture_output=True, text=True
    )
    if 'No module named' in done.stderr and 'setuptools' in done.stderr:
        pytest.skip('setuptools is not here')
    assert done.returncode == 0, done.stderr[-2000:]
    return next(tmp_path.glob('*.whl'))


def test_the_wheel_has_them(tmp_path):
    with zipfile.ZipFile(build_wheel(tmp_path)) as wheel:
        folder = 'w2v_nb/tools/lessons/'
        names = [name for name in wheel.namelist() if name.startswith(folder)]
        inside = {name.removeprefix(folder): wheel.read(name) for name in names}
        assert inside == contents(lessons_folder()) and len(inside) == 23
        points = next(name for name in wheel.namelist() if name.endswith('entry_points.txt'))
        assert 'w2v = w2v_nb.tools.cli:main' in wheel.read(points).decode()
        wheel.extractall(tmp_path / 'site')
    env = environment(tmp_path, PYTHONPATH=str(tmp_path / 'site'))
    done = run(tmp_path, 'mine', env=env)
    assert done.returncode == 0 and len(contents(tmp_path / 'mine')) == 12, done.stderr
    write_notebook(tmp_path / 'mine' / '05_forward.ipynb', solved('05_forward'))
    done = run(tmp_path, 'mine', '--check', '--only', '05', env=env)
    assert done.returncode == 0 and '1 of 1 right' in done.stdout, done.stdout + done.stderr


# Properties

NAMES = st.sampled_from('abcd')
PAIRS = st.tuples(NAMES, NAMES)
LINES = st.one_of(
    PAIRS.map(lambda names: 'def {}(x): return {}(x)'.format(*names)),
    PAIRS.map(lambda names: 'def {0}({1}): return {1}'.format(*names)),
    NAMES.map(lambda name: f'import math as {name}'),
    NAMES.map(lambda name: f'{name} = 1'),
    NAMES.map(lambda name: f'{name.upper()} = {name}'),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(LINES, max_size=8))
def test_pieces(lines):
    """Whatever the cells: a definition binds its name, and needs just the names that its
    source leaves open"""
    found = pieces_of(lines)
    definitions = [line for line in lines if not re.match('[a-z] = ', line)]
    assert [p.source for p in found] == [ast.unparse(ast.parse(line)) for line in definitions]
    for p in found:
        m = re.match(r'def (\w)\((\w)\): return (\w)', p.source.replace('\n    ', ' '))
        if m:
            assert p.binds == {m[1]} and p.needs - {'x'} == {m[3]} - {m[2]}, p


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60), st.sampled_from(ALL))
def test_any_text_is_looked_at(text, exercise):
    says, source = at_a_glance([text], exercise, EXERCISES[exercise.lesson])
    assert says and not source


KEYS = st.sampled_from(['cells', 'cell_type', 'source', 'code'])


def nested(values):
    return st.lists(values, max_size=3) | st.dictionaries(KEYS, values, max_size=3)


VALUES = st.none() | st.booleans() | st.floats() | st.text(max_size=9)


@settings(max_examples=100, deadline=None)
@given(st.recursive(VALUES, nested, max_leaves=12))
def test_any_json_is_read(tmp_path_factory, value):
    path = tmp_path_factory.mktemp('json') / 'x.ipynb'
    path.write_text(json.dumps(value))
    try:
        cells = read_cells(path)
    except ValueError as e:
        assert 'is not a notebook any more' in str(e)
    else:
        assert all(isinstance(cell, str) for cell in cells)


SETTINGS = [
    dict(PYTHONOPTIMIZE='1'),
    dict(PYTHONOPTIMIZE='2'),
    dict(PYTHONPATH='shadow'),
    dict(PYTHONWARNINGS='error'),
    dict(LC_ALL='C', PYTHONUTF8='0'),
    dict(PYTHONHASHSEED='random'),
]


@pytest.mark.parametrize('setting', SETTINGS, ids=str)
def test_the_shell_changes_no_verdict(tmp_path, monkeypatch, setting):
    "With `PYTHONOPTIMIZE` there would be no assertions in the kernel"
    shadow = tmp_path / 'shadow'
    shadow.mkdir()
    (shadow / 'random.py').write_text('raise SystemExit("not the standard library")')
    if 'PYTHONPATH' in setting:
        setting = dict(PYTHONPATH=str(shadow))
    for name, value in setting.items():
        monkeypatch.setenv(name, value)
    checks = lessons_folder() / '06_loss.checks'
    (tmp_path / 'hidden_06_loss.py').write_bytes(checks.read_bytes())
    first = EXERCISES['06_loss'][0]
    zero = spoilt_mean(first_do('return values[:, 0]*0'))
    with Kernel(tmp_path) as fresh:
        assert not verdict(fresh, first, sources(zero))[1]
        assert verdict(fresh, first, sources(solved('06_loss'))) == ('', True)
