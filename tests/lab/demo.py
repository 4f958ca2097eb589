"""`make demo`: deploys v1, then v2 under load, and says each thing as it happens."""

import http.client
import os
import re
import signal
import sys
import time
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

from . import engine, images, registry, user
from .clients import CLOSING, SATURATING, IdCheck, Load, Report, check_ids
from .deployer import Deployer
from .errors import LabError
from .hello import POST_ID, build_hello
from .hub import post_push
from .shell import LAB, run, succeeds, wait_until

NAME = "deployer-demo"
REPOSITORY, TAG, HOST = "demo/hello", "latest", "hello.localhost"
ITEMS = "deployer-demo-items"
SETTLE = 5.0
ENOUGH = 1000
WORDS = {CLOSING: "closing", SATURATING: "keep-alive"}


def say(what: str, words: str, seconds: float | None = None) -> None:
    """One aligned line: what, how long it took, how it went."""
    took = f"{seconds:6.1f} s" if seconds is not None else " " * 8
    print(f"  {what:<11}{took}  {words}", flush=True)


def timed(what: str, act: Callable[[], str]) -> None:
    """Do it, and say how it went and how long it took."""
    begun = time.monotonic()
    words = act()
    say(what, words, time.monotonic() - begun)


def in_folder(folder: Path) -> Deployer:
    """The demo's deployer, with its configuration and secrets in this folder."""
    folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    return Deployer(folder, NAME, preferred_port=8088)


def lab_up(deployer: Deployer) -> Deployer:
    """Bring up what a server would have: engine, registry, images, the receiver's user.

    The deployer to go on with: clean-up after an earlier demo takes its folder away.
    """

    def engine_up() -> str:
        started = engine.ensure_engine()
        whose = "started for this" if started else "running already, used as it is"
        return f"Docker {engine.engine_version()}, {whose}"

    timed("engine", engine_up)
    timed("registry", lambda: f"on {registry.ensure_registry().address}")
    timed("images", lambda: ", ".join(images.ensure_base_images()))
    if os.geteuid() == 0:
        made = user.ensure_receiver_user()
        say("user", f"{user.RECEIVER_USER}, " + ("made for the receiver" if made else "is there"))
    # What a demo that was killed has left behind.
    deployer.stop_earlier()
    if succeeds(["docker", "inspect", deployer.nginx]):
        timed("clean", lambda: "removed what an earlier demo left behind" + _swept(deployer))
        deployer = in_folder(deployer.folder)
    run(["docker", "volume", "create", ITEMS])
    return deployer


def _swept(deployer: Deployer) -> str:
    deployer.clean()
    return ""


def push(version: str) -> None:
    """Build the example app and push it to the registry."""

    def build() -> str:
        digest = build_hello(REPOSITORY, TAG, version, registry.shared_registry())
        return f"{registry.shared_registry().address}/{REPOSITORY}:{TAG} is {digest[:19]}…"

    timed(f"push {version}", build)


class Follower:
    """Prints a deployment's steps as they come, with seconds since it was queued."""

    def __init__(self, deployer: Deployer, number: int) -> None:
        self._deployer = deployer
        self._number = number
        self._printed = 0

    def until(self, is_true: Callable[[Any], bool]) -> Any:
        """Follow it until it is as wanted, and return it."""
        found: list[Any] = []

        def look() -> bool:
            found[:] = [self._deployer.deployment(self._number)]
            if not found[0]:
                return False
            self._print(found[0])
            return is_true(found[0])

        wait_until(look, f"the end of deployment {self._number}", limit=300)
        return found[0]

    def _print(self, deployment: Any) -> None:
        queued = _seconds(deployment["queued_at"])
        for transition in deployment["transitions"][self._printed :]:
            ended = transition["step"] == "watch" and transition["status"] != "running"
            name = transition["status"] if ended else transition["step"] or transition["status"]
            say(f"  {name}", transition["message"], _seconds(transition["at"]) - queued)
            self._printed += 1


def _seconds(iso: str) -> float:
    return datetime.fromisoformat(iso).timestamp()


def has_ended(deployment: Any) -> bool:
    """Whether the deployment has its outcome."""
    return deployment["status"] not in ("queued", "running")


def deploy_v2(deployer: Deployer, old: list[str]) -> Any:
    """Push v2, post the webhook as Docker Hub would, follow it until the old one is gone."""
    push("v2")
    url = f"http://127.0.0.1:{deployer.receiver_port}/hooks/dockerhub/{deployer.token}"
    status, answer = post_push(url, REPOSITORY, TAG)
    said = answer.get("result") or answer.get("detail")
    say("webhook", f"answered {status}, {said}: {answer.get('reason', '')}")
    if not answer.get("deployments"):
        raise LabError("the webhook queued no deployment; see its answer above")
    number = answer["deployments"][0]["id"]
    follower = Follower(deployer, number)
    ended = follower.until(has_ended)
    if ended["status"] != "succeeded":
        raise LabError(f"deployment {number} {ended['status']}: {ended['reason']}")
    gone = set(old)
    return follower.until(lambda _: not gone & set(deployer.containers("hello")))


