"""A real image registry (Distribution) as a process, with logins and notifications if wanted."""

import base64
import hashlib
import http.client
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from .errors import LabError
from .packages import ensure
from .processes import Background, last_lines
from .shell import LAB, locked, open_folder, run, wait_until

SHARED_PORT = 5001
MANIFESTS = ", ".join(
    (
        "application/vnd.docker.distribution.manifest.v2+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.oci.image.index.v1+json",
    )
)


class Registry:
    """One registry on 127.0.0.1, which Docker Engine trusts without TLS."""

    def __init__(
        self,
        port: int,
        folder: Path,
        users: Mapping[str, str] | None = None,
    ) -> None:
        self.address = f"127.0.0.1:{port}"
        self.folder = folder
        self._port = port
        self._users = dict(users or {})
        self._endpoints: list[Mapping[str, Any]] = []
        self._process = Background(f"registry-{port}", folder)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start it and wait until it answers."""
        _ensure_program()
        if self._process.pid() is None and self.answers():
            raise LabError(
                f"something else listens on {self.address}: stop it or take another port"
            )
        open_folder(self.folder)
        config = self.folder / "config.json"
        config.write_text(json.dumps(self._config(), indent=1))
        self._process.start(["docker-registry", "serve", str(config)])
        wait_until(self._answers_or_fails, f"an answer of the registry at {self.address}")

    def notify(self, endpoint: Mapping[str, Any]) -> None:
        """Start anew, telling this endpoint of its `notifications` from now on."""
        self._endpoints.append(endpoint)
        self.stop()
        self.start()

    def stop(self) -> bool:
        """Stop it if it was started through this folder; its images stay."""
        return self._process.stop(limit=5)

    def answers(self) -> bool:
        """Tell whether a registry answers at the address, with or without asking for a login."""
        try:
            return self._ask("GET", "/v2/")[0] in (200, 401)
        except (OSError, http.client.HTTPException):
            return False

    def digest_of(self, repository: str, tag: str) -> str:
        """Return the digest that the tag stands for now."""
        path = f"/v2/{repository}/manifests/{tag}"
        status, headers, _ = self._ask("HEAD", path, {"Accept": MANIFESTS})
        if status != 200:
            raise LabError(f"{self.address} has no {repository}:{tag} (it answered {status})")
        return headers["docker-content-digest"]

    def tags(self, repository: str) -> list[str]:
        """Return the repository's tags in order, none for an unknown repository."""
        status, _, body = self._ask("GET", f"/v2/{repository}/tags/list")
        return sorted(json.loads(body)["tags"] or []) if status == 200 else []

    def point(self, repository: str, tag: str, digest: str) -> None:
        """Let a tag stand for a manifest that is there, as a push of the same content does."""
        path = f"/v2/{repository}/manifests"
        status, headers, manifest = self._ask("GET", f"{path}/{digest}", {"Accept": MANIFESTS})
        if status != 200:
            raise LabError(f"{self.address} has no {repository}@{digest} (it answered {status})")
        self._put(f"{path}/{tag}", manifest, headers["content-type"])

    def delete(self, repository: str, digest: str) -> None:
        """Remove a manifest and with it every tag that stands for it."""
        status, _, body = self._ask("DELETE", f"/v2/{repository}/manifests/{digest}")
        if status not in (202, 404):
            raise LabError(f"{self.address} did not delete {repository}@{digest}: {body!r}")

    def put_foreign(self, repository: str, tag: str, architecture: str) -> str:
        """Put an image without layers for another kind of processor there; its digest.

        By hand: not every builder minds `--platform` where there is nothing to run.
        """
        config = json.dumps(
            {
                "architecture": architecture,
                "os": "linux",
                "config": {},
                "rootfs": {"type": "layers", "diff_ids": []},
            }
        ).encode()
        digest = f"sha256:{hashlib.sha256(config).hexdigest()}"
        _, headers, _ = self._ask("POST", f"/v2/{repository}/blobs/uploads/")
        place = headers["location"].partition(self.address)[2] or headers["location"]
        self._put(f"{place}&digest={digest}", config, "application/octet-stream")
        kind = "application/vnd.docker.distribution.manifest.v2+json"
        described = {
            "mediaType": "application/vnd.docker.container.image.v1+json",
            "size": len(config),
            "digest": digest,
        }
        manifest = {"schemaVersion": 2, "mediaType": kind, "config": described, "layers": []}
        self._put(f"/v2/{repository}/manifests/{tag}", json.dumps(manifest).encode(), kind)
        return self.digest_of(repository, tag)

    def _put(self, path: str, content: bytes, kind: str) -> None:
        status, _, said = self._ask("PUT", path, {"Content-Type": kind}, content)
        if status != 201:
            raise LabError(f"{self.address} did not take {path}: {status} {said!r}")

    def client_config(self) -> Path:
        """Return a folder for `docker --config` that holds the first user's login."""
        content: dict[str, object] = {}
        if self._users:
            content = {"auths": {self.address: {"auth": self._login()}}}
        folder = open_folder(self.folder / f"client-{self._port}")
        (folder / "config.json").write_text(json.dumps(content))
        return folder

    def _login(self) -> str:
        name, password = next(iter(self._users.items()))
        return base64.b64encode(f"{name}:{password}".encode()).decode()

    def _ask(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
    ) -> tuple[int, dict[str, str], bytes]:
        sent = {**(headers or {})}
        if self._users:
            sent["Authorization"] = f"Basic {self._login()}"
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=10)
        try:
            connection.request(method, path, content, sent)
            answer = connection.getresponse()
            return (
                answer.status,
                {name.lower(): value for name, value in answer.getheaders()},
                answer.read(),
            )
        finally:
            connection.close()

    def _answers_or_fails(self) -> bool:
        if self._process.pid() is None:
            log = self._process.log
            raise LabError(f"the registry ended at once, see {log}:\n{last_lines(log)}")
        return self.answers()

    def _config(self) -> dict[str, object]:
        """Build its configuration: JSON is YAML, and needs no library to be written."""
        config: dict[str, object] = {
            "version": 0.1,
            "log": {"level": "warn", "accesslog": {"disabled": True}},
            "storage": {
                "filesystem": {"rootdirectory": str(self.folder / "images")},
                "delete": {"enabled": True},
            },
            "http": {"addr": self.address},
        }
        if self._users:
            passwords = self.folder / "htpasswd"
            passwords.write_text("".join(_hashed(*user) for user in self._users.items()))
            config["auth"] = {"htpasswd": {"realm": "lab", "path": str(passwords)}}
        if self._endpoints:
            config["notifications"] = {"endpoints": self._endpoints}
        return config


def ensure_registry() -> Registry:
    """Return the shared registry on 127.0.0.1:5001, started if nothing answers there."""
    registry = shared_registry()
    with locked("registry"):
        if not registry.answers():
            registry.start()
    return registry


def shared_registry() -> Registry:
    """Return the shared registry without starting it."""
    return Registry(SHARED_PORT, LAB / "registry")


def _ensure_program() -> None:
    if shutil.which("docker-registry") is None:
        ensure("docker-registry")


def _hashed(name: str, password: str) -> str:
    """Return an htpasswd line; the registry understands nothing but bcrypt."""
    if shutil.which("htpasswd") is None:
        ensure("apache2-utils")
    return run(["htpasswd", "-niBC", "5", name], text_in=password + "\n").strip() + "\n"
