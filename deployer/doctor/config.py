"""Looks at config.yml and the secret files it names: who else can read them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from deployer.cli.rights import Account
from deployer.config.document import read
from deployer.config.file import File
from deployer.config.problems import Problems
from deployer.config.validation import validate
from deployer.config.values import Config
from deployer.doctor.files import account_reads, everybody_reads, mode_of
from deployer.doctor.report import Report

_SECRET_NAME = re.compile(
    r"PASSW|SECRET|TOKEN|API_?KEY|PRIVATE_?KEY|ACCESS_?KEY|CREDENTIAL|\bDSN\b", re.IGNORECASE
)
_SECRET_URL = re.compile(r"[a-z][a-z0-9+.-]*://[^/\s:@]*:[^/\s@]+@", re.IGNORECASE)


def look(config: Config, account: Account | None, report: Report) -> None:
    """Findings about the file itself; `account` is whom the receiver runs as, if known."""
    problems = Problems(config.source)
    file = validate(read(config.source, problems), problems)
    report.facts["config"] = f"{config.source}: {len(config.apps)} apps, {len(config.hooks)} hooks"
    _look_at_readers(config, file, report)
    for key, path in secret_files(config, file):
        _look_at_secret(key, path, account, report)
    used = {app.image.host for app in config.apps.values()}
    for host in sorted(config.registries.keys() - used):
        report.note(
            "config",
            f"registries.{host}: no app has an image on this registry, so its login is not used",
            "Remove it, or correct the host to the one that `image` names",
        )
    for name, app in sorted(config.apps.items()):
        if app.route and not app.health.path:
            report.note(
                "config",
                f"apps.{name}: without health.path it counts as healthy as soon as its port "
                "takes a connection, which many servers do before they can answer",
                "Name a path in health.path that answers 2xx once the app can serve",
            )


def secret_files(config: Config, file: File) -> Iterator[tuple[str, Path]]:
    """Every file with a secret that the configuration names, and the key that names it."""
    folder = config.source.absolute().parent
    for path in config.receiver.operator_token_file:
        yield "receiver.operator_token_file", path
    for path in config.receiver.metrics_token_file:
        yield "receiver.metrics_token_file", path
    for name, hook in config.hooks.items():
        yield from ((f"hooks.{name}.token_file", path) for path in hook.token_file)
        yield from ((f"hooks.{name}.secret_file", path) for path in hook.secret_file)
    for host, login in config.registries.items():
        yield f"registries.{host}.password_file", login.password_file
    for name, app in file.apps.items():
        yield from ((f"apps.{name}.env_file", folder / path) for path in app.env_file)
    for name, secret in file.secrets.items():
        if secret.file is not None:
            yield f"secrets.{name}.file", folder / secret.file


def _look_at_readers(config: Config, file: File, report: Report) -> None:
    if not everybody_reads(config.source):
        return
    secrets = [
        f"apps.{name}.environment.{key}"
        for name, app in file.apps.items()
        for key, value in app.environment.items()
        if value and (_SECRET_NAME.search(key) or _SECRET_URL.search(value))
    ]
    if secrets:
        report.problem(
            "config",
            f"every user of this machine can read {config.source} (mode "
            f"{mode_of(config.source)}), and by its name this is a secret: {', '.join(secrets)}",
            f"Run: chmod 640 {config.source}; or move the value to an env_file",
        )


def _look_at_secret(key: str, path: Path, account: Account | None, report: Report) -> None:
    # Docker's own secrets are 0444 in a place that only one container has.
    if path.is_relative_to("/run/secrets") or not path.is_file():
        return
    if everybody_reads(path):
        report.problem(
            "config",
            f"{key}: every user of this machine can read this file (mode {mode_of(path)})",
            f"Run: chmod 600 {path}; and make a new secret if others could log in here",
        )
    elif account and account_reads(path, account):
        report.problem(
            "config",
            f"{key}: the receiver's user {account.name} can read this file, and the process that "
            "faces the network needs no secret file",
            f"Run: chown root:root {path} && chmod 600 {path}",
        )
