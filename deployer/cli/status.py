"""`deployer status`: what each app serves, how it is, and whether the worker runs."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import click
from rich.console import Console
from rich.text import Text

from deployer import views
from deployer.cli.context import Invocation, app_named, as_json, pass_invocation
from deployer.cli.lazy import FAILED
from deployer.cli.output import console, moment, print_json, status_word
from deployer.cli.tables import Row, fields, listing
from deployer.condition import (
    DAY,
    Hold,
    Trouble,
    certificates,
    compared,
    healthy,
    holds,
    is_fresh,
    troubles,
    without_image,
)
from deployer.deployment import Deployment, Status
from deployer.model import App
from deployer.ports import Active, Store
from deployer.words import NOTHING, ago, one_line, short, took

HEADINGS = ("APP", "RELEASE", "TAG", "DIGEST", "HEALTHY", "SINCE", "LAST DEPLOYMENT")
TONES = {True: "green", False: "red"}


@click.command()
@click.argument("app", required=False)
@as_json
@pass_invocation
@click.pass_context
def status(ctx: click.Context, invocation: Invocation, app: str | None, as_json: bool) -> None:
    """What each app (or APP) serves, its replicas and its last deployment.

    Ends with 1 where something is not well, and says what, why and since when.
    """
    config = invocation.config()
    apps = [app_named(config, app)] if app else [config.apps[name] for name in sorted(config.apps)]
    store = invocation.store(config)
    now = time.time()
    if as_json:
        configured = {one.name: (one.image.name, one.tags) for one in apps}
        document = views.apps(configured, store, now)
        print_json(document)
        ctx.exit(FAILED if document["troubles"] else 0)
    out = console()
    seen = Seen(store.snapshot(), now)
    if apps:
        active = store.active()
        rows = [_row(store, one, active.get(one.name), seen) for one in apps]
        listing(out, HEADINGS, rows, note="REASON")
    else:
        out.print("no app is configured: add one under `apps:`")
    out.print()
    found = troubles(store, [one.name for one in apps], now)
    _print_compared(out, seen, [one.name for one in apps])
    _print_nginx(out, seen)
    _print_certificates(out, seen, [one.name for one in apps])
    _print_gone(out, seen, store, [one.name for one in apps])
    _print_section(out, "held back", "heading", holds(store, [one.name for one in apps]))
    _print_section(out, "degraded", "warning", found)
    ctx.exit(FAILED if found else 0)


@dataclass(frozen=True, slots=True)
class Seen:
    """The worker's snapshot, and how it reads at this moment."""

    snapshot: Mapping[str, Any]
    now: float

    @property
    def age(self) -> float | None:
        """Seconds since the worker looked; None where it never did."""
        at = self.snapshot.get("at")
        return None if at is None else max(self.now - at, 0.0)

    @property
    def fresh(self) -> bool:
        """Whether what was seen is still to be believed."""
        return is_fresh(self.snapshot, self.now)

    def healthy(self, app: App, active: Active | None) -> Text:
        """How many replicas of what the app serves are well, of how many."""
        if active is None:
            return Text(NOTHING)
        if not self.fresh:
            return Text(f"?/{app.spec.replicas}", style="warning")
        well, total = healthy(self.snapshot, app.name, active.deployment, app.spec.replicas)
        return Text(f"{well}/{total}", style=TONES[well == total])


def _row(store: Store, app: App, active: Active | None, seen: Seen) -> Row:
    release, tag, digest, since = NOTHING, NOTHING, NOTHING, NOTHING
    if active is not None:
        release = str(active.release)
        row = next((one for one in store.releases(app.name) if one.number == active.release), None)
        if row is not None:
            tag, digest = row.image.tag or NOTHING, short(row.image.digest)
        by = store.deployment(active.deployment)
        at = by and (by.ended_at or by.started_at)
        since = ago(at, seen.now) if at else NOTHING
    last = next(iter(store.deployments(app.name, limit=1)), None)
    return Row(
        (app.name, release, tag, digest, seen.healthy(app, active), since, _last(last, seen.now)),
        note=last.reason if last and last.status not in _QUIET else "",
    )


_QUIET = frozenset({Status.SUCCEEDED, Status.UNCHANGED, Status.QUEUED, Status.RUNNING})


def _last(last: Deployment | None, now: float) -> Text:
    if last is None:
        return Text("never deployed", style="quiet")
    what = status_word(last.status)
    if last.status is Status.RUNNING and last.step:
        what.append(f", {last.step}")
    at = last.ended_at or last.started_at or last.queued_at
    return what.append(f" {ago(at, now)}", style="quiet")


def _print_compared(out: Console, seen: Seen, apps: Sequence[str]) -> None:
    """When each app's tag was last compared with what serves, and with what result."""
    looks = {name: compared(seen.snapshot, name) for name in apps}
    lines = [
        (f"  {name}", f"{one_line(look['reason'])}, {ago(look['at'], seen.now)}")
        for name, look in looks.items()
        if look is not None
    ]
    if lines:
        out.print(Text("compared with the registry", style="heading"))
        fields(out, lines)


def _print_nginx(out: Console, seen: Seen) -> None:
    nginx = seen.snapshot.get("nginx")
    if nginx is None or seen.age is None:
        return
    live, draining = nginx["live"], nginx["draining"]
    line = Text("Nginx ")
    if live is None:
        line.append("does not answer", style="warning")
    else:
        line.append(f"generation {live}")
    if draining:
        line.append(f", {draining} old worker{'s' if draining > 1 else ''} draining")
        generations = nginx.get("draining_generations", 0)
        line.append(f" in {generations} generations" if generations > 1 else "")
    if put_off := nginx.get("put_off"):
        line.append(f", changes of {', '.join(map(one_line, put_off))} wait for them")
    out.print(line.append(f", seen {took(seen.age)} ago"))


def _print_certificates(out: Console, seen: Seen, apps: Sequence[str]) -> None:
    """Until when hosts can be reached by TLS."""
    lines = [
        (f"  {one_line(one['app'])}", f"{', '.join(one['hosts'])}: {_until(one['ends'], seen.now)}")
        for one in certificates(seen.snapshot, apps)
    ]
    if lines:
        out.print(Text("certificates", style="heading"))
        fields(out, lines)


def _until(ends: float | None, now: float) -> str:
    if ends is None:
        return "no TLS"
    left = int((ends - now) // DAY)
    if ends <= now:
        return f"expired {moment(ends)}"
    return f"expires {moment(ends)}, {left} day{'' if left == 1 else 's'} left"


def _print_gone(out: Console, seen: Seen, store: Store, apps: Sequence[str]) -> None:
    """Kept releases that pruning took the image of."""
    lines = []
    for app in apps:
        numbers = [row.number for row in store.releases(app)]
        if gone := without_image(seen.snapshot, app, numbers):
            which = f"release{'s' if len(gone) > 1 else ''} {', '.join(map(str, gone))}"
            lines.append((f"  {app}", f"{which}: a rollback has to pull it from the registry"))
    if lines:
        out.print()
        out.print(Text("kept, but the image was removed from this machine", style="heading"))
        fields(out, lines)


def _print_section(out: Console, title: str, style: str, found: Sequence[Trouble | Hold]) -> None:
    if not found:
        return
    out.print()
    out.print(Text(title, style=style))
    fields(
        out,
        [
            (
                f"  {one_line(one.app if isinstance(one, Hold) else one.what)}",
                one.reason + (f" (since {moment(one.since)})" if one.since else ""),
            )
            for one in found
        ],
    )
