"The learner's copy: true solutions pass, plausible wrong ones do not; nothing is overwritten; whatever a notebook holds, a check comes to an end."
import ast, json, os, re, shutil, signal, subprocess, sys, time, zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from w2v_nb.learn import Kernel, at_a_glance, check_lessons, copy_lessons, lessons_folder, names_of, pieces_of, read_cells, read_exercises, run_check, w2v_learn, write_new

root = Path(__file__).resolve().parent.parent
COMMAND = [sys.executable, '-c', 'import sys; from w2v_nb.learn import w2v_learn; sys.exit(w2v_learn())']
EXERCISES = {path.stem: read_exercises(path) for path in sorted(lessons_folder().glob('*.checks'))}
ALL = [e for exercises in EXERCISES.values() for e in exercises]
posix = pytest.mark.skipif(os.name == 'nt', reason='POSIX signals and permissions')


def environment(tmp_path, **more):
    "Without PTB and without a network"
    keep = {k: v for k, v in os.environ.items() if k not in ('W2V_NB_DATA', 'no_proxy', 'NO_PROXY')}
    proxy = {k: 'http://127.0.0.1:9' for k in ('http_proxy', 'https_proxy', 'HTTP_PROXY', 'HTTPS_PROXY')}
    return keep | proxy | dict(XDG_CACHE_HOME=str(tmp_path/'cache'), HOME=str(tmp_path), PYTHONPATH=str(root)) | more

def run(tmp_path, *args, **kwargs):
    return subprocess.run([*COMMAND, *map(str, args)], cwd=tmp_path, env=environment(tmp_path), capture_output=True, text=True, **kwargs)

def true_cells(lesson): return {c['id']: ''.join(c['source']) for c in json.loads((root/'nbs'/f'{lesson}.ipynb').read_text(encoding='utf-8'))['cells']}

def edited(lesson, change):
    "The lesson's notebook (JSON); `change` is given a cell's id and source, and returns its new source, or None for no such cell"
    nb = json.loads((lessons_folder()/f'{lesson}.ipynb').read_text(encoding='utf-8'))
    new = [(c, change(c['id'], ''.join(c['source'])) if c['cell_type'] == 'code' else ''.join(c['source'])) for c in nb['cells']]
    return nb | dict(cells=[c | dict(source=s) for c, s in new if s is not None])

def solved(lesson, wrong=lambda id, source: source):
    "The lesson with the true solutions, which `wrong` may spoil"
    true = true_cells(lesson)
    return edited(lesson, lambda id, source: wrong(id, true[id]) if 'raise NotImplementedError' in source else source)

def sources(nb): return [''.join(c['source']) for c in nb['cells'] if c['cell_type'] == 'code']


