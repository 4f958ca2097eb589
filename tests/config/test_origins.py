"""Where each setting of an app was written, as `deployer plan` shows it."""

from __future__ import annotations

from pathlib import Path

import pytest

from deployer.config import load
from deployer.difference import differences

CONFIG = """\
nginx:
  mode: container
  container: proxy
  network: edge
secrets:
  password:
    file: secrets/db.password
  token:
    environment: API_TOKEN
configs:
  motd:
    content: hello
hooks:
  dockerhub:
    token_file: secrets/token
apps:
  web:
    image: acme/web
    tags: [stable]
    env_file: web.env
    environment:
      OWN: one
      BOTH: own
    labels:
      - team=shop
      - tier=front
    volumes:
      - data:/data
      - cache:/cache
    ports: ["9000-9001:9000-9001"]
    networks: [back, edge]
    secrets: [password, token]
    configs: [motd]
    healthcheck:
      test: curl -f http://localhost
      interval: 5s
    route: {host: web.example.com, port: 8080}
    deploy:
      resources:
        limits:
          memory: 256m
  shop:
    compose: {file: compose/compose.yml, service: front}
    replicas: 2
"""
COMPOSE = """\
services:
  front:
    image: acme/shop:1.4
    env_file: front.env
    environment:
      - A=1
      - B=${B:-2}
    mem_limit: 128m
    secrets: [key]
    volumes: ["./static:/static"]
secrets:
  key:
    file: ./key
"""
WRITTEN = {
    "environment.OWN": "config.yml:22",
    "environment.BOTH": "config.yml:23",
    "environment.FILE": "web.env:2",
    "labels.team": "config.yml:25",
    "labels.tier": "config.yml:26",
    "volumes./data": "config.yml:28",
    "volumes./cache": "config.yml:29",
    "ports": "config.yml:30",
    "networks.back": "config.yml:31",
    "networks.edge": "config.yml:31",
    "secrets.password": "secrets/db.password",
    "secrets.token": "variable API_TOKEN",
    "configs.motd": "config.yml:12",
    "healthcheck.test": "config.yml:35",
    "healthcheck.interval": "config.yml:36",
    "mem_limit": "config.yml:41",
}
FROM_COMPOSE = {
    "environment.A": "compose/compose.yml:6",
    "environment.B": "compose/compose.yml:7",
    "environment.C": "compose/front.env:1",
    "mem_limit": "compose/compose.yml:8",
    "secrets.shop.key": "compose/key",
    "volumes./static": "compose/compose.yml:10",
    "networks.compose_default": "compose/compose.yml:2",
    "replicas": "config.yml:44",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A configuration whose settings come from everywhere."""
    files = {
        "config.yml": CONFIG,
        "web.env": "BOTH=file\nFILE=1\n",
        "secrets/db.password": "canary-secret",
        "secrets/token": "0123456789abcdef0123456789abcdef",
        "compose/compose.yml": COMPOSE,
        "compose/front.env": "C=3\n",
        "compose/key": "canary-key",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        path.chmod(0o600)
    return tmp_path


def origins(folder: Path, app: str) -> dict[str, str]:
    """What `plan` says of each setting of an app that has never run."""
    config = load(folder / "config.yml", {"API_TOKEN": "canary-token"}, part="worker")
    changes = differences(None, config.apps[app].spec, config.origins[app])
    return {one.key: one.origin for one in changes}


def test_each_setting_names_the_line_or_file_it_was_written_in(folder: Path) -> None:
    assert origins(folder, "web") == WRITTEN


def test_of_a_compose_file_its_lines_and_files_are_named(folder: Path) -> None:
    found = origins(folder, "shop")
    assert {key: found[key] for key in FROM_COMPOSE} == FROM_COMPOSE


def test_a_network_that_only_nginx_asks_for_is_where_nginx_names_it(folder: Path) -> None:
    config = folder / "config.yml"
    config.write_text(CONFIG.replace("networks: [back, edge]", "networks: [back]"))
    assert origins(folder, "web")["networks.edge"] == "config.yml:4"


def test_origins_change_nothing_of_what_an_app_is(folder: Path) -> None:
    before = load(folder / "config.yml", {"API_TOKEN": "canary-token"}).apps
    (folder / "config.yml").write_text(f"# one line more\n{CONFIG}")
    moved = load(folder / "config.yml", {"API_TOKEN": "canary-token"})
    assert moved.apps == before
    assert moved.origins["web"]["environment", "OWN"] == "config.yml:23"


def test_who_may_not_read_the_files_learns_no_origins(folder: Path) -> None:
    assert load(folder / "config.yml", {}, part="public").origins == {"web": {}, "shop": {}}
