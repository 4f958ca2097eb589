"""Environment variables set single values and win over config.yml."""

from __future__ import annotations

from pathlib import Path

import pytest

from deployer.config.environment import VARIABLES
from tests.config.conftest import TOKEN, Folder


def test_a_variable_wins_over_the_file(folder: Folder) -> None:
    config = folder.load(
        "receiver: {max_body: 1MiB}\n",
        {
            "DEPLOYER_RECEIVER__MAX_BODY": "2MiB",
            "DEPLOYER_NGINX__HTTP_PORT": "8080",
            "DEPLOYER_PATHS__STATE": "/srv/state",
            "DEPLOYER_DEPLOY__WATCH": "3s",
            "DEPLOYER_RECEIVER__OPERATOR_TOKEN_FILE": "secrets/operator.token",
            "PATH": "/bin",
        },
    )
    assert config.receiver.max_body == 2 * 1024**2
    assert config.nginx.http_port == 8080
    assert config.paths.state == Path("/srv/state")
    assert config.receiver.operator_token_file == (folder.path / "secrets/operator.token",)


def test_a_common_limit_from_the_environment_reaches_the_apps(folder: Folder) -> None:
    text = "apps:\n  one: {image: a}\n  two: {image: a, deploy: {watch: 4s}}\n"
    apps = folder.load(text, {"DEPLOYER_DEPLOY__WATCH": "3s"}).apps
    assert [app.limits.watch for app in apps.values()] == [3.0, 4.0]


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, ("10.0.0.1", 5001)),
        ({"HTTP_HOST": "10.0.0.2", "HTTP_PORT": "5002"}, ("10.0.0.2", 5002)),
        (
            {
                "HTTP_HOST": "10.0.0.2",
                "HTTP_PORT": "5002",
                "DEPLOYER_RECEIVER__BIND": "10.0.0.3",
                "DEPLOYER_RECEIVER__PORT": "5003",
            },
            ("10.0.0.3", 5003),
        ),
        ({"HTTP_HOST": "localhost"}, ("127.0.0.1", 5001)),
    ],
)
def test_http_host_and_port_win_over_the_file_only(
    folder: Folder, environ: dict[str, str], expected: tuple[str, int]
) -> None:
    receiver = folder.load("receiver: {bind: 10.0.0.1, port: 5001}", environ).receiver
    assert (receiver.bind, receiver.port) == expected


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("DEPLOYER_NGINX__HTTP_PORT", "x", "not a port. Write a whole number from 1 to 65535."),
        ("HTTP_PORT", "", "empty. Write a whole number from 1 to 65535."),
        (
            "DEPLOYER_RECIEVER__MAX_BODY",
            "1",
            "sets no key. Did you mean 'DEPLOYER_RECEIVER__MAX_BODY'?",
        ),
        (
            "DEPLOYER_NGINX__PORT",
            "1",
            "sets no key. Did you mean 'DEPLOYER_NGINX__HTTP_PORT'?",
        ),
        (
            "DEPLOYER_FOO__BAR",
            "1",
            "sets no key. Known sections are: RECEIVER, NGINX, PATHS, WORKER, DEPLOY, RECONCILE.",
        ),
        (
            "DEPLOYER_APPS__WEB",
            "1",
            "sets no key. Only single values outside apps, hooks and registries can be set "
            "like this.",
        ),
    ],
)
def test_a_wrong_variable_is_named_in_place_of_a_line(
    folder: Folder, name: str, value: str, line: str
) -> None:
    assert folder.problems("apps: {web: {image: a}}", {name: value}) == [f"{name}: {line}"]


def test_what_does_not_fit_together_names_the_variable_too(folder: Folder) -> None:
    assert folder.problems("nginx: {http_port: 80}", {"DEPLOYER_NGINX__STATUS_PORT": "80"}) == [
        "DEPLOYER_NGINX__STATUS_PORT: port 80 is nginx.http_port too. "
        "Choose another for one of them."
    ]


def test_a_token_file_from_the_environment_is_named_by_its_variable(folder: Folder) -> None:
    folder.write("short", TOKEN[:8])
    [line] = folder.problems("apps:", {"DEPLOYER_RECEIVER__OPERATOR_TOKEN_FILE": "short"})
    assert line.startswith("DEPLOYER_RECEIVER__OPERATOR_TOKEN_FILE: line 1 of the file is a token")


def test_other_names_of_the_same_form_are_left_alone(folder: Folder) -> None:
    assert folder.problems("apps:", {"DEPLOYER_CONFIG": "x", "deployer_a__b": "x"}) == []


def test_a_section_that_is_no_mapping_is_still_a_problem(folder: Folder) -> None:
    [line] = folder.problems("receiver: 5", {"HTTP_PORT": "5001"})
    assert line.startswith("config.yml:1: receiver: not a mapping.")


def test_every_single_value_outside_apps_and_hooks_has_a_variable() -> None:
    assert len(VARIABLES) == 9 + 15 + 2 + 1 + 5 + 1
