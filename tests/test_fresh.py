"The check of the stored outputs: it runs notebooks, and names what isn't fresh."
import asyncio, base64, copy, struct, sys
from pathlib import Path

import nbformat, pytest

root = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(root/'tools'))
import fresh, times

PNG = r"""header = struct.pack('>I4sII', 13, b'IHDR', 640, 480)
png = base64.b64encode(b'\x89PNG\r\n\x1a\n' + header).decode()
display({'image/png': png}, raw=True)"""
CELLS = dict(
    imports='import base64, struct, sys, time\n'
            'from IPython.display import display, HTML, Markdown',
    numbers="print(f'{1234567:,} words, {2/3:.3f} of them, {.385:.0%}, {1e-9:.1e}')",
    words="print('chip: intel')\n'microprocessor'",
    picture=PNG,
    html="HTML('<p style=\"color: #123456\">Loss <b>0.410</b></p>')",
    markdown="Markdown('| a |\\n|--|\\n| 3.14 |')",
    bar="print('training:  50%|#####     | 1/2 [00:01<00:01]', file=sys.stderr)",
    timing='#| timing\nprint(time.time())',
    slow="#| slow\nraise SystemExit('was run')",
    nothing='x = 1')

def make(cells=CELLS):
    "A notebook of these code cells, {id: source}, below a title"
    title = nbformat.v4.new_markdown_cell('# Tiny')
    code = [nbformat.v4.new_code_cell(source, id=name) for name, source in cells.items()]
    return nbformat.v4.new_notebook(cells=[title, *code])

def run(nb, folder, name='00_tiny.ipynb'):
    nbformat.write(nb, folder/name)
    return asyncio.run(fresh.execute(folder/name))[0]

@pytest.fixture(scope='module')
def new(tmp_path_factory): return run(make(), tmp_path_factory.mktemp('tiny'))

@pytest.fixture
def stored(new):
    "The outputs of that run as they'd be stored, with the cells that weren't run"
    nb, ran = make(), {c.id: c for c in new.cells}
    for c in nb.cells: c.update(copy.deepcopy(ran.get(c.id, c)))
    return nb

def cell(nb, name): return next(c for c in nb.cells if c.id == name)

def picture(width, height):
    "The first bytes of a PNG picture of that size, as a notebook stores them"
    header = struct.pack('>I4sII', 13, b'IHDR', width, height)
    return base64.b64encode(b'\x89PNG\r\n\x1a\n' + header).decode()


def test_fresh_is_fresh(stored, new):
    shown = '1,234,567 words, 0.667 of them, 38%, 1.0e-09\n'
    assert cell(new, 'numbers').outputs[0].text == shown
    assert not list(fresh.stale(stored, new))
    assert fresh.left_out(stored) == [('slow', 'slow')]
    assert all(c.id != 'slow' for c in new.cells)

def test_timings_and_bars_are_left_out(stored, new):
    cell(stored, 'timing').outputs[0].text = 'another time\n'
    cell(stored, 'bar').outputs = []
    assert not list(fresh.stale(stored, new))

AGREE = [
    ('6,719 words', '6,719 words'), ('6,719', '6719'), ('12', '12.0'),
    ('loss 0.410', 'loss 0.411'), ('loss 0.410', 'loss 0.41'),
    ('0.333333333', '0.333999999'), ('1000.5', '1010.1'), ('38%', '39%'),
    ('3.2e-09', '-1.1e-08'), ('0e+00', '2e-07'), ('12e999', '12e999'),
    ('f12e4567', 'f12e4567'), ('a  b', 'a b'), ('[ 1. -2.]', '[1. -2.]'),
    ('<f at 0x7f2a1c3d>', '<f at 0x7f0000ff>')]
DIFFER = [
    ('6,719 words', '6,720 words'), ('loss 0.410', 'loss 0.415'), ('loss 0.410', 'loss nan'),
    ('1000.5', '1010.9'), ('-0.5', '0.5'), ('38%', '40%'), ('0e+00', '2e-03'),
    ('1.0e+03', '1.2e+03'), ('float32', 'float64'), ('(512, 60)', '(512, 61)'),
    ('a', 'a\nb'), ('a\nb', 'a'), ('chip', 'chips')]

@pytest.mark.parametrize('old, now', AGREE)
def test_texts_that_agree(old, now):
    assert fresh.text_change(fresh.lines(old), fresh.lines(now)) is None

@pytest.mark.parametrize('old, now', DIFFER)
def test_texts_that_differ(old, now):
    assert fresh.text_change(fresh.lines(old), fresh.lines(now)) is not None

def change_text(old, new):
    return lambda outputs: outputs[0].update(text=outputs[0].text.replace(old, new))

def change_data(kind, content):
    return lambda outputs: outputs[0].data.update({kind: content})

def add_line(outputs):
    outputs.append(nbformat.v4.new_output('stream', text='gone\n'))

