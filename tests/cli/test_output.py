"""Words and times are those of a person, and text from elsewhere cannot play tricks."""

from __future__ import annotations

import json
import time

import pytest

from deployer.cli.output import moment, print_json, quoted
from deployer.words import ago, one_line, safe, took


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-3, "just now"),
        (0.4, "just now"),
        (5.9, "5 s ago"),
        (60, "1 min ago"),
        (3599, "59 min ago"),
        (7200, "2 h ago"),
        (86400, "1 day ago"),
        (3 * 86400, "3 days ago"),
    ],
)
def test_how_long_ago_is_said_in_the_largest_unit(seconds: float, words: str) -> None:
    assert ago(1000.0 - seconds, 1000.0) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-1, "0 ms"),
        (0.0404, "40 ms"),
        (0.9999, "1.0 s"),
        (9.94, "9.9 s"),
        (9.97, "10 s"),
        (59.6, "1 min"),
        (184, "3 min 4 s"),
        (7500, "2 h 5 min"),
    ],
)
def test_durations_are_said_as_a_person_says_them(seconds: float, words: str) -> None:
    assert took(seconds) == words


def test_times_are_in_the_readers_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    try:
        with monkeypatch.context() as patch:
            patch.setenv("TZ", "Asia/Tokyo")
            time.tzset()
            assert moment(0) == "1970-01-01 09:00:00 JST"
    finally:
        time.tzset()


def test_terminal_escapes_from_elsewhere_are_shown_and_not_obeyed() -> None:
    assert safe("a\x1b[2Jb\u202ec\rd") == "a\\x1b[2Jb\\u202ec\\rd"


def test_text_in_a_line_cannot_begin_another_one() -> None:
    assert one_line("gone\n✓ succeeded\tnow\x1b[2J") == "gone\\n✓ succeeded\\tnow\\x1b[2J"
    assert "\x1b" not in quoted("ok\n\x1b]0;title\x07").plain


def test_evidence_is_indented_and_keeps_its_lines_and_brackets() -> None:
    assert quoted("[error] one\n\n  two\n").plain == "  [error] one\n  \n    two"


def test_json_escapes_what_could_move_a_cursor(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"reason": "a\x9bJé"})
    printed = capsys.readouterr().out
    assert printed.isascii()
    assert json.loads(printed) == {"reason": "a\x9bJé"}
