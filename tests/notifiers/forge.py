"""A server that keeps code, as far as it is reported to: GitHub's, GitLab's and Gitea's API.

Strict: another path, method, field or word than the documentation has is refused, as is a commit
that it does not know.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.lab.answering import Answering, serving

TOKEN = "canary-token-4f1d9a7c2e60"
REPOSITORIES = {"github": "acme/shop", "gitlab": "acme/team/shop", "gitea": "acme/shop"}
KNOWN = "0123456789abcdef0123456789abcdef01234567"
STATES = {
    "github": {"error", "failure", "pending", "success"},
    "gitlab": {"pending", "running", "success", "failed", "canceled", "skipped"},
    "gitea": {"pending", "success", "error", "failure", "warning"},
}
_HEADERS = {
    "github": ("Authorization", f"Bearer {TOKEN}"),
    "gitlab": ("PRIVATE-TOKEN", TOKEN),
    "gitea": ("Authorization", f"token {TOKEN}"),
}
_ROOTS = {
    "github": "/api/v3/repos/acme/shop",
    "gitlab": "/api/v4/projects/acme%2Fteam%2Fshop",
    "gitea": "/api/v1/repos/acme/shop",
}
_OF_DEPLOYMENT = {"error", "failure", "inactive", "in_progress", "queued", "pending", "success"}

Answer = tuple[int, Any]


@dataclass(frozen=True)
class Shown:
    """A status of a commit, in the server's words."""

    revision: str
    context: str
    state: str
    description: str
    page: str


@dataclass
class Forge:
    """What one server has been told; `trouble` may answer instead of it, or hang."""

    kind: str
    commits: set[str] = field(default_factory=lambda: {KNOWN})
    statuses: list[Shown] = field(default_factory=list)
    deployments: list[dict[str, Any]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    trouble: Callable[[Answering], bool] = lambda _: False
    url: str = ""

    def states(self, revision: str = KNOWN) -> list[str]:
        """The states that a commit came to, oldest first."""
        return [one.state for one in self.statuses if one.revision == revision]

    def answer(self, method: str, target: str, headers: Mapping[str, str], body: Any) -> Answer:
        """What it answers to a request."""
        name, value = _HEADERS[self.kind]
        if headers.get(name) != value:
            return 401, {"message": f"Bad credentials: {headers.get(name)}"}
        parts = urlsplit(target)
        root, path = _ROOTS[self.kind], parts.path
        if not path.startswith(root):
            return 404, {"message": "Not Found"}
        rest = path.removeprefix(root)
        if (method, rest) == ("GET", ""):
            return 200, {"full_name": REPOSITORIES[self.kind]}
        if method == "POST" and (found := re.fullmatch(r"/statuses/([^/]+)", rest)):
            return self._status(found[1], body)
        if self.kind == "github" and rest.startswith("/deployments"):
            return self._deployment(method, rest, parse_qs(parts.query), body)
        return 404, {"message": "Not Found"}

    def _status(self, revision: str, body: Any) -> Answer:
        name = "name" if self.kind == "gitlab" else "context"
        if wrong := _wrong(body, {"state", name}, {"description", "target_url"}):
            return 422, {"message": wrong}
        if revision not in self.commits:
            return 422, {"message": f"No commit found for SHA: {revision}"}
        if body["state"] not in STATES[self.kind]:
            return 422, {"message": "no such state"}
        same = [one for one in self.statuses if one.revision == revision]
        if self.kind == "gitlab" and same and same[-1].state == body["state"] == "running":
            return 400, {"message": "Cannot transition status via :run from :running (Reason(s): )"}
        words = (body.get("description", ""), body.get("target_url", ""))
        self.statuses.append(Shown(revision, body[name], body["state"], *words))
        return 201, {"id": len(self.statuses)}

    def _deployment(self, method: str, rest: str, query: dict[str, list[str]], body: Any) -> Answer:
        if (method, rest) == ("GET", "/deployments"):
            return 200, [
                {key: one[key] for key in ("id", "sha", "environment", "payload")}
                for one in reversed(self.deployments)
                if [one["sha"]] == query["sha"] and [one["environment"]] == query["environment"]
            ]
        if (method, rest) == ("POST", "/deployments"):
            needed = {"ref", "environment", "payload", "auto_merge", "required_contexts"}
            if wrong := _wrong(body, needed, {"description"}):
                return 422, {"message": wrong}
            if body["ref"] not in self.commits:
                return 422, {"message": f"No ref found for: {body['ref']}"}
            if body["auto_merge"] or body["required_contexts"]:
                return 409, {"message": "Conflict"}
            number = len(self.deployments) + 1
            made = {**body, "id": number, "sha": body["ref"], "statuses": []}
            self.deployments.append(made)
            return 201, {"id": number}
        found = re.fullmatch(r"/deployments/([0-9]+)/statuses", rest)
        if method != "POST" or not found or int(found[1]) > len(self.deployments):
            return 404, {"message": "Not Found"}
        if wrong := _wrong(body, {"state", "auto_inactive"}, {"description", "log_url"}):
            return 422, {"message": wrong}
        if body["state"] not in _OF_DEPLOYMENT:
            return 422, {"message": "no such state"}
        self.deployments[int(found[1]) - 1]["statuses"].append(body)
        return 201, {"id": 1}


def _wrong(body: Any, needed: set[str], possible: set[str]) -> str:
    """What is wrong with the fields of a body."""
    if not isinstance(body, dict) or not needed <= body.keys() <= needed | possible:
        return "missing or unknown fields"
    if len(body.get("description", "")) > 140:
        return "description is too long"
    links = [body[name] for name in ("target_url", "log_url") if name in body]
    return "" if all(urlsplit(one).scheme == "https" for one in links) else "no link"


class _Handler(Answering):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        self._answer(None)

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers["Content-Type"] != "application/json":
            self._send(415, {"message": "JSON only"})
        else:
            self._answer(json.loads(raw))

    def _answer(self, body: Any) -> None:
        forge = self.server.forge
        forge.asked.append(f"{self.command} {self.path}")
        if not forge.trouble(self):
            self._send(*forge.answer(self.command, self.path, dict(self.headers), body))

    def _send(self, status: int, content: Any) -> None:
        say(self, status, json.dumps(content).encode())


class _Server(ThreadingHTTPServer):
    def __init__(self, forge: Forge) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.forge = forge


def say(
    handler: Answering,
    status: int,
    body: bytes = b"{}",
    headers: Mapping[str, str] | None = None,
) -> bool:
    """Answer like this and end the connection; True, so that it can be all of a trouble."""
    handler.say(status, body, {**(headers or {}), "Connection": "close"})
    return True


@contextmanager
def served(forge: Forge) -> Iterator[Forge]:
    """Let it answer on loopback, under its `url`, until the end of the block."""
    with serving(_Server(forge)) as host:
        forge.url = f"http://{host}"
        yield forge