@pytest.mark.parametrize('name, spoil, says', [
    ('numbers', change_text('1,234,567', '1,234,568'), "is now '1,234,567 words"),
    ('numbers', change_text('0.667', '0.69'), "is now '1,234,567 words"),
    ('words', change_text('intel', 'desktop'), "stdout: 'chip: desktop' is now 'chip: intel'"),
    ('words', lambda outputs: outputs.pop(0), 'shows stdout, but text/plain is stored'),
    ('words', lambda outputs: outputs.pop(1), 'text/plain is new'),
    ('picture', change_data('image/png', picture(640, 490)),
     'a picture of 640x490 pixels is now one of 640x480'),
    ('picture', lambda outputs: outputs.clear(), 'image/png is new'),
    ('picture', lambda outputs: outputs.append(outputs[0]),
     'image/png is stored, but no longer shown'),
    ('html', change_data('text/html', '<p>Loss <b>0.510</b></p>'),
     "text/html: '0.510' is now '0.410'"),
    ('markdown', change_data('text/markdown', '| a |\n|--|\n| 4.14 |'),
     "'| 4.14 |' is now '| 3.14 |'"),
    ('nothing', add_line, 'stdout is stored, but no longer shown'),
])
def test_stale_is_named(stored, new, name, spoil, says):
    spoil(cell(stored, name).outputs)
    (where, what), = fresh.stale(stored, new)
    assert where == name and says in what

def test_hidden_html_does_not_count(stored, new):
    hidden = '<style>p {}</style><p class="other">Loss <b>0.410</b></p><script>1</script>'
    cell(stored, 'html').outputs[0].data['text/html'] = hidden
    assert not list(fresh.stale(stored, new))

@pytest.fixture
def notebooks(tmp_path):
    "A fresh, a stale and a failing notebook, and one that rests on `pydoc`: {path: bytes}"
    texts = dict(
        good=dict(a='print(1)'),
        bad=dict(a='print(1)', b='print(2)'),
        err=dict(a="#| timing\nraise ValueError('no such thing')"),
        doc=dict(a='name = "pydoc"', b='print(2)'))
    one = nbformat.v4.new_output('stream', text='1\n')
    for name, cells in texts.items():
        nb = make(cells)
        for c in nb.cells[1:]: c.outputs = [one] if 'print' in c.source else []
        nbformat.write(nb, tmp_path/f'{name}.ipynb')
    return {p: p.read_bytes() for p in tmp_path.iterdir()}

def test_command(notebooks, tmp_path, monkeypatch, capsys):
    "What is fresh, what is stale, what rests on other versions of `pydoc`; nothing without PTB"
    other = dict(pydoc=fresh.versions() | dict(numpy='0.1'))
    monkeypatch.setattr(fresh, 'results', lambda name: other)
    monkeypatch.setattr('w2v_nb.chapter.text.has_ptb', lambda check: True)
    monkeypatch.setenv('W2V_NB_SKIPPED', str(tmp_path/'skipped'))
    for name in 'OMP_NUM_THREADS', 'NUMBA_NUM_THREADS', 'CUDA_VISIBLE_DEVICES':
        monkeypatch.setenv(name, '')
    monkeypatch.setattr(sys, 'argv', ['fresh.py', *map(str, notebooks)])
    with pytest.raises(SystemExit, match='Run the stale notebooks again'): fresh.main()
    out = capsys.readouterr().out
    assert "STALE   bad b: stdout: '1' is now '2'" in out
    assert 'STALE   err a: ends in ValueError: no such thing' in out
    assert 'fresh   good' in out
    assert out.splitlines()[-1] == '1 fresh, 2 stale, 1 skipped'
    name, why = (tmp_path/'skipped').read_text().rstrip('\n').split('\t')
    assert name == 'doc: outputs'
    assert why.startswith('b rest on pydoc, which is read here from numpy ')
    assert {p: p.read_bytes() for p in notebooks} == notebooks
    monkeypatch.setattr('w2v_nb.chapter.text.has_ptb', lambda check: False)
    fresh.main()
    assert not capsys.readouterr().out


@pytest.mark.parametrize('seconds, says', [
    (.3, 'a few seconds'), (11, 'about 10 s'), (43, 'about 45 s'), (78, 'about 80 s'),
    (150, 'about 3 minutes')])
def test_seconds_in_words(seconds, says): assert times.about(seconds) == says

def test_what_a_notebook_says():
    nb = make(dict(imports='import sklearn, json\nfrom gensim.models import KeyedVectors',
                   trains='train(net, data, device=try_gpu())',
                   checks="if has_ptb('a check'): pass"))
    cpu = dict(machine=dict(cores=2), notebooks=dict(tiny=dict(seconds=62., mb=871)))
    gpu = dict(machine=dict(device='H'), notebooks=dict(tiny=dict(seconds=9, mb=1)))
    time = 'Runs in about 60 s on 2 cores, in 0.9 GB of memory'
    needs = 'Needs gensim and scikit-learn; some numbers need the Penn Treebank.'
    assert times.sentence('tiny', nb, cpu, {}) == f'*{time}. {needs}*'
    assert '; on a GPU, about 10 s (H).' in times.sentence('tiny', nb, cpu, gpu)
    assert times.sentence('tiny', make(dict(a='1')), cpu, {}) == f'*{time}.*'
    assert times.sentence('other', nb, cpu, {}) is None

def test_a_notebook_without_a_measurement(monkeypatch):
    monkeypatch.setattr(times, 'results', lambda name: {})
    monkeypatch.setattr(sys, 'argv', ['times.py', '--check'])
    says = '02_text.ipynb was not measured yet: run `python tools/fresh.py --record nbs/02_text'
    with pytest.raises(SystemExit, match=says): times.main()
