"""The contract with what writes the files of `outputs:`, and what their templates may know."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from deployer.config.values import Output


@dataclass(frozen=True, slots=True)
class OutputReplica:
    """A container that serves, under the address that Docker showed last.

    `port` is that of the app's route, None without one; `health` the verdict of the image's own
    HEALTHCHECK: "", "starting", "healthy" or "unhealthy".
    """

    name: str
    address: str
    port: int | None
    health: str


@dataclass(frozen=True, slots=True)
class OutputApp:
    """An app that serves; docs/outputs.md describes each field.

    Nothing here is secret: whoever can read a file of `outputs:` may know it.
    """

    name: str
    image: str
    tag: str
    digest: str
    release: int
    deployment: int
    hosts: list[str]
    path: str
    port: int | None
    labels: dict[str, str]
    replicas: list[OutputReplica]


class OutputWriter(Protocol):
    """Writes files of `outputs:`, and remembers which ones somebody has yet to be told of."""

    def write(self, output: Output, apps: Sequence[OutputApp]) -> bool:
        """Render the output's template and put the text into its file; whether that changed.

        Others see the whole old file or the whole new one. Where a container is to be told, that
        is noted before the change, so that it is not forgotten wherever this process is killed.
        Raises RenderRefused, OutputFailed, and then the file is as it was.
        """
        ...

    def untold(self, output: Output) -> str:
        """The mark of the last change that the output's container was not told of, else "".

        Raises OutputFailed.
        """
        ...

    def told(self, output: Output, mark: str) -> None:
        """The container was told after it had this mark; a later change stays untold.

        Raises OutputFailed.
        """
        ...
