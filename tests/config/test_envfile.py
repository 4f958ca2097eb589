"""Env files are read as Compose reads them, but every value stands for itself."""

from __future__ import annotations

import pytest

from deployer.config.envfile import parse_env
from tests.config.conftest import Folder


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("A=b", "b"),
        ("A=", ""),
        ("A = b c ", "b c"),
        ("export A=b", "b"),
        ("A=b # comment", "b"),
        ("A=b#c", "b#c"),
        ("A= # comment", ""),
        ("A='b # c'", "b # c"),
        ("A='b\\n' # comment", "b\\n"),
        ('A="b\\n\\"c\\" # d"', 'b\n"c" # d'),
        ("A=${B} $C", "${B} $C"),
        ("A=b=c", "b=c"),
        ("A='b'\r", "b"),
    ],
)
def test_a_line_gives_one_variable(line: str, value: str) -> None:
    assert parse_env(f"# first\n\n{line}\n") == {"A": value}


def test_the_last_of_two_wins() -> None:
    assert parse_env("A=1\nA=2\n") == {"A": "2"}


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("CANARY", "line 2 of the file is not KEY=VALUE. Write it like that."),
        ("1A=CANARY", "line 2 of the file is not KEY=VALUE. Write it like that."),
        ("A: CANARY", "line 2 of the file is not KEY=VALUE. Write it like that."),
        ("A='CANARY", "line 2 of the file has a quote that is not closed, or text after it."),
        ("A='b' CANARY", "line 2 of the file has a quote that is not closed, or text after it."),
    ],
)
def test_a_wrong_line_is_numbered_and_not_shown(folder: Folder, line: str, what: str) -> None:
    folder.write("app.env", f"OK=1\n{line}\n")
    found = folder.problems("apps:\n  web:\n    image: a\n    env_file: [app.env]\n")
    assert len(found) == 1
    assert found[0].startswith(f"config.yml:4: apps.web.env_file[0]: {what}")
    assert "CANARY" not in found[0]
