"""The generic sender: which image is meant, who may say so, and nothing that breaks it."""

import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.errors import BadCredential, BadPayload
from deployer.model import Image
from deployer.ports import Heard, Inbound, Known
from deployer.sources import SOURCES
from tests.sources.signing import OTHER, SECRET, signature, signed
from tests.test_strict_json import HOSTILE

GENERIC = SOURCES["generic"]
TOKENS = [f"sha256:{hashlib.sha256(token).hexdigest()}" for token in (b"old", b"good")]
DIGEST, ANOTHER = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"
BODY = b'{"image": "acme/shop", "tag": "1.4"}'


def heard(content: Any, registry: str = "docker.io", **headers: str) -> Heard:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return GENERIC.parse(Inbound(headers, body, ""), registry)


def passes(headers: dict[str, str], body: bytes = BODY, token: str = "", secrets: Any = ()) -> bool:
    try:
        GENERIC.verify(Inbound(headers, body, token), Known(tuple(TOKENS), tuple(secrets)))
    except BadCredential as refused:
        assert str(refused) == "the secret is missing or wrong"
        return False
    return True


IMAGES: list[tuple[dict[str, Any], Image]] = [
    ({"image": "acme/shop", "tag": "1.4"}, Image("docker.io", "acme/shop", "1.4")),
    ({"image": "nginx", "tag": "1"}, Image("docker.io", "library/nginx", "1")),
    ({"image": "ghcr.io/acme/shop", "tag": "1.4"}, Image("ghcr.io", "acme/shop", "1.4")),
    ({"image": "GHCR.io/acme/shop", "tag": "1.4"}, Image("ghcr.io", "acme/shop", "1.4")),
    ({"image": "localhost:5000/shop:1.4"}, Image("localhost:5000", "shop", "1.4")),
    ({"image": "ghcr.io/Acme/Shop:RC1"}, Image("ghcr.io", "acme/shop", "RC1")),
    ({"image": "acme/shop:1.4", "tag": "1.4"}, Image("docker.io", "acme/shop", "1.4")),
    ({"image": "acme/shop:1.4", "tag": None}, Image("docker.io", "acme/shop", "1.4")),
    (
        {"image": "acme/shop", "tag": "1.4", "digest": DIGEST},
        Image("docker.io", "acme/shop", "1.4", DIGEST),
    ),
    ({"image": f"acme/shop:1.4@{DIGEST}"}, Image("docker.io", "acme/shop", "1.4", DIGEST)),
    (
        {"image": "acme/shop", "tag": "1.4", "digest": "", "commit": {"sha": "c0ffee"}},
        Image("docker.io", "acme/shop", "1.4"),
    ),
]


@pytest.mark.parametrize(("content", "image"), IMAGES)
def test_image_and_tag_say_what_was_pushed(content: dict[str, Any], image: Image) -> None:
    (push,) = heard(content).pushes
    assert push.image == image


def test_an_image_without_a_host_is_on_the_hooks_registry_and_one_with_it_is_not() -> None:
    registry = "registry.example.com:5000"
    assert heard({"image": "a/b", "tag": "1"}, registry).pushes[0].image.host == registry
    named = heard({"image": "ghcr.io/a/b", "tag": "1"}, registry)
    assert named.pushes[0].image.host == "ghcr.io"