def seen(deployer: Deployer) -> str:
    """What a visitor sees at the end of the app's page: its version and colour."""
    connection = http.client.HTTPConnection("127.0.0.1", deployer.http_port, timeout=10)
    with closing(connection):
        connection.request("GET", "/", headers={"Host": HOST})
        page = connection.getresponse().read().decode()
    footer = re.search("<footer>(.*)</footer>", page)
    return footer[1] if footer else "no page of hello"


def enough(load: Load, since: float) -> bool:
    """Whether the clients have seen all there is to see after the old container is gone."""
    return time.monotonic() - since >= SETTLE and load.least_sent() >= ENOUGH


def ids_logged(report: Report) -> IdCheck:
    """Compare the ids that were sent with those that the app's versions wrote down."""
    mountpoint = run(["docker", "volume", "inspect", "--format", "{{.Mountpoint}}", ITEMS])
    return check_ids(report, Path(mountpoint.strip()))


def summarise(report: Report, ids: IdCheck, live_after: float | None, deployer: Deployer) -> bool:
    """Print the outcome; whether no request was lost and v2 is live."""
    print(f"\n  {'clients':<12}{'sent':>9}{'failed':>8}{'slowest':>10}   versions")
    for name, seen in report.classes.items():
        versions = " -> ".join(dict.fromkeys(version for _, version in seen.versions))
        slowest = f"{seen.slowest * 1000:.0f} ms"
        row = f"{WORDS[name]:<12}{seen.sent:>9,}{seen.failed:>8,}{slowest:>10}   {versions}"
        print("  " + row, *[f"      {failure}" for failure in seen.failures], sep="\n")
    print(f"\n  ids          {report.sent:,} sent, {len(ids.missing)} not logged, ", end="")
    print(f"{len(ids.duplicated)} logged twice")
    took = f"{live_after:.1f} s after the webhook" if live_after is not None else "not live"
    print(f"  v2           {took}")
    print(f"  the app      http://{HOST}:{deployer.http_port}/ in a browser, or")
    print(f"               curl -H 'Host: {HOST}' http://127.0.0.1:{deployer.http_port}/greeting")
    print(f"  the pages    http://deployer.localhost:{deployer.http_port}/ with the token in")
    print(f"               {deployer.folder / 'secrets' / 'operator.token'}")
    print(f"  the log      {deployer.log}\n")
    return report.failed == 0 and bool(ids) and live_after is not None


def live_after(deployment: Any, report: Report, posted: float) -> float | None:
    """Seconds from the webhook to the first answer by v2; None if none came."""
    if deployment["status"] != "succeeded":
        return None
    firsts = [
        at for seen in report.classes.values() for at, version in seen.versions if version == "v2"
    ]
    return min(firsts) - posted if firsts else None


def demonstrate(deployer: Deployer) -> bool:
    """The whole story once; whether all of it went well."""
    push("v1")
    timed("deployer", lambda: f"serves on port {deployer.receiver_port}" + _started(deployer))
    first = Follower(deployer, 1).until(has_ended)
    if first["status"] != "succeeded":
        raise LabError(f"the first deployment {first['status']}: {first['reason']}")
    before = seen(deployer)
    say("page", before)
    old = deployer.containers("hello")
    load = Load(("127.0.0.1", deployer.http_port), HOST, post=POST_ID)
    begun = time.monotonic()
    with load:
        say("clients", f"4 ask for {HOST} through Nginx on port {deployer.http_port}")
        deployment = deploy_v2(deployer, old)
        gone = time.monotonic()
        say("old one", f"is gone; clients go on for {SETTLE:g} s", gone - begun)
        wait_until(lambda: enough(load, gone), f"{ENOUGH:,} requests of each class", limit=120)
        report = load.stop()
    after = seen(deployer)
    say("page", after)
    posted = _seconds(deployment["queued_at"]) - (time.time() - time.monotonic()) - begun
    live = live_after(deployment, report, posted)
    return summarise(report, ids_logged(report), live, deployer) and before != after


def _started(deployer: Deployer) -> str:
    deployer.start()
    return ", Nginx in a container of its own"


def main() -> int:
    """Run the demo; 1 where a request failed or v2 is not live."""
    once = os.environ.get("ONCE", "") not in ("", "0")
    # SIGINT too: a script that starts this in the background hands it down ignored.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.default_int_handler)
    folder = LAB / "demo"
    print("\n  deployer: v1, then v2 under load, on this machine's Docker\n")
    try:
        deployer = in_folder(folder)
        try:
            deployer = lab_up(deployer)
            well = demonstrate(deployer)
            if not once:
                print("  It stays up until Ctrl-C; then everything it made is removed.\n")
                signal.pause()
        except KeyboardInterrupt:
            well = True
        finally:
            timed("clean-up", lambda: "containers, images and files are removed" + _swept(deployer))
            run(["docker", "volume", "rm", "--force", ITEMS])
    except LabError as error:
        print(f"\n  failed: {error}\n", file=sys.stderr)
        return 1
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
