"""`deployer check`, `hooks` and `render`: what the configuration says, touching nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from deployer import tags
from deployer.cli.context import Invocation, as_json, pass_invocation
from deployer.cli.lazy import MISUSED
from deployer.cli.output import console, print_json, title
from deployer.cli.tables import fields
from deployer.config.file import NAMING
from deployer.config.values import Config, Hook
from deployer.errors import ConfigError
from deployer.model import App
from deployer.words import safe

_SIGNING_KIND = "a secret to sign with (Standard Webhooks)"


@click.command()
@click.option("--schema", is_flag=True, help="Print the JSON Schema of config.yml, for editors.")
@as_json
@pass_invocation
@click.pass_context
def check(ctx: click.Context, invocation: Invocation, schema: bool, as_json: bool) -> None:
    """All problems of the configuration at once; ends with 2 if there is one."""
    if schema:
        from deployer.config import json_schema

        click.echo(json.dumps(json_schema(), indent=2))
        return
    try:
        config = invocation.config("all")
    except ConfigError as error:
        if not as_json:
            raise
        print_json({"problems": error.problems})
        ctx.exit(MISUSED)
    if as_json:
        print_json({"problems": []})
        return
    counts = f"{_count(len(config.apps), 'app')}, {_count(len(config.hooks), 'hook')}"
    console().print(f"{config.source} is sound: {counts}")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


@click.command()
@as_json
@pass_invocation
def hooks(invocation: Invocation, as_json: bool) -> None:
    """What to paste at each sender: the URL and the kind of secret. Shows no secret."""
    config = invocation.config()
    found = [_hook(config, hook) for hook in config.hooks.values()]
    if as_json:
        print_json({"hooks": found})
        return
    out = console()
    if not found:
        out.print("no hook is configured: add one under `hooks:`, then the sender can be told")
    for number, hook in enumerate(found):
        if number:
            out.print()
        out.print(title(hook["hook"]))
        reached = ", ".join(hook["apps"]) or f"no app has an image on {hook['registry']}"
        fields(
            out,
            [
                ("URL", safe(hook["url"])),
                ("secret", f"{hook['secret']}, from {' or '.join(hook['secret_files'])}"),
                ("source", hook["source"]),
                ("registry", hook["registry"]),
                ("apps", reached),
            ],
        )
        if hook["curl"]:
            # In one piece, so that it can be copied.
            click.echo(safe(hook["curl"]))


def _hook(config: Config, hook: Hook) -> dict[str, Any]:
    from deployer.sources import SOURCES

    base_folder = config.source.absolute().parent
    files = [_shown(path, base_folder) for path in (*hook.token_file, *hook.secret_file)]
    receiver = config.receiver
    # Without a name of its own the receiver is reached as it listens, and it speaks no TLS.
    base = (
        f"https://{receiver.host}" if receiver.host else f"http://{receiver.bind}:{receiver.port}"
    )
    url = f"{base}/hooks/{hook.name}"
    generic = hook.source in NAMING
    apps = [app for app in config.apps.values() if generic or app.image.host == hook.registry]
    kinds = [SOURCES[hook.source].secret_kind] if hook.token_file else []
    kinds += [_SIGNING_KIND] if hook.secret_file else []
    return {
        "hook": hook.name,
        "source": hook.source,
        "url": url if generic else f"{url}/<token in {files[0]}>",
        "secret": " or ".join(kinds),
        "secret_files": files,
        "registry": hook.registry,
        "apps": [app.name for app in apps],
        "curl": _curl(url, apps[0]) if generic and hook.token_file and apps else None,
    }


def _curl(url: str, app: App) -> str:
    """The line that tells of a push; the token comes from the environment, past `ps`."""
    first = next(filter(tags.is_exact, app.tags), "TAG")
    body = json.dumps({"image": app.image.name, "tag": first})
    return (
        "printf 'Authorization: Bearer %s\\n' \"$DEPLOYER_TOKEN\" | "
        "curl --silent --show-error --fail-with-body -H @- "
        f"-H 'Content-Type: application/json' -d '{body}' {url}"
    )


def _shown(path: Path, base: Path) -> str:
    """A file as it is written in config.yml: relative to it where it lies beside it."""
    return str(path.relative_to(base) if path.is_relative_to(base) else path)
