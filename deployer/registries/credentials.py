"""The login for each registry: config.yml's, else the one that `docker login` has made."""

from __future__ import annotations

from pathlib import Path

from deployer.config import registry_password
from deployer.config.values import Config
from deployer.model import canonical_host
from deployer.ports import Login
from deployer.registries.docker_config import login_in


class Credentials:
    """Implements ports.Logins: a registry's host, under any of its names, to its login.

    `docker_config` is Docker's own config.json, which need not exist. All is read at each use,
    so that a login can be changed without a restart.
    """

    def __init__(self, config: Config, docker_config: Path) -> None:
        self._docker_config = docker_config
        self.follow(config)

    def follow(self, config: Config) -> None:
        """Take the logins of a configuration that is in force from now on."""
        self._logins = {canonical_host(login.host): login for login in config.registries.values()}

    def __call__(self, host: str) -> Login | None:
        """The host's login, its password read from its file now; None where there is none.

        Raises ConfigError where the password's file cannot be read, RegistryDenied where
        Docker's config.json or its credential helper cannot be used.
        """
        login = self._logins.get(canonical_host(host))
        if login is not None:
            return Login(login.username, registry_password(login))
        return login_in(self._docker_config, canonical_host(host))
