"""A sound config.yml becomes values; each process reads only its own secret files."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from deployer.config import load, receiver_part, registry_password
from deployer.config.loader import Part
from deployer.errors import ConfigError
from deployer.model import App, HealthCheck, Image, Limits
from deployer.routing import RouteRule
from deployer.spec import Attachment, Spec, Volume
from tests.config.conftest import OTHER, TOKEN, Folder

FULL = """\
x-common: &common
  networks: [backend]
  labels: {team: shop}
receiver:
  host: Deployer.Example.com
  bind: 0.0.0.0
  port: 5005
  user: web
  max_body: 512k
  threads: 4
  operator_token_file: secrets/operator.token
  metrics_token_file: secrets/metrics.token
nginx:
  image: nginx:1.30
  container: edge
  http_port: 8080
  status_port: 8081
  keepalive_timeout: 20
  drain: 1m
  templates: secrets
paths: {state: /srv/state, host_base: /srv/app}
worker: {parallel: 2}
deploy: {watch: 20s, keep: 5}
hooks:
  dockerhub: {token_file: secrets/hook.token}
  mirror:
    source: dockerhub
    registry: Registry.example.com:5000
    token_file: [secrets/hook.token]
registries:
  index.docker.io: {username: bot, password_file: secrets/password}
apps:
  web:
    <<: *common
    image: acme/shop
    tags: [latest, 1.10]
    command: sh -c 'exec app --port 80'
    environment: {PORT: 080, DEBUG: no, EMPTY: ""}
    env_file: [a.env, b.env]
    volumes: ["/data/:/data:ro", "./rel:/rel", "cache:/cache:rw"]
    restart: on-failure:3
    stop_signal: quit
    stop_grace_period: 1m30s
    replicas: 2
    route: {hosts: [A.example.com, b.example.com], path: /shop/, port: 80}
    health: {path: /up, port: 81, interval: 500ms, timeout: 3, deadline: 20s}
    deploy: {timeout: 2m, watch: 5s}
  plain:
    image: registry.example.com:5000/a/b
"""


def test_every_key_has_its_place_in_the_values(folder: Folder) -> None:
    folder.write("a.env", "A=1\nB=1\n")
    folder.write("b.env", "B=2\nPORT=9\n")
    config = folder.load(FULL)
    assert config.source == Path("config.yml")
    assert config.receiver.model_dump() == {
        "host": "deployer.example.com",
        "bind": "0.0.0.0",
        "port": 5005,
        "user": "web",
        "max_body": 512 * 1024,
        "threads": 4,
        "tls": None,
        "operator_token_file": (folder.path / "secrets/operator.token",),
        "metrics_token_file": (folder.path / "secrets/metrics.token",),
    }
    assert config.nginx.model_dump() == {
        "mode": "managed",
        "binary": Path("/usr/sbin/nginx"),
        "include": (),
        "image": "nginx:1.30",
        "container": "edge",
        "network": None,
        "http_port": 8080,
        "https_port": 443,
        "tls": (),
        "status_port": 8081,
        "keepalive_timeout": 20.0,
        "drain": 60.0,
        "access_log": "text",
        "trusted_proxies": (),
        "templates": folder.path / "secrets",
    }
    assert (config.paths.state, config.paths.host_base) == (Path("/srv/state"), Path("/srv/app"))
    assert config.worker.parallel == 2
    assert config.hooks["dockerhub"].registry == "docker.io"
    assert config.hooks["mirror"].registry == "registry.example.com:5000"
    assert config.hooks["mirror"].source == "dockerhub"
    assert config.registries["docker.io"].username == "bot"
    assert config.apps["web"] == App(
        name="web",
        image=Image("docker.io", "acme/shop"),
        tags=("latest", "1.10"),
        spec=Spec(
            command=("sh", "-c", "exec app --port 80"),
            environment=(("A", "1"), ("B", "2"), ("DEBUG", "no"), ("EMPTY", ""), ("PORT", "080")),
            volumes=(
                Volume("/data", "/data", read_only=True, type="bind"),
                Volume("/srv/app/rel", "/rel", type="bind"),
                Volume("cache", "/cache"),
            ),
            networks=(Attachment("backend"),),
            labels=(("team", "shop"),),
            restart="on-failure:3",
            stop_signal="SIGQUIT",
            stop_grace_period=90.0,
            replicas=2,
        ),
        route=RouteRule(("a.example.com", "b.example.com"), 80, "/shop"),
        health=HealthCheck(81, "/up", 0.5, 3.0, 20.0),
        limits=Limits(timeout=120.0, watch=5.0, keep=5, pull_stall=60.0, pull_timeout=108.0),
    )


def test_only_the_image_of_an_app_must_be_written(folder: Folder) -> None:
    config = folder.load("apps: {web: {image: nginx}}")
    assert config.apps["web"] == App(
        name="web",
        image=Image("docker.io", "library/nginx"),
        tags=("latest",),
        spec=Spec(),
        route=None,
        health=HealthCheck(),
        limits=Limits(),
    )


def test_a_key_without_a_value_counts_as_left_out(folder: Folder) -> None:
    config = folder.load("receiver: {port: }\nhooks:\napps:\n  web: {image: a, route: }\n")
    assert (config.receiver.port, config.apps["web"].route) == (5000, None)


@pytest.mark.parametrize(
    ("written", "policy"), [("no", "no"), ("false", "no"), ("'no'", "no"), ("always", "always")]
)
def test_restart_no_needs_no_quotes(folder: Folder, written: str, policy: str) -> None:
    config = folder.load(f"apps: {{web: {{image: a, restart: {written}}}}}")
    assert config.apps["web"].spec.restart == policy


@pytest.mark.parametrize("written", ["SIGTERM", "TERM", "term", "15", "'15'"])
def test_a_signal_has_one_name(folder: Folder, written: str) -> None:
    config = folder.load(f"apps: {{web: {{image: a, stop_signal: {written}}}}}")
    assert config.apps["web"].spec.stop_signal == "SIGTERM"


def test_the_probe_asks_the_port_of_the_route(folder: Folder) -> None:
    config = folder.load("apps: {web: {image: a, route: {host: a.b, port: 8080}}}")
    assert config.apps["web"].health == HealthCheck(port=8080)


def test_files_are_found_from_the_folder_of_the_configuration(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.write("etc/config.yml", "receiver: {operator_token_file: token}\n")
    folder.write("etc/token", TOKEN)
    config = load(Path("etc/config.yml"), {})
    monkeypatch.chdir("/")
    assert config.receiver.operator_token_file == (folder.path / "etc/token",)
    assert len(receiver_part(config).operators) == 1


SECRETS = """\
receiver: {operator_token_file: secrets/none}
hooks:
  dockerhub: {token_file: secrets/none}
