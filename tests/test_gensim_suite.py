"""gensim's own tests of its vectors, Word2Vec and phrases, run on ours (`gensim_suite.py`).

Each test that doesn't pass is in `gensim_suite.json`, with the reason and what its error says.
"""
import json, os, re, subprocess, sys
from pathlib import Path

import pytest

gensim = pytest.importorskip('gensim')
here = Path(__file__).parent
known = json.loads((here/'gensim_suite.json').read_text(encoding='utf-8'))
if gensim.__version__ != known['gensim']:
    pytest.skip(f"the list is that of gensim {known['gensim']}; here is {gensim.__version__}",
                allow_module_level=True)
LIMIT = 600 # seconds for the whole suite, which takes 20

def named(groups):
    "Every test of some groups; none is there twice"
    tests = [test for group in groups for test in group]
    assert len(tests) == len({*tests})
    return {*tests}

no_matter = named(known['nothing_of_ours'].values())
listed = named(group['tests'] for group in known['does_not_pass'])


@pytest.fixture(scope='module')
def outcomes(tmp_path_factory):
    "{test: [outcome, error]} of all tests that say something about us"
    folder = tmp_path_factory.mktemp('gensim')
    env = os.environ | dict.fromkeys(['TMPDIR', 'TEMP', 'TMP'], str(folder))
    done = subprocess.run([sys.executable, here/'gensim_suite.py', 'results.json'], cwd=folder,
                          env=env, timeout=LIMIT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads((folder/'results.json').read_text(encoding='utf-8'))
    assert no_matter <= {*found}, f'no longer tests of gensim: {no_matter - {*found}}'
    return {test: result for test, result in found.items() if test not in no_matter}

def test_what_does_not_pass_is_on_the_list(outcomes):
    failing = {test for test, (outcome, _) in outcomes.items() if outcome != 'passed'}
    new = {test: outcomes[test] for test in failing - listed}
    assert not new, f'these passed before: {json.dumps(new, indent=1)}'
    passing = sorted(listed - failing)
    assert not passing, f'these pass now: take them off gensim_suite.json: {passing}'
    assert len(outcomes) > 100

def test_each_fails_for_the_reason_that_is_given(outcomes):
    wrong = {test: (group['reason'], outcomes[test][1])
             for group in known['does_not_pass'] for test in group['tests']
             if not re.search(group['error'], outcomes[test][1])}
    assert not wrong, f'another error than the list says: {json.dumps(wrong, indent=1)}'
