"The browser that the tests use: Chromium, if it's installed, and quiet."
import shutil

import pytest

NAMES = 'chromium', 'chromium-browser', 'google-chrome'
PROGRAM = next(filter(None, map(shutil.which, NAMES)), None)
ARGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-sync',
        '--disable-background-networking', '--disable-component-update']

def launch(playwright):
    "Start it"
    return playwright.chromium.launch(executable_path=PROGRAM, args=ARGS)

@pytest.fixture(scope='module')
def browser():
    "A browser for the tests of a file, which are skipped where there is no Chromium"
    playwright = pytest.importorskip('playwright.sync_api')
    if not PROGRAM: pytest.skip('no Chromium here')
    with playwright.sync_playwright() as p:
        chromium = launch(p)
        yield chromium
        chromium.close()
