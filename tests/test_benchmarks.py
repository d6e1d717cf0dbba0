"Every benchmark runs, on a small scale, and writes a results file. What it measures is not judged here."
import json, os, subprocess, sys
from importlib.util import find_spec
from pathlib import Path

import pytest

root = Path(__file__).resolve().parent.parent
scripts = sorted(p for p in (root/'benchmarks').glob('*.py') if p.stem != 'record')


@pytest.mark.parametrize('path', scripts, ids=lambda p: p.stem)
def test_benchmark(path, tmp_path):
    if os.name == 'nt' and path.stem == 'chapter': pytest.skip('it measures memory in the POSIX way')
    if path.stem.startswith(('gpu', 'staleness')) and not find_spec('triton'): pytest.skip('there is no Triton for this system')
    done = subprocess.run([sys.executable, path, '--small', '--out', tmp_path], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    results = json.loads((tmp_path/f'{path.stem}.json').read_text())
    file = root/'benchmarks'/'results'/f'{path.stem}.json'
    assert {'machine', 'versions'} <= set(results) and (file.exists() or path.stem == 'gpu') # which is measured where there is one
    if file.exists(): assert set(results) == set(json.loads(file.read_text()))
