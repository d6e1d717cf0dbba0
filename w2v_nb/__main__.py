"`python -m w2v_nb` says what is there."
from . import __doc__, __version__

print(f"w2v_nb {__version__}: {__doc__.strip()}")
