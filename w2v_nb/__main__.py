"`python -m w2v_nb` is the command `w2v`."
import sys
from .tools.cli import main

if __name__ == '__main__': sys.exit(main())
