"""The pages: the layout, the navigation, and what is made of the Markdown."""

import re
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hello import create_app
from hello.settings import COLOURS, Settings

HOSTILE = """# Guests & <b>friends</b>

<script>alert(1)</script> and <img src=x onerror=alert(2)>

[a link](javascript:alert(3)) and **bold**
"""


@pytest.fixture
def hostile(tmp_path: Path) -> Flask:
    """The service with a page by somebody who means harm."""
    (tmp_path / "home.md").write_text("# Home\n\nWelcome.\n")
    (tmp_path / "guests.md").write_text(HOSTILE)
    return create_app(Settings("v1"), content=tmp_path)


def test_the_first_page_greets_with_the_user_agent(client: FlaskClient) -> None:
    page = client.get("/", headers={"User-Agent": "Lynx/2.9"}).text
    assert "Hello, Lynx/2.9!" in page


def test_a_user_agent_is_shown_and_not_obeyed(client: FlaskClient) -> None:
    page = client.get("/", headers={"User-Agent": "<script>alert(1)</script>"}).text
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_markdown_becomes_html(client: FlaskClient) -> None:
    assert "<strong>deployer</strong>" in client.get("/").text
    assert "<td><code>GET /greeting</code></td>" in client.get("/pages/usage").text


def test_html_and_scripts_in_markdown_are_shown_and_not_obeyed(hostile: Flask) -> None:
    page = hostile.test_client().get("/pages/guests").text
    assert "<strong>bold</strong>" in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert not re.search(r"<script|<img|<b>|href=\"javascript", page)


def test_every_page_leads_to_every_other_and_marks_itself(client: FlaskClient) -> None:
    for path, title in (("/", "Home"), ("/pages/usage", "What it answers")):
        page = client.get(path).text
        links = re.findall(r'<a href="([^"]+)"( aria-current="page")?>([^<]+)</a>', page)
        assert [link[0] for link in links] == ["/", "/pages/usage"]
        assert [link[2] for link in links if link[1]] == [title]


@pytest.mark.parametrize("name", ["nothing", "..%2fapi", "%2e%2e/api"])
def test_a_page_that_is_not_there_is_404(client: FlaskClient, name: str) -> None:
    assert client.get(f"/pages/{name}").status_code == 404


def test_versions_differ_to_the_eye() -> None:
    seen = []
    for version in ("v1", "v2"):
        page = create_app(Settings(version)).test_client().get("/").text
        assert f"hello {version}" in page
        seen += re.findall(r'<html lang="en" class="(\w+)">', page)
    assert seen == ["blue", "green"]


@pytest.mark.parametrize("version", ["v1", "1.2.30", "dev", "9f1c2ab", ""])
def test_every_version_has_a_colour_of_the_style_sheet(client: FlaskClient, version: str) -> None:
    answer = client.get("/static/hello.css")
    style = answer.text
    answer.close()
    colour = Settings(version).colour
    assert colour in COLOURS
    # The first is what the style sheet has without a class.
    assert colour == COLOURS[0] or f".{colour} {{" in style


def test_the_page_may_load_its_own_style_and_nothing_else(client: FlaskClient) -> None:
    policy = client.get("/").headers["Content-Security-Policy"]
    assert policy == "default-src 'none'; style-src 'self'"
