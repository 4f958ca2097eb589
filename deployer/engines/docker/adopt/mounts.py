"""What is mounted: volumes, anonymous ones by their names, binds and folders in memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deployer.engines.docker.adopt.facts import Facts, Notes
from deployer.spec import Volume

_PROPAGATIONS = frozenset({"rprivate", "private", "rshared", "shared", "rslave", "slave"})
_TYPES = frozenset({"bind", "volume", "tmpfs", "image"})
_OPTIONS = {
    "BindOptions": {"Propagation", "CreateMountpoint"},
    "VolumeOptions": {"NoCopy", "Labels", "Subpath"},
    "TmpfsOptions": {"SizeBytes", "Mode"},
    "ImageOptions": {"Subpath"},
}


def mounted(facts: Facts, notes: Notes) -> dict[str, Any]:
    """The fields of a spec that say what is mounted; volumes in the order of their targets.

    What Docker made itself, an anonymous volume or what another container lent, is taken from
    what is there: the next container has it by its name.
    """
    said = [_mount(one, notes) for one in facts.host.get("Mounts") or ()]
    said += [_bind(entry) for entry in facts.host.get("Binds") or ()]
    found = {
        one.target: one for one in said if one is not None and (one.source or one.type == "tmpfs")
    }
    for mount in facts.container.get("Mounts") or ():
        target = mount["Destination"]
        if target not in found and (volume := _there(mount, target, facts)):
            found[target] = volume
    tmpfs = facts.host.get("Tmpfs") or {}
    volumes = [found[target] for target in sorted(found)]
    return {"volumes": tuple(volumes), "tmpfs": tuple(sorted(tmpfs.items()))}


def _mount(mount: Mapping[str, Any], notes: Notes) -> Volume | None:
    kind, target = mount["Type"], mount["Target"]
    if kind not in _TYPES:
        notes.refuse(f"the mount at {target}", f"deployer has no mounts of the type {kind}")
        return None
    for key, known in _OPTIONS.items():
        odd = {name for name, value in (mount.get(key) or {}).items() if value} - known
        # How a volume was made is asked once, and it is made.
        for name in sorted(odd - {"DriverConfig"}):
            notes.leave(f"{key}.{name} of the mount at {target}", "no key says it")
    bind, volume = mount.get("BindOptions") or {}, mount.get("VolumeOptions") or {}
    tmpfs, image = mount.get("TmpfsOptions") or {}, mount.get("ImageOptions") or {}
    return Volume(
        source=mount.get("Source") or "",
        target=target,
        read_only=bool(mount.get("ReadOnly")),
        type=kind,
        propagation=bind.get("Propagation") or "",
        create_host_path=bool(bind.get("CreateMountpoint")),
        nocopy=bool(volume.get("NoCopy")),
        subpath=volume.get("Subpath") or image.get("Subpath") or "",
        labels=tuple(sorted((volume.get("Labels") or {}).items())),
        size=tmpfs.get("SizeBytes") or None,
        mode=tmpfs.get("Mode") or None,
    )


def _bind(entry: str) -> Volume | None:
    """`source:target[:modes]`; Docker makes a source that is not there."""
    source, _, rest = entry.partition(":")
    target, _, modes = rest.partition(":")
    words = set(modes.split(","))
    path = source.startswith("/")
    return Volume(
        source=source,
        target=target,
        read_only="ro" in words,
        type="bind" if path else "volume",
        propagation=next(iter(words & _PROPAGATIONS), ""),
        create_host_path=path,
        selinux=next(iter(words & {"z", "Z"}), "") if path else "",
        nocopy="nocopy" in words,
    )


def _there(mount: Mapping[str, Any], target: str, facts: Facts) -> Volume | None:
    kind, tmpfs = mount.get("Type"), facts.host.get("Tmpfs") or {}
    if kind not in ("bind", "volume") or target in tmpfs:
        return None
    source = mount.get("Name") if kind == "volume" else mount.get("Source")
    return Volume(source or "", target, read_only=not mount.get("RW", True), type=kind)