nginx: {templates: none}
registries:
  docker.io: {username: bot, password_file: secrets/none}
apps:
  web: {image: a, env_file: secrets/none, environment: {KEY: value}}
"""
OF_RECEIVER = ["receiver.operator_token_file", "hooks.dockerhub.token_file"]
OF_WORKER = ["nginx.templates", "registries.docker.io.password_file", "apps.web.env_file"]


@pytest.mark.parametrize(
    ("part", "keys"),
    [("receiver", OF_RECEIVER), ("worker", OF_WORKER), ("all", OF_RECEIVER + OF_WORKER)],
)
def test_only_the_files_of_the_part_are_read(folder: Folder, part: Part, keys: list[str]) -> None:
    found = folder.problems(SECRETS, part=part)
    assert [line.split(": ")[1] for line in found] == keys


def test_the_part_of_the_receiver_knows_no_environment(folder: Folder) -> None:
    text = SECRETS.replace("secrets/none", "secrets/hook.token")
    assert folder.load(text, part="receiver").apps["web"].spec.environment == ()


def test_the_receiver_is_given_hashes_and_names_and_nothing_else(folder: Folder) -> None:
    folder.write("a.env", "SECRET=canary\n")
    folder.write("b.env", "")
    part = receiver_part(folder.load(FULL))
    assert part.hooks["dockerhub"].tokens == (
        f"sha256:{hashlib.sha256(TOKEN.encode()).hexdigest()}",
    )
    assert part.operators == (f"sha256:{hashlib.sha256(OTHER.encode()).hexdigest()}",)
    assert part.apps["web"].image == "docker.io/acme/shop"
    assert part.apps["web"].tags == ("latest", "1.10")
    assert part.store == Path("/srv/state/deployer.db")
    written = part.model_dump_json()
    assert not [each for each in (TOKEN, OTHER, "canary", "s3cret") if each in written]
    assert type(part).model_validate_json(written) == part


def test_the_receivers_part_names_the_line_of_a_file_that_is_gone(folder: Folder) -> None:
    config = folder.load("hooks:\n  dockerhub:\n    token_file: secrets/hook.token\n")
    (folder.path / "secrets/hook.token").unlink()
    with pytest.raises(ConfigError) as caught:
        receiver_part(config)
    [line] = caught.value.problems
    assert line.startswith("config.yml:3: hooks.dockerhub.token_file: the file does not exist.")
    assert [line] == folder.problems("hooks:\n  dockerhub:\n    token_file: secrets/hook.token\n")


def test_a_password_is_read_at_each_use(folder: Folder) -> None:
    text = "registries: {docker.io: {username: bot, password_file: secrets/password}}"
    login = folder.load(text).registries["docker.io"]
    assert registry_password(login) == "s3cret-password"
    folder.write("secrets/password", "new \n\n")
    assert registry_password(login) == "new \n"
    folder.write("secrets/password", "\n")
    with pytest.raises(ConfigError, match=r"^registries\.docker\.io\.password_file: the file has"):
        registry_password(login)


@pytest.mark.parametrize(
    ("common", "own", "interval"),
    [
        ("", "", 300.0),
        ("1m", "", 60.0),
        ("1m", "90s", 90.0),
        ("off", "", None),
        ("off", "5m", 300.0),
        ("1m", "off", None),
        ("1m", "false", None),
    ],
)
def test_how_often_a_tag_is_looked_at_is_the_app_s_word_else_the_common_one(
    folder: Folder, common: str, own: str, interval: float | None
) -> None:
    top = f"reconcile: {{interval: {common}}}\n" if common else ""
    mine = f", reconcile: {{interval: {own}}}" if own else ""
    config = folder.load(f"{top}apps: {{web: {{image: a{mine}}}}}")
    assert config.apps["web"].reconcile == interval


@pytest.mark.parametrize("value", ["0", "0.5s", "2d", "on", "25h"])
def test_an_interval_that_is_none_is_a_problem(folder: Folder, value: str) -> None:
    [line] = folder.problems(f"reconcile: {{interval: {value}}}")
    assert line.endswith("Write one from 1s to 86400s, such as 5m; or off.")
