"The browser that the tests use: Chromium, if it's installed, and quiet."
import shutil

NAMES = 'chromium', 'chromium-browser', 'google-chrome'
PROGRAM = next(filter(None, map(shutil.which, NAMES)), None)
ARGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-sync',
        '--disable-background-networking', '--disable-component-update']

def launch(playwright):
    "Start it"
    return playwright.chromium.launch(executable_path=PROGRAM, args=ARGS)
