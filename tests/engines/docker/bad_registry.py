"""A registry that serves one image and misbehaves within its layer or before its manifest."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from deployer.model import Image

_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
_CONFIG = "application/vnd.docker.container.image.v1+json"


def digest_of(content: bytes) -> str:
    """A digest as registries write it."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


class BadRegistry:
    """On a port of its own of 127.0.0.1, which Docker trusts without TLS.

    `mode` is what goes wrong: `hang-manifest` and `hang-layer` never end, `trickle` sends the
    layer a byte at a time, `corrupt` sends another layer, `502` answers so for the manifest,
    `fine` is well. It may be changed at any time.
    """

    def __init__(self, mode: str, repository: str, architecture: str = "amd64") -> None:
        self.mode = mode
        self.over = threading.Event()
        self.blobs: dict[str, tuple[str, bytes]] = {}
        layer = self._add(_LAYER, _tar_gz(repository.encode()))
        config = self._add(_CONFIG, _config(self.blobs[layer["digest"]][1], architecture))
        manifest = {"schemaVersion": 2, "mediaType": _MANIFEST, "config": config, "layers": [layer]}
        self.layer = layer["digest"]
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.registry = self
        digest = self._add(_MANIFEST, json.dumps(manifest).encode())["digest"]
        host = f"127.0.0.1:{self._server.server_port}"
        self.image = Image(host, repository, "v1", digest)

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.over.set()
        self._server.shutdown()
        self._server.server_close()

    def _add(self, media_type: str, content: bytes) -> dict[str, Any]:
        digest = digest_of(content)
        self.blobs[digest] = (media_type, content)
        return {"mediaType": media_type, "size": len(content), "digest": digest}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    registry: BadRegistry


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        registry = self.server.registry
        wanted = self.path.rpartition("/")[2]
        digest = registry.image.digest if wanted == registry.image.tag else wanted
        media_type, content = registry.blobs.get(digest, ("application/json", b"{}"))
        # Docker hangs up in the middle of what it has given up.
        with suppress(OSError):
            if digest == registry.image.digest:
                self._manifest(media_type, content, registry)
            elif digest == registry.layer:
                self._layer(media_type, content, registry)
            else:
                self._whole(media_type, content)

    def _manifest(self, media_type: str, content: bytes, registry: BadRegistry) -> None:
        if registry.mode == "hang-manifest":
            self._hang(registry)
        elif registry.mode == "502":
            self._head(502, "text/plain", 0)
        else:
            self._whole(media_type, content, registry.image.digest)

    def _layer(self, media_type: str, content: bytes, registry: BadRegistry) -> None:
        if registry.mode == "hang-layer":
            self._head(200, media_type, len(content))
            self._hang(registry)
        elif registry.mode == "trickle":
            self._head(200, media_type, len(content))
            self._trickle(content, registry)
        else:
            corrupt = registry.mode == "corrupt"
            self._whole(media_type, bytes(len(content)) if corrupt else content)

    def _hang(self, registry: BadRegistry) -> None:
        self.close_connection = True
        registry.over.wait()

    def _trickle(self, content: bytes, registry: BadRegistry) -> None:
        for byte in content:
            if registry.over.wait(0.1):
                return
            self.wfile.write(bytes([byte]))

    def _whole(self, media_type: str, content: bytes, digest: str = "") -> None:
        self._head(200, media_type, len(content), digest)
        if self.command == "GET":
            self.wfile.write(content)

    def _head(self, status: int, media_type: str, length: int, digest: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(length))
        if digest:
            self.send_header("Docker-Content-Digest", digest)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


def _tar_gz(content: bytes) -> bytes:
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as tar:
        entry = tarfile.TarInfo("content")
        entry.size = len(content)
        tar.addfile(entry, io.BytesIO(content))
    return gzip.compress(plain.getvalue(), mtime=0)


def _config(layer: bytes, architecture: str) -> bytes:
    rootfs = {"type": "layers", "diff_ids": [digest_of(gzip.decompress(layer))]}
    config = {"architecture": architecture, "os": "linux", "config": {}, "rootfs": rootfs}
    return json.dumps(config).encode()
