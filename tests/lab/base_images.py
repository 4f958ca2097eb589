"""Brings the base images into the engine: what is there, else pulled, else built."""

import socket
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from urllib.parse import urlsplit

from .debian import Recipe, build_from_packages, remove_leftovers
from .engine import BUILD_ENV
from .errors import LabError
from .packages import can_install, ensure
from .shell import locked, run, succeeds

NGINX = "nginx:stable"
PYTHON = "python:3.13-slim"
BUSYBOX = "busybox:stable"

_RECIPES = {
    NGINX: Recipe(
        image=NGINX,
        suite="forky",
        packages=("nginx",),
        commands=(
            # The official image has this user and sends its logs to the container's output.
            "groupadd --system --gid 101 nginx",
            "useradd --system --uid 101 --gid nginx --no-create-home --shell /bin/false nginx",
            "ln -sf /dev/stdout /var/log/nginx/access.log",
            "ln -sf /dev/stderr /var/log/nginx/error.log",
        ),
        dockerfile=(
            "EXPOSE 80",
            "STOPSIGNAL SIGQUIT",
            'CMD ["nginx", "-g", "daemon off;"]',
        ),
    ),
    PYTHON: Recipe(
        image=PYTHON,
        suite="trixie",
        packages=("ca-certificates", "python3", "python3-venv", "python3-pip"),
        commands=(
            # As in the official image: `python`, and a pip that may install for everybody.
            "ln -s /usr/bin/python3 /usr/local/bin/python",
            "rm -f /usr/lib/python3*/EXTERNALLY-MANAGED",
        ),
        dockerfile=("ENV LANG=C.UTF-8", 'CMD ["python3"]'),
        trusts_company=True,
    ),
}


def present(image: str) -> bool:
    """Tell whether the engine has the image."""
    return succeeds(["docker", "image", "inspect", image])


def ensure_base_images(names: Iterable[str] = (NGINX, PYTHON)) -> dict[str, str]:
    """Bring the images that are missing; return for each whether it was there, pulled or built."""
    with locked("images"):
        wanted = [name for name in names if not present(name)]
        made = dict.fromkeys(names, "there already")
        if not wanted:
            return made
        remove_leftovers()
        reachable = _registry_answers()
        if not reachable and can_install():
            # Before the threads start, since apt serves one at a time.
            ensure("debootstrap")
        with ThreadPoolExecutor() as pool:
            results = pool.map(lambda name: _bring(name, reachable), wanted)
            made.update(zip(wanted, results, strict=True))
        return made


def ensure_busybox() -> str:
    """Return the name of a tiny image for tests that need nothing but a shell and httpd."""
    with locked("images"):
        if not present(BUSYBOX):
            ensure("busybox-static")
            lines = (
                "FROM scratch",
                "COPY busybox /bin/busybox",
                'RUN ["/bin/busybox", "--install", "-s", "/bin"]',
                'CMD ["sh"]',
            )
            run(
                ["docker", "build", "--quiet", "--tag", BUSYBOX, "--file", "-", "/bin"],
                env=BUILD_ENV,
                text_in="\n".join(lines) + "\n",
            )
    return BUSYBOX


def _bring(image: str, reachable: bool) -> str:
    started = time.monotonic()
    recipe = _RECIPES[image]
    # Whoever can build loses little by giving up early; others depend on the pull.
    limit = 10 if can_install() or recipe.tar().is_file() else 600
    if reachable and succeeds(["docker", "pull", "--quiet", image], timeout=limit):
        return f"pulled in {time.monotonic() - started:.0f} s"
    cached = recipe.tar().is_file()
    if not cached and not can_install():
        raise LabError(
            f"{image} is missing, cannot be pulled, and only root on Debian can build it: "
            f"run `docker pull {image}` where a registry is reachable, or run the lab as root"
        )
    build_from_packages(recipe)
    how = "loaded from the cache" if cached else f"built from Debian {recipe.suite}"
    return f"{how} in {time.monotonic() - started:.0f} s"


def _registry_answers() -> bool:
    """Tell whether the engine's default registry, or a mirror of it, takes connections."""
    template = "{{.IndexServerAddress}}{{range .RegistryConfig.Mirrors}} {{.}}{{end}}"
    for address in run(["docker", "info", "--format", template]).split():
        parts = urlsplit(address)
        port = parts.port or (80 if parts.scheme == "http" else 443)
        with suppress(OSError), socket.create_connection((parts.hostname or "", port), timeout=2):
            return True
    return False
