"""What can be had without loading torch, in one line: `from w2v_nb.all import *`.
Texts and vocabularies, and the record of a run. The chapter's names are imported from their own modules,
as in `from w2v_nb.training import train`."""
from .text import *
from .history import *
