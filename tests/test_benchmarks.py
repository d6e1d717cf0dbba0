"Every benchmark runs, on a small scale, and writes a results file; its figures aren't checked."
import json, os, subprocess, sys
from importlib.util import find_spec
from pathlib import Path

import pytest

root = Path(__file__).resolve().parent.parent
scripts = sorted(p for p in (root/'benchmarks').glob('*.py') if p.stem != 'record')
NEEDS_TRITON = 'gpu', 'staleness'


@pytest.mark.parametrize('path', scripts, ids=lambda p: p.stem)
def test_benchmark(path, tmp_path):
    if os.name == 'nt' and path.stem == 'chapter':
        pytest.skip("memory is measured in a way that Windows doesn't have")
    if path.stem.startswith(NEEDS_TRITON) and not find_spec('triton'):
        pytest.skip("Triton isn't installed")
    done = subprocess.run([sys.executable, path, '--small', '--out', tmp_path],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    results = json.loads((tmp_path/f'{path.stem}.json').read_text())
    stored = root/'benchmarks'/'results'/f'{path.stem}.json'
    assert {'machine', 'versions'} <= set(results)
    assert stored.exists() or path.stem == 'gpu' # which is measured once there is one
    if stored.exists(): assert set(results) == set(json.loads(stored.read_text()))


def test_family():
    "Each objective was measured on both texts in five rounds, and its quality over five seeds"
    sys.path.insert(0, str(root/'benchmarks'))
    import peers
    stored = json.loads((root/'benchmarks'/'results'/'peers.json').read_text())
    rows, objectives = stored['family']['rows'], set(peers.OBJECTIVES)
    found = peers.family_medians(stored['family'])
    assert set(found) == {(text, name) for text in ('ptb', 'english') for name in objectives}
    for key, tools in found.items():
        here = [row for row in rows if (row['text'], row['objective']) == key]
        assert len(peers.paired(here)) >= 5, key
        assert {'ours', 'gensim', 'gensim_file'} <= set(tools), key
    assert set(stored['family_quality']) == objectives
    for part in stored['family_quality'].values():
        assert all(len(part['scores'][tool]) >= 5 for tool in ('ours', 'gensim_file'))
        assert set(part['difference']) == {*peers.PAIRS, 'analogies'}
