"The browser that the tests look with: Chromium, as it is installed here, and quiet."
import shutil

PROGRAM = next((p for name in ('chromium', 'chromium-browser', 'google-chrome') if (p := shutil.which(name))), None)
ARGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync']

def launch(playwright):
    "Start it"
    return playwright.chromium.launch(executable_path=PROGRAM, args=ARGS)
