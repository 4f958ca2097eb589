"""A store as a few days of work leave it: something of everything that pages show."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

from cryptography.fernet import Fernet

from deployer.deployment import Deployment, Status, Step, Trigger, Wanted, advance, enter
from deployer.evidence import Evidence
from deployer.evidence import written as kept
from deployer.model import Image, Push
from deployer.ports import Active, Delivery, Heard
from deployer.spec import Spec
from deployer.stores.seal import Seal
from deployer.stores.sqlite import SQLiteStore
from deployer.web.hearing import written

FAILED_REASON = (
    "the new release did not become healthy within 60 s: GET /healthz was answered 500. "
    "Release 1 still serves"
)
BODY = b"""{
  "push_data": {"pushed_at": 1795190400, "pusher": "acmebot", "tag": "latest"},
  "repository": {"repo_name": "acme/web", "namespace": "acme", "name": "web"}
}
"""
LOG = "\n".join(f"{n:02d} worker: cannot reach the database at 10.0.0.9:5432" for n in range(12))
_STEPS = (
    (Step.RESOLVE, 0.1, "asking the registry for docker.io/acme/shop:latest"),
    (Step.PULL, 0.3, "docker.io/acme/shop, 41 MiB"),
    (Step.START, 4.2, "web-2-1, beside release 1: no rule forbids two at once"),
    (Step.CHECK, 4.6, "GET /healthz on port 8080, at most 60 s"),
    (Step.SWITCH, 6.1, "generation 12"),
    (Step.WATCH, 6.4, "10 s"),
)


class Story:
    """Writes the story into a store; `now` is its end, in seconds since 1970."""

    def __init__(self, path: Path) -> None:
        self.store = SQLiteStore(path, seal=Seal(Fernet.generate_key()))
        self.now = time.time()
        self._releases: dict[str, int] = {}

    def tell(self) -> None:
        """All of it: web serves, api's new release failed, site goes on, shadow never ran."""
        self.succeed("web", self.now - 90_000)
        self.succeed("api", self.now - 80_000)
        self.fail("api", self.now - 700)
        self.succeed("web", self.now - 400)
        self.succeed("site", self.now - 300)
        self.go_on("site", self.now - 6)
        ignored = Delivery("ci", self.now - 50, b"{}", "ignored", "tag 'v0.0.1-rc' deploys no app")
        self.store.record(ignored, [])
        self.see()

    def succeed(self, app: str, at: float) -> Deployment:
        """A deployment that went well, clean-up included."""
        one = self._begin(app, at)
        image = Image("docker.io", f"acme/{app}", "latest", one.digest)
        number = self.store.add_release(app, image, Spec(), at).number
        one = replace(one, release=number, serving=number)
        one = self._steps(one, at, len(_STEPS))
        self.store.activate(Active(app, number, one.id))
        self._releases[app] = number
        ended = advance(one, Status.SUCCEEDED, at + 16.4, f"release {number} serves")
        self.store.save(ended, at + 16.4, ended.reason)
        for step, after, said in (
            (Step.DRAIN, 16.4, "1 old replica(s)"),
            (Step.RETIRE, 22.0, ""),
            (Step.RETIRE, 22.3, f"removed {app}-{number - 1}-1, exit code 0"),
        ):
            ended = enter(ended, step)
            self.store.save(ended, at + after, said)
        return ended

    def fail(self, app: str, at: float) -> Deployment:
        """One whose replica did not become healthy."""
        one = self._steps(self._begin(app, at), at, 4)
        answers = "+0.0 s connection refused (1 ms)\n+1.0 s to +59.0 s, 59 times: 500 (12 ms)"
        seen = kept([Evidence("probe answers", answers), Evidence("log of api-2-1", LOG)])
        failed = replace(advance(one, Status.FAILED, at + 64.9, FAILED_REASON, seen), serving=1)
        self.store.save(failed, at + 64.9, FAILED_REASON)
        return failed

    def go_on(self, app: str, at: float) -> Deployment:
        """One that is being checked."""
        return self._steps(self._begin(app, at), at, 4)

    def see(self) -> None:
        """What the worker sees now."""
        nginx = {"version": [1, 30, 0], "user": "nginx", "live": 12, "draining": 0, "reloads": 11}
        apps = {
            row.app: [self._replica(row.app, row.release, row.deployment)]
            for row in self.store.active().values()
        }
        self.store.show({"at": time.time(), "pid": 1, "nginx": nginx, "apps": apps})

    def _replica(self, app: str, release: int, deployment: int) -> dict[str, str | int]:
        seen: dict[str, str | int] = {"name": f"{app}-{release}-1", "id": "f" * 64}
        seen |= {"address": "172.18.0.5", "state": "running", "health": "healthy"}
        return seen | {"release": release, "deployment": deployment}

    def _begin(self, app: str, at: float) -> Deployment:
        wanted = Wanted(app, Trigger.WEBHOOK, "latest")
        image = Image("docker.io", f"acme/{app}", "latest")
        said = written(Heard((Push(image),)))
        came = Delivery("dockerhub", at, BODY, reason=f"{image} is what app {app} deploys")
        came = replace(came, sender_id=f"msg_{int(at)}", heard=said)
        [(number, _)] = self.store.record(came, [wanted]).deployments
        one = self.store.claim(at + 0.02)
        assert one is not None
        assert one.id == number
        return replace(one, digest=f"sha256:{number:02d}{'c0ffee5eed' * 6}ab")

    def _steps(self, one: Deployment, at: float, count: int) -> Deployment:
        for step, after, said in _STEPS[:count]:
            one = enter(one, step)
            self.store.save(one, at + after, said)
        return one
