"""`deployer render`: the Nginx configuration that the current routes give."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from deployer.cli.context import Invocation, as_json, pass_invocation
from deployer.cli.lazy import Misuse
from deployer.cli.output import console, print_json, title
from deployer.errors import DeployerError

if TYPE_CHECKING:
    from deployer.config.values import Config
    from deployer.model import Replica
    from deployer.ports import Active, NginxFacts
    from deployer.routing import Route


# Keys and passwords are in no output. Which certificates are in use, `status` says.
_SECRET = ("certificates/", "users/")


@click.command()
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Write the files to this new folder instead of printing them.",
)
@as_json
@pass_invocation
def render(invocation: Invocation, output: Path | None, as_json: bool) -> None:
    """The Nginx configuration that the current routes give; what is live stays as it is.

    The addresses are those that the worker saw last. A site that cannot be rendered is as it is
    live, or closed; what only Nginx itself refuses is rendered all the same, and said. Left out are
    certificates, their keys and files with passwords.
    """
    from deployer import wiring
    from deployer.condition import held_sites
    from deployer.words import one_line

    if output is not None and output.is_dir() and any(output.iterdir()):
        raise Misuse(f"{output} is not empty: name a folder that is new or empty")
    config = invocation.config()
    store = invocation.store(config)
    snapshot = store.snapshot()
    routes = routes_of(config, store.active(), snapshot)
    plan = wiring.planned(config, routes, _facts(snapshot))
    files = plan.files(snapshot["nginx"]["live"] or 0)
    files.pop("served.json")
    files = {name: text for name, text in files.items() if not name.startswith(_SECRET)}
    for one in plan.rendering.certificates():
        if one.problem:
            console(stderr=True).print(f"{one.app}: {one_line(one.problem)}")
    held = {app: str(error) for app, error in plan.held().items()}
    refused = {one["app"]: one["reason"] for one in held_sites(snapshot) if one["app"] not in held}
    for app, reason in held.items():
        console(stderr=True).print(f"{app} is held back: {one_line(reason)}")
    for app, reason in refused.items():
        console(stderr=True).print(f"{app} is not so in Nginx: {one_line(reason)}")
    if output is not None:
        _write(output, files)
    if as_json:
        print_json({"files": files, "held": held, "refused": refused})
    elif output is not None:
        console().print(f"{len(files)} files written to {output}")
    else:
        _print(files)


def routes_of(
    config: Config, active: Mapping[str, Active], snapshot: Mapping[str, Any]
) -> list[Route]:
    """The routes of all apps to the replicas that the snapshot shows of what they serve."""
    from deployer.traffic import route_of

    seen = snapshot.get("apps", {})
    routes = []
    for name in sorted(active.keys() & config.apps.keys()):
        replicas = [
            _replica(name, one)
            for one in seen.get(name, [])
            if one["deployment"] == active[name].deployment
        ]
        if route := route_of(config.apps[name], replicas):
            routes.append(route)
    return routes


def _facts(snapshot: Mapping[str, Any]) -> NginxFacts:
    from deployer.ports import NginxFacts

    if not snapshot:
        raise DeployerError(
            "the Nginx that will run is not known yet: no worker has run on this store. "
            "Start `deployer serve` first"
        )
    seen = snapshot["nginx"]
    major, minor, patch = seen["version"]
    return NginxFacts(
        (major, minor, patch),
        seen["user"],
        folder=seen.get("folder", ""),
        gateway=seen.get("gateway", ""),
    )


def _replica(app: str, seen: Mapping[str, Any]) -> Replica:
    from deployer.model import Replica, Running

    return Replica(
        app,
        seen["deployment"],
        seen["release"],
        index=0,
        id=seen["id"],
        name=seen["name"],
        address=seen["address"],
        state=Running(seen["state"]),
        health=seen["health"],
    )


def _write(folder: Path, files: Mapping[str, str]) -> None:
    try:
        for name, text in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise DeployerError(
            f"the files could not be written to {folder}: {error.strerror}. Name another folder"
        ) from error


def _print(files: Mapping[str, str]) -> None:
    out = console()
    for number, (name, text) in enumerate(sorted(files.items())):
        if number:
            out.print()
        out.print(title(f"# {name}"))
        # Not through the console: a configuration is shown as it is, never wrapped.
        click.echo(text.rstrip("\n"))
