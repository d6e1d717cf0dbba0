"The check of the stored outputs: it runs notebooks, passes what is fresh, and names what is not."
import asyncio, base64, copy, struct, sys
from pathlib import Path

import nbformat, pytest

root = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(root/'tools'))
import fresh, times

PNG = "base64.b64encode(b'\\x89PNG\\r\\n\\x1a\\n' + struct.pack('>I4sII', 13, b'IHDR', {}, {})).decode()"
CELLS = dict(
    imports='import base64, struct, sys, time\nfrom IPython.display import display, HTML, Markdown',
    numbers="print(f'{1234567:,} words, {2/3:.3f} of them, {.385:.0%}, {1e-9:.1e}')",
    words="print('chip: intel')\n'microprocessor'",
    picture=f"display({{'image/png': {PNG.format(640, 480)}}}, raw=True)",
    html="HTML('<p style=\"color: #123456\">Loss <b>0.410</b></p>')",
    markdown="Markdown('| a |\\n|--|\\n| 3.14 |')",
    bar="print('training:  50%|#####     | 1/2 [00:01<00:01]', file=sys.stderr)",
    timing='#| timing\nprint(time.time())',
    slow="#| slow\nraise SystemExit('was run')",
    nothing='x = 1')

def make(cells=CELLS):
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell('# Tiny')] + [nbformat.v4.new_code_cell(source, id=name) for name, source in cells.items()])

def run(nb, folder, name='00_tiny.ipynb'):
    nbformat.write(nb, folder/name)
    return asyncio.run(fresh.execute(folder/name))[0]

@pytest.fixture(scope='module')
def new(tmp_path_factory): return run(make(), tmp_path_factory.mktemp('tiny'))

@pytest.fixture
def stored(new):
    "What the run gave, as it would be stored, with the cells that were not run"
    nb = make()
    for c in nb.cells: c.update(copy.deepcopy(next((d for d in new.cells if d.id == c.id), c)))
    return nb

def cell(nb, name): return next(c for c in nb.cells if c.id == name)

def picture(width, height): return base64.b64encode(b'\x89PNG\r\n\x1a\n' + struct.pack('>I4sII', 13, b'IHDR', width, height)).decode()


def test_fresh_is_fresh(stored, new):
    assert cell(new, 'numbers').outputs[0].text == '1,234,567 words, 0.667 of them, 38%, 1.0e-09\n'
    assert not list(fresh.stale(stored, new))
    assert fresh.left_out(stored) == [('slow', 'slow')] and all(c.id != 'slow' for c in new.cells)

def test_timings_and_bars_are_left_out(stored, new):
    cell(stored, 'timing').outputs[0].text = 'another time\n'
    cell(stored, 'bar').outputs = []
    assert not list(fresh.stale(stored, new))

@pytest.mark.parametrize('old, now, agree', [
    ('6,719 words', '6,719 words', True), ('6,719 words', '6,720 words', False), ('6,719', '6719', True), ('12', '12.0', True),
    ('loss 0.410', 'loss 0.411', True), ('loss 0.410', 'loss 0.415', False), ('loss 0.410', 'loss 0.41', True), ('loss 0.410', 'loss nan', False),
    ('0.333333333', '0.333999999', True), ('1000.5', '1010.1', True), ('1000.5', '1010.9', False), ('-0.5', '0.5', False),
    ('38%', '39%', True), ('38%', '40%', False), ('3.2e-09', '-1.1e-08', True), ('0e+00', '2e-07', True), ('0e+00', '2e-03', False), ('12e999', '12e999', True), ('f12e4567', 'f12e4567', True), ('1.0e+03', '1.2e+03', False),
    ('float32', 'float64', False), ('a  b', 'a b', True), ('[ 1. -2.]', '[1. -2.]', True), ('<f at 0x7f2a1c3d>', '<f at 0x7f0000ff>', True),
    ('(512, 60)', '(512, 61)', False), ('a', 'a\nb', False), ('a\nb', 'a', False), ('chip', 'chips', False)])
def test_numbers_and_words(old, now, agree): assert (fresh.text_change(fresh.lines(old), fresh.lines(now)) is None) == agree

def change_text(a, b): return lambda outputs: outputs[0].update(text=outputs[0].text.replace(a, b))
def change_data(kind, to): return lambda outputs: outputs[0].data.update({kind: to})

