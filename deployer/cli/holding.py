"""`deployer cancel`, `pause`, `resume`, `maintenance`, `unquarantine`: what holds things back."""

from __future__ import annotations

import time

import click

from deployer.cli.context import Invocation, app_named, as_json, pass_invocation
from deployer.cli.errand import Errand
from deployer.cli.lazy import Misuse
from deployer.cli.orders import given_by, wait_option
from deployer.cli.output import console
from deployer.model import DIGEST
from deployer.ports import Order


@click.command()
@click.argument("number", metavar="ID", type=click.IntRange(1))
@wait_option
@as_json
@pass_invocation
@click.pass_context
def cancel(
    ctx: click.Context, invocation: Invocation, number: int, wait: bool, as_json: bool
) -> None:
    """End deployment ID: a queued one at once, a running one by going back.

    Before its switch nobody notices; while it is watched, the release before gets the traffic
    back. One that has ended is refused: `deployer rollback` goes back from that.
    """
    config = invocation.config()
    store = invocation.store(config)
    found = store.deployment(number)
    if found is None:
        raise Misuse(f"there is no deployment {number}. See: deployer history")
    wanted = Order(0, "cancel", found.app, given_by(), time.time(), deployment=number)
    ctx.exit(Errand(store, console(quiet=as_json), wait, as_json).run(wanted))


@click.command()
@click.argument("app")
@as_json
@pass_invocation
@click.pass_context
def pause(ctx: click.Context, invocation: Invocation, app: str, as_json: bool) -> None:
    """Let deployments of APP wait; what is pushed meanwhile is written down.

    What an operator orders by name (deploy, rollback) is done all the same.
    """
    ctx.exit(_about(invocation, "pause", app, as_json))


@click.command()
@click.argument("app")
@as_json
@pass_invocation
@click.pass_context
def resume(ctx: click.Context, invocation: Invocation, app: str, as_json: bool) -> None:
    """Let deployments of APP go on; the newest that waits begins."""
    ctx.exit(_about(invocation, "resume", app, as_json))


@click.command()
@click.argument("app")
@click.argument("switch", metavar="on|off", type=click.Choice(["on", "off"]))
@as_json
@pass_invocation
@click.pass_context
def maintenance(
    ctx: click.Context, invocation: Invocation, app: str, switch: str, as_json: bool
) -> None:
    """Answer all requests for APP with 503 and a page, or serve it again.

    Deployments go on meanwhile. It lasts until it is ended, also over restarts.
    """
    ctx.exit(_about(invocation, f"maintenance-{switch}", app, as_json))


@click.command()
@click.argument("app")
@click.argument("digest")
@as_json
@pass_invocation
@click.pass_context
def unquarantine(
    ctx: click.Context, invocation: Invocation, app: str, digest: str, as_json: bool
) -> None:
    """Let DIGEST of APP be tried again after it failed while it was watched.

    DIGEST may be shortened, as `deployer status` shows it, while it means one.
    """
    ctx.exit(_about(invocation, "unquarantine", app, as_json, digest))


def _about(invocation: Invocation, kind: str, app: str, as_json: bool, digest: str = "") -> int:
    config = invocation.config()
    app_named(config, app)
    store = invocation.store(config)
    if kind == "unquarantine":
        digest = _in_quarantine(digest, [one.digest for one in store.quarantined(app)], app)
    wanted = Order(0, kind, app, given_by(), time.time(), digest=digest)
    return Errand(store, console(quiet=as_json), False, as_json).run(wanted)


def _in_quarantine(asked: str, digests: list[str], app: str) -> str:
    """The digest that is meant. Raises Misuse where it is none of these, or several."""
    if DIGEST.fullmatch(asked) and asked in digests:
        return asked
    start = f"sha256:{asked.removeprefix('sha256:')}"
    meant = [one for one in digests if one.startswith(start)]
    if len(meant) == 1:
        return meant[0]
    known = ", ".join(one[:19] for one in digests) or "none"
    many = "means several" if meant else "is none"
    raise Misuse(f"{asked!r} {many} of the digests of {app} in quarantine: {known}")
