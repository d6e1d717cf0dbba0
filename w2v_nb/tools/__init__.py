"""Tools: the commands, and the chapter to work through."""
from typing import TYPE_CHECKING
from .._doors import door

__getattr__, __dir__, __all__ = door(__name__, {
    '.learn': 'check_lessons copy_lessons',
})

if TYPE_CHECKING:
    from .learn import check_lessons, copy_lessons
