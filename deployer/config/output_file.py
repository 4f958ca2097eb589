"""The keys of an output: their forms, and what must fit together."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from deployer.config import kinds
from deployer.config.compose.forms import FLAG, Kind
from deployer.config.files import is_there
from deployer.config.problems import Key, Problems
from deployer.config.section import Section
from deployer.config.values import Output

if TYPE_CHECKING:
    from deployer.config.file import File

SIGNALS = ("HUP", "USR1", "USR2", "INT", "TERM", "QUIT", "WINCH")
"""Those that programs take for: read your files again, or end in good order."""

_PATH = re.compile(r"(?:/[A-Za-z0-9._+@~-]{1,200}){1,20}")
_MODE = re.compile(r"0?[0-7]{3}")
_PLAIN = Output(name="", template=Path(), file=Path())


def _path(value: Any) -> Path:
    instead = "Write an absolute one such as /etc/prometheus/targets/apps.json."
    path = kinds.text(value, instead)
    if not _PATH.fullmatch(path) or {".", ".."} & set(path.split("/")):
        raise ValueError(f"not the path of a file that deployer can write. {instead}")
    return Path(path)


def _mode(value: Any) -> int:
    instead = 'Write three octal digits, of which the last lets nobody write, such as "0644".'
    if not _MODE.fullmatch(kinds.text(value, instead)) or int(value, 8) & 0o002:
        raise ValueError(f"not a mode that this file can have. {instead}")
    return int(value, 8)


def _signal(value: Any) -> str:
    instead = f"Write one of: {', '.join(SIGNALS)}."
    name = kinds.text(value, instead).removeprefix("SIG")
    if name not in SIGNALS:
        raise ValueError(f"not a signal that deployer sends. {instead}")
    return name


_FILE = Kind(_path, {"type": "string", "pattern": f"^{_PATH.pattern}$"})
_RIGHTS = Kind(_mode, {"type": ["string", "integer"]})
_SENT = Kind(_signal, {"enum": list(SIGNALS)})


class OutputFile(Section):
    """A file that is rendered from what serves, for other programs on this machine."""

    template: kinds.FilePath = Field(
        description="Jinja2 template of the file.", examples=["prometheus-targets.json.j2"]
    )
    file: Annotated[Path, _FILE] = Field(
        description="File to write, in a folder that exists.",
        examples=["/etc/prometheus/targets/deployer.json"],
    )
    mode: Annotated[int, _RIGHTS] = Field(
        _PLAIN.mode, description="Rights of the file, as octal digits."
    )
    container: kinds.ContainerName | None = Field(
        None, description="Container that is told when the file has changed."
    )
    signal: Annotated[str, _SENT] | None = Field(None, description="Signal that it is sent.")
    restart: Annotated[bool, FLAG] = Field(
        _PLAIN.restart, description="Restart the container instead."
    )


def check_outputs(file: File, problems: Problems) -> None:
    """Note outputs that nobody could be told of, and files that are not theirs to write."""
    taken: dict[Path, str] = {}
    for name, output in file.outputs.items():
        key: Key = ("outputs", name)
        if problems.touch(key):
            continue
        _check_container(key, output, file, problems)
        first = taken.setdefault(output.file, name)
        at = (*key, "file")
        if first != name:
            problems.add(at, f"output {first} writes this file too. Write another one.")
        elif output.file.is_relative_to(file.paths.state):
            problems.add(at, "this is in deployer's own folder, paths.state. Write another one.")


def _check_container(key: Key, output: OutputFile, file: File, problems: Problems) -> None:
    ways = [way for way in ("signal", "restart") if getattr(output, way)]
    if output.container is None and ways:
        problems.add(
            (*key, ways[0]), "there is no `container:` that this is for. Write which one it is."
        )
    elif output.container is not None and len(ways) != 1:
        problems.add(
            (*key, "container"),
            "not one way to tell it. Write `signal: HUP` or `restart: true`, and only one.",
        )
    elif output.container == file.nginx.container and file.nginx.mode != "host":
        problems.add(
            (*key, "container"), "deployer reloads this Nginx itself. Write another container."
        )


def check_templates(file: File, source: Path, problems: Problems) -> None:
    """Note templates that are missing, and files that would be written over what is read."""
    read = {one.template for one in file.outputs.values()} | {source.absolute()}
    for name, output in file.outputs.items():
        key: Key = ("outputs", name)
        if problems.touch(key):
            continue
        if not is_there(output.template):
            problems.add(
                (*key, "template"),
                "there is no such file. Write a path that starts from the folder of config.yml.",
            )
        if output.file in read:
            problems.add((*key, "file"), "deployer reads this file. Write another one.")


def outputs_of(file: File) -> dict[str, Output]:
    """The outputs, by name."""
    return {name: Output(name=name, **output.model_dump()) for name, output in file.outputs.items()}
