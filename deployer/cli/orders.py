"""`deployer deploy` and `deployer rollback`: what is asked for is checked, then ordered."""

from __future__ import annotations

import getpass
import os
import time

import click

from deployer import earlier, tags
from deployer.cli.context import Invocation, app_named, as_json, pass_invocation, suggestion
from deployer.cli.errand import Errand
from deployer.cli.lazy import Misuse
from deployer.cli.output import console
from deployer.errors import Refused
from deployer.model import DIGEST, App
from deployer.ports import Order, Store

wait_option = click.option("--wait", is_flag=True, help="Follow it until it has ended.")


@click.command()
@click.argument("app")
@click.option(
    "--tag", default="", metavar="T", help="One that its `tags` let in. Default: the first."
)
@click.option("--digest", default="", metavar="D", help="This very image: sha256:...")
@wait_option
@as_json
@pass_invocation
@click.pass_context
def deploy(
    ctx: click.Context,
    invocation: Invocation,
    app: str,
    tag: str,
    digest: str,
    wait: bool,
    as_json: bool,
) -> None:
    """Deploy what a tag of APP means now, or the image of a digest.

    Ends with 1 if the deployment was refused or, with --wait, did not succeed. Ctrl-C ends
    the waiting, not the deployment.
    """
    config = invocation.config()
    found = app_named(config, app)
    check_choice(found, tag, digest)
    wanted = Order(0, "deploy", app, given_by(), time.time(), tag, digest)
    ctx.exit(Errand(invocation.store(config), console(quiet=as_json), wait, as_json).run(wanted))


def check_choice(app: App, tag: str, digest: str) -> None:
    """Raises Misuse for what cannot be meant, so that nothing is written."""
    if tag and digest:
        raise Misuse("--tag and --digest name two images: give one of them")
    if tag and not tags.allows(app.tags, tag):
        why = tags.why_not(app.tags, tag)
        hint = f"known are {', '.join(app.tags)}, and {why}" if why else suggestion(tag, app.tags)
        raise Misuse(f"{app.name} is not deployed from the tag {tag!r}: {hint}")
    if digest and not DIGEST.fullmatch(digest):
        raise Misuse(f"{digest!r} is no digest: give sha256: and 64 digits (0-9, a-f)")


@click.command()
@click.argument("app")
@click.option(
    "--to", "release", type=click.IntRange(1), metavar="RELEASE", help="Default: the previous one."
)
@wait_option
@as_json
@pass_invocation
@click.pass_context
def rollback(
    ctx: click.Context,
    invocation: Invocation,
    app: str,
    release: int | None,
    wait: bool,
    as_json: bool,
) -> None:
    """Take APP back to an earlier release; needs no registry.

    Ends with 1 if it was refused or, with --wait, did not succeed. Ctrl-C ends the waiting,
    not the rollback.
    """
    config = invocation.config()
    app_named(config, app)
    store = invocation.store(config)
    target = earlier.previous(store, app) if release is None else _kept(store, app, release)
    wanted = Order(0, "rollback", app, given_by(), time.time(), release=target)
    ctx.exit(Errand(store, console(quiet=as_json), wait, as_json).run(wanted))


def _kept(store: Store, app: str, release: int) -> int:
    try:
        return earlier.kept(store, app, release)
    except Refused as error:
        raise Misuse(str(error)) from error


def given_by() -> str:
    """Who gives an order here: the login name, or the user's where there was no login."""
    try:
        name = os.getlogin()
    except OSError:
        name = getpass.getuser()
    return f"{name} (uid {os.getuid()}) at the command line"
