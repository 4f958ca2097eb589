"""Aligned columns and fields that fit the width, plain enough for a pipe."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.text import Text

from deployer.cli.output import knows_unicode
from deployer.words import one_line, safe

NOTE_WIDTH = 40
NOTE_LINES = 3


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a listing: its cells, and a note that may be long."""

    cells: Sequence[str | Text]
    note: str = ""


def listing(out: Console, headings: Sequence[str], rows: Sequence[Row], note: str = "") -> None:
    """Aligned columns; notes stand in a last column, or under their row where that is narrow.

    `note` is the heading of the notes. Only the widest columns are cut to fit the width.
    """
    cells = [[_text(cell) for cell in row.cells] for row in rows]
    widths = [
        max([len(heading), *(line[i].cell_len for line in cells)])
        for i, heading in enumerate(headings)
    ]
    while sum(widths) + 2 * (len(widths) - 1) > out.width and max(widths) > 8:
        widths[widths.index(max(widths))] -= 1
    indent = sum(widths) + 2 * len(widths)
    beside = out.width - indent >= NOTE_WIDTH
    titled = note if beside and any(row.note for row in rows) else ""
    head = _line([Text(heading) for heading in headings], widths)
    head.append(titled)
    head.stylize("heading")
    head.rstrip()
    out.print(head)
    for line, row in zip(cells, rows, strict=True):
        _print_row(out, _line(line, widths), row.note, indent if beside else 4, beside)


def _print_row(out: Console, line: Text, note: str, indent: int, beside: bool) -> None:
    lines = _folded(out, note, out.width - indent)
    if beside and lines:
        line.append_text(lines.pop(0))
    line.rstrip()
    out.print(line)
    for more in lines:
        out.print(Text(" " * indent) + more)


def _folded(out: Console, note: str, width: int) -> list[Text]:
    """A note in lines of a width, cut with an ellipsis after a few."""
    if not note:
        return []
    text = Text(" ".join(safe(note).split()), style="quiet")
    lines = _wrapped(out, text, width)
    if len(lines) > NOTE_LINES:
        lines = lines[:NOTE_LINES]
        lines[-1].truncate(width - 1)
        lines[-1].append("…" if knows_unicode() else "...")
    return lines


def _wrapped(out: Console, text: Text, width: int) -> list[Text]:
    lines = list(text.wrap(out, width))
    for line in lines:
        line.rstrip()
    return lines


def _line(cells: Sequence[Text], widths: Sequence[int]) -> Text:
    line = Text()
    for cell, width in zip(cells, widths, strict=True):
        cut = cell.copy()
        cut.truncate(width, overflow="ellipsis", pad=True)
        line.append_text(cut).append("  ")
    return line


def _text(cell: str | Text) -> Text:
    return cell if isinstance(cell, Text) else Text(one_line(cell))


def fields(out: Console, pairs: Sequence[tuple[str, str | Text]]) -> None:
    """Names and values under each other; a long value wraps beside its name."""
    width = max(len(name) for name, _ in pairs) + 2
    for name, value in pairs:
        first, *more = _wrapped(out, _text(value), max(out.width - width, 20))
        out.print(Text().append(name.ljust(width), style="quiet").append_text(first))
        for line in more:
            out.print(Text(" " * width) + line)
