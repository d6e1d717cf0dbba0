"""What 92_history asks for. A class is an exercise, its functions are checks, and their
docstrings what to say where one fails. `hints` are a nudge and something more concrete, never
the answer. START.ipynb quotes what the lesson teaches, and about how many minutes it takes."""

from fastcore.test import test_eq, expect_fail
from w2v_nb.base.history import History as Given, Row

TEACHES = 'An extra in plain Python: the record of a run, and its table'
MINUTES = 30


class History_getitem:
    exercise = 'History.__getitem__'
    hints = (
        'A history is a list, and should go on being one. Only a string is something new.',
        "If the key isn't a string, let the list handle it (`super()`); a string that isn't "
        'a field of `Row` is a `KeyError` that names it and the fields; otherwise collect '
        'that field of each row.',
    )

    def columns(f):
        "A name gives a list, one value for each row, and None where a row has none."
        h = f().add(1, 0.5, seconds=3.0).add(2, 0.4, lr=0.1).add(3, 0.3)
        test_eq([h['loss'], h['epoch']], [[0.5, 0.4, 0.3], [1, 2, 3]])
        test_eq([h['seconds'], h['lr']], [[3.0, None, None], [None, 0.1, None]])
        test_eq((type(h['loss']), f()['loss']), (list, []))

    def numbers(f):
        """A number gives a row, from the end if negative; one that is too large is still an
        `IndexError`."""
        h = f().add(1, 0.5).add(2, 0.4)
        test_eq([h[0].epoch, h[-1].epoch, h[True].loss], [1, 2, 0.4])
        with expect_fail(IndexError):
            h[2]

    def slices(f):
        "A slice gives rows, as with any list."
        h = f().add(1, 0.5).add(2, 0.4).add(3, 0.3)
        test_eq([r.epoch for r in h[1:]], [2, 3])
        test_eq([r.epoch for r in h[::-2]], [3, 1])

    def no_such_column(f):
        """Any other name is a `KeyError` that says which columns there are, also where there
        are no rows yet, and for names that every tuple has, such as `count`."""
        for h in f(), f().add(1, 0.5):
            for name in 'accuracy', 'count', '':
                with expect_fail(KeyError, contains='val_loss'):
                    h[name]
            with expect_fail(KeyError, contains='accuracy'):
                h['accuracy']


TWO_ROWS = Given().add(1, 0.5, seconds=2.0).add(2, 0.4, val_loss=0.6)


class table_cells:
    hints = (
        'Settle first which columns there are, then write the rows. What tells a 0 from a '
        'value that nobody knows?',
        'First the names of the known columns: epoch, loss, and those with a value in any '
        "row. Then the cells of each row: '' for None, else `format` with the column's "
        'entry of `COLUMN_FORMATS`.',
    )

    def names(f):
        """The first list holds the names, in the order of `Row`, and only those that some row
        has; but epoch and loss are always there."""
        test_eq(f(TWO_ROWS)[0], ['epoch', 'loss', 'val_loss', 'seconds'])
        test_eq(f(Given().add(1, 0.5))[0], ['epoch', 'loss'])

    def empty(f):
        "A history without rows has the names of epoch and loss, and no more."
        test_eq(f(Given()), [['epoch', 'loss']])

    def cells(f):
        "Every other list is a row of strings, each formatted as `COLUMN_FORMATS` says."
        row = Row(1, 0.5, 0.25, 1234567.8, 30_123.4, 0.00123456, 11.44)
        names, cells = f(Given([row]))
        test_eq(names, list(Row._fields))
        test_eq(cells, ['1', '0.5000', '0.2500', '1,234,568', '30,123', '0.00123', '11.4'])

    def unknown(f):
        "A None in a column that other rows fill is an empty string."
        test_eq(f(TWO_ROWS)[1:], [['1', '0.5000', '', '2.0'], ['2', '0.4000', '0.6000', '']])

    def zero(f):
        "Zero is a value, None is not."
        names, cells = f(Given().add(1, 0.0, seconds=0.0, lr=0.0))
        test_eq(names, ['epoch', 'loss', 'lr', 'seconds'])
        test_eq(cells, ['1', '0.0000', '0', '0.0'])
