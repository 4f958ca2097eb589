"""The passwords of a site: an htpasswd file, of which every line has a name and a hash."""

from __future__ import annotations

import re
from pathlib import Path

from deployer.config.files import read_text

LINE = re.compile(
    r"[^:\s\x00-\x1f\x7f]{1,100}:"
    r"(?:\$apr1\$[./A-Za-z0-9]{1,8}\$[./A-Za-z0-9]{22}"
    r"|\$(?:2[aby]|5|6|y)\$[./A-Za-z0-9$=,]{20,150}"
    r"|\{S?SHA\}[A-Za-z0-9+/=]{28,80})"
)
"""What Nginx can check; never a password itself, and no hash of eight letters (`crypt`)."""

_INSTEAD = "Make one: htpasswd -cB FILE NAME"


def users_in(path: Path) -> str:
    """The lines of an htpasswd file. Raises ValueError with what is wrong and what to do."""
    lines = read_text(path).splitlines()
    kept = [line for line in lines if line.strip() and not line.startswith("#")]
    if not kept:
        raise ValueError(f"the file has no user. {_INSTEAD}")
    for number, line in enumerate(lines, 1):
        if line in kept and not LINE.fullmatch(line):
            raise ValueError(f"line {number} of the file is not NAME:HASH. {_INSTEAD}")
    return "".join(f"{line}\n" for line in kept)
