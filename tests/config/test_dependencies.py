"""`depends_on`: which apps come first, as config.yml or a Compose file says it."""

from __future__ import annotations

import pytest

from tests.config.conftest import Folder

APPS = "apps:\n  db: {image: acme/db}\n  web:\n    image: acme/shop\n    depends_on: "


@pytest.mark.parametrize(
    "said",
    [
        "[db]",
        "{db: {}}",
        "{db: null}",
        "{db: {condition: service_started}}",
        "{db: {condition: service_healthy, required: true, restart: false}}",
    ],
)
def test_each_form_that_means_the_same_is_accepted(folder: Folder, said: str) -> None:
    """An app that has been deployed is healthy, so both conditions are one."""
    assert folder.load(APPS + said).apps["web"].depends_on == ("db",)


@pytest.mark.parametrize(
    ("said", "line"),
    [
        ("db", "not a list. Write each entry after `- `, or all as [a, b]."),
        ("[db, db]", "[1]: this entry is there twice. Remove one of them."),
        ("[dbs]", "[0]: config.yml has no such app. Did you mean 'db'?"),
        ("{dbs: {}}", ".dbs: config.yml has no such app. Did you mean 'db'?"),
        ("[web]", "[0]: an app cannot wait for itself. Remove it."),
        (
            "{db: {condition: service_completed_successfully}}",
            ".db.condition: an app goes on running. Write what is to be run once as `pre_deploy`.",
        ),
        (
            "{db: {condition: ready}}",
            ".db.condition: not a condition that deployer has. Write service_healthy: an app that "
            "is deployed is healthy, or it has failed.",
        ),
        (
            "{db: {required: false}}",
            ".db.required: each of them has to be an app of config.yml. Remove it.",
        ),
        (
            "{db: {restart: true}}",
            ".db.restart: an app is only deployed when it changes itself. Remove it.",
        ),
        ("{db: {colour: red}}", ".db.colour: unknown key 'colour'. Known are: "),
        ("{db: [x]}", ".db: not a mapping. Write keys below it: condition, required, restart."),
    ],
)
def test_what_is_wrong_is_named_in_its_place(folder: Folder, said: str, line: str) -> None:
    (found,) = folder.problems(APPS + said)
    begin = "config.yml:5: apps.web.depends_on"
    expected = line if line[0] in "[." else f": {line}"
    assert found.startswith(begin + expected)


def test_a_circle_is_told_once_with_all_who_are_in_it(folder: Folder) -> None:
    text = """\
    apps:
      a: {image: a, depends_on: [b]}
      b: {image: a, depends_on: {c: {condition: service_healthy}}}
      c: {image: a, depends_on: [a, d]}
      d: {image: a}
    """
    assert folder.problems(text) == [
        "config.yml:2: apps.a.depends_on[0]: a circle: a -> b -> c -> a. Each would wait for the "
        "others; remove one of them."
    ]


def test_two_circles_are_two_problems(folder: Folder) -> None:
    text = """\
    apps:
      a: {image: a, depends_on: [b]}
      b: {image: a, depends_on: [a]}
      c: {image: a, depends_on: [c]}
    """
    assert len(folder.problems(text)) == 2


COMPOSE = """\
services:
  web:
    image: acme/shop
    depends_on: {db: {condition: service_healthy}}
  db:
    image: acme/db
    depends_on:
      - cache
  cache:
    image: acme/cache
"""


def test_services_of_a_compose_file_are_the_apps_that_take_them(folder: Folder) -> None:
    folder.write("compose.yml", COMPOSE)
    folder.write("other.yml", "services: {db: {image: acme/db}}")
    config = folder.load(
        """\
        apps:
          shop: {compose: {file: compose.yml, service: web}}
          shop-db: {compose: {file: compose.yml, service: db}}
          second-db: {compose: {file: compose.yml, service: db}}
          cache: {image: acme/cache}
          foreign: {compose: {file: other.yml, service: db}}
        """
    )
    assert {name: app.depends_on for name, app in config.apps.items()} == {
        "shop": ("shop-db", "second-db"),
        "shop-db": ("cache",),
        "second-db": ("cache",),
        "cache": (),
        "foreign": (),
    }


def test_a_service_that_is_no_app_is_named_with_the_line_of_the_compose_file(
    folder: Folder,
) -> None:
    folder.write("compose.yml", COMPOSE)
    text = "apps: {shop-db: {compose: {file: compose.yml, service: db}}}"
    assert folder.problems(text) == [
        f"{folder.path}/compose.yml:8: services.db.depends_on[0]: config.yml has no such app. "
        "Remove it. Or name `depends_on` in `compose.ignore`."
    ]
    ignoring = text.replace("service: db", "service: db, ignore: [depends_on]")
    assert folder.load(ignoring).apps["shop-db"].depends_on == ()
