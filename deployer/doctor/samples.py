"""Deliveries as a hook's sender would make them, posted to our own receiver as a dry run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import quote

import requests

from deployer import tags
from deployer.config.files import read_text
from deployer.config.hooks import reached
from deployer.config.values import Config, Hook
from deployer.model import App, Image
from deployer.ports import Credential, Facts, Inbound
from deployer.routing import LOOPBACK
from deployer.rules import renamed
from deployer.sources import SOURCES

LIMIT = 5.0
"""How long the receiver may take for an answer, in seconds."""

NOBODYS = Image("registry.example.com", "deployer-doctor/test", "test")
"""What is said to be pushed where a hook is for no app."""

_WRONG = "a-wrong-token-that-nobody-has"


@dataclass(frozen=True, slots=True)
class Said:
    """What a sample tells of: an image, or an event with these facts."""

    image: Image
    facts: Facts = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sample:
    """A delivery to post; `why_not` says why it can only show a wrong token, "" where it proves."""

    path: str
    inbound: Inbound
    why_not: str = ""

    @property
    def proves(self) -> bool:
        """Whether it shows or signs with what the hook knows."""
        return not self.why_not


def said_for(hook: Hook, apps: Mapping[str, App], app: str = "", tag: str = "") -> Said | None:
    """What the sender would say of a push to this app, or to the first that the hook is for.

    Without a tag it is the app's first exact one; of an app with patterns only it is one of nobody.

    None where no delivery of this hook can be for the app.
    """
    names = [one for one in reached(hook, apps) if app in ("", one)]
    if not names:
        return None
    chosen = apps[names[0]]
    rule = next((rule for rule in hook.rules if chosen.name in dict(rule.deploys)), None)
    # The shortest text that a pattern matches.
    when = {key: one.replace("*", "").replace("?", "x") for key, one in rule.when} if rule else {}
    senders_name = {other: name for name, other in hook.aliases.items()}
    named = tag or next(filter(tags.is_exact, chosen.tags), NOBODYS.tag)
    image = Image(chosen.image.host, chosen.image.repository, named)
    return Said(renamed(image, senders_name), when)


def sample_of(hook: Hook, said: Said) -> Sample:
    """The delivery with the hook's own secret, or with a wrong one where that is not known here."""
    token = next((one for one in _lines(hook.token_file) if not one.startswith("sha256:")), "")
    secret = next(iter(_lines(hook.secret_file)), "")
    credential = Credential("" if secret else token or _WRONG, secret)
    inbound = SOURCES[hook.source].sample(said.image, said.facts, credential)
    if hook.allow:
        # The receiver believes this machine whom it speaks for.
        address = hook.allow[0].partition("/")[0]
        inbound = replace(inbound, headers={**inbound.headers, "x-real-ip": address})
    path = f"/hooks/{hook.name}" + (f"/{quote(inbound.token, safe='')}" if inbound.token else "")
    return Sample(path, inbound, "" if token or secret else _why_not(hook))


def _why_not(hook: Hook) -> str:
    if hook.token_file:
        return "only the hash of its token is in its file"
    return "only the sender's cloud can sign one"


def post(sample: Sample, base: str, host: str = "") -> requests.Response:
    """The receiver's answer at `base`, asked for the name `host`; nothing is queued or recorded.

    Raises requests.RequestException.
    """
    return requests.post(
        f"{base}{sample.path}?dry_run",
        data=sample.inbound.body,
        headers={
            **sample.inbound.headers,
            "User-Agent": "deployer",
            **({"Host": host} if host else {}),
        },
        timeout=LIMIT,
        allow_redirects=False,
    )


def base_of(config: Config) -> str:
    """The receiver's own address; one that listens everywhere is asked on loopback."""
    bind = LOOPBACK.get(config.receiver.bind, config.receiver.bind)
    return f"http://{f'[{bind}]' if ':' in bind else bind}:{config.receiver.port}"


def _lines(paths: tuple[Path, ...]) -> list[str]:
    lines = [line.strip() for path in paths for line in read_text(path).splitlines()]
    return [line for line in lines if line and not line.startswith("#")]
