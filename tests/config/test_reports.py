"""What `report:` may say: which server, which repository, whose token."""

from __future__ import annotations

import pytest

from tests.config.conftest import Folder

TOKEN = "canary-token-of-a-forge"
GITHUB = "to: github, repository: acme/shop, token_file: secrets/report.token"
GITLAB = "to: gitlab, repository: acme/shop, token_file: secrets/report.token"


@pytest.fixture
def made(folder: Folder) -> Folder:
    folder.write("secrets/report.token", f"{TOKEN}\n")
    return folder


def app(said: str) -> str:
    """A configuration of one app with this report."""
    return f"apps: {{web: {{image: a, report: {{{said}}}}}, api: {{image: b}}}}\n"


def test_a_report_is_read_with_its_token_beside_config_yml(made: Folder) -> None:
    config = made.load(app(f"{GITHUB}, environment: production/web"))
    assert config.reports.keys() == {"web"}
    assert config.reports["web"].model_dump() == {
        "kind": "github",
        "repository": "acme/shop",
        "url": "https://github.com",
        "token_file": made.path / "secrets" / "report.token",
        "environment": "production/web",
    }
    assert TOKEN not in repr(config)


@pytest.mark.parametrize(
    ("said", "url"),
    [
        (GITHUB, "https://github.com"),
        (GITLAB, "https://gitlab.com"),
        (f"{GITHUB}, url: 'https://ghe.example.com/'", "https://ghe.example.com"),
        (f"{GITLAB}, url: 'http://10.0.0.5:8080/code'", "http://10.0.0.5:8080/code"),
    ],
)
def test_a_server_of_ones_own_is_used_where_it_is_written(
    made: Folder, said: str, url: str
) -> None:
    assert made.load(app(said)).reports["web"].url == url


def test_gitlab_has_groups_in_groups(made: Folder) -> None:
    said = GITLAB.replace("acme/shop", "acme/team/eu/shop")
    assert made.load(app(said)).reports["web"].repository == "acme/team/eu/shop"


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        (GITHUB.replace("github", "bitbucket"), "report.to: not a value that this key has"),
        (GITHUB.replace("acme/shop", "shop"), "report.repository: not the path of a repository"),
        (GITHUB.replace("acme/shop", "acme/.."), "report.repository: not the path"),
        (GITHUB.replace("acme/shop", "'acme/sh op'"), "report.repository: not the path"),
        (GITHUB.replace("acme/shop", "acme/team/shop"), "report: the repository is not OWNER/NAME"),
        (GITHUB.replace("github", "gitea"), "report: no server. Write `url: https://git.exam"),
        (f"{GITLAB}, environment: staging", "report: only GitHub is told of an environment"),
        (f"{GITHUB}, environment: '-'", "report.environment: not a name"),
        (f"{GITHUB}, url: git.example.com", "report.url: not the URL of a server"),
        (f"{GITHUB}, url: 'https://u:p@git.example.com'", "report.url: not the URL of a server"),
        (f"{GITHUB}, url: 'https://git.example.com?x=1'", "report.url: not the URL of a server"),
        (f"{GITHUB}, url: 'https://git.example.com/../x'", "report.url: not the URL of a server"),
        (f"{GITHUB}, url: 'ftp://git.example.com'", "report.url: not the URL of a server"),
        ("to: github, repository: acme/shop", "report.token_file: this key is missing"),
        (f"{GITHUB}, tokn: x", "report.tokn: unknown key"),
    ],
)
def test_what_cannot_be_is_one_problem_with_its_place(
    made: Folder, said: str, problem: str
) -> None:
    (found,) = made.problems(app(said))
    assert found.startswith(f"config.yml:1: apps.web.{problem}"), found


@pytest.mark.parametrize("content", [None, "", "two words", "one\ntwo"])
def test_a_file_without_one_token_is_a_problem_of_the_worker_only(
    folder: Folder, content: str | None
) -> None:
    if content is not None:
        folder.write("secrets/report.token", content)
    (found,) = folder.problems(app(GITHUB), part="worker")
    assert found.startswith("config.yml:1: apps.web.report.token_file: the file ")
    assert not content or content not in found
    assert folder.problems(app(GITHUB), part="receiver") == []


def two(web: str, api: str) -> str:
    """A configuration of two apps with these reports."""
    apps = {"web": web, "api": api}
    lines = [f"  {name}: {{image: {name}, report: {{{said}}}}}" for name, said in apps.items()]
    return "\n".join(["apps:", *lines, ""])


def test_apps_of_one_repository_have_an_environment_each(made: Folder) -> None:
    """A success makes what served in the environment before inactive."""
    (found,) = made.problems(two(GITHUB, GITHUB.replace("acme", "Acme")))
    assert found == (
        "config.yml:3: apps.api.report: app web is reported to this environment too. Write one "
        "of its own, such as `environment: production/api`."
    )
    assert made.problems(two(GITHUB, f"{GITHUB}, environment: production/api")) == []
    assert made.problems(two(GITHUB, GITHUB.replace("shop", "api"))) == []
    assert made.problems(two(GITLAB, GITLAB)) == []
