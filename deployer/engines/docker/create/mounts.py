"""Volumes and files of a spec as Docker's mounts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from deployer.spec import FileMount, Volume


def mounts(volumes: Sequence[Volume], files: Mapping[FileMount, Path]) -> list[dict[str, Any]]:
    """All that is mounted and checked by Docker first: a missing source is refused.

    A bind in `Binds` would be created instead, as an empty folder of root's.
    """
    found = [_mount(volume) for volume in volumes if not _is_bind_entry(volume)]
    found += [
        {"Type": "bind", "Source": str(path), "Target": file.target, "ReadOnly": True}
        for file, path in files.items()
    ]
    return found


def binds(volumes: Sequence[Volume]) -> list[str]:
    """What only the older form can say: SELinux labels, and a source that Docker creates."""
    return [_bind_entry(volume) for volume in volumes if _is_bind_entry(volume)]


def _is_bind_entry(volume: Volume) -> bool:
    return volume.type == "bind" and bool(volume.selinux or volume.create_host_path)


def _bind_entry(volume: Volume) -> str:
    modes = ["ro" if volume.read_only else "rw", volume.selinux, volume.propagation]
    return f"{volume.source}:{volume.target}:{','.join(mode for mode in modes if mode)}"


def _mount(volume: Volume) -> dict[str, Any]:
    mount: dict[str, Any] = {
        "Type": volume.type,
        "Source": volume.source,
        "Target": volume.target,
        "ReadOnly": volume.read_only,
    }
    if volume.type == "bind" and volume.propagation:
        mount["BindOptions"] = {"Propagation": volume.propagation}
    if volume.type == "volume" and (volume.nocopy or volume.subpath or volume.labels):
        mount["VolumeOptions"] = {"NoCopy": volume.nocopy, "Labels": dict(volume.labels)}
        if volume.subpath:
            mount["VolumeOptions"]["Subpath"] = volume.subpath
    if volume.type == "tmpfs":
        options = {"SizeBytes": volume.size, "Mode": volume.mode}
        mount["TmpfsOptions"] = {key: value for key, value in options.items() if value is not None}
    if volume.type == "image" and volume.subpath:
        mount["ImageOptions"] = {"Subpath": volume.subpath}
    return mount
