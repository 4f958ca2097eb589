"""The commands that an app has run around its deployments, as config.yml says them."""

from __future__ import annotations

import pytest

from deployer.model import AppHook, Moment
from tests.config.conftest import Folder

APP = "apps:\n  web:\n    image: acme/shop\n    deploy:\n      "


def test_each_moment_has_a_command_of_its_own(folder: Folder) -> None:
    deploy = """\
pre_deploy: {command: python manage.py migrate --name "a b", timeout: 2m}
      post_deploy: {command: [python, warm.py]}
      on_failure:
        command: ./tell
        timeout: 10
"""
    app = folder.load(APP + deploy).apps["web"]
    assert app.hooks == (
        AppHook(Moment.PRE_DEPLOY, ("python", "manage.py", "migrate", "--name", "a b"), 120.0),
        AppHook(Moment.POST_DEPLOY, ("python", "warm.py"), 300.0),
        AppHook(Moment.ON_FAILURE, ("./tell",), 10.0),
    )
    assert app.hook(Moment.POST_DEPLOY) == app.hooks[1]


def test_an_app_without_hooks_has_none(folder: Folder) -> None:
    app = folder.load("apps: {web: {image: a}}").apps["web"]
    assert [app.hook(when) for when in Moment] == [None, None, None]


@pytest.mark.parametrize(
    ("deploy", "problem"),
    [
        ("pre_deploy: {}", ".command: this key is missing. Write it, such as `command: python"),
        ('pre_deploy: {command: ""}', ".command: empty. Write a list of words, or one line"),
        ("pre_deploy: {command: []}", ".command: empty. Write a list of words, or one line"),
        ("pre_deploy: {command: 'a \"b'}", ".command: a quote in the command is not closed."),
        ("pre_deploy: {command: a, timeout: 0}", ".timeout: this duration is too short."),
        ("pre_deploy: {command: a, retries: 2}", ".retries: unknown key 'retries'. "),
        ("pre_deploy: migrate", ": not a mapping. Write its keys below it"),
        (
            "pre_deploy: {command: a, timeout: 9m}",
            ".timeout: it may take 540s, and with health.deadline and deploy.watch longer than the "
            "deployment's 600s. Lower it or raise deploy.timeout.",
        ),
    ],
)
def test_what_is_wrong_is_named_in_its_place(folder: Folder, deploy: str, problem: str) -> None:
    (found,) = folder.problems(APP + deploy)
    assert found.startswith(f"config.yml:5: apps.web.deploy.pre_deploy{problem}")


def test_the_common_limits_have_no_hooks(folder: Folder) -> None:
    """A migration of one app would be run in the images of all."""
    (found,) = folder.problems("deploy:\n  pre_deploy: {command: a}\n")
    assert found.startswith("config.yml:2: deploy.pre_deploy: unknown key")
