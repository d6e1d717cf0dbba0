import signal, threading

import pytest


@pytest.fixture(autouse=True, scope='session')
def ctrl_c():
    """What a script starts with `&` ignores Ctrl-C, and so do its children: here Ctrl-C works
    as in a terminal"""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    old = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, old)
