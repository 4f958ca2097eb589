"""Every sender's deliveries through a receiver that runs, each with its verdict."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from deployer.config.senders import SENDERS, Signing
from deployer.config.values import AppPart, HookPart, ReceiverPart
from deployer.rules import Rule
from tests.web.corpus import shown, signed
from tests.web.corpus.case import STANDARD, TOKEN, Case
from tests.web.receiver import Running, hashed, part_for, running

CASES = [*shown.cases(), *signed.cases()]
HOSTS = {
    "dockerhub": "docker.io", "github": "ghcr.io", "gitlab": "docker.io", "quay": "quay.io",
    "harbor": "harbor.example.com", "distribution": "registry.example.com",
    "gitea": "git.example.com", "forgejo": "git.example.com", "acr": "acme.azurecr.io",
    "ecr": "111122223333.dkr.ecr.eu-west-1.amazonaws.com", "gar": "europe-docker.pkg.dev",
    "jfrog": "artifacts.example.com", "jfrog-signing": "artifacts.example.com",
    "nexus": "nexus.example.com:8082", "zot": "zot.example.com",
    "generic": "registry.example.com:5000",
}  # fmt: skip
REPOSITORIES = {"gar": "acme/images/shop", "jfrog": "docker-local/acme/shop"}
RULES = (
    Rule((("repository", "acme/shop"), ("branch", "main")), (("rule", "2.4.1"),)),
    Rule((("event", "pipeline"), ("project", "acme/shop"), ("ref", "main")), (("rule", "2.4.1"),)),
    Rule(
        (("event", "deployment"), ("project", "acme/shop"), ("environment", "prod*")),
        (("rule", "2.4.1"),),
    ),
)


def image_of(hook: str) -> str:
    source = hook.partition("-")[0]
    return f"{HOSTS[hook]}/{REPOSITORIES.get(source, 'acme/shop')}"


ALIASES = ("registry:5000", "registry")


def hook_part(hook: str) -> HookPart:
    source = hook.partition("-")[0]
    sender = SENDERS[source]
    signing = sender.signs is not None and (not sender.shows or hook != "jfrog")
    plain = STANDARD if sender.signs is Signing.STANDARD else TOKEN
    return HookPart(
        source=source,
        registry=HOSTS[hook] if sender.needs_registry else sender.registry,
        aliases=dict.fromkeys(ALIASES, HOSTS["distribution"]) if hook == "distribution" else {},
        rules=RULES if sender.facts else (),
        tokens=(hashed(TOKEN),) if sender.shows and hook != "jfrog-signing" else (),
        secrets=(plain,) if signing else (),
    )


def part(store: Path, port: int) -> ReceiverPart:
    """A receiver with a hook for every sender, and an app for the image of each."""
    images = dict.fromkeys(image_of(hook) for hook in HOSTS)
    apps = {f"shop-{at}": AppPart(image=one, tags=("2.4.1",)) for at, one in enumerate(images)}
    apps["rule"] = AppPart(image="registry.example.com/acme/rule", tags=("2.4.1",))
    return part_for(store, port).model_copy(
        update={"hooks": {hook: hook_part(hook) for hook in HOSTS}, "apps": apps}
    )


@pytest.fixture(scope="module")
def everybody(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("corpus"), part) as made:
        yield made


def request_of(case: Case) -> bytes:
    token = f"/{case.token}" if case.token else ""
    headers = {
        "Host": "localhost",
        "Content-Type": "application/json",
        "Content-Length": str(len(case.body)),
        **case.headers,
    }
    lines = [
        f"POST /hooks/{case.hook}{token} HTTP/1.1",
        *(": ".join(one) for one in headers.items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + case.body


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_delivery_gets_its_verdict(everybody: Running, case: Case) -> None:
    before = everybody.queued()
    answer = everybody.ask(request_of(case))
    said = json.loads(answer.body)
    reason = said.get("reason") or said["detail"]
    assert case.says in reason
    if isinstance(case.verdict, int):
        assert answer.status == case.verdict
        assert everybody.queued() == before
        return
    assert (answer.status, said["result"]) == (202, case.verdict), reason
    assert bool(said["deployments"]) == (case.verdict == "accepted")
    kept = everybody.store.delivery(said["delivery"])
    assert kept is not None
    assert (kept.verdict, kept.reason, kept.sender_id) == (case.verdict, reason, case.sender_id)
    assert kept.body == case.body


def test_no_secret_is_in_a_log_the_store_or_a_page(everybody: Running) -> None:
    """Whatever was sent with it, and however wrong the rest of that was."""
    for case in CASES:
        everybody.ask(request_of(case))
    everybody.store.show({"at": 1.0, "apps": {}})
    kept = [path.read_bytes() for path in everybody.path.parent.iterdir() if path.is_file()]
    shown = [everybody.get(path).body for path in ("/api/v1/apps", "/api/v1/deployments")]
    for secret in (TOKEN, STANDARD, hashed(TOKEN)):
        assert secret not in everybody.log()
        assert not any(secret.encode() in content for content in [*kept, *shown])


@pytest.mark.parametrize("case", [one for one in CASES if one.verdict == "accepted"], ids=str)
def test_a_replay_asks_for_what_the_delivery_asked_for(everybody: Running, case: Case) -> None:
    """Without the headers that said what it was: they are not kept."""
    first = json.loads(everybody.ask(request_of(case)).body)
    again = json.loads(everybody.order(f"deliveries/{first['delivery']}/replay").body)
    assert (again["result"], again["replay_of"]) == ("accepted", first["delivery"])
    apps = [one["app"] for one in again["deployments"]]
    assert apps == [one["app"] for one in first["deployments"]]
    assert apps


def test_there_are_cases_of_every_sender() -> None:
    counted = Counter(case.hook.partition("-")[0] for case in CASES)
    assert set(counted) == set(SENDERS)
    assert min(counted.values()) >= 5
    assert len(CASES) >= 200
