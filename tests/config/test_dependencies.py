"""Which apps come first: `depends_on` and shared networks, in config.yml or a Compose file."""

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


SHARING = "apps:\n  vpn: {{image: acme/vpn{more}}}\n  jobs: {{image: acme/jobs, {keys}}}\n"
SHARED = "network_mode: 'service:vpn'"


@pytest.mark.parametrize(
    ("keys", "before"),
    [
        (SHARED, ("vpn",)),
        (f"{SHARED}, depends_on: [vpn]", ("vpn",)),
        (f"{SHARED}, depends_on: [db]", ("db", "vpn")),
    ],
)
def test_an_app_comes_after_the_one_whose_network_it_shares(
    folder: Folder, keys: str, before: tuple[str, ...]
) -> None:
    jobs = folder.load(SHARING.format(more="", keys=keys) + "  db: {image: acme/db}").apps["jobs"]
    assert (jobs.spec.network_mode, jobs.spec.shares) == ("service:vpn", "vpn")
    assert jobs.depends_on == before


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (", network_mode: host", "vpn has no network of its own. Write `host` here too."),
        (", network_mode: 'container:x'", "vpn has no network of its own. Write `container:x` h"),
        (", replicas: 2", "vpn has 2 replicas, each with a network of its own. Write `replicas: 1"),
        (", network_mode: 'service:jobs'", "a circle: jobs -> vpn -> jobs."),
        (", depends_on: [jobs]", "a circle: jobs -> vpn -> jobs."),
    ],
)
def test_a_network_that_cannot_be_shared_is_one_problem_in_its_place(
    folder: Folder, more: str, words: str
) -> None:
    (found,) = folder.problems(SHARING.format(more=more, keys=SHARED))
    if "circle" in words:
        assert "a circle: " in found
    else:
        assert found.startswith(f"config.yml:3: apps.jobs.network_mode: {words}")


def test_an_app_without_any_network_may_share_that(folder: Folder) -> None:
    """Two that talk with each other and with nobody else."""
    text = SHARING.format(more=", network_mode: none", keys=SHARED)
    assert folder.load(text).apps["jobs"].spec.shares == "vpn"


NETWORK = """\
services:
  vpn: {image: acme/vpn}
  jobs:
    image: acme/jobs
    network_mode: service:vpn
"""


def test_a_shared_network_in_a_compose_file_is_that_of_the_app_that_takes_the_service(
    folder: Folder,
) -> None:
    folder.write("compose.yml", NETWORK)
    text = "apps:\n  jobs: {compose: {file: compose.yml, service: jobs}}\n"
    vpn = "{compose: {file: compose.yml, service: vpn}}"
    jobs = folder.load(f"{text}  tunnel: {vpn}\n").apps["jobs"]
    assert (jobs.spec.network_mode, jobs.spec.networks) == ("service:tunnel", ())
    assert folder.load(f"{text}  vpn: {{image: acme/vpn}}\n").apps["jobs"].spec.shares == "vpn"

    place = f"{folder.path}/compose.yml:5: services.jobs.network_mode"
    assert folder.problems(f"{text}  other: {{image: acme/vpn}}\n") == [
        f"{place}: config.yml has no such app. Known are: other. "
        "Or name `network_mode` in `compose.ignore`."
    ]
    assert folder.problems(f"{text}  one: {vpn}\n  two: {vpn}\n") == [
        f"{place}: one and two both run vpn. Write `network_mode: service:one` in config.yml."
    ]
