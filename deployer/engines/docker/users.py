"""Who runs inside a container, asked of its own files without running anything in it."""

from __future__ import annotations

import io
import tarfile

import docker
from docker.errors import NotFound

from deployer.errors import StartFailed


def lines_of(api: docker.APIClient, container: str, path: str) -> list[list[str]]:
    """The lines of a file such as /etc/passwd, split at colons; none where there is no file."""
    try:
        stream, _ = api.get_archive(container, path)
    except NotFound:
        return []
    with tarfile.open(fileobj=io.BytesIO(b"".join(stream))) as archive:
        first = archive.next()
        member = archive.extractfile(first) if first is not None and first.isfile() else None
        text = member.read().decode("utf-8", "replace") if member else ""
    return [line.split(":") for line in text.splitlines()]


def owner_of(api: docker.APIClient, container: str) -> tuple[int, int]:
    """The user and group id that the container's process gets, as Docker decides it.

    Raises StartFailed for a name that the image does not know.
    """
    said = api.inspect_container(container)["Config"].get("User") or "0"
    user, _, group = said.partition(":")
    accounts = lines_of(api, container, "/etc/passwd")
    known = next((one for one in accounts if len(one) > 3 and user in (one[0], one[2])), None)
    if known is None and not user.isdigit():
        raise _unknown("user", user)
    uid = _number(known[2]) if known else int(user)
    if not group:
        return uid, _number(known[3]) if known else 0
    if group.isdigit():
        return uid, int(group)
    groups = lines_of(api, container, "/etc/group")
    gid = next((_number(one[2]) for one in groups if len(one) > 2 and one[0] == group), None)
    if gid is None:
        raise _unknown("group", group)
    return uid, gid


def _number(said: str) -> int:
    """An id as the runtime reads it: what is no number counts as 0 (runc, libcontainer/user)."""
    return int(said) if said.isascii() and said.isdigit() else 0


def _unknown(kind: str, name: str) -> StartFailed:
    return StartFailed(
        f"the image has no {kind} {name}. Write one that it has, or a number, as `user:`"
    )
