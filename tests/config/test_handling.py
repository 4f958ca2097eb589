"""What is wrong with a route's options is said with file and line."""

from __future__ import annotations

import pytest

from tests.config.conftest import Folder


@pytest.mark.parametrize(
    ("line", "where", "words"),
    [
        ("max_body: lots", ".max_body", "not a size"),
        ("buffering: maybe", ".buffering", "neither on nor off"),
        ("read_timeout: 0s", ".read_timeout", "too short"),
        ("request_headers: {Host: x}", ".request_headers", "deployer sets this header itself"),
        ('request_headers: {X-A: "$x"}', ".request_headers", "not a value that a header"),
        ("response_headers: {Connection: x}", ".response_headers", "one connection"),
        ("allow: 10.0.0.1/8", ".allow", "Write 10.0.0.0/8"),
        ("deny: [example.com]", ".deny", "not an address"),
        ("rate_limit: 10", ".rate_limit", "not a rate"),
        ("sticky: cookie", ".sticky", "not a way to know clients again"),
        ("pages: {404: a.html}", ".pages", "no such answer"),
        ("pages: {503: a.html}", ".pages", "does not exist"),
        ("basic_auth_file: users", ".basic_auth_file", "line 2 of the file is not NAME:HASH"),
        ("{protocol: grpc, strip_prefix: true}", "", "no prefix that could be stripped"),
    ],
)
def test_each_option_names_its_line_and_what_to_write(
    folder: Folder, line: str, where: str, words: str
) -> None:
    folder.write("users", "# ours\nalice:s3cret\n")
    more = line.strip("{}").replace(", ", "\n      ") if line.startswith("{") else line
    text = "apps:\n  web:\n    image: a/b\n    route:\n      host: a.test\n      port: 80\n"
    (found,) = folder.problems(f"{text}      {more}\n")
    assert found.startswith(f"config.yml:{4 if not where else 7}: apps.web.route{where}")
    assert words in found
    assert "s3cret" not in found
