"""Makes images from Debian packages, where no image registry can be reached."""

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from .engine import BUILD_ENV
from .errors import LabError
from .packages import default_mirror, ensure
from .shell import CACHE, open_folder, run

# Documentation and lists are half of such an image and nobody reads them there.
_BALLAST = (
    "usr/share/doc",
    "usr/share/man",
    "usr/share/locale",
    "usr/share/info",
    "var/lib/apt/lists",
    "var/cache/apt",
    "var/log/bootstrap.log",
)
_BUNDLE = "etc/ssl/certs/ca-certificates.crt"


@dataclass(frozen=True)
class Recipe:
    """What an image is made of: a Debian suite, packages, commands in it, Dockerfile lines."""

    image: str
    suite: str
    packages: tuple[str, ...]
    commands: tuple[str, ...]
    dockerfile: tuple[str, ...]
    trusts_company: bool = False

    def tar(self) -> Path:
        """Return where the finished image is kept; another recipe has another name."""
        key = hashlib.sha256(json.dumps(asdict(self)).encode())
        bundle = self.bundle()
        if bundle is not None:
            key.update(bundle.read_bytes())
        return CACHE / f"{self.stem()}-{key.hexdigest()[:12]}.tar"

    def stem(self) -> str:
        """Return the image's name as a file's name."""
        return self.image.replace(":", "-").replace("/", "-")

    def bundle(self) -> Path | None:
        """Return the certificates that this machine was told to trust beside the usual ones."""
        named = os.environ.get("SSL_CERT_FILE") or os.environ.get("PIP_CERT")
        return Path(named) if self.trusts_company and named and Path(named).is_file() else None


def build_from_packages(recipe: Recipe) -> None:
    """Make the image and keep it as a tar: half a minute the first time, a second later."""
    if recipe.tar().is_file():
        run(["docker", "load", "--quiet", "--input", str(recipe.tar())])
        return
    ensure("debootstrap")
    with _workspace() as work:
        root = work / "root"
        _bootstrap(recipe, root)
        _furnish(recipe, root)
        raw = f"deployer-lab/raw-{recipe.image}"
        _import(root, raw)
        lines = [f"FROM {raw}", *recipe.dockerfile]
        if recipe.bundle() is not None:
            lines.append(f"ENV PIP_CERT=/{_BUNDLE}")
        run(
            ["docker", "build", "--quiet", "--tag", recipe.image, "-"],
            env=BUILD_ENV,
            text_in="\n".join(lines) + "\n",
        )
        run(["docker", "image", "rm", raw])
        # Saved aside and renamed, so that a killed run leaves no half tar behind.
        saved = work / "image.tar"
        run(["docker", "save", "--output", str(saved), recipe.image])
        saved.chmod(0o644)
        for outdated in CACHE.glob(f"{recipe.stem()}-*.tar"):
            outdated.unlink()
        saved.rename(recipe.tar())


def folder_from_packages(recipe: Recipe) -> Path:
    """Make what the image would contain and keep it as a folder, to run its programs in."""
    kept = recipe.tar().with_suffix("")
    if not kept.is_dir():
        ensure("debootstrap")
        with _workspace() as work:
            _bootstrap(recipe, work / "root")
            _furnish(recipe, work / "root")
            (work / "root").rename(kept)
    return kept


def remove_leftovers() -> None:
    """Remove the working folders of builds that were killed; none may be running."""
    for work in CACHE.glob("build-*"):
        _remove(work)


@contextmanager
def _workspace() -> Iterator[Path]:
    work = Path(tempfile.mkdtemp(prefix="build-", dir=open_folder(CACHE)))
    try:
        yield work
    finally:
        _remove(work)


def _remove(work: Path) -> None:
    # A leftover mount must not be followed into the machine's own /proc.
    run(["rm", "-rf", "--one-file-system", str(work)])


def _bootstrap(recipe: Recipe, root: Path) -> None:
    scripts = Path("/usr/share/debootstrap/scripts")
    script = scripts / recipe.suite
    command = [
        # Its mounts end with it, even when it is killed.
        *("unshare", "--mount"),
        *("debootstrap", "--variant=minbase", f"--include={','.join(recipe.packages)}"),
        *(recipe.suite, str(root), default_mirror()),
        # A suite newer than this debootstrap is built as Debian's newest.
        *(() if script.exists() else (str(scripts / "sid"),)),
    ]
    try:
        run(command, env={"LC_ALL": "C.UTF-8"}, timeout=900)
    except LabError as error:
        raise LabError(
            f"{recipe.image} can neither be pulled nor built from Debian {recipe.suite}: {error}\n"
            "Make an image registry or a Debian mirror reachable, or load the image by hand."
        ) from error


def _furnish(recipe: Recipe, root: Path) -> None:
    for command in recipe.commands:
        run(["chroot", str(root), "sh", "-ec", command], env={"LC_ALL": "C.UTF-8"})
    for path in _BALLAST:
        shutil.rmtree(root / path, ignore_errors=True)
    (root / "var/lib/apt/lists/partial").mkdir(parents=True)
    (root / "var/cache/apt/archives/partial").mkdir(parents=True)
    bundle = recipe.bundle()
    if bundle is not None:
        target = root / _BUNDLE
        target.write_bytes(bundle.read_bytes())
        target.chmod(0o644)
    # It becomes the image's /, which every user has to enter.
    root.chmod(0o755)


def _import(root: Path, image: str) -> None:
    pack = ["tar", "-C", str(root), "--numeric-owner", "--exclude=./dev/*", "-c", "."]
    with subprocess.Popen(pack, stdout=subprocess.PIPE) as tar:
        loaded = subprocess.run(
            ["docker", "import", "-", image],
            stdin=tar.stdout,
            capture_output=True,
            text=True,
            check=False,
        )
    if loaded.returncode or tar.returncode:
        raise LabError(f"`docker import` of {image} failed: {loaded.stderr.strip()}")
