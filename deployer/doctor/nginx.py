"""Looks at the Nginx that runs, or will: image, ports, folder, live generation, templates."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docker.errors import APIError, NotFound

from deployer import wiring
from deployer.config.values import Config
from deployer.doctor.ports import holder
from deployer.doctor.report import Report
from deployer.engines.docker.client import Clients, translated
from deployer.engines.docker.nginx_image import NginxImage
from deployer.errors import DeployerError, ProxyError
from deployer.model import parse_image
from deployer.ports import NginxFacts, Registry
from deployer.routing import Target

OLDEST = (1, 22, 0)
LOSSLESS = (1, 27, 4)
_PASSED = "test is successful"


@dataclass(frozen=True, slots=True)
class Live:
    """The container with Nginx's name; `ours` is False for one that deployer did not make."""

    id: str
    ours: bool
    running: bool


def look(config: Config, clients: Clients, registry: Registry, report: Report) -> None:
    """Findings about Nginx; nothing of it is started, reloaded or written."""
    if config.nginx.mode != "managed":
        _look_at_users_own(config, clients, report)
        return
    live = _container(config, clients)
    if live and not live.ours:
        report.problem(
            "nginx",
            f"there is a container {config.nginx.container} that deployer did not make, and it "
            "leaves that alone",
            "Rename it, or choose another name as nginx.container",
        )
    running = live if live and live.ours and live.running else None
    facts = _facts(config, clients, registry, report)
    if facts:
        _look_at_rendering(config, facts, report)
    if running:
        _look_inside(config, clients, running.id, report)
        return
    _look_at_ports(config, report)
    if config.paths.nginx.joinpath("current").is_symlink() and not (live and not live.ours):
        report.problem(
            "nginx",
            f"Nginx does not run: the container {config.nginx.container} is stopped or gone",
            f"Start `deployer serve`, and read `docker logs {config.nginx.container}`",
        )


def look_at_version(facts: NginxFacts, mode: str, report: Report) -> None:
    """What is known of it, and a finding where that is too old."""
    version = ".".join(map(str, facts.version))
    user = f"workers run as {facts.user}" if facts.user else "workers run as its master does"
    report.facts["nginx"] = f"{version}, {user}, {mode}"
    if facts.modules:
        report.facts["nginx modules"] = ", ".join(facts.modules)
    if facts.version < OLDEST:
        report.problem(
            "nginx",
            f"Nginx {version} is older than 1.22, the oldest that deployer knows",
            "Name a newer image as nginx.image",
        )
    elif facts.version < LOSSLESS:
        report.note(
            "nginx",
            f"Nginx {version} closes idle connections at a reload, which can cost a keep-alive "
            "client a request",
            "From 1.27.4 on it need not: name a newer image as nginx.image",
        )


def _look_at_users_own(config: Config, clients: Clients, report: Report) -> None:
    """A process of this machine, or the user's own container, by its adapter's own words."""
    settings, folder = config.nginx, config.paths.nginx
    if settings.mode == "host" and not folder.exists():
        # Its adapter would make folders, and the doctor makes none.
        if not settings.binary.exists():
            report.problem(
                "nginx",
                f"nginx.binary: there is no {settings.binary}",
                "Install Nginx, or correct nginx.binary",
            )
        _look_at_ports(config, report)
        return
    host = wiring.nginx_host(config, clients, "doctor")
    facts = host.facts()
    look_at_version(facts, facts.where or settings.mode, report)
    _look_at_rendering(config, facts, report)
    current = folder / "current"
    if current.is_symlink():
        host.test(str(current.resolve() / "nginx.conf"))
        _look_at_live(config, host.address(), current.readlink().name, report)


def _container(config: Config, clients: Clients) -> Live | None:
    with translated(f"look at the container {config.nginx.container}"):
        try:
            found: dict[str, Any] = clients.api.inspect_container(config.nginx.container)
        except NotFound:
            return None
    ours = (found["Config"]["Labels"] or {}).get("deployer.role") == "nginx"
    state = found["State"]
    return Live(found["Id"], ours, bool(state["Running"]) and not state["Restarting"])


