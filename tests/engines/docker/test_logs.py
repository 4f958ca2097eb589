"""A container's words cannot harm who reads them."""

from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from deployer.engines.docker.logs import LONGEST_LINE, harmless


def test_only_the_last_lines_are_shown_in_order() -> None:
    assert harmless(b"one\ntwo\nthree\n", 2) == "two\nthree"
    assert harmless(b"one\n\ntwo", 5) == "one\n\ntwo"
    assert harmless(b"", 5) == harmless(b"one\n", 0) == ""


def test_control_characters_are_shown_as_escapes_and_tabs_stay() -> None:
    assert harmless(b"a\tb\x1b[31mred\x00\x7f\r\n", 1) == "a\tb\\x1b[31mred\\x00\\x7f"
    assert harmless("\u202egnp.exe \u2028 \u009b".encode(), 1) == "\\u202egnp.exe \\u2028 \\x9b"


def test_what_is_no_text_is_replaced() -> None:
    assert harmless(b"caf\xe9 \xc3\xa9", 1) == "caf\ufffd \u00e9"


def test_a_long_line_is_cut_and_marked() -> None:
    assert harmless(b"x" * (LONGEST_LINE + 1), 1) == "x" * LONGEST_LINE + "..."
    assert harmless(b"x" * LONGEST_LINE, 1) == "x" * LONGEST_LINE


@given(st.binary(max_size=300), st.integers(0, 5))
def test_no_bytes_give_more_lines_or_a_control_character(raw: bytes, lines: int) -> None:
    shown = harmless(raw, lines)
    assert shown.count("\n") <= max(lines - 1, 0)
    controls = {one for one in shown if unicodedata.category(one) == "Cc"}
    assert controls <= {"\n", "\t"}
