"""`deployer hooks`: what to paste at each sender, and a test of one of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from deployer import tags
from deployer.cli.context import Invocation, as_json, pass_invocation, suggestion
from deployer.cli.lazy import FAILED
from deployer.cli.output import console, print_json, title
from deployer.cli.tables import fields
from deployer.config.hooks import reached
from deployer.config.senders import SENDERS, Signing
from deployer.config.values import Config, Hook
from deployer.errors import DeployerError
from deployer.model import App
from deployer.words import safe

if TYPE_CHECKING:
    from deployer.doctor.samples import Sample

_SIGNING_KINDS = {
    Signing.STANDARD: "a secret to sign with (Standard Webhooks)",
    Signing.PLAIN: "a secret to sign with",
}


@click.group(invoke_without_command=True)
@as_json
@pass_invocation
@click.pass_context
def hooks(ctx: click.Context, invocation: Invocation, as_json: bool) -> None:
    """What to paste at each sender: the URL and the kind of secret. Shows no secret."""
    if ctx.invoked_subcommand:
        return
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
        nobody = "no app has an image there, and no rule names one"
        fields(
            out,
            [
                ("URL", safe(hook["url"])),
                ("secret", _secret(hook)),
                ("source", hook["source"]),
                ("registry", hook["registry"] or "as each event says it"),
                ("apps", ", ".join(hook["apps"]) or nobody),
            ],
        )
        if hook["curl"]:
            # In one piece, so that it can be copied.
            click.echo(safe(hook["curl"]))


@hooks.command()
@click.argument("hook")
@click.option("--app", default="", metavar="A", help="The app to be pushed. Default: its first.")
@click.option("--tag", default="", metavar="T", help="The tag. Default: the app's first exact one.")
@as_json
@pass_invocation
@click.pass_context
def test(
    ctx: click.Context, invocation: Invocation, hook: str, app: str, tag: str, as_json: bool
) -> None:
    """Post a signed delivery to a hook, as its sender would, and say what came of it.

    It goes through the receiver that runs here, as a dry run: nothing is queued or recorded.
    Ends with 1 where it was not taken, or would deploy nothing.
    """
    from deployer.doctor.samples import said_for, sample_of

    config = invocation.config("receiver")
    if hook not in config.hooks:
        raise DeployerError(f"there is no hook {hook!r}: {suggestion(hook, config.hooks)}")
    if app and app not in config.apps:
        raise DeployerError(f"there is no app {app!r}: {suggestion(app, config.apps)}")
    configured = config.hooks[hook]
    said = said_for(configured, config.apps, app, tag)
    if said is None:
        raise DeployerError(
            f"no delivery of hook {hook} can be for {f'app {app}' if app else 'any app'}: see "
            "its registry, aliases and rules (deployer hooks)"
        )
    sample = sample_of(configured, said)
    if not sample.proves:
        raise DeployerError(
            f"no delivery of hook {hook} can be made that proves itself: {sample.why_not}"
        )
    answer = _answer(config, sample)
    told = ", ".join(f"{key} {value}" for key, value in said.facts.items()) or str(said.image)
    if as_json:
        print_json({"hook": hook, "sent": told, **answer})
    else:
        _show(hook, configured, told, answer)
    if answer.get("result") != "accepted":
        ctx.exit(FAILED)


def _answer(config: Config, sample: Sample) -> dict[str, Any]:
    """What the receiver says: the status, and of its answer what there is."""
    import requests

    from deployer.doctor.samples import base_of, post

    try:
        answer = post(sample, base_of(config))
        content: dict[str, Any] = answer.json()
    except requests.RequestException as error:
        raise DeployerError(
            f"the receiver gave no answer ({type(error).__name__}). Does `deployer serve` run?"
        ) from error
    reason = content.get("reason") or content.get("detail")
    apps = [one["app"] for one in content.get("deployments", [])]
    return {
        "status": answer.status_code,
        "result": content.get("result"),
        "reason": reason,
        "apps": apps,
    }


def _show(hook: str, configured: Hook, told: str, answer: dict[str, Any]) -> None:
    out = console()
    out.print(title(f"{hook}: {answer['result'] or 'not taken'}"))
    fields(
        out,
        [
            ("sent", safe(f"{told}, as {configured.source} does")),
            ("answer", str(answer["status"])),
            ("would deploy", ", ".join(answer["apps"]) or "nothing"),
            ("why", safe(answer["reason"] or "")),
        ],
    )
    out.print("nothing was queued or recorded")


def _hook(config: Config, hook: Hook) -> dict[str, Any]:
    from deployer.sources import SOURCES

    base_folder = config.source.absolute().parent
    files = [_shown(path, base_folder) for path in (*hook.token_file, *hook.secret_file)]
    receiver, sender = config.receiver, SENDERS[hook.source]
    # Without a name of its own the receiver is reached as it listens, and it speaks no TLS.
    base = (
        f"https://{receiver.host}" if receiver.host else f"http://{receiver.bind}:{receiver.port}"
    )
    url = f"{base}/hooks/{hook.name}"
    apps = reached(hook, config.apps)
    kinds = [SOURCES[hook.source].pasted_as] if hook.token_file else []
    kinds += [_SIGNING_KINDS[sender.signs]] if hook.secret_file and sender.signs else []
    posts = hook.source == "generic" and hook.token_file and apps
    return {
        "hook": hook.name,
        "source": hook.source,
        "url": f"{url}/<token in {files[0]}>" if sender.in_url and files else url,
        "secret": " or ".join(kinds),
        "secret_files": files,
        "registry": hook.registry,
        "apps": apps,
        "curl": _curl(url, config.apps[apps[0]]) if posts else None,
    }


def _secret(hook: dict[str, Any]) -> str:
    if not hook["secret_files"]:
        return "none: the sender's cloud signs what it sends"
    return f"{hook['secret']}, from {' or '.join(hook['secret_files'])}"


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
