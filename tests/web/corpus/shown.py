"""Docker Hub, Quay, Harbor, Distribution, ACR, ECR, Google and zot, which show a token."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from typing import Any

from tests.sources.clouds import PUSH
from tests.web.corpus.case import DIGEST, GONE, TOKEN, Case, patched, written

Rows = list[tuple[str, dict[str, Any], str | int, str]]
INDEX = "application/vnd.oci.image.index.v1+json"
CHART = "application/vnd.cncf.helm.config.v1+json"
SIDECAR = f"sha256-{'5e' * 32}"

HUB: dict[str, Any] = {
    "callback_url": "http://169.254.169.254/latest/meta-data/",
    "push_data": {"pushed_at": 1760000000, "pusher": "acmebot", "tag": "2.4.1", "images": []},
    "repository": {"repo_name": "acme/shop", "namespace": "acme", "name": "shop"},
}
HUBS: Rows = [
    ("a pushed tag", {}, "accepted", ""),
    ("times in exponents", {"push_data.pushed_at": 1.4e9}, "accepted", ""),
    ("no tag", {"push_data.tag": GONE}, "ignored", "no tag"),
    ("a chart", {"push_data.media_type": CHART}, "ignored",
     "a Helm chart"),
    ("a plugin", {"push_data.media_type": "application/vnd.docker.plugin.v1+json"}, "ignored",
     "a Docker plugin"),
    ("an image's media type",
     {"push_data.media_type": "application/vnd.docker.container.image.v1+json"}, "accepted", ""),
    ("another image", {"repository.repo_name": "acme/other"}, "ignored", "no app"),
    ("a host in the name", {"repository.repo_name": "evil.example:5000/acme/shop"}, "ignored",
     "not a well-formed image"),
    ("an option as a tag", {"push_data.tag": "latest --privileged"}, "ignored", "well-formed"),
    ("a list as a tag", {"push_data.tag": ["2.4.1"]}, 400, "not text"),
    ("no repository", {"repository": GONE}, "ignored", "not a well-formed image"),
    ("a model", {"push_data.media_type": "application/vnd.docker.ai.model.config.v0.1+json"},
     "ignored", "an OCI artifact"),
    ("a name in capitals", {"repository.repo_name": "Acme/Shop"}, "accepted", ""),
]  # fmt: skip

QUAY: dict[str, Any] = {
    "name": "shop",
    "repository": "acme/shop",
    "namespace": "acme",
    "docker_url": "quay.io/acme/shop",
    "homepage": "https://quay.io/repository/acme/shop",
    "updated_tags": ["2.4.1"],
}
QUAYS: Rows = [
    ("an updated tag", {}, "accepted", ""),
    ("several of them", {"updated_tags": ["foo", "2.4.1"]}, "accepted", ""),
    ("a scheme before the address", {"docker_url": "https://quay.io/acme/shop"}, "accepted", ""),
    ("no tags", {"updated_tags": []}, "ignored", "no tag was updated"),
    ("its test", {"updated_tags": ["foo", "bar"], "pruned_image_count": 3}, "ignored",
     "not the tag foo"),
    ("a vulnerability", {"updated_tags": GONE}, "ignored", "no updated_tags"),
    ("no address", {"docker_url": GONE}, "ignored", "not a well-formed image"),
    ("tags that are text", {"updated_tags": "2.4.1"}, 400, "not a list of tags"),
    ("tags of numbers", {"updated_tags": [1]}, 400, "not a list of tags"),
]  # fmt: skip

HARBOR: dict[str, Any] = {
    "type": "PUSH_ARTIFACT",
    "occur_at": 1760000000,
    "operator": "acmebot",
    "event_data": {
        "resources": [
            {
                "digest": DIGEST,
                "tag": "2.4.1",
                "resource_url": "harbor.example.com/acme/shop:2.4.1",
            }
        ],
        "repository": {"name": "shop", "namespace": "acme", "repo_full_name": "acme/shop"},
    },
}
FIRST = "event_data.resources.0"
HARBORS: Rows = [
    ("a pushed artifact", {}, "accepted", ""),
    ("the type of 1.x", {"type": "pushImage"}, "accepted", ""),
    ("no section on the repository", {"event_data.repository": GONE}, "accepted", ""),
    ("a pull", {"type": "PULL_ARTIFACT"}, "ignored", "'PULL_ARTIFACT'"),
    ("a scan", {"type": "SCANNING_COMPLETED"}, "ignored", "'SCANNING_COMPLETED'"),
    ("a replication without resources", {"type": "REPLICATION", "event_data": {}}, "ignored",
     "'REPLICATION'"),
    ("a digest instead of a tag",
     {f"{FIRST}.tag": DIGEST, f"{FIRST}.resource_url": f"harbor.example.com/acme/shop@{DIGEST}"},
     "ignored", "no tag"),
    ("an address without a host", {f"{FIRST}.resource_url": "acme/shop:2.4.1"}, "ignored",
     "not a well-formed image"),
    ("an address without a tag", {f"{FIRST}.resource_url": "harbor.example.com/acme/shop"},
     "ignored", "no tag"),
    ("a signature", {f"{FIRST}.resource_url": f"harbor.example.com/acme/shop:{SIDECAR}.sig"},
     "ignored", "signature"),
    ("no resources", {"event_data.resources": []}, "ignored", "no artifact"),
    ("resources that are an object", {"event_data.resources": {}}, 400, "not a list of objects"),
]  # fmt: skip

EVENT: dict[str, Any] = {
    "id": "7d1c",
    "timestamp": "2026-01-01T00:00:00Z",
    "action": "push",
    "target": {"mediaType": INDEX, "digest": DIGEST, "repository": "acme/shop", "tag": "2.4.1"},
    "request": {"host": "registry.example.com", "method": "PUT", "useragent": "docker/27"},
}
EVENTS: Rows = [
    ("a manifest with a tag", {}, "accepted", ""),
    ("Docker's own media type",
     {"target.mediaType": "application/vnd.docker.distribution.manifest.v2+json"}, "accepted", ""),
    ("the host that an alias is for", {"request.host": "registry:5000"}, "accepted", ""),
    ("a host in one word that an alias is for", {"request.host": "registry"}, "accepted", ""),
    ("a pull", {"action": "pull"}, "ignored", "'pull'"),
    ("a deletion", {"action": "delete", "target": {"digest": DIGEST}}, "ignored", "'delete'"),
    ("a mount", {"action": "mount"}, "ignored", "'mount'"),
    ("a layer", {"target.mediaType": "application/octet-stream", "target.tag": GONE}, "ignored",
     "no manifest"),
    ("a manifest without a tag", {"target.tag": GONE}, "ignored", "no tag"),
    ("an attestation", {"target.tag": f"{SIDECAR}.att"}, "ignored", "signature"),
    ("an unknown host", {"request.host": "evil.example"}, "ignored", "see `registry`"),
    ("no host", {"request": {}}, "ignored", "not a well-formed image"),
    ("a target that is text", {"target": "acme/shop"}, 400, "not an object"),
]  # fmt: skip

ECR: dict[str, Any] = {
    **PUSH,
    "id": "d2c82140",
    "version": "0",
    "detail": {**PUSH["detail"], "image-digest": DIGEST},
}
ECRS: Rows = [
    ("a pushed image", {}, "accepted", ""),
    ("a scan", {"detail-type": "ECR Image Scan"}, "ignored", "'ECR Image Scan'"),
    ("a deletion", {"detail.action-type": "DELETE"}, "ignored", "'DELETE'"),
    ("a failure", {"detail.result": "FAILURE"}, "ignored", "'FAILURE'"),
    ("no tag", {"detail.image-tag": GONE}, "ignored", "no tag"),
    ("a chart", {"detail.artifact-media-type": CHART},
     "ignored", "a Helm chart"),
    ("another account", {"account": "999999999999"}, "ignored", "see `registry`"),
    ("an account that is a host", {"account": "evil.example/"}, "ignored",
     "not a well-formed image"),
    ("no account and no tag", {"account": GONE, "detail.image-tag": GONE}, "ignored", "no tag"),
]  # fmt: skip

INSERT = {
    "action": "INSERT",
    "digest": f"europe-docker.pkg.dev/acme/images/shop@{DIGEST}",
    "tag": "europe-docker.pkg.dev/acme/images/shop:2.4.1",
}
INSERTS: Rows = [
    ("a tag", {}, "accepted", ""),
    ("no tag", {"tag": GONE}, "ignored", "no tag"),
    ("a deletion", {"action": "DELETE"}, "ignored", "'DELETE'"),
    (
        "another image",
        {"tag": "europe-docker.pkg.dev/acme/images/other:2.4.1"},
        "ignored",
        "no app",
    ),
    ("a tag of a number", {"tag": 1}, 400, "not text"),
]

ZOT = {"name": "acme/shop", "reference": "2.4.1", "digest": DIGEST, "mediaType": INDEX}
ZOTS: Rows = [
    ("an updated image", {}, "accepted", ""),
    ("a digest", {"reference": DIGEST}, "ignored", "no tag"),
    ("a name that leaves its folder", {"name": "../etc"}, "ignored", "not a well-formed image"),
    ("a name of a number", {"name": 7}, 400, "not text"),
    (
        "a chart",
        {"manifest": json.dumps({"config": {"mediaType": CHART}})},
        "ignored",
        "a Helm chart",
    ),
    ("a manifest that is none", {"manifest": "{"}, "accepted", ""),
]


def rows(
    hook: str, base: Any, table: Rows, headers: Mapping[str, str], **more: Any
) -> Iterator[Case]:
    for name, changes, verdict, says in table:
        content = written(patched(base, changes))
        yield Case(hook, name, content, verdict, says, headers, **more)


BEARER = {"Authorization": f"Bearer {TOKEN}"}
WHOLE = {"Authorization": TOKEN}
BASIC = {"Authorization": f"Basic {base64.b64encode(TOKEN.encode()).decode()}"}


def tokens(hook: str, body: bytes) -> Iterator[Case]:
    """Every way in which a token may be shown, and those in which none is; `body` has no id."""
    for name, headers in {"whole": WHOLE, "bearer": BEARER, "basic": BASIC}.items():
        yield Case(hook, f"shown {name}", body, "accepted", "", headers)
    yield Case(hook, "shown in the URL", body, "accepted", token=TOKEN)
    for name, value in {
        "nothing": "",
        "only a scheme": "Bearer ",
        "another token": f"Bearer {TOKEN}x",
        "Basic that is no base64": "Basic ???",
        "what is not ASCII": "Bearer \xe9\xff",
    }.items():
        headers = {"Authorization": value} if value else {}
        yield Case(hook, f"shown {name}", body, 401, headers=headers)
    yield Case(hook, "another token in the URL", body, 401, token=f"{TOKEN}x", headers=BEARER)


def registries() -> Iterator[Case]:
    yield from rows("dockerhub", HUB, HUBS, {}, token=TOKEN)
    yield Case("dockerhub", "a header instead of the URL", written(HUB), 401, headers=BEARER)
    yield from rows("quay", QUAY, QUAYS, {}, token=TOKEN)
    yield from rows("harbor", HARBOR, HARBORS, WHOLE)
    yield from tokens("harbor", written(HARBOR))
    cloud = {
        "specversion": "1.0",
        "id": "ffe2d226",
        "type": "harbor.artifact.pushed",
        "data": HARBOR["event_data"],
    }
    cloudy: Rows = [
        ("a CloudEvent", {}, "accepted", ""),
        ("one of a pull", {"type": "harbor.artifact.pulled"}, "ignored", "pulled"),
    ]
    yield from rows("harbor", cloud, cloudy, WHOLE, sender_id="ffe2d226")
    for name, changes, verdict, says in EVENTS:
        events = written({"events": [patched(EVENT, changes)]})
        yield Case("distribution", name, events, verdict, says, BEARER, sender_id="7d1c")
    both = written({"events": [patched(EVENT, {"action": "pull"}), EVENT]})
    yield Case("distribution", "a pull, a push", both, "accepted", "", BEARER, sender_id="7d1c")
    none = written({"events": []})
    yield Case("distribution", "no event", none, "ignored", "no event", BEARER)
    yield Case("distribution", "no envelope", written(EVENT), "ignored", "no event", BEARER)
    odd = written({"events": [{"action": "pull", "target": "x"}, EVENT]})
    yield Case("distribution", "an odd pull, a push", odd, "accepted", "", BEARER)
    yield from tokens("distribution", written({"events": [patched(EVENT, {"id": GONE})]}))
    zotted = {"Ce-Type": "zotregistry.image.updated", "Ce-Id": "34e8b48d", **BEARER}
    yield from rows("zot", ZOT, ZOTS, zotted, sender_id="34e8b48d")
    scanned = {**zotted, "Ce-Type": "zotregistry.image.scanned"}
    yield Case("zot", "a scan", written(ZOT), "ignored", "scanned", scanned, sender_id="34e8b48d")


def clouds() -> Iterator[Case]:
    azure = patched(EVENT, {"request.host": "acme.azurecr.io"})
    table = [row for row in EVENTS if "alias" not in row[0] and row[0] != "no host"]
    yield from rows("acr", azure, table, BEARER, sender_id="7d1c")
    ping = written({"id": "93f5262d", "action": "ping"})
    yield Case("acr", "a ping", ping, "ignored", "'ping'", BEARER, sender_id="93f5262d")
    yield from rows("ecr", ECR, ECRS, BASIC, sender_id="d2c82140")
    topic = {"Type": "Notification", "MessageId": "7a8f", "Message": json.dumps(ECR)}
    typed = {"Content-Type": "text/plain; charset=UTF-8"}
    yield Case(
        "ecr", "through SNS", written(topic), "accepted", "", typed, sender_id="7a8f", token=TOKEN
    )
    wanted = {"Type": "SubscriptionConfirmation", "MessageId": "1", "TopicArn": "arn:aws:sns:x",
              "SubscribeURL": "https://169.254.169.254/"}  # fmt: skip
    asked = written(wanted)
    yield Case(
        "ecr", "a subscription", asked, "ignored", "to be confirmed", sender_id="1", token=TOKEN
    )
    broken = written({**topic, "Message": "{"})
    yield Case(
        "ecr",
        "what is no event",
        broken,
        "ignored",
        "deploys nothing",
        sender_id="7a8f",
        token=TOKEN,
    )
    for name, changes, verdict, says in INSERTS:
        event = patched(INSERT, changes)
        data = base64.b64encode(json.dumps(event).encode()).decode()
        body = written({"message": {"data": data, "messageId": "1585"}, "subscription": "x"})
        yield Case("gar", name, body, verdict, says, sender_id="1585", token=TOKEN)
    for name, body in (("no base64", b'{"message": {"data": "?"}}'), ("no message", b"{}")):
        yield Case("gar", name, body, "ignored", "deploys nothing", token=TOKEN)


def cases() -> list[Case]:
    """All cases of these senders."""
    return [*registries(), *clouds()]
