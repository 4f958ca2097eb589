"""The login for each registry that the configuration names."""

from __future__ import annotations

from deployer.config import registry_password
from deployer.config.values import Config
from deployer.model import canonical_host
from deployer.ports import Login


class Credentials:
    """Implements ports.Logins: a registry's host, under any of its names, to its login."""

    def __init__(self, config: Config) -> None:
        self._logins = {canonical_host(login.host): login for login in config.registries.values()}

    def __call__(self, host: str) -> Login | None:
        """The host's login, its password read from its file now; None where there is none.

        Raises ConfigError where the password's file cannot be read.
        """
        login = self._logins.get(canonical_host(host))
        return None if login is None else Login(login.username, registry_password(login))
