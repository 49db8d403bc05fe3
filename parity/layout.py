"""Tables, for a terminal and as Markdown for files."""
import itertools
import shutil
import textwrap

_GAP, _LEAST = '  ', 10


def fill(text, indent=0, hanging=0):
    """Lines of a text that fit the terminal (100 columns where there is none), ``indent`` less."""
    width = shutil.get_terminal_size((100, 24)).columns - indent
    return textwrap.wrap(text, max(width, _LEAST), subsequent_indent=' ' * hanging,
                         break_on_hyphens=False)


def text(columns, rows, indent=0):
    """Lines of a table of strings: columns aligned, long cells wrapped, the widest first."""
    rows = [columns, *rows]
    columns = list(zip(*rows, strict=True))
    widths, words = ([max((len(part) for cell in column for part in split(cell)), default=1)
                      for column in columns] for split in (str.splitlines, str.split))
    room = shutil.get_terminal_size((100, 24)).columns - indent - len(_GAP) * (len(widths) - 1)
    while sum(widths) > room and max(widths) > _LEAST:
        # A word is cut only where nothing else is left.
        wrap = [i for i, width in enumerate(widths) if width > words[i]] or range(len(widths))
        widths[max(wrap, key=widths.__getitem__)] -= 1
    lines = [line for row in rows for line in _row(row, widths)]
    lines.insert(len(_row(rows[0], widths)), _GAP.join('-' * n for n in widths))
    return lines


def _row(row, widths):
    cells = [[line for part in cell.splitlines()
              for line in textwrap.wrap(part, width, break_on_hyphens=False)]
             for cell, width in zip(row, widths, strict=True)]
    return [_GAP.join(f'{line:<{width}}' for line, width in zip(line, widths, strict=True)).rstrip()
            for line in itertools.zip_longest(*cells, fillvalue='')]


def markdown(columns, rows):
    """Lines of a table of strings in Markdown."""
    rows = [columns, ['---'] * len(columns), *rows]
    cells = ([cell.replace('|', '\\|').replace('\n', '<br>') for cell in row] for row in rows)
    return [f'| {" | ".join(row)} |' for row in cells]
