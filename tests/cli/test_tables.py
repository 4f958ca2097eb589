"""Columns and fields stay aligned and fit the width."""

from __future__ import annotations

import io

import pytest
from rich.console import Console
from rich.text import Text

from deployer.cli.output import THEME
from deployer.cli.tables import Row, fields, listing


def screen(width: int) -> Console:
    return Console(
        file=io.StringIO(), width=width, theme=THEME, markup=False, highlight=False, emoji=False
    )


def text_of(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize("width", [40, 80, 120, 200])
def test_no_line_of_a_listing_is_wider_than_the_terminal(width: int) -> None:
    out = screen(width)
    rows = [
        Row(("1", "x" * 63, "t" * 128), note="word " * 100),
        Row(("2", "short", "1.0")),
    ]
    listing(out, ("ID", "APP", "TAG"), rows, note="REASON")
    assert max(len(line) for line in text_of(out).splitlines()) <= width


def test_a_long_note_stands_beside_its_row_where_there_is_room_and_else_below() -> None:
    row = Row(("1", "web"), note="no replica became healthy")
    wide, narrow = screen(200), screen(30)
    listing(wide, ("ID", "APP"), [row], note="REASON")
    listing(narrow, ("ID", "APP"), [row], note="REASON")
    assert text_of(wide) == "ID  APP  REASON\n1   web  no replica became healthy\n"
    assert text_of(narrow) == "ID  APP\n1   web\n    no replica became healthy\n"


def test_columns_stay_aligned_with_wide_characters() -> None:
    out = screen(80)
    listing(out, ("A", "B"), [Row(("日本", "x")), Row(("ab", "y"))])
    assert text_of(out).splitlines() == ["A     B", "日本  x", "ab    y"]


def test_a_long_value_wraps_beside_its_name() -> None:
    out = screen(30)
    fields(out, [("reason", "one two three four five six seven")])
    assert text_of(out).splitlines() == [
        "reason  one two three four",
        "        five six seven",
    ]


def test_a_cell_can_hold_a_styled_word() -> None:
    out = screen(80)
    listing(out, ("S",), [Row((Text("ok", style="green"),))])
    assert text_of(out).splitlines() == ["S", "ok"]
