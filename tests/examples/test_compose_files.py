"""The files of examples/compose fit together, also with what stands behind `#` in them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from deployer.config import load

EXAMPLE = Path(__file__).parents[2] / "examples" / "compose"
COMPOSE = EXAMPLE / "compose.yml"
LOGIN = re.compile(
    r"^( *(?:- )?)#(?=- registry_password|registry_password|registries|docker|user|pass)", re.M
)


def with_login(file: Path) -> Any:
    """The file as the README has it for a registry with a login."""
    return yaml.safe_load(LOGIN.sub(r"\1", file.read_text()))


def test_the_configuration_is_one_that_deployer_takes(tmp_path: Path) -> None:
    config = load(EXAMPLE / "config.yml", {}, part="public")
    assert list(config.apps) == ["hello"]
    changed = tmp_path / "config.yml"
    changed.write_text(yaml.safe_dump(with_login(EXAMPLE / "config.yml")))
    (login,) = load(changed, {}, part="public").registries.values()
    assert login.password_file == Path("/run/secrets/registry_password")


def test_only_the_worker_gets_a_registrys_password() -> None:
    plain, found = yaml.safe_load(COMPOSE.read_text()), with_login(COMPOSE)
    assert set(found["secrets"]) - set(plain["secrets"]) == {"registry_password"}
    assert "registry_password" in found["services"]["worker"]["secrets"]
    assert "registry_password" not in found["services"]["receiver"]["secrets"]


def test_every_secret_that_the_configuration_names_is_mounted_where_it_is_read() -> None:
    config = load(EXAMPLE / "config.yml", {}, part="public")
    named = {*config.receiver.operator_token_file}
    named |= {path for hook in config.hooks.values() for path in hook.token_file}
    for service in yaml.safe_load(COMPOSE.read_text())["services"].values():
        assert {Path("/run/secrets") / one for one in service["secrets"]} == named


@pytest.mark.parametrize("name", ["DEPLOYER_IMAGE", "DEPLOYER_STATE", "NGINX_CONTAINER"])
def test_env_shows_the_defaults_that_compose_has(name: str) -> None:
    assert default_of(name) == shown(name)


@pytest.mark.parametrize("name", ["NGINX_HTTP_PORT", "NGINX_STATUS_PORT", "RECEIVER_PORT"])
def test_the_ports_are_also_those_of_deployer(name: str) -> None:
    section, _, key = name.lower().partition("_")
    config = load(EXAMPLE / "config.yml", {}, part="public")
    assert default_of(name) == shown(name) == str(getattr(getattr(config, section), key))


def default_of(name: str) -> str:
    """What compose.yml takes without the variable, everywhere the same."""
    (found,) = set(re.findall(rf"\$\{{{name}:-([^}}]*)\}}", COMPOSE.read_text()))
    return str(found)


def shown(name: str) -> str:
    """What .env shows behind `#`."""
    (found,) = re.findall(rf"^#{name}=(.*)$", (EXAMPLE / ".env").read_text(), re.MULTILINE)
    return str(found)
