"""`deployer adopt`: the configuration of a container that runs already."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from deployer.cli.context import as_json
from deployer.cli.output import console, print_json
from deployer.errors import Refused
from deployer.words import safe

if TYPE_CHECKING:
    from deployer.ports import Found

_LONGEST = 63


@click.command()
@click.argument("container")
@as_json
def adopt(container: str, as_json: bool) -> None:
    """The configuration that a running CONTAINER has, to be put into config.yml.

    Asks Docker, so it runs where the worker runs; nothing is touched. What cannot be kept is
    told on stderr and as comments. The values of the environment are printed.
    """
    from deployer import wiring
    from deployer.config.sayable import sayable, written

    name = _app_name(container)
    found = wiring.examine(container, name)
    if found.refused:
        raise Refused(f"cannot adopt {container}: {'; '.join(found.refused)}")
    keys, unsaid = sayable(name, _keys(found))
    left = [*found.left, *unsaid, *_about_image(found)]
    config = {"apps": {name: keys}}
    err = console(stderr=True)
    for one in left:
        err.print(f"warning: not kept: {safe(one)}", style="warning", soft_wrap=True)
    if as_json:
        print_json(_document(found, name, config, left))
    else:
        click.echo("\n".join([*_comments(found, left), written(config).rstrip("\n")]))


def _app_name(container: str) -> str:
    """The container's name, as an app can have it."""
    name = re.sub(r"[^a-z0-9_-]", "-", container.lower()).lstrip("-_")
    return name[:_LONGEST] or "app"


def _keys(found: Found) -> dict[str, Any]:
    from deployer.config.writing import keys_of

    if found.image is None:
        raise Refused(
            f"cannot adopt {found.name}: its image has no name. `docker tag` it with one on your "
            "registry, and push that"
        )
    tags = [found.image.tag] if found.image.tag else []
    return {
        "adopt": found.name,
        "image": found.image.name,
        **({"tags": tags} if tags else {}),
        **keys_of(found.spec),
    }


def _about_image(found: Found) -> Iterator[str]:
    if found.image is None:
        return
    if not found.image.digest:
        yield (
            "the image: no registry has it. Push it to one and write that name as `image`, or "
            "`adopt` will refuse the container"
        )
    if not found.image.tag:
        yield "the image: it was named by a digest only. Write the tags to deploy as `tags`"


def _comments(found: Found, left: list[str]) -> Iterator[str]:
    yield f"# Container {found.name} ({found.container[:12]})"
    if found.image and found.image.digest:
        yield f"# of {found.image.pinned}"
    yield "# Write the `route` that leads to it; without one it gets no traffic from Nginx."
    for one in left:
        yield f"# not kept: {' '.join(safe(one).split())}"


def _document(found: Found, name: str, config: dict[str, Any], left: list[str]) -> dict[str, Any]:
    image = found.image
    return {
        "container": {"id": found.container, "name": found.name, "running": found.running},
        "app": name,
        "image": image.name if image else None,
        "tag": image.tag or None if image else None,
        "digest": image.digest or None if image else None,
        "config": config,
        "warnings": left,
    }
