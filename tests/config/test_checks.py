"""What must fit together is checked over all apps, hooks and sections."""

from __future__ import annotations

import pytest

from tests.config.conftest import Folder


def app(name: str, route: str, image: str = "acme/shop") -> str:
    return f"  {name}: {{image: {image}, route: {{{route}, port: 80}}}}\n"


def test_two_apps_never_have_the_same_host_and_path(folder: Folder) -> None:
    one = app("one", "host: shop.example.com, path: /a")
    two = app("two", "hosts: [www.example.com, SHOP.example.com], path: /a/")
    assert folder.problems(f"apps:\n{one}{two}") == [
        "config.yml:3: apps.two.route.hosts[1]: shop.example.com/a belongs to app one already, "
        "and to two here. Give one of them another host or path, or both of them a `weight`."
    ]


def test_two_apps_may_share_a_host_with_different_paths(folder: Folder) -> None:
    one, two = app("one", "host: a.example.com"), app("two", "host: a.example.com, path: /b")
    assert folder.problems(f"apps:\n{one}{two}") == []


def test_a_container_becomes_a_release_of_one_app_only(folder: Folder) -> None:
    one, two = (f"  {name}: {{image: a, adopt: shop}}\n" for name in ("one", "two"))
    assert folder.problems(f"apps:\n{one}{two}") == [
        "config.yml:3: apps.two.adopt: app one adopts this container too, and it can be a release "
        "of one only. Remove it from one of them."
    ]
    other = "  two: {image: a, adopt: other}\n  three: {image: a}\n"
    assert folder.problems(f"apps:\n{one}{other}") == []


def test_no_app_has_the_host_of_the_receiver(folder: Folder) -> None:
    text = "receiver: {host: deployer.example.com}\napps:\n"
    assert folder.problems(text + app("one", "host: deployer.example.com, path: /a")) == [
        "config.yml:3: apps.one.route.host: deployer.example.com is the receiver's own host. "
        "Choose another."
    ]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            "nginx:\n  http_port: 81\n  status_port: 81",
            "3: nginx.status_port: port 81 is nginx.http_port too. Choose another for one of them.",
        ),
        (
            "nginx: {status_port: 80}",
            "1: nginx.status_port: port 80 is nginx.http_port too. Choose another for one of them.",
        ),
        (
            "nginx: {http_port: 5000}",
            "1: nginx.http_port: port 5000 is receiver.port too. Choose another for one of them.",
        ),
        (
            "receiver: {port: 5090}",
            "1: receiver.port: port 5090 is nginx.status_port too. Choose another for one of them.",
        ),
    ],
)
def test_ports_are_distinct_and_the_written_one_is_blamed(
    folder: Folder, text: str, line: str
) -> None:
    assert folder.problems(text) == [f"config.yml:{line}"]


HOOK = "hooks:\n  dockerhub:\n    token_file: secrets/hook.token\n"


def test_a_hook_that_no_push_could_match_is_a_problem(folder: Folder) -> None:
    text = f"{HOOK}apps:\n  web: {{image: registry.example.com/shop}}\n"
    assert folder.problems(text) == [
        "config.yml:2: hooks.dockerhub: no app has an image on docker.io, so no push could ever "
        "deploy one. Write the registry that the images are on."
    ]
    fixed = text.replace("dockerhub:\n", "dockerhub:\n    registry: registry.example.com\n")
    assert folder.problems(fixed) == []


def test_docker_hub_is_one_registry_under_all_its_names(folder: Folder) -> None:
    hook = f"{HOOK}    registry: index.docker.io\n"
    assert folder.problems(f"{hook}apps:\n  web: {{image: registry-1.docker.io/acme/shop}}") == []
    login = "{username: bot, password_file: secrets/password}"
    assert folder.problems(f"registries:\n  docker.io: {login}\n  index.docker.io: {login}\n") == [
        "config.yml:3: registries.index.docker.io: this is the same registry as docker.io. "
        "Keep one of them."
    ]


def test_a_common_limit_that_is_too_short_names_each_app_at_its_line(folder: Folder) -> None:
    text = "deploy:\n  timeout: 1m\napps:\n  one: {image: a}\n  two: {image: b}\n"
    assert [line.split(" may")[0] for line in folder.problems(text)] == [
        "config.yml:2: deploy.timeout: app one",
        "config.yml:2: deploy.timeout: app two",
    ]


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (
            "nginx: {mode: container, container: edge, network: edge}\n",
            "with nginx.mode container every delivery comes from Nginx's own network",
        ),
        (
            "receiver: {host: deployer.example.com, bind: 10.0.0.5}\n",
            "Nginx does not come from loopback where receiver.bind is another address",
        ),
        ("receiver: {host: deployer.example.com}\n", ""),
        ("receiver: {bind: 10.0.0.5}\n", ""),
    ],
)
def test_addresses_are_allowed_only_where_the_receiver_can_tell_them(
    folder: Folder, more: str, says: str
) -> None:
    found = folder.problems(f"{HOOK}    allow: 192.0.2.0/24\n{more}")
    assert [line.startswith(f"config.yml:4: hooks.dockerhub.allow: {says}") for line in found] == (
        [True] if says else []
    )
