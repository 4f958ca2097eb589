"""Docker Hub's webhook: what is a push, what is none, and what is not Docker Hub's."""

import hashlib
from typing import Any

import pytest

from deployer.errors import BadCredential, BadPayload
from deployer.model import Image, Push
from deployer.ports import Heard, Inbound, Known
from deployer.sources import SOURCES
from tests.web.receiver import push

HUB = SOURCES["dockerhub"]


def heard(body: bytes, registry: str = "docker.io") -> Heard:
    return HUB.parse(Inbound({}, body, ""), registry)


def test_a_push_is_the_repository_and_the_tag_on_the_hooks_registry() -> None:
    assert heard(push("2.4.1")) == Heard((Push(Image("docker.io", "acme/shop", "2.4.1")),))
    mirrored = heard(push("2.4.1"), "mirror.example.com:5000")
    assert mirrored.pushes[0].image == Image("mirror.example.com:5000", "acme/shop", "2.4.1")


@pytest.mark.parametrize("name", ["nginx", "_/nginx", "library/nginx"])
def test_the_names_of_an_official_image_are_one(name: str) -> None:
    assert heard(push("1.30", name)).pushes[0].image.repository == "library/nginx"


@pytest.mark.parametrize(
    "media_type", [None, "", "application/vnd.oci.image.config.v1+json", "text/unheard-of"]
)
def test_an_image_may_be_of_any_media_type_or_of_none(media_type: str | None) -> None:
    assert heard(push(media_type=media_type)).pushes


@pytest.mark.parametrize(
    ("media_type", "what"),
    [
        ("application/vnd.cncf.helm.config.v1+json", "a Helm chart"),
        ("application/vnd.docker.plugin.v1+json", "a Docker plugin"),
        ("application/vnd.docker.ai.model.config.v0.1+json", "an OCI artifact"),
        ("application/vnd.wasm.config.v0+json", "an OCI artifact"),
        ("application/vnd.unknown.config.v1+json", "an OCI artifact"),
    ],
)
def test_what_else_a_registry_keeps_is_ignored(media_type: str, what: str) -> None:
    pushed = heard(push("0.9.0", "acme/chart", media_type=media_type))
    assert pushed == Heard(reason=f"{what} was pushed, not an image")


def test_a_name_in_capitals_is_the_one_that_the_registry_has() -> None:
    assert heard(push("Main", "Acme/Shop")).pushes[0].image.repository == "acme/shop"
    assert heard(push("Main", "Acme/Shop")).pushes[0].image.tag == "Main"


@pytest.mark.parametrize("tag", ["", None])
def test_a_push_without_a_tag_is_ignored_and_never_means_latest(tag: str | None) -> None:
    assert heard(push(tag)) == Heard(reason="the push names no tag")


@pytest.mark.parametrize(
    ("repository", "tag"),
    [
        ("acme/sh\u043ep", "latest"),
        ("acme/\u212aube", "latest"),
        ("", "latest"),
        ("evil.example:5000/acme/shop", "latest"),
        ("acme/shop@sha256:" + "a" * 64, "latest"),
        ("acme/shop:latest", "latest"),
        ("../../etc/passwd", "latest"),
        ("acme/shop", "latest --privileged"),
        ("acme/shop", "../latest"),
        ("acme/shop", "latest\n"),
        ("acme/shop", "-rf"),
        ("acme/shop", "x" * 129),
        ("acme/" + "shop" * 100, "latest"),
    ],
)
def test_what_is_no_image_reference_is_ignored_with_a_reason(repository: str, tag: str) -> None:
    result = heard(push(tag, repository))
    assert result.pushes == ()
    assert "not a well-formed image" in result.reason
    assert result.reason.isascii()
    assert "\n" not in result.reason
    assert len(result.reason) < 400


@pytest.mark.parametrize("wrong", [1, 1.5, True, [], {}, ["latest"], {"name": "latest"}])
@pytest.mark.parametrize("key", ["tag", "repository", "media_type"])
def test_a_wrong_type_is_a_bad_payload(key: str, wrong: Any) -> None:
    with pytest.raises(BadPayload, match="is not text"):
        heard(push(**{key: wrong}))


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b'{"push_data": {"tag": "latest"}}',
        b'{"push_data": {"tag": "latest"}, "repository": {}}',
        b'{"push_data": null, "repository": {"repo_name": "acme/shop"}}',
        b'{"push_data": {}, "repository": {"repo_name": "acme/shop"}}',
    ],
)
def test_a_body_without_its_parts_is_no_push(body: bytes) -> None:
    assert heard(body).pushes == ()
    assert heard(body).reason


@pytest.mark.parametrize(
    "body",
    [
        b'{"push_data": [], "repository": {}}',
        b'{"push_data": {"tag": "latest"}, "repository": "acme/shop"}',
    ],
)
def test_a_body_with_other_parts_is_a_bad_payload(body: bytes) -> None:
    with pytest.raises(BadPayload, match="is not an object"):
        heard(body)


def test_the_token_of_the_url_is_the_secret() -> None:
    known = Known((f"sha256:{hashlib.sha256(b'good').hexdigest()}",))
    HUB.verify(Inbound({}, b"", "good"), known)
    with pytest.raises(BadCredential):
        HUB.verify(Inbound({"authorization": "Bearer good"}, b"", "bad"), known)
