"The names that most users want: `from w2v_nb.all import *`."
from .text import *
from .history import *
