"""What must fit together across keys: routes, ports, hooks, registries and times."""

from __future__ import annotations

from deployer.config.dependencies import check_order
from deployer.config.file import File
from deployer.config.fitting import check_spec
from deployer.config.fronts import check_fronts
from deployer.config.hooks import check_hooks
from deployer.config.nginx import check_nginx
from deployer.config.output_file import check_outputs
from deployer.config.problems import Key, Problems
from deployer.config.report_file import check_reports
from deployer.config.weights import check_weights, shares_with
from deployer.model import App, Moment, canonical_host


def check_together(file: File, apps: dict[str, App], problems: Problems) -> None:
    """Note what does not fit together; keys that have a problem already take no part."""
    _routes(file, apps, problems)
    _ports(file, problems)
    check_nginx(file, problems)
    check_fronts(file, apps, problems)
    check_weights(file, apps, problems)
    check_outputs(file, problems)
    check_reports(file, problems)
    check_order(apps, problems)
    for app in apps.values():
        check_spec(app, problems)
    _adoptions(apps, problems)
    timed = [
        app
        for name, app in apps.items()
        if not problems.touch(("deploy",), ("apps", name, "deploy"), ("apps", name, "health"))
    ]
    for app in timed:
        _times(app, problems)
    check_hooks(file, apps, problems)
    _logins(file, problems)


def _routes(file: File, apps: dict[str, App], problems: Problems) -> None:
    taken: dict[tuple[str, str], str] = {}
    shares = shares_with(apps)
    for app in apps.values():
        key: Key = ("apps", app.name, "route")
        if app.route is None or problems.touch((*key, "path"), (*key, "host"), (*key, "hosts")):
            continue
        for at, host in enumerate(app.route.hosts):
            place = problems.first((*key, "hosts", at), (*key, "host"))
            if host == file.receiver.host:
                problems.add(place, f"{host} is the receiver's own host. Choose another.")
            first = taken.setdefault((host, app.route.path), app.name)
            if first not in (app.name, shares.get(app.name)):
                problems.add(
                    place,
                    f"{host}{app.route.path} belongs to app {first} already, and to {app.name} "
                    "here. Give one of them another host or path, or both of them a `weight`.",
                )


def _adoptions(apps: dict[str, App], problems: Problems) -> None:
    first: dict[str, str] = {}
    for app in apps.values():
        other = first.setdefault(app.adopt, app.name) if app.adopt else app.name
        if other != app.name:
            problems.add(
                ("apps", app.name, "adopt"),
                f"app {other} adopts this container too, and it can be a release of one only. "
                "Remove it from one of them.",
            )


def _ports(file: File, problems: Problems) -> None:
    ports: dict[int, Key] = {}
    for key, port in (
        (("nginx", "http_port"), file.nginx.http_port),
        (("nginx", "https_port"), file.nginx.https_port),
        (("nginx", "status_port"), file.nginx.status_port),
        (("receiver", "port"), file.receiver.port),
    ):
        other = key if problems.touch(key) else ports.setdefault(port, key)
        if other != key:
            # The one that was written is the one to change; the other may be a default.
            place, first = (key, other) if key in problems.where else (other, key)
            name = ".".join(str(part) for part in first)
            problems.add(place, f"port {port} is {name} too. Choose another for one of them.")


def _times(app: App, problems: Problems) -> None:
    own, limits, health = ("apps", app.name, "deploy"), app.limits, app.health
    needed = health.deadline + limits.watch
    if limits.timeout <= needed:
        problems.add(
            problems.first(
                (*own, "timeout"),
                ("apps", app.name, "health", "deadline"),
                (*own, "watch"),
                ("deploy", "timeout"),
                ("deploy", "watch"),
            ),
            f"app {app.name} may take {needed:g}s for health.deadline and deploy.watch, but only "
            f"{limits.timeout:g}s in all. Raise deploy.timeout or lower the others.",
        )
    before = app.hook(Moment.PRE_DEPLOY)
    if before and limits.timeout > needed and limits.timeout <= needed + before.timeout:
        problems.add(
            problems.first(
                (*own, "pre_deploy", "timeout"), (*own, "pre_deploy"), (*own, "timeout")
            ),
            f"it may take {before.timeout:g}s, and with health.deadline and deploy.watch longer "
            f"than the deployment's {limits.timeout:g}s. Lower it or raise deploy.timeout.",
        )
    if limits.pull_timeout > limits.timeout:
        problems.add(
            problems.first((*own, "pull_timeout"), (*own, "timeout"), ("deploy", "pull_timeout")),
            "a pull may take longer than the deployment. Lower pull_timeout or raise timeout.",
        )
    if limits.pull_stall > limits.pull_timeout:
        problems.add(
            problems.first((*own, "pull_stall"), (*own, "pull_timeout"), ("deploy", "pull_stall")),
            "longer than a pull may take at all. Lower pull_stall or raise pull_timeout.",
        )
    for name, value in (("interval", health.interval), ("timeout", health.timeout)):
        if value > health.deadline:
            problems.add(
                problems.first(("apps", app.name, "health", name), ("apps", app.name, "health")),
                "longer than the time to become healthy. Lower it or raise health.deadline.",
            )


def _logins(file: File, problems: Problems) -> None:
    hosts: dict[str, str] = {}
    for host in file.registries:
        first = hosts.setdefault(canonical_host(host), host)
        if first != host:
            problems.add(
                ("registries", host), f"this is the same registry as {first}. Keep one of them."
            )