# Plausible mistakes: what to replace in the true solution by what. None but the exercise's own cell holds the text.
WRONG = {
    'split_lines': [(' if (tokens := line.split())', ''), ('line.split()', "line.split(' ')"), ('text.splitlines()', '[text]'), ('text.splitlines()', "text.split('\\n')[:-1]"), ('(tokens := line.split())', '(tokens := tuple(line.split()))')],
    'Vocab.__getitem__': [('get(tokens, 0)', 'get(tokens, -1)'), ('get(tokens, 0)', 'get(tokens)'), ('    if tokens not in self and', '    if False and'), ('[self[t] for t in tokens]', '[self.token_to_idx.get(t, 0) for t in tokens]'),
                          ('if not isinstance(tokens, str)', 'if len(tokens) > 1'), (' and self.unk is None', '')],
    'keep_probability': [('np.sqrt(', '(')  , ('np.minimum(1, ', '('), ('counts.sum()', 'counts.max()'), (', 0)', ', 1)'), ('np.minimum(1, np.sqrt', '1 - np.minimum(1, np.sqrt'), ('if not 0 < t', 'if t < 0'), ('np.maximum(counts, 1)', 'counts'),
                         ('t * counts.sum() / np.maximum(counts, 1)', 'np.maximum(counts, 1) / counts.sum() / t'), ('    counts = np.asarray(counts, dtype=np.float64)', '    counts = np.asarray(counts, dtype=np.float32)')],
    'subsample': [('[offsets]', '[offsets - 1]'), ('np.concatenate([[0], np.cumsum(kept)])[offsets]', 'offsets'), ('known_counts', 'counts'), (' < keep', ' > keep'), ('default_rng(seed)', 'default_rng()'), ('np.concatenate([[0], np.cumsum(kept)])', 'np.append(np.cumsum(kept), kept.sum())'),
                  (', t)[ids]', ')[ids]'), ('return ids[kept]', 'return ids[kept].astype(np.int64)')],
    'contexts_at': [('places - windows', 'places - windows + 1'), ('places + windows + 1', 'places + windows'), ('np.maximum(places - windows, offsets[sentence - 1])', 'np.maximum(places - windows, 0)'), ('np.minimum(places + windows + 1, offsets[sentence])', 'np.minimum(places + windows + 1, len(ids))'),
                    ('    there += there >= np.repeat(places, num)                # step over the centre\n', ''), ("side='right'", "side='left'"), ('num = hi - lo - 1', 'num = hi - lo'), ('return ids[there], starts', 'return ids[there][ids[there] != np.repeat(ids[places], num)], starts')],
    'RandomGenerator.draw': [('self.rng.multinomial(n, self.p)', 'np.round(n*self.p).astype(int)'), ('self.rng.permutation(np.repeat(', '(np.repeat('), ('self.p)', 'np.ones_like(self.p)/len(self.p))'), ('return self.rng.permutation', 'self.rng = np.random.default_rng(0); return self.rng.permutation'),
                             (', dtype=np.int32)', ')'), ('self.rng.', 'np.random.')],
    'get_negatives': [('    for k, m in zip(k, m):', '    for k, m in []:'), ('around[:, m] == noise[k, m]', 'contexts[m] == noise[k, m][None]'), ('noise.T.copy()', 'noise.copy()'), ('[noise == row for row in around]', '[noise == contexts]'), ('generator.draw(len(m))', '1 + generator.rng.integers(len(generator.p) - 1, size=len(m))'),
                      ('noise[k, m] = draw_outside(generator, around[:, m], owner[m])', 'noise[k, m] = 0'), ('generator.draw(num_noise_words', 'RandomGenerator(generator.p).draw(num_noise_words')],
    'batchify': [('column < num, column < num * (1 + K)', 'column < num, column < num'), ('masks.float(), labels.float()', 'labels.float(), masks.float()'), ('K * start', 'start'), ('+ column - num)', '+ column)'), ('(words * masks)', '(words)'), ('.long(), (words', ', (words'), ('column < num * (1 + K)', 'column < num * K'), ('contexts[(start + column)', 'contexts[(start + column + 1)'),
                 ('centers[rows, None]', 'centers[rows]'), ('masks.float()', 'masks')],
    'init_bounds': [('6 / (vocab_size + dim)', '6') , ('(vocab_size + dim)', '(vocab_size * dim)'), ('0.5 / dim, 0.', '0.5 / dim, 0.5 / dim'), ('0.5 / dim', '1 / dim'), ('math.sqrt(6 / (vocab_size + dim))', 'math.sqrt(2 / (vocab_size + dim))'), ('uniform=(UNIFORM_BOUND, UNIFORM_BOUND)', 'uniform=(UNIFORM_BOUND, 0.)')],
    'init_embedding': [('(-bound, bound', '(0, bound'), ('uniform_(-bound, bound', 'normal_(0, bound'), (', generator=generator', ''), ('    return embed', '    return embed.weight'), ('    return embed', ''), ('with torch.no_grad(): embed.weight.uniform_(-bound, bound, generator=generator)', 'embed.weight = nn.Parameter(torch.empty_like(embed.weight).uniform_(-bound, bound, generator=generator))'),
                       ('with torch.no_grad(): embed.weight.uniform_(-bound, bound, generator=generator)', 'embed = nn.Embedding.from_pretrained(torch.empty_like(embed.weight).uniform_(-bound, bound, generator=generator))')],
    'skip_gram': [('embed_u(contexts', 'embed_v(contexts'), ('torch.bmm(embed_v(center), embed_u(contexts_and_negatives).transpose(1, 2))', '(embed_v(center) * embed_u(contexts_and_negatives)).sum(-1)'), ('transpose(1, 2))', 'transpose(1, 2)).sigmoid()'), ('transpose(1, 2))', 'transpose(1, 2)).softmax(-1)'),
                  ('torch.bmm(embed_v(center), embed_u(contexts_and_negatives)', 'torch.bmm(embed_u(center), embed_v(contexts_and_negatives)'), ('transpose(1, 2))', 'transpose(1, 2)).detach()'), ('transpose(1, 2))', 'transpose(1, 2)) / embed_v(center).shape[-1]**.5')],
    'masked_mean': [('values.masked_fill(mask == 0, 0)', '(values * mask)'), ('mask.sum(dim=1).clamp(min=1)', 'values.shape[1]'), ('.clamp(min=1)', ''), ('mask == 0', 'mask == 1'), ('.sum(dim=1) / mask', '.sum() / mask'), ('if mask.shape != values.shape: raise', 'if False: raise'), ('values.mean(dim=1)', 'values.mean(dim=0)'), ('values.mean(dim=1)', 'values.sum(dim=1)')],
    'SigmoidBCELoss.forward': [("reduction='none'), mask)", "reduction='none'), None)"), ('(inputs, target,', '(-inputs, target,'), ('        if mask is not None: inputs = inputs.masked_fill(mask == 0, 0) # so that its gradient is left out, too\n', ''), ("reduction='none'), mask)", "reduction='none'), mask) * target.shape[1]"),
                               ("F.binary_cross_entropy_with_logits(inputs, target, reduction='none')", 'torch.where(target > 0, -torch.sigmoid(inputs).log(), -(1 - torch.sigmoid(inputs)).log())'), ('return masked_mean(', 'return -masked_mean('), ('(inputs, target,', '(inputs, 1 - target,'), ("reduction='none'), mask)", "reduction='none'), mask).mean()")],
    'sgns_grad': [(' - labels', ' + labels'), ("g = torch.sigmoid(torch.einsum('bd,bnd->bn', v, U)) - labels", "g = labels - torch.sigmoid(torch.einsum('bd,bnd->bn', v, U))"), ("        g = g.masked_fill(mask == 0, 0)\n", ''), ("torch.einsum('bn,bnd->bd', g, U)", "torch.einsum('bn,bnd->bd', g, U) / U.shape[1]"), ('torch.sigmoid(', '('),
                  ("torch.einsum('bn,bd->bnd', g, v)", "g[:, :, None] * U"), ('if mask.shape != g.shape: raise', 'if False: raise'), ("torch.einsum('bn,bnd->bd', g, U), torch", "torch.einsum('bn,bnd->bd', g, U).sum(0), torch")],
    'History.__getitem__': [('getattr(r, key) for r in self]', 'getattr(r, key) for r in self][-1:]'), ('        if key not in Row._fields: raise', '        if False: raise'), ('return [getattr(r, key) for r in self]', 'return tuple(getattr(r, key) for r in self)'), ('return super().__getitem__(key)', 'return super().__getitem__(int(key) - 1)'),
                            ("for r in self]", "for r in self if getattr(r, key) is not None]"), ('if not isinstance(key, str)', 'if isinstance(key, int)'), ('raise KeyError', 'raise ValueError')],
    'table_cells': [('any(v is not None for', 'all(v is not None for'), ('any(v is not None for v in history[f])', 'any(history[f])'), ("f in ('epoch', 'loss') or ", ''), ('format(v, FORMATS[f])', 'str(v)'), ("'' if (v :=", "'None' if (v :="), ('return [known] + ', 'return '), ('(v := getattr(r, f)) is None', 'not (v := getattr(r, f))')],
    'batch_loss': [(' + shift', ''), ('mask).sum()', 'mask).mean()'), ('label, mask)', 'label)'), ('net[0], net[1])', 'net[1], net[0])'), (' + shift', ' * (1 + shift)'), ('mask).sum()', 'mask).sum().detach()'), ('mask).sum()', 'mask)'), ('+ shift, label, mask', '+ shift, mask, mask')],
    'evaluate_loss': [('return total.item() / n', 'return total.item() / len(data_iter)'), ('n += len(batch[0])', 'n += 1'), (', shift); n', '); n'), ('if not n: raise', 'if n < 0: raise'), ('return total.item() / n', 'return total / n'), ('torch.inference_mode()', 'torch.enable_grad()'), ('total += batch_loss(net, batch, shift)', 'total += batch_loss(net, batch, shift) / len(batch[0])'),
                      ('return total.item() / n', 'return total.item()')],
    'train_epoch': [('        optimizer.zero_grad()\n', ''), ('        optimizer.step()\n', ''), ('        loss.backward()\n        optimizer.step()', '        optimizer.step()\n        loss.backward()'), ('loss = batch_loss(net, batch)', 'loss = batch_loss(net, batch) / len(batch[0])'), ('loss = batch_loss(net, batch)', 'loss = -batch_loss(net, batch)'),
                    ('        loss.backward()\n', ''), ('        optimizer.step()', '        optimizer.step(); optimizer.step()'), ('        optimizer.step()', '        optimizer.step(); loss = batch_loss(net, batch)')],
    'get_similar_tokens': [('unit = W / W.norm(dim=1, keepdim=True).clamp(min=torch.finfo(W.dtype).tiny)', 'unit = W'), ('[query] if vocab.unk is None else [query, 0]', '[query]'), ('[query] if vocab.unk is None else [query, 0]', '[0]'), ('[query] if vocab.unk is None else [query, 0]', '[query, 0]'), ('.clamp(min=torch.finfo(W.dtype).tiny)', ''),
                           ('unit @ unit[query]', 'unit @ W[query]'), ('min(k, int((cosines > -torch.inf).sum()))', 'min(k, len(W))'), ('min(k, int((cosines > -torch.inf).sum()))', 'k'), (', values.tolist()', ', values'), ('cosines.topk(min', '(-cosines).topk(min'), (' or query_token == vocab.unk', ''), ('if k < 1: raise', 'if False: raise'), ('if len(W) != len(vocab): raise', 'if False: raise'),
                           ('-torch.inf\n', '-1\n')],
    'Resampled.draw': [('subsample(self.ids, self.offsets,', 'subsample(*(self.kept if hasattr(self, "kept") else (self.ids, self.offsets)),'), (', self.epoch, 0]', ', 0]'), ('rng.permutation(', '('), ('self.kept[1]', 'self.offsets'), ('self.t, rng', '1., rng'), ('[self.seed, self.epoch, 0]', '[self.epoch, 0]'), ('np.random.default_rng([self.seed, self.epoch, 0])', 'np.random.default_rng()'),
                       ('center_places(self.kept[1])', 'len(self.kept[0])')],
    'Resampled.__iter__': [('self.epoch += 1; ', ''), (' self.draw() ', ' '), ('rng.integers(1, self.max_window_size, size=len(places), endpoint=True)', 'np.full(len(places), self.max_window_size)'), ('self.max_window_size, size=len(places), endpoint=True)', 'self.max_window_size, size=len(places))'), ('integers(1,', 'integers(0,'), (' ** NS_EXPONENT', ''), ('known_counts', 'counts'),
                           ('[self.seed, self.epoch, 1]', '[self.epoch, 1]'), ('.to(self.device)', ''), ('len(order), self.batch_size', 'len(order) - self.batch_size + 1, self.batch_size'), ('    self.epoch += 1; self.draw()                                            # for the next pass\n', ''), ('[self.seed, self.epoch, 1]', '[self.seed, 1]'),
                           ('contexts_at(ids, offsets, places', 'contexts_at(self.ids, self.offsets, places')],
}


