"""The whole examination: what is looked at, in which order, and what at the same time."""

from __future__ import annotations

from functools import partial

from deployer import wiring
from deployer.config.values import Config
from deployer.doctor import config as of_config
from deployer.doctor import docker, hooks, needs, nginx, outputs, registry, reports, store, users
from deployer.doctor.concurrent import Check, run
from deployer.doctor.report import Report
from deployer.engines.docker.client import Clients
from deployer.notifiers.servers import Servers

ANSWER = 10
"""How long Docker may take for one answer, in seconds; a registry is asked through it."""

LIMIT = 25.0
"""How long one check may take, in seconds."""


def examine(config: Config) -> Report:
    """Look at everything; what hangs or is missing is a finding and hides nothing else."""
    account = users.account_of(config)
    clients = Clients(timeout=ANSWER)
    here: list[docker.Docker] = []
    receives: list[bool] = []

    def look_at_docker(report: Report) -> None:
        found = docker.ask(clients)
        docker.look(found, report)
        here.append(found)

    whole = run(
        [
            Check("config", partial(of_config.look, config, account)),
            Check("store", partial(store.look, config)),
            Check("users", partial(users.look, config), 65.0),
            Check("docker", look_at_docker, LIMIT),
            Check("hooks", partial(hooks.look_at_cover, config)),
            *_reports(config),
            Check("receiver", lambda out: receives.append(hooks.look_at_receiver(config, out))),
        ]
    )
    checks = _on_docker(config, clients, here[0]) if here else []
    if not here:
        whole.note(
            "docker",
            "Nginx, registries and what apps need were not looked at: that takes Docker",
            "Run the doctor again once Docker answers",
        )
    whole.add(run(checks))
    if receives and receives[0]:
        whole.add(run(_deliveries(config, through_nginx="generation" in whole.facts)))
    return whole


def _reports(config: Config) -> list[Check]:
    notifier = Servers("")
    return [
        Check(f"report {app}", partial(reports.look, app, to, notifier), LIMIT)
        for app, to in sorted(config.reports.items())
    ]


def _on_docker(config: Config, clients: Clients, found: docker.Docker) -> list[Check]:
    asked = wiring.registry(config, clients)
    checks = [Check("nginx", partial(nginx.look, config, clients, asked), LIMIT)]
    for name, app in sorted(config.apps.items()):
        checks.append(Check(f"app {name}", partial(needs.look, app, found, clients), LIMIT))
        checks.append(Check(f"registry {name}", partial(registry.look, app, asked), LIMIT))
    for name, output in sorted(config.outputs.items()):
        checks.append(Check(f"output {name}", partial(outputs.look, output, clients), LIMIT))
    return checks


def _deliveries(config: Config, *, through_nginx: bool) -> list[Check]:
    return [
        Check(f"hook {hook.name}", partial(hooks.look_at_delivery, config, hook, base, host))
        for hook in config.hooks.values()
        for base, host in hooks.ways(config, through_nginx=through_nginx)
    ]
