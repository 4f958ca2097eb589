"""`deployer history` and `deployer show`: what was deployed, and how it went."""

from __future__ import annotations

import time

import click
from rich.console import Console
from rich.text import Text

from deployer import views
from deployer.cli.context import Invocation, app_named, as_json, pass_invocation
from deployer.cli.output import console, mark, moment, print_json, sections, status_word, title
from deployer.cli.tables import Row, fields, listing
from deployer.deployment import ENDED, Deployment, Status, Transition
from deployer.errors import DeployerError
from deployer.model import Image
from deployer.ports import Active
from deployer.timeline import Span, spans
from deployer.words import NOTHING, ago, one_line, safe, short, took

BAR = 28
MESSAGE_WIDTH = 30


@click.command()
@click.argument("app")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, metavar="N")
@as_json
@pass_invocation
def history(invocation: Invocation, app: str, limit: int, as_json: bool) -> None:
    """The deployments of APP, newest first."""
    config = invocation.config()
    app_named(config, app)
    found = invocation.store(config).deployments(app, limit)
    if as_json:
        print_json({"deployments": [views.deployment(one) for one in found]})
        return
    out = console()
    if not found:
        out.print(f"{app} has not been deployed yet. Push its image, or: deployer deploy {app}")
        return
    now = time.time()
    headings = ("ID", "STATUS", "TRIGGER", "TAG", "DIGEST", "RELEASE", "TOOK", "WHEN")
    listing(out, headings, [_row(one, now) for one in found], note="REASON")


def _row(one: Deployment, now: float) -> Row:
    return Row(
        (
            str(one.id),
            status_word(one.status),
            str(one.trigger),
            one.tag or NOTHING,
            short(one.digest),
            str(one.release or NOTHING),
            duration(one, now),
            ago(one.ended_at or one.started_at or one.queued_at, now),
        ),
        note="" if one.status is Status.SUCCEEDED else one.reason,
    )


def duration(one: Deployment, now: float) -> str:
    """How long a deployment ran, or has run until now; `-` for one that never ran."""
    if one.started_at is None:
        return NOTHING
    return took((one.ended_at or now) - one.started_at)


@click.command()
@click.argument("deployment", type=click.IntRange(1), metavar="ID")
@as_json
@pass_invocation
def show(invocation: Invocation, deployment: int, as_json: bool) -> None:
    """One deployment: its steps with their times, its reason and the evidence."""
    config = invocation.config()
    store = invocation.store(config)
    one = store.deployment(deployment)
    if one is None:
        raise DeployerError(
            f"there is no deployment {deployment}: "
            "`deployer status` shows each app's last one, `deployer history APP` all of them"
        )
    transitions = store.transitions(deployment)
    if as_json:
        print_json(views.deployment(one, transitions))
        return
    app = config.apps.get(one.app)
    image = app.image if app else None
    _print_deployment(console(), one, transitions, store.active().get(one.app), image)


def _print_deployment(
    out: Console,
    one: Deployment,
    transitions: list[Transition],
    active: Active | None,
    image: Image | None,
) -> None:
    now = time.time()
    heading = title(f"deployment {one.id} of {one.app}").append("  ")
    out.print(heading.append_text(status_word(one.status)))
    out.print()
    fields(out, _facts(one, active, image, now))
    steps = spans(transitions)
    if steps:
        out.print()
        _print_steps(out, steps, now)
    if one.detail:
        out.print()
        out.print(sections(one.detail))


def _facts(
    one: Deployment, active: Active | None, image: Image | None, now: float
) -> list[tuple[str, str | Text]]:
    delivery = f", delivery {one.delivery}" if one.delivery else ""
    serves = f"release {active.release} serves now" if active else "nothing serves now"
    if active and active.deployment == one.id:
        serves = "serves now"
    none = "none" if one.status in ENDED else "not yet"
    facts: list[tuple[str, str | Text]] = [
        ("trigger", f"{one.trigger}{delivery}"),
        ("image", f"{image.name if image else one.app}{':' + one.tag if one.tag else ''}"),
        ("digest", one.digest or none),
        ("release", f"{one.release or none} ({serves})"),
        ("queued", f"{moment(one.queued_at)}, {ago(one.queued_at, now)}"),
        ("took", duration(one, now) + (f", attempt {one.attempt}" if one.attempt > 1 else "")),
    ]
    if one.strategy:
        facts.append(("strategy", one.strategy.value))
    if one.reason:
        facts.append(("reason", Text(safe(one.reason), style=_tone(one.status))))
    return facts


def _tone(status: Status) -> str:
    return "bold" if status in (Status.FAILED, Status.REFUSED, Status.CANCELLED) else ""


def _print_steps(out: Console, steps: list[Span], now: float) -> None:
    """A line per step; on a terminal with a bar that shows when and how long."""
    zero = steps[0].start
    total = max((steps[-1].end or now) - zero, 0.001)
    heading = Text().append(f"{'STEP':<12}{'START':>10}{'TOOK':>11}", style="heading")
    out.print(heading)
    for step in steps:
        lasted = (step.end or now) - step.start
        line = Text(f"{step.name:<12}{'+' + took(step.start - zero):>10}{took(lasted):>11}  ")
        if out.is_terminal and out.encoding.startswith("utf"):
            line.append_text(_bar(step, (step.start - zero) / total, lasted / total))
        if step.failed:
            line.append_text(mark(Status.FAILED)).append(" ")
        room = out.width - line.cell_len
        if step.message and room >= MESSAGE_WIDTH:
            message = Text(one_line(step.message))
            message.truncate(room, overflow="ellipsis")
            line.append(message.plain, style="quiet")
        line.rstrip()
        out.print(line)


def _bar(step: Span, start: float, share: float) -> Text:
    """When and how long, as shares of the whole, in BAR columns and two of space."""
    left = min(int(start * BAR), BAR - 1)
    length = min(max(round(share * BAR), 1), BAR - left)
    style = "red" if step.failed else "cyan" if step.end is None else "green"
    bar = Text(" " * left).append("━" * length, style=style)
    return bar.append(" " * (BAR + 2 - left - length))