def test_every_exercise_has_wrong_solutions():
    assert set(WRONG) == {e.name for e in ALL} and all(len(w) >= 5 for w in WRONG.values())
    assert [len(e) for e in EXERCISES.values()] == [4, 4, 2, 1, 3, 2, 3, 1, 2]
    assert all(sum(1 for n in ast.walk(g) if isinstance(n, ast.FunctionDef) and ast.get_docstring(n)) >= 3 for p in lessons_folder().glob('*.checks') for g in ast.parse(p.read_text(encoding='utf-8')).body if isinstance(g, ast.ClassDef))

@pytest.fixture(scope='module')
def kernel(tmp_path_factory):
    pytest.importorskip('nbclient')
    work = tmp_path_factory.mktemp('work')
    for path in lessons_folder().glob('*.checks'): shutil.copy(path, work/f'hidden_{path.stem}.py')
    with Kernel(work) as kernel: yield kernel

def verdict(kernel, exercise, cells, limit=20):
    says, source = at_a_glance(cells, exercise, EXERCISES[exercise.lesson])
    return (says, False) if says else ((v := run_check(kernel, exercise, source, limit)).says, v.state == 'right')

@pytest.mark.parametrize('exercise', ALL, ids=lambda e: f'{e.lesson}-{e.name}')
def test_true_passes_and_wrong_does_not(kernel, exercise):
    true = sources(solved(exercise.lesson))
    assert verdict(kernel, exercise, true) == ('', True)
    wrong = []
    for old, new in WRONG[exercise.name]:
        hits = []
        def spoil(id, source):
            if old in source: hits.append(id)
            return source.replace(old, new)
        says, passed = verdict(kernel, exercise, sources(solved(exercise.lesson, spoil)))
        if not hits: wrong.append(f'the true solution has no {old!r}')
        elif passed or not says: wrong.append(f'{new!r} in the place of {old!r} passes')
        elif not re.match(r'\d of \d checks pass', says): wrong.append(f'{new!r} in the place of {old!r}: {says}')
    assert not wrong, '\n'.join(wrong)

