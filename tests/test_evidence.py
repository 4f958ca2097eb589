"""What a failure leaves for a person: exits in words, probe answers, titled pieces."""

import pytest

from deployer.evidence import (
    LONGEST,
    Answered,
    Evidence,
    answers,
    how_it_ended,
    plain,
    read,
    written,
)
from deployer.model import Replica


@pytest.mark.parametrize(
    ("code", "oom", "words"),
    [
        (0, False, "exit code 0"),
        (3, False, "exit code 3"),
        (125, False, "exit code 125: Docker itself could not run it"),
        (126, False, "exit code 126: its command is not executable"),
        (127, False, "exit code 127: its command was not found in the image"),
        (134, False, "exit code 134: it aborted (SIGABRT)"),
        (137, False, "exit code 137: it was killed (SIGKILL)"),
        (139, False, "exit code 139: it crashed (SIGSEGV)"),
        (141, False, "exit code 141: a signal ended it (SIGPIPE)"),
        (143, False, "exit code 143: it was told to stop (SIGTERM)"),
        (
            137,
            True,
            "exit code 137: it ran out of memory and was killed. Raise its `mem_limit`",
        ),
        (None, True, "it ran out of memory and was killed"),
        (None, False, "its exit code is not known"),
    ],
)
def test_an_exit_is_told_in_a_persons_words(code: int | None, oom: bool, words: str) -> None:
    replica = Replica("web", 1, 1, 1, "id", "web-1-1", exit_code=code, oom_killed=oom)
    assert how_it_ended(replica) == words


def test_equal_answers_in_a_row_are_one_line_with_the_slowest() -> None:
    refused = [Answered(0.1 * n, "Connection refused", 0.001 * n) for n in range(1, 4)]
    assert answers([*refused, Answered(1.2, "HTTP 503", 0.002)]) == (
        "+0.1 s to +0.3 s, 3 times: Connection refused (3 ms)\n+1.2 s HTTP 503 (2 ms)"
    )


def test_of_many_different_answers_the_last_are_told() -> None:
    told = answers([Answered(n, f"HTTP {500 + n}", 0.0) for n in range(10)]).splitlines()
    assert told[0] == "(2 earlier ones are left out)"
    assert [told[1], told[-1]] == ["+2.0 s HTTP 502 (0 ms)", "+9.0 s HTTP 509 (0 ms)"]


def test_pieces_come_back_and_no_text_can_pretend_to_be_a_piece() -> None:
    pieces = (Evidence("log", "one\n\n  two"), Evidence("answers", "three \x1efour\nfive"))
    clean = (pieces[0], Evidence("answers", "three four\nfive"))
    assert read(written(pieces)) == clean
    assert plain(written(pieces)) == "log:\none\n\n  two\nanswers:\nthree four\nfive"


def test_an_empty_piece_is_left_out_and_a_long_one_keeps_its_end() -> None:
    assert written([Evidence("log", " \n")]) == ""
    (one,) = read(written([Evidence("log", "x" * LONGEST + "the end")]))
    assert one.text.startswith("(the beginning is left out)\n")
    assert one.text.endswith("the end")
    assert len(one.text) < LONGEST + 40


def test_words_without_a_title_get_one() -> None:
    assert read("no such host") == (Evidence("evidence", "no such host"),)
    assert plain("no such host") == "no such host"
    assert read("") == ()
