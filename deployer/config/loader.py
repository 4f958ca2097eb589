"""config.yml, environment and secret files to a Config, or all their problems at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

from deployer.config.apps import app_of, environment_of, files_of
from deployer.config.checks import check_together
from deployer.config.composefile import join
from deployer.config.document import read
from deployer.config.envfile import Fill
from deployer.config.environment import overlay
from deployer.config.file import File
from deployer.config.files import is_folder
from deployer.config.fronts import anchored, with_files_from
from deployer.config.hook_file import HookFile
from deployer.config.hooks import hooks_of, source_of
from deployer.config.origins import origins_of
from deployer.config.output_file import check_templates, outputs_of
from deployer.config.problems import Key, Problems, dotted
from deployer.config.report_file import reports_of
from deployer.config.route_texts import texts_of
from deployer.config.secrets import password_in, signing_secrets, token_hashes, token_in
from deployer.config.senders import SENDERS
from deployer.config.validation import validate
from deployer.config.values import Config, Nginx, Paths, Receiver, RegistryLogin, Worker
from deployer.difference import Origins
from deployer.model import App, canonical_host

Part = Literal["all", "worker", "receiver", "public"]
_WORKERS, _RECEIVERS = ("all", "worker"), ("all", "receiver")


def load(path: Path, environ: Mapping[str, str], *, part: Part = "all") -> Config:
    """The configuration, checked as a whole; the environment wins over config.yml.

    `part` decides whose files are read: the tokens of hooks and operators for the receiver,
    env files, secrets, passwords and templates for the worker, none for what is public. Only the
    worker's part knows the apps' environment. Relative paths start from the folder of config.yml.

    Raises ConfigError with every problem, sorted by line, each
    `config.yml:LINE: key.path: what is wrong. what to write instead`, or with the name of
    the environment variable in place of line and key.
    """
    problems = Problems(path)
    data = read(path, problems)
    overlay(data, environ, problems)
    folder = path.absolute().parent
    fills = join(data, folder, environ, problems, strict=part in _WORKERS)
    file = validate(data, problems)
    known = {
        name: _app(name, file, folder, environ, part, fills.get(name), problems)
        for name in file.apps
    }
    apps = {name: app for name, (app, _) in known.items()}
    check_together(file, apps, problems)
    _absolute_files(file, folder)
    if part in _WORKERS:
        _check_worker_files(file, problems)
        check_templates(file, path, problems)
    if part in _RECEIVERS:
        _check_tokens(file, problems)
    problems.check()
    origins = {name: places for name, (_, places) in known.items()}
    return _config(path, file, apps, origins, problems)


def _app(
    name: str,
    file: File,
    folder: Path,
    environ: Mapping[str, str],
    part: Part,
    fill: Fill | None,
    problems: Problems,
) -> tuple[App, Origins]:
    if part not in _WORKERS:
        return with_files_from(app_of(name, file, {}, (), problems), folder), {}
    environment, from_files = environment_of(name, file.apps[name], folder, problems, fill)
    files = files_of(name, file, folder, environ, problems)
    texts = texts_of(name, file.apps[name].route, folder, problems)
    app = with_files_from(app_of(name, file, environment, files, problems, texts), folder)
    return app, origins_of(name, file, app.spec, from_files, folder, problems)


def _absolute_files(file: File, folder: Path) -> None:
    receiver, nginx = file.receiver, file.nginx
    receiver.operator_token_file = tuple(folder / each for each in receiver.operator_token_file)
    receiver.metrics_token_file = tuple(folder / each for each in receiver.metrics_token_file)
    nginx.tls = anchored(nginx.tls, folder)
    if isinstance(receiver.tls, tuple):
        receiver.tls = anchored(receiver.tls, folder)
    nginx.templates = folder / nginx.templates if nginx.templates else None
    for hook in file.hooks.values():
        hook.token_file = tuple(folder / each for each in hook.token_file)
        hook.secret_file = tuple(folder / each for each in hook.secret_file)
    for login in file.registries.values():
        login.password_file = folder / login.password_file
    for output in file.outputs.values():
        output.template = folder / output.template
    for report in (app.report for app in file.apps.values() if app.report):
        report.token_file = folder / report.token_file


def _check_worker_files(file: File, problems: Problems) -> None:
    secrets: list[tuple[Key, Callable[[Path], str], Path]] = [
        (("registries", host, "password_file"), password_in, login.password_file)
        for host, login in file.registries.items()
    ]
    secrets += [
        (("apps", name, "report", "token_file"), token_in, app.report.token_file)
        for name, app in file.apps.items()
        if app.report
    ]
    for key, read_from, path in secrets:
        try:
            if not problems.touch(key):
                read_from(path)
        except ValueError as error:
            problems.add(key, str(error))
    if file.nginx.templates and not is_folder(file.nginx.templates):
        problems.add(
            ("nginx", "templates"),
            "there is no such folder. Write one that starts from the folder of config.yml.",
        )


def _check_tokens(file: File, problems: Problems) -> None:
    receiver = file.receiver
    for name, paths in (
        ("operator_token_file", receiver.operator_token_file),
        ("metrics_token_file", receiver.metrics_token_file),
    ):
        own: Key = ("receiver", name)
        for text in [] if problems.touch(own) else token_hashes(paths)[1]:
            problems.add(own, text)
    for name, hook in file.hooks.items():
        if not problems.touch(("hooks", name, "source")):
            _check_proof(name, hook, problems)


def _check_proof(name: str, hook: HookFile, problems: Problems) -> None:
    sender = SENDERS[source_of(name, hook)]
    proofs: dict[Key, list[str]] = {}
    if sender.shows:
        proofs["hooks", name, "token_file"] = token_hashes(hook.token_file, typed=sender.typed)[1]
    if sender.signs:
        found = signing_secrets(hook.secret_file, sender.signs)[1]
        proofs["hooks", name, "secret_file"] = found
    for key, texts in proofs.items():
        for text in [] if problems.touch(key) else texts:
            problems.add(key, text)


def _config(
    path: Path,
    file: File,
    apps: Mapping[str, App],
    origins: Mapping[str, Origins],
    problems: Problems,
) -> Config:
    token_files: list[Key] = [
        ("receiver", key) for key in ("operator_token_file", "metrics_token_file")
    ]
    token_files += [
        ("hooks", name, key) for name in file.hooks for key in ("token_file", "secret_file")
    ]
    return Config(
        source=path,
        receiver=Receiver(**file.receiver.model_dump()),
        nginx=Nginx(**file.nginx.model_dump()),
        paths=Paths(**file.paths.model_dump()),
        worker=Worker(**file.worker.model_dump()),
        hooks=hooks_of(file, apps),
        registries={
            canonical_host(host): RegistryLogin(
                host=canonical_host(host),
                username=login.username,
                password_file=login.password_file,
            )
            for host, login in file.registries.items()
        },
        outputs=outputs_of(file),
        apps=apps,
        reports=reports_of(file),
        origins=origins,
        places={dotted(key): problems.beginning(key) for key in token_files},
    )
