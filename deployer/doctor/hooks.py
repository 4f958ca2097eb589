"""Looks at the receiver and posts a test to each hook that can deploy nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

import requests

from deployer.config.file import NAMING
from deployer.config.files import read_text
from deployer.config.values import Config, Hook
from deployer.doctor.ports import holder
from deployer.doctor.report import Report
from deployer.model import image_of

REPOSITORY = "deployer-doctor/test"
"""What the tests claim was pushed; no app has it, else no test is sent."""

_LIMIT = 5.0
_RESTART = "Restart `deployer serve`, so that it reads config.yml and the secret files again"


@dataclass(frozen=True, slots=True)
class Delivery:
    """A test as its sender would post it; `proves` is False where it shows a wrong token."""

    path: str
    body: bytes
    headers: Mapping[str, str] = field(repr=False)
    proves: bool = True


def look_at_cover(config: Config, report: Report) -> None:
    """Findings where no push of an app's image can arrive."""
    if not config.hooks:
        report.note("hooks", "no hook is configured, so no push deploys", "Add one under `hooks`")
        return
    known = sorted({hook.registry for hook in config.hooks.values()})
    generic = any(hook.source in NAMING for hook in config.hooks.values())
    for name, app in sorted(config.apps.items()):
        if not generic and app.image.host not in known:
            report.problem(
                "hooks",
                f"no hook stands for {app.image.host}, where app {name} has its image, so no push "
                f"deploys it; there are hooks for {', '.join(known)}",
                f"Add a hook with `registry: {app.image.host}`, or correct `image`",
            )


def look_at_receiver(config: Config, report: Report) -> bool:
    """Whether our receiver answers on its port; findings where it does not."""
    receiver = config.receiver
    where = f"{receiver.bind}:{receiver.port}"
    try:
        answer = requests.get(f"{_base(config)}/healthz", timeout=_LIMIT, allow_redirects=False)
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
    """Post a test to one hook at `base`, for the name `host`; it is recorded as ignored."""
    subject = f"hook {hook.name}"
    delivery = delivery_for(hook)
    if any(app.image.repository.endswith(REPOSITORY) for app in config.apps.values()):
        return
    way = f" through Nginx as {host}" if host else ""
    try:
        answer = requests.post(
            base + delivery.path,
            data=delivery.body,
            headers={**delivery.headers, **({"Host": host} if host else {})},
            timeout=_LIMIT,
            allow_redirects=False,
        )
    except requests.RequestException as error:
        report.problem(
            subject,
            f"a test delivery{way} had no answer: {type(error).__name__}",
            "See whether `deployer serve` and Nginx run (`deployer status`)",
        )
        return
    expected = 202 if delivery.proves else 401
    if answer.status_code != expected:
        report.problem(subject, *_meaning(answer.status_code, way))
    else:
        proof = "took a test" if delivery.proves else "refused a wrong token (its own is a hash)"
        report.facts[f"{subject}, by Nginx" if host else subject] = proof


def delivery_for(hook: Hook) -> Delivery:
    """A test with the hook's own secret, or with a wrong one where only a hash is known."""
    path = f"/hooks/{hook.name}"
    token = next((one for one in _lines(hook, secret=False) if not one.startswith("sha256:")), "")
    if hook.source not in NAMING:
        body = {"push_data": {"tag": "doctor"}, "repository": {"repo_name": REPOSITORY}}
        return Delivery(f"{path}/{token or 'wrong'}", json.dumps(body).encode(), _JSON, bool(token))
    image = image_of(hook.registry, REPOSITORY)
    body_text = json.dumps({"image": image.name if image else REPOSITORY, "tag": "doctor"})
    secrets = _lines(hook, secret=True)
    if secrets:
        return Delivery(path, body_text.encode(), _signed(secrets[0], body_text))
    headers = {**_JSON, "Authorization": f"Bearer {token or 'wrong'}"}
    return Delivery(path, body_text.encode(), headers, bool(token))


_JSON = {"Content-Type": "application/json", "User-Agent": "deployer-doctor"}


def _signed(secret: str, body: str) -> dict[str, str]:
    from standardwebhooks.webhooks import Webhook

    now = datetime.now(UTC)
    identity = f"doctor-{now.timestamp():.6f}"
    signature = Webhook(secret).sign(identity, now, body)
    stamp = str(int(now.timestamp()))
    named = {"id": identity, "timestamp": stamp, "signature": signature}
    return {**_JSON, **{f"webhook-{name}": value for name, value in named.items()}}


def _lines(hook: Hook, *, secret: bool) -> list[str]:
    lines: list[str] = []
    for path in hook.secret_file if secret else hook.token_file:
        lines += [line.strip() for line in read_text(path).splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


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


def _base(config: Config) -> str:
    """The receiver's own address; one that listens everywhere is asked on loopback."""
    bind = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(config.receiver.bind, config.receiver.bind)  # noqa: S104 - compared, not bound
    return f"http://{f'[{bind}]' if ':' in bind else bind}:{config.receiver.port}"


def ways(config: Config, *, through_nginx: bool) -> list[tuple[str, str]]:
    """Where a sender's request can enter: base URL, and the site's name if that is Nginx."""
    found = [(_base(config), "")]
    # The user's own container need not be published on loopback.
    if through_nginx and config.receiver.host and config.nginx.mode != "container":
        found.append((f"http://127.0.0.1:{config.nginx.http_port}", config.receiver.host))
    return found