@pytest.mark.parametrize('exercise', ALL, ids=lambda e: f'{e.lesson}-{e.name}')
def test_each_is_judged_alone(kernel, exercise):
    "All other blanks are still blank"
    true = true_cells(exercise.lesson)
    short = exercise.name.rpartition('.')[2]
    nb = edited(exercise.lesson, lambda id, source: true[id] if 'raise NotImplementedError' in source and f'def {short}(' in source else source)
    assert verdict(kernel, exercise, sources(nb)) == ('', True)
    assert all('NotImplementedError' in s for s in [true_left for true_left in sources(nb) if 'raise NotImpl' in true_left])

def test_our_function_is_not_yours(kernel):
    e = EXERCISES['03_forward'][0]
    for cell, says in [('from w2v_nb.forward import skip_gram', 'no such definition'), ('import w2v_nb.forward as x\ndef skip_gram(*a): return x.skip_gram(*a)', 'it imports w2v_nb.forward'),
                       ('def skip_gram(*a):\n    from w2v_nb.forward import skip_gram as s\n    return s(*a)', 'it imports w2v_nb.forward'), ('def skip_gram(*a):\n    from w2v_nb import forward\n    return forward.skip_gram(*a)', 'it imports w2v_nb.forward'),
                       ('import importlib\ndef skip_gram(*a): pass\nSOLUTION = 3\nclass Given: pass\ndef skip_gram(*a): return SOLUTION', '0 of 6')]:
        assert says in verdict(kernel, e, [cell])[0], cell


# Trouble