WRONG: list[tuple[Any, str]] = [
    ({}, "the body has no image"),
    ({"tag": "1"}, "the body has no image"),
    ({"image": None, "tag": "1"}, "image is not text"),
    ({"image": ["a/b"], "tag": "1"}, "image is not text"),
    ({"image": "a/b"}, "the body has no tag"),
    ({"image": "a/b", "tag": ""}, "the body has no tag"),
    ({"image": f"a/b@{DIGEST}"}, "the body has no tag"),
    ({"image": "a/b", "digest": DIGEST}, "the body has no tag"),
    ({"image": "a/b", "tag": 1.4}, "tag is not text"),
    ({"image": "a/b", "tag": "1", "digest": []}, "digest is not text"),
    ({"image": "a/b:1", "tag": "2"}, "image has another tag than the key tag says"),
    (
        {"image": f"a/b:1@{DIGEST}", "digest": ANOTHER},
        "image has another digest than the key digest says",
    ),
    ({"image": "", "tag": "1"}, "image is not one such as"),
    ({"image": "\u212a/b", "tag": "1"}, "image is not one such as"),
    ({"image": "a/b:", "tag": "1"}, "image is not one such as"),
    ({"image": "a/b@", "tag": "1"}, "image is not one such as"),
    ({"image": "../../etc", "tag": "1"}, "image is not one such as"),
    ({"image": "a/b\n", "tag": "1"}, "image is not one such as"),
    ({"image": "a/b --privileged", "tag": "1"}, "image is not one such as"),
    ({"image": "https://ghcr.io/a/b", "tag": "1"}, "image is not one such as"),
    ({"image": "a/b", "tag": "1\n"}, "tag or digest is not well formed"),
    ({"image": "a/b", "tag": "-rf"}, "tag or digest is not well formed"),
    ({"image": "a/b", "tag": "x" * 129}, "tag or digest is not well formed"),
    ({"image": "a/b", "tag": "1", "digest": "sha256:ab"}, "tag or digest is not well formed"),
    ({"image": "a/b", "tag": "1", "digest": f"sha512:{'a' * 128}"}, "tag or digest is not well"),
]


@pytest.mark.parametrize(("content", "reason"), WRONG)
def test_what_names_no_image_and_tag_is_a_bad_payload(content: Any, reason: str) -> None:
    with pytest.raises(BadPayload) as refused:
        heard(content)
    assert str(refused.value).startswith(reason)


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_body_is_a_bad_payload(body: bytes) -> None:
    with pytest.raises(BadPayload):
        heard(body)


def test_the_webhook_id_is_the_senders_id() -> None:
    assert heard(BODY, **{"webhook-id": "run-17-1"}).sender_id == "run-17-1"
    assert heard(BODY).sender_id == ""


@pytest.mark.parametrize("sender_id", ["a b", "\xe9", "\x00", "x" * 256, " ", "\ud800", "a\n"])
def test_a_webhook_id_that_is_none_is_a_bad_payload(sender_id: str) -> None:
    with pytest.raises(BadPayload, match="webhook-id"):
        heard(BODY, **{"webhook-id": sender_id})


@pytest.mark.parametrize("header", ["Bearer good", "bearer good", "BEARER  good ", "Bearer old"])
def test_a_known_bearer_token_passes(header: str) -> None:
    assert passes({"authorization": header})


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", "good", "Basic good", "Bearer bad", "Bearer good good", "\xe9", "\0"],
)
def test_any_other_authorization_does_not(header: str) -> None:
    assert not passes({"authorization": header})


def test_a_token_in_the_url_is_refused_whatever_the_headers_say() -> None:
    assert not passes({}, token="good")
    assert not passes({"authorization": "Bearer good"}, token="good")
    assert not passes(signed(BODY), token="x", secrets=[SECRET])


def test_each_secret_is_good_for_signing_so_that_one_can_replace_the_other() -> None:
    assert passes(signed(BODY, SECRET), secrets=[OTHER, SECRET])
    assert passes(signed(BODY, OTHER), secrets=[OTHER, SECRET])
    assert not passes(signed(BODY, OTHER), secrets=[SECRET])
    assert not passes(signed(BODY, SECRET), secrets=[])


def test_the_vector_of_the_specification_is_what_these_tests_sign() -> None:
    made = signature(b'{"test": 2432232314}', SECRET, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330)
    assert made == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_one_good_signature_among_others_is_enough() -> None:
    headers = signed(BODY)
    good = headers["webhook-signature"]
    wrong = signed(BODY, OTHER)["webhook-signature"]
    headers["webhook-signature"] = f"v1a,aGVsbG8= {wrong} {good}"
    assert passes(headers, secrets=[SECRET])


