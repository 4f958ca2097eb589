"""What the doctor and `hooks test` post: what each sender would, with the hook's own secret."""

from __future__ import annotations

import hashlib
from contextlib import closing
from pathlib import Path

import pytest

from deployer.config import load
from deployer.config.secrets import receiver_part
from deployer.config.senders import SENDERS, Signing
from deployer.config.values import Config
from deployer.doctor.samples import NOBODYS, Said, Sample, said_for, sample_of
from deployer.errors import BadCredential
from deployer.model import Image
from deployer.ports import Heard, Known
from deployer.sources import SOURCES
from deployer.stores.schema import migrate
from deployer.stores.sqlite import SQLiteStore
from deployer.web.deciding import Decided, decide, selectors_of

TOKEN = "Kq3vXw9ZbT5mR1cY7hN0dL6sF2gJ8pA4"
SECRETS = {Signing.STANDARD: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", Signing.PLAIN: TOKEN}
APP = "{image: registry.example.com/acme/shop, tags: [stable]}"
RULES = {
    "github": "repository: acme/shop, branch: 'release/*'",
    "gitlab": "event: pipeline, project: acme/shop, ref: main",
}
WAYS = [
    (name, kind)
    for name, sender in SENDERS.items()
    for kind, there in (("token", sender.shows), ("secret", sender.signs))
    if there
]


def configured(folder: Path, source: str, kind: str, content: str, more: str = "") -> Config:
    """A configuration with one hook of this source and one app that it is for."""
    (folder / "proof").write_text(content)
    (folder / "config.yml").write_text(
        f"paths: {{state: {folder}/state}}\nhooks:\n  it:\n    source: {source}\n"
        f"    registry: registry.example.com\n    {kind}_file: proof\n{more}apps:\n  web: {APP}\n"
    )
    return load(folder / "config.yml", {}, part="receiver")


def ruled(source: str) -> str:
    if source not in RULES:
        return ""
    return f"    rules:\n      - {{when: {{{RULES[source]}}}, deploy: web}}\n"


def made(config: Config, said: Said | None = None) -> Sample:
    hook = config.hooks["it"]
    return sample_of(hook, said or said_for(hook, config.apps) or Said(NOBODYS))


def taken(config: Config, sample: Sample) -> tuple[Heard, Decided]:
    """What the receiver makes of it. Raises BadCredential where it does not prove itself."""
    part = receiver_part(config)
    hook = part.hooks["it"]
    source = SOURCES[hook.source]
    assert sample.path == "/hooks/it" + (f"/{TOKEN}" if sample.inbound.token else "")
    source.verify(sample.inbound, Known(hook.tokens, hook.secrets))
    heard = source.parse(sample.inbound, hook.registry)
    migrate(part.store)
    with closing(SQLiteStore(part.store)) as store:
        return heard, decide(heard, hook, selectors_of(part.apps), store)


@pytest.mark.parametrize(("source", "kind"), WAYS)
def test_a_sample_proves_itself_and_deploys_the_app(tmp_path: Path, source: str, kind: str) -> None:
    """Through what verifies, reads and matches every delivery of that sender."""
    signing = SENDERS[source].signs
    content = SECRETS[signing] if kind == "secret" and signing else TOKEN
    config = configured(tmp_path, source, kind, content, ruled(source))
    sample = made(config)
    _, decided = taken(config, sample)
    assert sample.proves
    assert [(one.app, one.tag) for one in decided.wanted] == [("web", "stable")]


@pytest.mark.parametrize(("source", "kind"), WAYS)
def test_a_sample_made_with_another_secret_is_refused(
    tmp_path: Path, source: str, kind: str
) -> None:
    signing = SENDERS[source].signs
    content = SECRETS[signing] if kind == "secret" and signing else TOKEN
    config = configured(tmp_path, source, kind, content, ruled(source))
    sample = made(config)
    (tmp_path / "proof").write_text(f"{content[:-1]}Q")
    with pytest.raises(BadCredential, match="the secret is missing or wrong"):
        taken(config, sample)


@pytest.mark.parametrize("source", [name for name, one in SENDERS.items() if one.shows])
def test_of_a_hash_only_the_refusal_of_a_wrong_token_can_be_tried(
    tmp_path: Path, source: str
) -> None:
    hashed = f"sha256:{hashlib.sha256(TOKEN.encode()).hexdigest()}"
    config = configured(tmp_path, source, "token", hashed, ruled(source))
    part = receiver_part(config).hooks["it"]
    sample = made(config)
    assert not sample.proves
    with pytest.raises(BadCredential):
        SOURCES[source].verify(sample.inbound, Known(part.tokens))


def test_of_what_only_a_cloud_can_sign_the_refusal_can_be_tried(tmp_path: Path) -> None:
    topics = '    topics: "arn:aws:sns:eu-west-1:111122223333:pushes"\n'
    config = configured(tmp_path, "ecr", "token", TOKEN, topics)
    hook = config.hooks["it"].model_copy(update={"token_file": ()})
    sample = sample_of(hook, Said(NOBODYS))
    assert "cloud" in sample.why_not
    with pytest.raises(BadCredential):
        SOURCES["ecr"].verify(sample.inbound, Known(topics=hook.topics))


def test_a_sample_comes_from_where_the_hook_allows(tmp_path: Path) -> None:
    config = configured(tmp_path, "generic", "token", TOKEN, "    allow: 192.0.2.0/24\n")
    assert made(config).inbound.headers["x-real-ip"] == "192.0.2.0"


@pytest.mark.parametrize("name", [one for one, sender in SENDERS.items() if sender.images])
def test_what_nobody_has_is_said_to_be_pushed_where_a_hook_is_for_no_app(
    tmp_path: Path, name: str
) -> None:
    kind = "token" if SENDERS[name].shows else "secret"
    config = configured(tmp_path, name, kind, TOKEN)
    heard, decided = taken(config, made(config, Said(NOBODYS)))
    assert [push.image.repository for push in heard.pushes] == [NOBODYS.repository]
    assert decided.wanted == ()


def test_the_sender_s_own_name_of_an_image_is_used_where_there_is_an_alias(tmp_path: Path) -> None:
    alias = '    aliases: {"registry:5000": registry.example.com}\n'
    config = configured(tmp_path, "generic", "token", TOKEN, alias)
    said = said_for(config.hooks["it"], config.apps)
    assert said is not None
    assert said.image == Image("registry:5000", "acme/shop", "stable")
    assert [one.app for one in taken(config, made(config))[1].wanted] == ["web"]


def test_nothing_can_be_said_for_an_app_that_a_hook_is_not_for(tmp_path: Path) -> None:
    config = configured(tmp_path, "gitlab", "token", TOKEN, ruled("gitlab"))
    hook = config.hooks["it"].model_copy(update={"rules": ()})
    assert said_for(config.hooks["it"], config.apps, "web") is not None
    assert said_for(hook, config.apps, "web") is None


def test_the_names_of_senders_are_those_that_there_is_code_for() -> None:
    assert set(SENDERS) == set(SOURCES)