TROUBLE = [('deleted', lambda id, s: None, 'no such definition'), ('renamed', lambda id, s: s.replace('def masked_mean', 'def mean_masked'), 'no such definition'), ('syntax', lambda id, s: s.replace('return', 'retrun 1 +'), 'its cell is no Python: line'),
           ('page', lambda id, s: s.replace('mask.sum(dim=1)', 'total'), "name 'total' is not defined"), ('raises', lambda id, s: s + '\nclass Oops(int): x = 1/0\n@Oops\ndef masked_mean(): pass', 'its definition fails: ZeroDivisionError'), ('for ever', lambda id, s: s.replace('    if mask is None', '    while True: pass\n    if mask is None'), 'longer than 3 s'),
           ('deaf', lambda id, s: s.replace('    if mask is None', '    import time\n    while True:\n        try: time.sleep(99)\n        except BaseException: pass\n    if mask is None'), 'longer than 3 s'), ('floods', lambda id, s: s.replace('    if mask is None', '    import os\n    while True: print("x"*10**6); os.write(1, b"y"*10**6)\n    if mask is None'), 'longer than 3 s'),
           ('exits', lambda id, s: s.replace('    if mask is None', '    raise SystemExit(0)\n    if mask is None'), 'SystemExit'), ('dies', lambda id, s: s.replace('    if mask is None', '    import os; os._exit(0)\n    if mask is None'), 'it ends the kernel'), ('deep', lambda id, s: s.replace('    if mask is None', '    masked_mean(values, mask)\n    if mask is None'), 'RecursionError'),
           ('long', lambda id, s: s.replace('    if mask is None', '    raise ValueError("z"*10**8)\n    if mask is None'), 'zzz'), ('unhappy', lambda id, s: s.replace('    if mask is None', '    class E(Exception):\n        def __str__(self): raise self\n    raise E\n    if mask is None'), '0 of 6')]

@pytest.mark.parametrize('change, says', [t[1:] for t in TROUBLE], ids=[t[0] for t in TROUBLE])
def test_trouble(kernel, change, says):
    first, forward = EXERCISES['04_loss'][:2]
    nb = solved('04_loss', lambda id, s: change(id, s) if 'def masked_mean(' in s else s)
    start = time.monotonic()
    said, passed = verdict(kernel, first, sources(nb), limit=3)
    assert not passed and says in said and len(said) < 1500, said[:2000]
    assert time.monotonic() - start < 40
    assert verdict(kernel, forward, sources(nb)) == ('', True)       # the next one is judged as if nothing had happened

def test_only_what_is_needed_runs(tmp_path, kernel):
    "A mark is left by everything on the page that is not part of a function that is asked for"
    mark = tmp_path/'mark'
    leave = f'open({str(mark)!r}, "a").write("x")\n'
    nb = solved('04_loss')
    for i, c in enumerate(nb['cells']):
        if c['cell_type'] == 'code': c['source'] = leave + ''.join(c['source']) + f'\n{leave}other = {leave}def nobody(): {leave}'
    for e in EXERCISES['04_loss']: assert verdict(kernel, e, sources(nb)) == ('', True)
    assert not mark.exists()
    (tmp_path/'torch.py').write_text(leave); (tmp_path/'04_loss.ipynb').write_text(json.dumps(nb), encoding='utf-8')
    assert [v.state for v in check_lessons(tmp_path, ['04'])] == ['right']*3 and not mark.exists()

def test_magic_and_rubbish_beside(kernel):
    nb = solved('04_loss', lambda id, s: '%timeit 1\n' + s + '\n!ls\nmasked_mean(1, 2, 3)')
    nb['cells'][:0] = [dict(cell_type='code', source=s) for s in ('%%bash\nls', '%load_ext nothing', 'what is this', '', '\0')]
    assert verdict(kernel, EXERCISES['04_loss'][0], sources(nb)) == ('', True)

def test_helpers_of_your_own(kernel):
    body = 'import math as m\nFOUR = 4\nhalf = lambda x: x/2\ndef masked_mean(*a): return helper(*a)\ndef helper(values, mask=None):\n    assert half(FOUR) == m.sqrt(4)\n    if mask is None: return values.mean(1)\n    if mask.shape != values.shape: raise ValueError\n    return values.masked_fill(mask == 0, 0).sum(1)/mask.sum(1).clamp(min=1)'
    assert verdict(kernel, EXERCISES['04_loss'][0], [body]) == ('', True)


# The command

@pytest.fixture
def lessons(tmp_path): copy_lessons(tmp_path/'mine'); return tmp_path/'mine'

def test_copy_and_nothing_overwritten(tmp_path):
    done = run(tmp_path, 'a/b')
    assert done.returncode == 0 and done.stdout.count('wrote') == 9 and 'jupyter lab a/b' in done.stdout and done.stderr == ''
    folder = tmp_path/'a'/'b'
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == {p.name: p.read_bytes() for p in lessons_folder().glob('*.ipynb')}
    (folder/'00_text.ipynb').write_text('mine'); (folder/'01_data.ipynb').unlink(); (folder/'02_embedding.ipynb').unlink(); (folder/'02_embedding.ipynb').mkdir(); (folder/'03_forward.ipynb').unlink()
    if os.name != 'nt': (folder/'03_forward.ipynb').symlink_to('nowhere')
    done = run(tmp_path, 'a/b')
    assert done.returncode == 0 and 'wrote a/b/01_data.ipynb' in done.stdout.replace('\\', '/') and done.stdout.count('was there already') == (8 if os.name != 'nt' else 7)
    assert (folder/'00_text.ipynb').read_text() == 'mine' and (folder/'02_embedding.ipynb').is_dir() and not (folder/'nowhere').exists()
    assert not [p for p in folder.iterdir() if p.name.startswith('.')]