@pytest.mark.parametrize('name, spoil, says', [
    ('numbers', change_text('1,234,567', '1,234,568'), "is now '1,234,567 words"),
    ('numbers', change_text('0.667', '0.69'), "is now '1,234,567 words"),
    ('words', change_text('intel', 'desktop'), "stdout: 'chip: desktop' is now 'chip: intel'"),
    ('words', lambda outputs: outputs.pop(0), 'shows stdout where text/plain is stored'),
    ('words', lambda outputs: outputs.pop(1), 'text/plain is new'),
    ('picture', change_data('image/png', picture(640, 490)), 'a picture of 640x490 pixels is now one of 640x480'),
    ('picture', lambda outputs: outputs.clear(), 'image/png is new'),
    ('picture', lambda outputs: outputs.append(outputs[0]), 'image/png is stored, and comes no more'),
    ('html', change_data('text/html', '<p>Loss <b>0.510</b></p>'), "text/html: '0.510' is now '0.410'"),
    ('markdown', change_data('text/markdown', '| a |\n|--|\n| 4.14 |'), "'| 4.14 |' is now '| 3.14 |'"),
    ('nothing', lambda outputs: outputs.append(nbformat.v4.new_output('stream', text='gone\n')), 'stdout is stored, and comes no more')])
def test_stale_is_named(stored, new, name, spoil, says):
    spoil(cell(stored, name).outputs)
    (where, what), = fresh.stale(stored, new)
    assert where == name and says in what

def test_hidden_html_does_not_count(stored, new):
    cell(stored, 'html').outputs[0].data['text/html'] = '<style>p {}</style><p class="other">Loss <b>0.410</b></p><script>1</script>'
    assert not list(fresh.stale(stored, new))

def test_command(tmp_path, monkeypatch, capsys, new):
    "A fresh, a stale and an erring notebook, by the command; what rests on `pydoc` of other versions; without PTB."
    texts = dict(good=dict(a='print(1)'), bad=dict(a='print(1)', b='print(2)'), err=dict(a="#| timing\nraise ValueError('no such thing')"), doc=dict(a='name = "pydoc"', b='print(2)'))
    for name, cells in texts.items():
        nb = make(cells)
        for c in nb.cells[1:]: c.outputs = [nbformat.v4.new_output('stream', text='1\n')] if 'print' in c.source else []
        nbformat.write(nb, tmp_path/f'{name}.ipynb')
    before = {p: p.read_bytes() for p in tmp_path.iterdir()}
    monkeypatch.setattr(fresh, 'results', lambda name: dict(pydoc=fresh.versions() | dict(numpy='0.1')))
    monkeypatch.setattr('w2v_nb.text.has_ptb', lambda check: True)
    monkeypatch.setenv('W2V_NB_SKIPPED', str(tmp_path/'skipped'))
    for name in 'OMP_NUM_THREADS', 'NUMBA_NUM_THREADS', 'CUDA_VISIBLE_DEVICES': monkeypatch.setenv(name, '')
    monkeypatch.setattr(sys, 'argv', ['fresh.py', *map(str, before)])
    with pytest.raises(SystemExit, match='Run the stale notebooks again'): fresh.main()
    out = capsys.readouterr().out
    assert "STALE   bad b: stdout: '1' is now '2'" in out and 'STALE   err a: ends in ValueError: no such thing' in out and 'fresh   good' in out
    assert out.splitlines()[-1] == '1 fresh, 2 stale, 1 skipped'
    name, why = (tmp_path/'skipped').read_text().rstrip('\n').split('\t')
    assert name == 'doc: outputs' and why.startswith('b rest on pydoc, which is read here from numpy ')
    assert {p: p.read_bytes() for p in before} == before
    monkeypatch.setattr('w2v_nb.text.has_ptb', lambda check: False)
    fresh.main()
    assert not capsys.readouterr().out


@pytest.mark.parametrize('seconds, says', [(.3, 'a few seconds'), (11, 'about 10 s'), (43, 'about 45 s'), (78, 'about 80 s'), (150, 'about 3 minutes')])
def test_seconds_in_words(seconds, says): assert times.about(seconds) == says

def test_what_a_notebook_says():
    nb = make(dict(imports='import sklearn, json\nfrom gensim.models import KeyedVectors', trains='train(net, data, device=try_gpu())', checks="if has_ptb('a check'): pass"))
    cpu = dict(machine=dict(cores=2), notebooks=dict(tiny=dict(seconds=62., mb=871)))
    assert times.sentence('tiny', nb, cpu, {}) == '*Runs in about 60 s on 2 cores, in 0.9 GB of memory; on a GPU, not yet measured. Needs gensim and scikit-learn; some numbers need the Penn Treebank.*'
    assert '; on a GPU, about 10 s (H).' in times.sentence('tiny', nb, cpu, dict(machine=dict(device='H'), notebooks=dict(tiny=dict(seconds=9, mb=1))))
    assert times.sentence('tiny', make(dict(a='1')), cpu, {}) == '*Runs in about 60 s on 2 cores, in 0.9 GB of memory.*'
    assert times.sentence('other', nb, cpu, {}) is None

def test_a_notebook_without_a_measurement(monkeypatch):
    monkeypatch.setattr(times, 'results', lambda name: {})
    monkeypatch.setattr(sys, 'argv', ['times.py', '--check'])
    with pytest.raises(SystemExit, match='00_text.ipynb was not measured yet: run `python tools/fresh.py --record nbs/00_text.ipynb`'): times.main()
