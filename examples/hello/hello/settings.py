"""What the environment sets."""

import os
import re
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Self

# Names of classes in static/hello.css. Neighbours differ at a glance.
COLOURS = ("purple", "blue", "green", "orange")


@dataclass(frozen=True)
class Settings:
    """The version that the image was built with, and where and how fast it works."""

    version: str = "dev"
    items_file: Path | None = None
    forecast_seconds: float = 1.5

    @classmethod
    def from_environment(cls) -> Self:
        """Read VERSION, ITEMS_FILE and FORECAST_SECONDS."""
        items_file = os.environ.get("ITEMS_FILE")
        return cls(
            version=os.environ.get("VERSION") or cls.version,
            items_file=Path(items_file) if items_file else None,
            forecast_seconds=float(os.environ.get("FORECAST_SECONDS") or cls.forecast_seconds),
        )

    @property
    def colour(self) -> str:
        """The colour of the pages: another one for the next version."""
        number = re.search(r"\d+$", self.version)
        of_version = int(number[0]) if number else zlib.crc32(self.version.encode())
        return COLOURS[of_version % len(COLOURS)]
