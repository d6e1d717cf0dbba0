"""All that the package offers without loading torch, in one line: `from w2v_nb.all import *`.
The chapter's names are imported from their room, as in `from w2v_nb.chapter import train`."""
from w2v_nb import *
from w2v_nb import __all__