def test_who_comes_second_does_not_overwrite(tmp_path, monkeypatch):
    "The name is taken between the look and the write, on disks with links and without"
    for error in None, OSError(1, 'no links'):
        path = tmp_path/f'{error is None}.ipynb'
        real = os.link
        def link(a, b):
            path.write_text('theirs')
            if error: raise error
            return real(a, b)
        monkeypatch.setattr(os, 'link', link)
        assert write_new(path, b'ours') is False and path.read_text() == 'theirs'
        monkeypatch.setattr(os, 'link', real)
    assert sorted(p.name for p in tmp_path.iterdir()) == ['False.ipynb', 'True.ipynb']

@posix
def test_a_full_disk_leaves_nothing(tmp_path):
    import resource
    def limit(): signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
    done = run(tmp_path, 'mine', preexec_fn=limit)
    assert done.returncode == 2 and 'mine cannot be written (File too large)' in done.stderr and done.stderr.count('\n') == 1
    assert list((tmp_path/'mine').iterdir()) == []

def test_errors_are_one_line(tmp_path, lessons):
    (tmp_path/'file').write_text('')
    for args, says in [([], 'DIR'), (['file'], 'file is a file; give the name of a folder'), (['file', '--check'], 'there is no folder file'), (['nowhere', '--check'], 'w2v_learn nowhere makes it'), ([root/'w2v_nb'], 'inside the package'), ([lessons_folder()/'x'/'y'], 'inside the package'), (['file/x'], 'cannot be written'),
                       (['mine', '--only', '04'], '--only goes with --check'), (['mine', '--check', '--only', '4', '99'], 'no lesson 4, 99; there are 00_text'), (['mine', '--check', '--limit', 'nan'], '--limit must be'), (['mine', '--check', '--limit', '0'], '--limit must be'), (['mine', '--chek'], 'unrecognized')]:
        done = run(tmp_path, *args)
        assert done.returncode == 2 and done.stderr.count('\n') == 1 and says in done.stderr and done.stdout == '', (args, done.stdout, done.stderr)
    assert not (lessons_folder()/'x').exists()

@posix
@pytest.mark.skipif(hasattr(os, 'getuid') and os.getuid() == 0, reason='nothing is forbidden to root')
def test_forbidden(tmp_path):
    (tmp_path/'locked').mkdir(mode=0o500)
    done = run(tmp_path, 'locked/mine')
    assert done.returncode == 2 and 'locked/mine cannot be written (Permission denied)' in done.stderr

def test_without_jupyterlab(tmp_path, lessons):
    code = "import sys, w2v_nb.learn as l; l.find_spec = lambda name: None; sys.exit(l.w2v_learn(['mine', '--check']))"
    done = subprocess.run([sys.executable, '-c', code], cwd=tmp_path, env=environment(tmp_path), capture_output=True, text=True)
    assert done.returncode == 2 and 'pip install jupyterlab' in done.stderr and done.stderr.count('\n') == 1

@posix
@pytest.mark.parametrize('code, says', [('raise SystemExit(1)', 'does not start'), ('import sys; sys.modules["w2v_nb"] = None; from ipykernel import kernelapp; kernelapp.launch_new_instance()', 'cannot import w2v_nb')], ids=['dead', 'foreign'])
def test_a_kernel_that_will_not_do(tmp_path, lessons, code, says):
    spec = tmp_path/'jupyter'/'kernels'/'python3'; spec.mkdir(parents=True)
    (spec/'kernel.json').write_text(json.dumps(dict(argv=[sys.executable, '-c', code, '-f', '{connection_file}'], display_name='x', language='python')))
    (lessons/'03_forward.ipynb').write_text(json.dumps(solved('03_forward')), encoding='utf-8')
    done = subprocess.run([*COMMAND, 'mine', '--check', '--only', '03'], cwd=tmp_path, env=environment(tmp_path, JUPYTER_PATH=str(tmp_path/'jupyter')), capture_output=True, text=True)
    assert done.returncode == 2 and says in done.stderr and done.stderr.count('\n') == 1, done.stderr