@pytest.mark.parametrize(
    "beside", ["v1,no", "v1", "v2", "v1,a,b", "v1,not-base64!", "v1,\xe9", " "]
)
def test_whatever_stands_beside_a_good_signature_is_passed_over(beside: str) -> None:
    headers = signed(BODY)
    for both in (
        f"{beside} {headers['webhook-signature']}",
        f"{headers['webhook-signature']} {beside}",
    ):
        assert passes({**headers, "webhook-signature": both}, secrets=[SECRET])


@pytest.mark.parametrize("late", [-290.0, 0.0, 290.0])
def test_a_signature_is_good_for_five_minutes(late: float) -> None:
    assert passes(signed(BODY, late=late), secrets=[SECRET])


@pytest.mark.parametrize("late", [-310.0, 310.0, 86400.0])
def test_an_older_signature_or_one_of_the_future_is_not(late: float) -> None:
    assert not passes(signed(BODY, late=late), secrets=[SECRET])


CHANGED: dict[str, dict[str, str]] = {
    "another id": {"webhook-id": "msg_2"},
    "no id": {"webhook-id": ""},
    "an id of other letters": {"webhook-id": "\xe9\ud800"},
    "another time": {"webhook-timestamp": "1"},
    "no time": {"webhook-timestamp": ""},
    "a time that is no number": {"webhook-timestamp": "now"},
    "an endless time": {"webhook-timestamp": "inf"},
    "a time that is none": {"webhook-timestamp": "nan"},
    "a time too far": {"webhook-timestamp": "9" * 400},
    "digits of others": {"webhook-timestamp": "\u0661\u0662"},
    "no signature": {"webhook-signature": ""},
    "a signature without a version": {"webhook-signature": "aGVsbG8="},
    "only a version": {"webhook-signature": "v1"},
    "an empty signature": {"webhook-signature": "v1,"},
    "no base64": {"webhook-signature": "v1,a"},
    "letters of others": {"webhook-signature": "v1,\xe9\u0661"},
    "half a surrogate": {"webhook-signature": "v1,\ud800"},
    "two commas": {"webhook-signature": "v1,aGVsbG8=,"},
    "another version": {"webhook-signature": "v2,aGVsbG8="},
    "many": {"webhook-signature": "v1,aGVsbG8= " * 600},
}


@pytest.mark.parametrize("changed", CHANGED.values(), ids=CHANGED.keys())
def test_headers_that_are_changed_are_refused(changed: dict[str, str]) -> None:
    assert not passes({**signed(BODY), **changed}, secrets=[SECRET])


@pytest.mark.parametrize("body", [b"", BODY + b" ", BODY[:-1], b"\xff\xfe", b"\x00"])
def test_a_body_that_is_not_the_signed_one_is_refused(body: bytes) -> None:
    assert not passes(signed(BODY), body, secrets=[SECRET])


def test_what_is_signed_may_be_any_bytes_and_those_are_refused_as_what_they_are() -> None:
    assert passes(signed(b"\xff"), b"\xff", secrets=[SECRET])
    with pytest.raises(BadPayload, match="not UTF-8"):
        GENERIC.parse(Inbound(signed(b"\xff"), b"\xff"), "")


NAMES = ["webhook-id", "webhook-timestamp", "webhook-signature", "authorization"]


@given(st.dictionaries(st.sampled_from(NAMES), st.text(st.characters())), st.binary(), st.text())
def test_no_headers_and_no_body_do_anything_but_pass_or_be_refused(
    headers: dict[str, str], body: bytes, token: str
) -> None:
    assert not passes(headers, body, token, [SECRET])


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters()),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)
PAYLOADS = st.dictionaries(st.sampled_from(["image", "tag", "digest", "other"]), VALUES)


@given(PAYLOADS.map(lambda made: json.dumps(made).encode()) | st.binary(), st.text())
def test_every_body_is_one_well_formed_image_or_a_bad_payload(body: bytes, sender_id: str) -> None:
    try:
        (push,) = heard(body, **{"webhook-id": sender_id}).pushes
    except BadPayload as refused:
        assert str(refused).isascii()
        assert len(str(refused)) < 200
    else:
        assert push.image.repository
        assert push.image.tag
