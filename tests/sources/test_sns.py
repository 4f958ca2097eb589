"""Messages of SNS prove themselves by the signature of AWS, and by nothing that they say."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from deployer.config.values import HookPart
from deployer.errors import BadCredential
from deployer.ports import Inbound, Known
from deployer.sources import SOURCES
from deployer.sources.ecr import ElasticRegistry
from deployer.sources.signatures import check_bearer
from deployer.stores.schema import migrate
from deployer.stores.sqlite import SQLiteStore
from deployer.web.app import create_app
from tests.sources.clouds import (
    CERTIFICATE,
    NOW,
    PUSH,
    SNS,
    SUBSCRIBE,
    TOPIC,
    Served,
    certificate,
    notification,
    signed,
    stamp,
    subscription,
)
from tests.web.receiver import hashed, part_for, wait_until

TOKEN = "canary-sns-1f0c9e7d3a28465b"
KNOWN = Known(topics=(TOPIC,))
OTHER = TOPIC.replace("pushes", "others")


def source(served: Served | None = None, now: datetime = NOW) -> ElasticRegistry:
    return ElasticRegistry(served or Served({CERTIFICATE: certificate()}), lambda: now)


def inbound(message: Any, token: str = "") -> Inbound:
    return Inbound({}, json.dumps(message).encode(), token)


@pytest.mark.parametrize("version", ["1", "2"])
@pytest.mark.parametrize("message", [notification(), notification(Subject="a"), subscription()])
def test_what_aws_signed_is_taken(message: dict[str, Any], version: str) -> None:
    source().verify(inbound(signed(message, version)), KNOWN)


def test_a_signed_push_is_heard() -> None:
    heard = source().parse(inbound(signed(notification())), "")
    assert [str(push.image) for push in heard.pushes] == [
        "111122223333.dkr.ecr.eu-west-1.amazonaws.com/acme/shop:2.4.1"
    ]


RIGHT = signed(notification())
ELSEWHERE = "https://sns.eu-west-1.amazonaws.com.example.com/SimpleNotificationService-0a0a0a0a.pem"
WRONG = {
    "a push of something else": {**RIGHT, "Message": json.dumps({**PUSH, "id": "2"})},
    "a subject that was not signed": {**RIGHT, "Subject": "a"},
    "another time": {**RIGHT, "Timestamp": stamp(NOW - timedelta(minutes=1))},
    "another version": {**RIGHT, "SignatureVersion": "1"},
    "a version that there is not": {**RIGHT, "SignatureVersion": "3"},
    "no signature": {**notification(), "SignatureVersion": "2"},
    "a signature that is no base64": {**RIGHT, "Signature": "é"},
    "a signature that is a list": {**RIGHT, "Signature": ["a"]},
    "the key of somebody else": signed(notification(), by="mallory"),
    "another topic": signed(notification(TopicArn=OTHER)),
    "a topic that is a list": {**RIGHT, "TopicArn": [TOPIC]},
    "a type that there is not": signed(notification(Type="Other")),
    "a type that is a list": {**RIGHT, "Type": ["Notification"]},
    "more than an hour ago": signed(notification(Timestamp=stamp(NOW - timedelta(minutes=61)))),
    "in more than an hour": signed(notification(Timestamp=stamp(NOW + timedelta(minutes=61)))),
    "no time": signed(notification(Timestamp="now")),
    "a message that is not text": signed(notification(Message=None)),
}


@pytest.mark.parametrize("case", WRONG)
def test_anything_else_is_refused(case: str) -> None:
    with pytest.raises(BadCredential):
        source().verify(inbound(WRONG[case]), KNOWN)


@pytest.mark.parametrize(
    "address",
    [
        ELSEWHERE,
        CERTIFICATE.replace("https", "http"),
        CERTIFICATE.replace("eu-west-1", "us-east-1"),
        CERTIFICATE.replace("//", "//mallory@"),
        f"{CERTIFICATE}?a",
        f"{CERTIFICATE}\n",
        f"{SNS}/../SimpleNotificationService-0a0a0a0a.pem",
        f"{SNS}:8443/SimpleNotificationService-0a0a0a0a.pem",
        "https://example.com/SimpleNotificationService-0a0a0a0a.pem",
        "",
    ],
)
def test_no_certificate_is_fetched_from_elsewhere(address: str) -> None:
    served = Served({address: certificate()})
    with pytest.raises(BadCredential, match="is not at an address of SNS"):
        source(served).verify(inbound(signed(notification(SigningCertURL=address))), KNOWN)
    assert served.asked == []


def test_the_certificate_of_a_region_in_china_is_at_the_host_of_china() -> None:
    topic = "arn:aws-cn:sns:cn-north-1:111122223333:pushes"
    address = CERTIFICATE.replace("eu-west-1.amazonaws.com", "cn-north-1.amazonaws.com.cn")
    message = signed(notification(TopicArn=topic, SigningCertURL=address))
    source(Served({address: certificate()})).verify(inbound(message), Known(topics=(topic,)))


def test_a_certificate_is_fetched_once() -> None:
    served = Served({CERTIFICATE: certificate()})
    one = source(served)
    for _ in range(3):
        one.verify(inbound(RIGHT), KNOWN)
    assert served.asked == [CERTIFICATE]


def test_a_stranger_makes_the_receiver_fetch_once_in_ten_seconds() -> None:
    """And what was fetched before counts all the while."""
    served = Served({CERTIFICATE: certificate()})
    one = source(served)
    for number in range(5):
        address = f"{SNS}/SimpleNotificationService-0a0a0a0{number}.pem"
        with pytest.raises(BadCredential, match=r"cannot be had|only every 10 s"):
            one.verify(inbound(signed(notification(SigningCertURL=address))), KNOWN)
    assert len(served.asked) == 1
    known = source(served)
    known.verify(inbound(RIGHT), KNOWN)
    with pytest.raises(BadCredential, match="only every 10 s"):
        known.verify(inbound(signed(notification(SigningCertURL=address))), KNOWN)
    known.verify(inbound(RIGHT), KNOWN)


def test_what_is_no_certificate_or_has_ended_signs_nothing() -> None:
    for content in (b"", b"<html>", certificate("aws", NOW - timedelta(days=1))):
        with pytest.raises(BadCredential):
            source(Served({CERTIFICATE: content})).verify(inbound(RIGHT), KNOWN)


def test_what_is_not_of_sns_shows_its_token_beside_topics() -> None:
    both = Known((hashed(TOKEN),), topics=(TOPIC,))
    source().verify(inbound(PUSH, TOKEN), both)
    for wrong in (inbound(PUSH), inbound(PUSH, "wrong"), Inbound({}, b"{", "")):
        for known in (both, KNOWN):
            with pytest.raises(BadCredential):
                source().verify(wrong, known)


def test_a_token_is_no_proof_of_a_message_where_topics_are_known() -> None:
    with pytest.raises(BadCredential):
        source().verify(inbound(notification(), TOKEN), Known((hashed(TOKEN),), topics=(TOPIC,)))
    source().verify(inbound(notification(), TOKEN), Known((hashed(TOKEN),)))


@pytest.mark.parametrize(
    ("message", "address"),
    [
        (subscription(), SUBSCRIBE),
        (notification(), ""),
        (subscription(TopicArn=OTHER), ""),
        (subscription(SubscribeURL=SUBSCRIBE.replace(TOPIC, OTHER)), ""),
        (subscription(SubscribeURL=f"{SUBSCRIBE}&TopicArn={OTHER}"), ""),
        (subscription(SubscribeURL=SUBSCRIBE.replace("Confirm", "Delete")), ""),
        (subscription(SubscribeURL=SUBSCRIBE.replace("https", "http")), ""),
        (subscription(SubscribeURL=SUBSCRIBE.replace(SNS, "https://169.254.169.254")), ""),
        (subscription(SubscribeURL=SUBSCRIBE.replace("amazonaws.com", "amazonaws.com.evil")), ""),
        (subscription(SubscribeURL=f"{SUBSCRIBE}#a"), ""),
    ],
)
def test_only_the_confirmation_of_a_known_topic_at_sns_may_be_visited(
    message: dict[str, Any], address: str
) -> None:
    assert source().confirmation(inbound(message), KNOWN) == address


def test_without_topics_nothing_is_ever_visited() -> None:
    assert source().confirmation(inbound(subscription()), Known((hashed(TOKEN),))) == ""


@pytest.mark.parametrize(
    ("topics", "asked", "status"),
    [((TOPIC,), [CERTIFICATE, SUBSCRIBE], 202), ((OTHER,), [], 401)],
)
def test_a_receiver_confirms_a_subscription_once(
    tmp_path: Path, topics: tuple[str, ...], asked: list[str], status: int
) -> None:
    """After it has recorded what asked for that, and only of a topic of the hook."""
    part = part_for(tmp_path / "state" / "deployer.db", 1)
    part = part.model_copy(update={"hooks": {"ecr": HookPart(source="ecr", topics=topics)}})
    migrate(part.store)
    now = datetime.now(UTC)
    served = Served({CERTIFICATE: certificate("aws", now + timedelta(days=1)), SUBSCRIBE: b""})
    store, made = SQLiteStore(part.store), source(served, now)
    client = create_app(part, store, {**SOURCES, "ecr": made}, check_bearer).test_client()
    body = json.dumps(signed(subscription(Timestamp=stamp(now))))
    client.post("/hooks/ecr?dry_run", data=body)
    for _ in range(2):
        assert client.post("/hooks/ecr", data=body).status_code == status
        wait_until(lambda: served.asked == asked, "the visit")
    if asked:
        # What one more visit would do, in this thread.
        made.confirm(SUBSCRIBE)
    assert served.asked == asked
    reasons = [one.reason for one in store.deliveries()]
    assert all("asked to be confirmed" in reason for reason in reasons)
    assert bool(reasons) == bool(asked)
    store.close()