def test_check_of_untouched_copy_needs_no_kernel(tmp_path, lessons):
    start = time.monotonic()
    done = run(tmp_path, 'mine', '--check')
    assert done.returncode == 1 and time.monotonic() - start < 20 and done.stdout.count('still to be written') == len(ALL) and f'0 of {len(ALL)} right' in done.stdout
    code = "import sys; from w2v_nb.learn import w2v_learn; w2v_learn(['mine', '--check']); print(*[m for m in ('torch', 'nbclient.client', 'jupyter_client') if m in sys.modules and m == 'torch'])"
    done = subprocess.run([sys.executable, '-c', code], cwd=tmp_path, env=environment(tmp_path), capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == ''

def test_damaged_notebooks(tmp_path, lessons):
    bad = ['', '{', '[]', '3', '{"cells": 3}', '{"cells": [3]}', '{"cells": [{"cell_type": "code"}]}', '{"cells": [{"cell_type": "code", "source": [1]}]}', '['*100_000]
    for text in bad:
        (lessons/'04_loss.ipynb').write_text(text)
        found = list(check_lessons(lessons, ['04']))
        assert len(found) == 3 and all(v.state == 'wrong' for v in found) and all('is no notebook any more' in v.says for v in found), (text[:40], found)
    (lessons/'04_loss.ipynb').write_bytes(b'\xff\xfe{}'); assert 'is no notebook any more' in next(check_lessons(lessons, ['04'])).says
    (lessons/'04_loss.ipynb').unlink(); assert 'there is no' in next(check_lessons(lessons, ['04'])).says
    (lessons/'04_loss.ipynb').mkdir(); assert 'copies it anew' in next(check_lessons(lessons, ['04'])).says
    (lessons/'04_loss.ipynb').rmdir(); (lessons/'04_loss.ipynb').write_text('{"cells": []}')
    assert 'there is no such definition' in next(check_lessons(lessons, ['04'])).says

def test_the_whole_command(tmp_path, lessons):
    "All solved: exit status 0; one spoilt: 1, and the line says what to think about"
    for lesson in EXERCISES: (lessons/f'{lesson}.ipynb').write_text(json.dumps(solved(lesson)), encoding='utf-8')
    before = {p.name: p.read_bytes() for p in lessons.iterdir()}
    done = run(tmp_path, 'mine', '--check')
    assert done.returncode == 0 and f'{len(ALL)} of {len(ALL)} right' in done.stdout and done.stderr == '', done.stdout + done.stderr
    assert {p.name: p.read_bytes() for p in lessons.iterdir()} == before
    spoilt = solved('04_loss', lambda id, s: s.replace('.clamp(min=1)', ''))
    (lessons/'04_loss.ipynb').write_text(json.dumps(spoilt), encoding='utf-8')
    done = run(tmp_path, 'mine', '--check', '--only', '04_loss', '03')
    assert done.returncode == 1 and 'A row in which nothing counts is 0, not 0/0.' in done.stdout and '3 of 4 right' in done.stdout

@posix
def test_ctrl_c(tmp_path, lessons):
    nb = solved('04_loss', lambda id, s: s.replace('    if mask is None', f'    import os, time; open({str(tmp_path/"pid")!r}, "w").write(str(os.getpid())); time.sleep(600)\n    if mask is None') if 'def masked_mean(' in s else s)
    (lessons/'04_loss.ipynb').write_text(json.dumps(nb), encoding='utf-8')
    child = subprocess.Popen([*COMMAND, 'mine', '--check', '--only', '04', '--limit', '500'], cwd=tmp_path, env=environment(tmp_path), text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
    until = time.monotonic() + 120
    while not ((tmp_path/'pid').exists() and (tmp_path/'pid').read_text()) and time.monotonic() < until: time.sleep(.1)
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=30)
    assert child.returncode == 130 and err == 'w2v_learn: stopped\n', err
    kernel, until = int((tmp_path/'pid').read_text()), time.monotonic() + 10
    while time.monotonic() < until:
        try: os.kill(kernel, 0)
        except ProcessLookupError: return
        if Path(f'/proc/{kernel}/stat').exists() and Path(f'/proc/{kernel}/stat').read_text().split()[2] == 'Z': return
        time.sleep(.1)
    assert False, 'the kernel is still there'

@posix
def test_reader_that_has_enough(tmp_path, lessons):
    line = f"{' '.join([sys.executable, '-c', repr(COMMAND[2])])} mine --check | head -n 1".replace("'import", '"import').replace("())'", '())"')
    done = subprocess.run(['bash', '-c', line], cwd=tmp_path, env=environment(tmp_path), capture_output=True, text=True)
    assert done.stdout == '00_text\n' and done.stderr == ''


# What the lessons are

@pytest.mark.parametrize('lesson', EXERCISES)
def test_lessons_hold_no_answers(lesson):
    nb = json.loads((lessons_folder()/f'{lesson}.ipynb').read_text(encoding='utf-8'))
    code = sources(nb)
    assert sum('raise NotImplementedError' in s for s in code) == len(EXERCISES[lesson]) and not any('#|' in s or '# |' in s for s in code)
    assert all(c['outputs'] == [] and c['execution_count'] is None for c in nb['cells'] if c['cell_type'] == 'code')
    assert not any('benchmarks/results' in s or 'scipy' in s for s in code)
    from IPython.core.inputtransformer2 import TransformerManager
    for s in code: ast.parse(TransformerManager().transform_cell(s))
    import nbformat
    nbformat.validate(nbformat.from_dict(nb))
    asked = [''.join(c['source']) for c in nb['cells'] if c['cell_type'] == 'markdown']
    questions = sum(len(re.findall(r'^\d\. ', s, re.M)) for s in asked[next(i for i, s in enumerate(asked) if '## Exercises' in s):])
    assert code.count('# your answer') >= questions == 4
    links = re.findall(r'\]\((\w+\.ipynb)', '\n'.join(asked))
    assert all((lessons_folder()/name).exists() for name in links)
    assert f'--only {lesson[:2]}' in asked[2] and all(f'`{e.name}`' in asked[2] for e in EXERCISES[lesson])

def test_the_wheel_has_them(tmp_path):
    "Built from a copy of what git would take, so that a stale build folder plays no part"
    source = tmp_path/'source'; source.mkdir()
    for name in 'settings.ini', 'setup.py', 'pyproject.toml', 'MANIFEST.in', 'LICENSE', 'README.md', 'CHANGELOG.md', 'CITATION.cff': shutil.copy(root/name, source/name)
    shutil.copytree(root/'w2v_nb', source/'w2v_nb', ignore=shutil.ignore_patterns('__pycache__', '.ipynb_checkpoints'))
    code = f"import sys; from setuptools import build_meta; print(build_meta.build_wheel({str(tmp_path)!r}))"
    done = subprocess.run([sys.executable, '-c', code], cwd=source, capture_output=True, text=True)
    if 'No module named' in done.stderr and 'setuptools' in done.stderr: pytest.skip('setuptools is not here')
    assert done.returncode == 0, done.stderr[-2000:]
    with zipfile.ZipFile(next(tmp_path.glob('*.whl'))) as wheel:
        inside = {n: wheel.read(n) for n in wheel.namelist() if n.startswith('w2v_nb/lessons/')}
        assert inside == {f'w2v_nb/lessons/{p.name}': p.read_bytes() for p in lessons_folder().iterdir() if p.is_file()} and len(inside) == 18
        assert 'w2v_learn = w2v_nb.learn:w2v_learn' in next(wheel.read(n).decode() for n in wheel.namelist() if n.endswith('entry_points.txt'))
        wheel.extractall(tmp_path/'site')
    env = environment(tmp_path, PYTHONPATH=str(tmp_path/'site'))
    done = subprocess.run([*COMMAND, 'mine'], cwd=tmp_path, env=env, capture_output=True, text=True)
    assert done.returncode == 0 and len(list((tmp_path/'mine').iterdir())) == 9, done.stderr
    (tmp_path/'mine'/'03_forward.ipynb').write_text(json.dumps(solved('03_forward')), encoding='utf-8')
    done = subprocess.run([*COMMAND, 'mine', '--check', '--only', '03'], cwd=tmp_path, env=env, capture_output=True, text=True)
    assert done.returncode == 0 and '1 of 1 right' in done.stdout, done.stdout + done.stderr


# Properties

NAMES = st.sampled_from('abcd')
@settings(max_examples=150, deadline=None)
@given(st.lists(st.one_of(st.tuples(NAMES, NAMES).map(lambda n: f'def {n[0]}(x): return {n[1]}(x)'), st.tuples(NAMES, NAMES).map(lambda n: f'def {n[0]}({n[1]}): return {n[1]}'), NAMES.map(lambda n: f'import math as {n}'), NAMES.map(lambda n: f'{n} = 1'), NAMES.map(lambda n: f'{n.upper()} = {n}')), max_size=8))
def test_pieces(lines):
    "Whatever the cells: a definition binds its name, and needs just the names that its source leaves open"
    found = pieces_of(lines)
    assert [p.source for p in found] == [ast.unparse(ast.parse(x).body[0]) for x in lines if not re.match('[a-z] = ', x)]
    for p in found:
        m = re.match(r'def (\w)\((\w)\): return (\w)', p.source.replace('\n    ', ' '))
        if m: assert p.binds == {m[1]} and p.needs - {'x'} == ({m[3]} - {m[2]} if m[3] else set()), p

@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60), st.sampled_from(ALL))
def test_any_text_is_looked_at(text, exercise):
    says, source = at_a_glance([text], exercise, EXERCISES[exercise.lesson])
    assert says and not source

@settings(max_examples=100, deadline=None)
@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(max_size=9), lambda x: st.lists(x, max_size=3) | st.dictionaries(st.sampled_from(['cells', 'cell_type', 'source', 'code']), x, max_size=3), max_leaves=12))
def test_any_json_is_read(tmp_path_factory, value):
    path = tmp_path_factory.mktemp('json')/'x.ipynb'
    path.write_text(json.dumps(value))
    try: cells = read_cells(path)
    except ValueError as e: assert 'is no notebook any more' in str(e)
    else: assert all(isinstance(c, str) for c in cells)