def _facts(
    config: Config, clients: Clients, registry: Registry, report: Report
) -> NginxFacts | None:
    image = NginxImage(clients, config.nginx.image, "doctor")
    present = image.present()
    if present is None:
        named = parse_image(config.nginx.image)
        try:
            if named:
                registry.resolve(named)
        except DeployerError as error:
            report.problem(
                "nginx",
                f"the image {config.nginx.image} is not here and cannot be pulled: {error}",
                f"Run: docker pull {config.nginx.image}; or correct nginx.image",
            )
        else:
            report.facts["nginx"] = f"{config.nginx.image}, which the first start pulls"
        return None
    try:
        facts = image.facts(present)
    except ProxyError as error:
        report.error("nginx", error)
        return None
    look_at_version(facts, f"container {config.nginx.container}", report)
    return facts


def _look_at_rendering(config: Config, facts: NginxFacts, report: Report) -> None:
    routes = [
        app.route.to(app.name, [Target("127.0.0.1", app.route.port)])
        for app in config.apps.values()
        if app.route
    ]
    try:
        wiring.renderer(config).files(routes, facts, 1)
    except ProxyError as error:
        report.error("nginx", error)


def _look_at_ports(config: Config, report: Report) -> None:
    ports = {"http_port": config.nginx.http_port, "status_port": config.nginx.status_port}
    for key, port in ports.items():
        if held := holder(port):
            report.problem(
                "nginx",
                f"nginx.{key}: port {port} is held by {held}, so Nginx cannot start",
                f"Stop that, or set another nginx.{key}",
            )


def _look_inside(config: Config, clients: Clients, container: str, report: Report) -> None:
    current = config.paths.nginx / "current"
    if not current.is_symlink():
        return
    number, main = current.readlink().name, current.resolve() / "nginx.conf"
    seen = _say(clients, container, ["readlink", str(current)]).strip()
    if Path(seen).name != number:
        report.problem(
            "nginx",
            f"inside its container {current} is not what it is here, so the folder is not mounted "
            "or another one is",
            f"Remove the container (docker rm -f {config.nginx.container}): deployer makes it anew",
        )
        return
    said = _say(clients, container, ["nginx", "-t", "-c", str(main)])
    if _PASSED not in said:
        report.problem(
            "nginx",
            f"Nginx's own test refuses the current configuration: {_last(said)}",
            "Restart `deployer serve`, which writes a new one",
        )
    _look_at_live(config, "127.0.0.1", number, report)


def _look_at_live(config: Config, address: str, number: str, report: Report) -> None:
    live = _live(config, address)
    report.facts["generation"] = f"{live if live is not None else 'none'} live, {number} on disk"
    if live is None or str(live) != number:
        told = f"generation {live}" if live is not None else "no generation"
        report.problem(
            "nginx",
            f"Nginx answers with {told}, and on disk generation {number} is current",
            "See whether `deployer serve` runs, and read Nginx's error log",
        )


def _live(config: Config, address: str) -> int | None:
    import requests

    try:
        url = f"http://{address}:{config.nginx.status_port}/"
        said = requests.get(url, timeout=2.0, headers={"Connection": "close"}).text[:20]
    except requests.RequestException:
        return None
    return int(said) if said.isdigit() else None


def _say(clients: Clients, container: str, command: list[str]) -> str:
    with translated(f"run `{command[0]}` in Nginx's container"):
        try:
            started = clients.api.exec_create(container, command)
            said: bytes = clients.api.exec_start(started["Id"])
        except APIError as error:
            # It may stop at any time; then nothing is seen in it.
            if error.status_code not in (404, 409):
                raise
            return ""
    return said.decode("utf-8", "replace")


def _last(said: str) -> str:
    lines = [line for line in said.splitlines() if "[emerg]" in line]
    return (lines or said.splitlines() or ["it says nothing"])[0]
