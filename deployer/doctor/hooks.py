"""Looks at the receiver and posts a test to each hook that deploys nothing."""

from __future__ import annotations

import requests

from deployer.config.hooks import reached
from deployer.config.values import Config, Hook
from deployer.doctor.ports import holder
from deployer.doctor.report import Report
from deployer.doctor.samples import LIMIT, NOBODYS, Said, base_of, post, said_for, sample_of

_RESTART = "Restart `deployer serve`, so that it reads config.yml and the secret files again"


def look_at_cover(config: Config, report: Report) -> None:
    """Findings where no push of an app's image can arrive."""
    if not config.hooks:
        report.note("hooks", "no hook is configured, so no push deploys", "Add one under `hooks`")
        return
    known = sorted({hook.registry for hook in config.hooks.values()} - {""})
    told = {name for hook in config.hooks.values() for name in reached(hook, config.apps)}
    for name, app in sorted(config.apps.items()):
        if name not in told:
            report.problem(
                "hooks",
                f"no hook stands for {app.image.host}, where app {name} has its image, so no push "
                f"deploys it; there are hooks for {', '.join(known) or 'events of its rules only'}",
                f"Add a hook with `registry: {app.image.host}`, or correct `image`",
            )


def look_at_receiver(config: Config, report: Report) -> bool:
    """Whether our receiver answers on its port; findings where it does not."""
    receiver = config.receiver
    where = f"{receiver.bind}:{receiver.port}"
    try:
        answer = requests.get(f"{base_of(config)}/healthz", timeout=LIMIT, allow_redirects=False)
        if answer.status_code == 200 and answer.text == "ok\n":
            report.facts["receiver"] = f"answers on {where}"
            return True
    except requests.RequestException:
        pass
    if held := holder(receiver.port):
        report.problem(
            "receiver",
            f"the receiver's port {receiver.port} is held by {held}, which does not answer as the "
            "receiver does",
            "Stop that, or set another receiver.port",
        )
    elif config.paths.database.exists():
        report.problem(
            "receiver",
            f"nobody listens on {where}, so no webhook is taken",
            "Start `deployer serve`, or read in its log why it ended",
        )
    else:
        report.note("receiver", "deployer has never run here", "Start it: deployer serve")
    return False


def look_at_delivery(config: Config, hook: Hook, base: str, host: str, report: Report) -> None:
    """Post a test to one hook at `base`, for the name `host`; nothing is queued or recorded."""
    subject = f"hook {hook.name}"
    sample = sample_of(hook, said_for(hook, config.apps) or Said(NOBODYS))
    way = f" through Nginx as {host}" if host else ""
    try:
        answer = post(sample, base, host)
    except requests.RequestException as error:
        report.problem(
            subject,
            f"a test delivery{way} had no answer: {type(error).__name__}",
            "See whether `deployer serve` and Nginx run (`deployer status`)",
        )
        return
    # Nginx says whom it speaks for itself, and that is this machine.
    elsewhere = "this machine's address is not in `allow`" if host and hook.allow else ""
    expected = (401,) if sample.why_not else (200, 401) if elsewhere else (200,)
    if answer.status_code not in expected:
        report.problem(subject, *_meaning(answer.status_code, way))
        return
    proof = f"refused a wrong token ({sample.why_not})" if sample.why_not else ""
    if answer.status_code == 401:
        proof = proof or f"refused a test ({elsewhere})"
    else:
        proof = f"took a test: {answer.json()['reason']}"
    report.facts[f"{subject}, by Nginx" if host else subject] = proof


def _meaning(status: int, way: str) -> tuple[str, str]:
    told = f"a test delivery{way} was answered with {status}"
    if status == 401:
        return f"{told}: the receiver runs with another secret than the file has now", _RESTART
    if status == 404:
        return f"{told}: the receiver runs without this hook, or another site answers", _RESTART
    if status == 503:
        return f"{told}: the receiver cannot write the store", "Read its log, and see the disk"
    if status in (502, 504):
        return f"{told}: Nginx does not reach the receiver", "See whether the receiver runs"
    return told, "Read the receiver's log"


def ways(config: Config, *, through_nginx: bool) -> list[tuple[str, str]]:
    """Where a sender's request can enter: base URL, and the site's name if that is Nginx."""
    found = [(base_of(config), "")]
    # The user's own container need not be published on loopback.
    if through_nginx and config.receiver.host and config.nginx.mode != "container":
        found.append((f"http://127.0.0.1:{config.nginx.http_port}", config.receiver.host))
    return found
