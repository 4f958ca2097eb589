"""`make image`: builds deployer's own image from this checkout, on whatever machine this is."""

import sys
import time
from pathlib import Path

from . import pip_in_builds
from .base_images import PYTHON, ensure_base_images
from .engine import BUILD_ENV, ensure_engine
from .errors import LabError
from .shell import locked, run

CHECKOUT = Path(__file__).parents[2]
NAME = "deployer"
# .dockerignore leaves these out as well, but they need not even be copied.
BESIDE = (
    *(".git", ".venv", ".hypothesis", ".mypy_cache", ".pytest_cache", ".ruff_cache"),
    *("tests", "bench", "docs", "examples", "secrets", "build", "dist"),
)


def build(name: str = NAME) -> list[str]:
    """Build it as name:VERSION and name:latest, and return both; what is unchanged is cached."""
    names = [f"{name}:{version()}", f"{name}:latest"]
    ensure_base_images([PYTHON])
    with locked("image"), pip_in_builds.context(CHECKOUT, *BESIDE) as context:
        command = ["docker", "build", "--quiet", "--build-arg", f"VERSION={version()}"]
        command += [f"--tag={one}" for one in names]
        run([*command, *pip_in_builds.build_arguments(), str(context)], env=BUILD_ENV, timeout=1200)
    return names


def version() -> str:
    """Return the version of the package in this checkout."""
    from deployer import __version__

    return __version__


def main() -> int:
    """Build it and say what was made."""
    begun = time.monotonic()
    try:
        ensure_engine()
        names = build()
        size = int(run(["docker", "image", "inspect", "--format", "{{.Size}}", names[0]]))
    except LabError as error:
        print(f"failed: {error}", file=sys.stderr)
        return 1
    took = time.monotonic() - begun
    print(f"{' and '.join(names)}: {size / 1e6:.0f} MB, in {took:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
