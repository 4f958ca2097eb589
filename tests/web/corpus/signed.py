"""GitHub, GitLab, Gitea and Forgejo, JFrog and Nexus: what they sign, and what they say."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote_plus

from tests.web.corpus.case import (
    DIGEST,
    GONE,
    STANDARD,
    TOKEN,
    Case,
    hexed,
    patched,
    standard,
    written,
)

PACKAGE: dict[str, Any] = {
    "action": "published",
    "package": {
        "name": "shop",
        "namespace": "unrelated",
        "package_type": "CONTAINER",
        "owner": {"login": "acme"},
        "package_version": {
            "version": DIGEST,
            "container_metadata": {
                "tag": {"name": "2.4.1", "digest": DIGEST},
                "manifest": {"config": {"media_type": ""}, "layers": []},
            },
            "package_url": "ghcr.io/acme/shop:2.4.1",
        },
        "registry": {"type": "CONTAINER"},
    },
    "repository": {"full_name": "acme/other"},
}
VERSION = "package.package_version"
RUN: dict[str, Any] = {
    "action": "completed",
    "workflow_run": {
        "id": 77,
        "run_attempt": 1,
        "name": "release",
        "path": ".github/workflows/release.yml",
        "head_branch": "main",
        "head_sha": "0" * 40,
        "event": "push",
        "conclusion": "success",
        "head_repository": {"full_name": "acme/shop"},
    },
    "repository": {"full_name": "acme/shop"},
}
GITHUB: list[tuple[str, dict[str, Any], str | int, str]] = [
    ("a package with a tag", {}, "accepted", ""),
    ("an update of one", {"action": "updated"}, "accepted", ""),
    ("one that was deleted", {"action": "deleted"}, "ignored", "not published"),
    ("no action", {"action": GONE}, "ignored", "not published"),
    (
        "a child of an image for several platforms",
        {
            f"{VERSION}.container_metadata.tag.name": "",
            f"{VERSION}.package_url": "ghcr.io/acme/shop:",
        },
        "ignored",
        "no tag",
    ),
    ("no container metadata", {f"{VERSION}.container_metadata": GONE}, "ignored", "no tag"),
    ("an npm package", {f"{VERSION}.container_metadata": None, "package.registry": None},
     "ignored", "no container image"),
    ("its type in small letters", {"package.registry.type": "container"}, "accepted", ""),
    ("no type, but metadata", {"package.registry": GONE}, "accepted", ""),
    ("a chart", {f"{VERSION}.container_metadata.manifest.config.media_type":
     "application/vnd.cncf.helm.config.v1+json"}, "ignored", "a Helm chart"),
    ("an address in capitals", {f"{VERSION}.package_url": "ghcr.io/Acme/Shop:2.4.1"},
     "accepted", ""),
    ("no address", {f"{VERSION}.package_url": ""}, "accepted", ""),
    ("another tag", {f"{VERSION}.container_metadata.tag.name": "3.0.0"}, "ignored",
     "not the tag 3.0.0"),
    ("another image", {f"{VERSION}.package_url": "ghcr.io/acme/other:2.4.1"}, "ignored", "no app"),
    ("another registry", {f"{VERSION}.package_url": "evil.example/acme/shop:2.4.1"}, "ignored",
     "see `registry`"),
    ("a signature beside an image",
     {f"{VERSION}.container_metadata.tag.name": f"sha256-{'5e' * 32}.sig"}, "ignored", "signature"),
    ("a digest that is none", {f"{VERSION}.container_metadata.tag.digest": "sha256:abc"},
     "accepted", ""),
    ("a package that is text", {"package": "shop"}, 400, "not an object"),
    ("a tag that is a number", {f"{VERSION}.container_metadata.tag.name": 2}, 400, "not text"),
]  # fmt: skip
RUNS: list[tuple[str, dict[str, Any], str | int, str]] = [
    ("a workflow that succeeded", {}, "accepted", "by rule"),
    ("one that is requested", {"action": "requested", "workflow_run.conclusion": None},
     "ignored", "requested"),
    ("one that failed", {"workflow_run.conclusion": "failure"}, "ignored", "failure"),
    ("one of another branch", {"workflow_run.head_branch": "topic"}, "ignored", "no rule"),
    ("one of another repository",
     {"repository.full_name": "acme/x", "workflow_run.head_repository.full_name": "acme/x"},
     "ignored", "no rule"),
    ("one of a fork", {"workflow_run.head_repository.full_name": "mallory/shop"}, "ignored",
     "the fork"),
    ("one of a repository that is gone", {"workflow_run.head_repository": None}, "ignored",
     "the fork"),
]  # fmt: skip


def signed(body: bytes) -> dict[str, str]:
    return {"X-Hub-Signature-256": f"sha256={hexed(body)}"}


def _github(event: str, body: Any, **more: str) -> dict[str, Any]:
    content = written(body)
    named = {"X-GitHub-Event": event, "X-GitHub-Delivery": "f4842055-038f"}
    return {
        "body": content,
        "headers": {**named, **signed(content), **more},
        "sender_id": "f4842055-038f",
    }


def github() -> Iterator[Case]:
    for name, changes, verdict, says in GITHUB:
        made = _github("package", patched(PACKAGE, changes))
        yield Case("github", name, verdict=verdict, says=says, **made)
    for name, changes, verdict, says in RUNS:
        made = _github("workflow_run", patched(RUN, changes))
        yield Case("github", name, verdict=verdict, says=says, **made)
    registry = {**PACKAGE, "registry_package": PACKAGE["package"]}
    del registry["package"]
    yield Case(
        "github", "registry_package", verdict="accepted", **_github("registry_package", registry)
    )
    yield Case(
        "github", "a ping", verdict="ignored", says="'ping'", **_github("ping", {"zen": "!"})
    )
    yield Case("github", "a push of commits", verdict="ignored", **_github("push", {"ref": "x"}))
    form = b"payload=" + quote_plus(written(PACKAGE)).encode()
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    yield Case("github", "a form", verdict="accepted", **_github("package", form, **kind))
    empty = _github("package", b"payloads=1", **kind)
    yield Case("github", "a form without payload", verdict=400, **empty)
    content = written(PACKAGE)
    named = {"X-GitHub-Event": "package"}
    for name, headers in {
        "no signature": {},
        "an empty signature": {"X-Hub-Signature-256": "sha256="},
        "SHA-1 only": {"X-Hub-Signature": f"sha1={hexed(content, 'sha1')}"},
        "another secret": {"X-Hub-Signature-256": f"sha256={hexed(content, key='x' * 20)}"},
        "a signature that is not ASCII": {"X-Hub-Signature-256": "sha256=\xe9"},
        "the secret itself": {"X-Hub-Signature-256": TOKEN},
        "the signature of other bytes": signed(content + b" "),
    }.items():
        yield Case("github", name, content, 401, headers={**named, **headers})


PIPELINE: dict[str, Any] = {
    "object_kind": "pipeline",
    "object_attributes": {
        "id": 31, "ref": "main", "tag": False, "sha": "b" * 40, "source": "push",
        "status": "success",
    },
    "project": {"path_with_namespace": "acme/shop"},
    "builds": [],
}  # fmt: skip
JOB: dict[str, Any] = {
    "object_kind": "build", "ref": "main", "build_id": 7, "build_name": "push",
    "build_stage": "publish", "build_status": "success", "pipeline_id": 31,
    "project": {"path_with_namespace": "acme/shop"},
}  # fmt: skip
DEPLOYMENT: dict[str, Any] = {
    "object_kind": "deployment", "status": "success", "environment": "production",
    "deployment_id": 5, "project": {"path_with_namespace": "acme/shop"}, "ref": "main",
}  # fmt: skip
GITLAB: list[tuple[str, Any, dict[str, Any], str | int, str]] = [
    ("a pipeline that succeeded", PIPELINE, {}, "accepted", "by rule"),
    ("one that runs", PIPELINE, {"object_attributes.status": "running"}, "ignored", "'running'"),
    ("one that failed", PIPELINE, {"object_attributes.status": "failed"}, "ignored", "'failed'"),
    ("one of a merge request", PIPELINE, {"object_attributes.source": "merge_request_event"},
     "ignored", "merge request"),
    ("one of a pull request elsewhere", PIPELINE,
     {"object_attributes.source": "external_pull_request_event"}, "ignored", "merge request"),
    ("one with a merge request", PIPELINE, {"merge_request": {"id": 1}}, "ignored",
     "merge request"),
    ("one of a source that nobody knows", PIPELINE, {"object_attributes.source": "carrier"},
     "ignored", "'carrier'"),
    ("one on a schedule", PIPELINE, {"object_attributes.source": "schedule"}, "accepted",
     "by rule"),
    ("one of another branch", PIPELINE, {"object_attributes.ref": "topic"}, "ignored", "no rule"),
    ("one of another project", PIPELINE, {"project.path_with_namespace": "a/b"}, "ignored",
     "no rule"),
    ("a job that no rule is for", JOB, {}, "ignored", "no rule"),
    ("a deployment", DEPLOYMENT, {}, "accepted", "by rule"),
    ("a deployment to elsewhere", DEPLOYMENT, {"environment": "review"}, "ignored", "no rule"),
    ("a deployment that failed", DEPLOYMENT, {"status": "failed"}, "ignored", "'failed'"),
    ("the test button", {"object_kind": "push", "ref": "refs/heads/main"}, {}, "ignored", "'push'"),
    ("attributes that are a list", PIPELINE, {"object_attributes": []}, 400, "not an object"),
]  # fmt: skip


def gitlab() -> Iterator[Case]:
    ids = {"Idempotency-Key": "7c81bcd1", "X-Gitlab-Event-UUID": "cea77031"}
    proof = {"X-Gitlab-Token": TOKEN}
    for name, body, changes, verdict, says in GITLAB:
        content = written(patched(body, changes))
        headers = {**ids, **proof}
        yield Case("gitlab", name, content, verdict, says, headers, sender_id="7c81bcd1")
    content = written(PIPELINE)
    older = {"X-Gitlab-Event-UUID": "cea77031", **proof}
    yield Case("gitlab", "an older version", content, "accepted", "", older, sender_id="cea77031")
    signing = standard(content, "msg_9")
    yield Case("gitlab", "signed", content, "accepted", "", signing, sender_id="msg_9")
    yield Case("gitlab", "a wrong token", content, 401, headers={"X-Gitlab-Token": "x"})
    yield Case("gitlab", "no token", content, 401)
    replayed = standard(content, "7c81bcd1", 1_600_000_000)
    yield Case("gitlab", "signed long ago", content, 401, headers=replayed)


CREATED: dict[str, Any] = {
    "action": "created",
    "repository": None,
    "package": {
        "owner": {"login": "acme"},
        "type": "container",
        "name": "Shop",
        "version": "2.4.1",
        "html_url": "https://git.example.com/acme/-/packages/container/Shop/2.4.1",
    },
}
GITEA: list[tuple[str, dict[str, Any], str | int, str]] = [
    ("a package with a tag", {}, "accepted", ""),
    ("one that was deleted", {"action": "deleted"}, "ignored", "not created"),
    ("an npm package", {"package.type": "npm"}, "ignored", "no container image"),
    ("a child of an image", {"package.version": DIGEST}, "ignored", "no tag"),
    ("another tag", {"package.version": "9"}, "ignored", "not the tag 9"),
    ("another owner", {"package.owner.login": "mallory"}, "ignored", "no app"),
    ("no address", {"package.html_url": None}, "ignored", "not a well-formed image"),
    ("an address that is none", {"package.html_url": "https://[::1"}, 400, "no address"),
    ("an owner that is a list", {"package.owner": ["acme"]}, 400, "not an object"),
]


def gitea() -> Iterator[Case]:
    for family in ("Gitea", "Forgejo"):
        for name, changes, verdict, says in GITEA:
            content = written(patched(CREATED, changes))
            headers = {
                f"X-{family}-Event": "package",
                f"X-{family}-Delivery": "d2255cc3",
                f"X-{family}-Signature": hexed(content),
            }
            hook = family.lower()
            yield Case(hook, name, content, verdict, says, headers, sender_id="d2255cc3")
    content, event = written(CREATED), {"X-Gitea-Event": "package"}
    yield Case("gitea", "GitHub's header", content, "accepted", "", {**event, **signed(content)})
    push = {"X-Gitea-Event": "push", "X-Gitea-Signature": hexed(b"{}")}
    yield Case("gitea", "its test", b"{}", "ignored", "'push'", push)
    form = {
        **event,
        "X-Gitea-Signature": hexed(content),
        "Content-Type": "application/x-www-form-urlencoded",
    }
    body = b"payload=" + quote_plus(content).encode()
    yield Case("gitea", "a form, signed over its JSON", body, "accepted", "", form)
    yield Case("gitea", "a form that is none", b"%", 401, "", form)
    empty = {**event, "X-Gitea-Signature": "", "X-Hub-Signature-256": "sha256="}
    yield Case("gitea", "an empty signature", content, 401, headers=empty)
    yield Case("gitea", "no signature", content, 401, headers=event)


PUSHED: dict[str, Any] = {
    "domain": "docker",
    "event_type": "pushed",
    "data": {
        "repo_key": "docker-local",
        "path": "acme/shop/2.4.1/manifest.json",
        "name": "manifest.json",
        "sha256": "5e" * 32,
        "image_name": "shop",
        "tag": "2.4.1",
    },
    "jpd_origin": "https://artifacts.example.com",
}
JFROG: list[tuple[str, dict[str, Any], str | int, str]] = [
    ("a pushed tag", {}, "accepted", ""),
    ("an index", {"data.path": "acme/shop/2.4.1/list.manifest.json"}, "accepted", ""),
    ("one that was deleted", {"event_type": "deleted"}, "ignored", "'docker deleted'"),
    ("an artifact", {"domain": "artifact"}, "ignored", "'artifact pushed'"),
    ("a cache that was filled", {"data.repo_key": "docker-remote-cache"}, "ignored", "a cache"),
    ("no origin", {"jpd_origin": GONE}, "ignored", "jpd_origin is missing"),
    ("an origin with a port", {"jpd_origin": "https://artifacts.example.com:8443"}, "ignored",
     "see `registry`"),
    ("a path without an image", {"data.path": "manifest.json"}, "ignored",
     "not a well-formed image"),
    ("data that is text", {"data": "x"}, 400, "not an object"),
]  # fmt: skip


def jfrog() -> Iterator[Case]:
    for name, changes, verdict, says in JFROG:
        content = written(patched(PUSHED, changes))
        shown = {"X-JFrog-Event-Auth": TOKEN}
        yield Case("jfrog", name, content, verdict, says, shown)
    content = written(PUSHED)
    signing = {"X-JFrog-Event-Auth": hexed(content)}
    yield Case("jfrog-signing", "a signed payload", content, "accepted", "", signing)
    shown = {"X-JFrog-Event-Auth": TOKEN}
    yield Case("jfrog-signing", "the secret itself", content, 401, headers=shown)
    yield Case("jfrog", "another secret", content, 401, headers={"X-JFrog-Event-Auth": "x"})
    yield Case("jfrog", "no secret", content, 401)


COMPONENT: dict[str, Any] = {
    "repositoryName": "docker-hosted",
    "action": "CREATED",
    "component": {"format": "docker", "name": "acme/shop", "group": None, "version": "2.4.1"},
}
NEXUS: list[tuple[str, dict[str, Any], str | int, str]] = [
    ("a component", {}, "accepted", ""),
    ("one that was updated", {"action": "UPDATED"}, "accepted", ""),
    ("one that was deleted", {"action": "DELETED"}, "ignored", "not created"),
    ("a jar", {"component.format": "maven2"}, "ignored", "no container image"),
    ("no version", {"component.version": None}, "ignored", "no tag"),
    ("a name in capitals", {"component.name": "Acme/Shop"}, "accepted", ""),
    ("a component that is a list", {"component": [1]}, 400, "not an object"),
]


def nexus() -> Iterator[Case]:
    for name, changes, verdict, says in NEXUS:
        content = written(patched(COMPONENT, changes))
        headers = {
            "X-Nexus-Webhook-Id": "rm:repository:component",
            "X-Nexus-Webhook-Delivery": "aa0e6dd7",
            "X-Nexus-Webhook-Signature": hexed(content, "sha1"),
        }
        yield Case("nexus", name, content, verdict, says, headers, sender_id="aa0e6dd7")
    content = written(COMPONENT)
    asset = {
        "X-Nexus-Webhook-Id": "rm:repository:asset",
        "X-Nexus-Webhook-Signature": hexed(content, "sha1"),
    }
    yield Case("nexus", "an asset", content, "ignored", "rm:repository:asset", asset)
    long = {**asset, "X-Nexus-Webhook-Signature": hexed(content)}
    yield Case("nexus", "SHA-256, which it has not", content, 401, headers=long)
    yield Case("nexus", "no signature", content, 401)


def generic() -> Iterator[Case]:
    content = written({"image": "registry.example.com:5000/acme/shop:2.4.1", "digest": DIGEST})
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    yield Case("generic", "a port and a tag", content, "accepted", "", bearer)
    signing = standard(content, "msg_1")
    yield Case("generic", "signed", content, "accepted", "", signing, sender_id="msg_1")
    old = standard(content, "msg_1", 1_600_000_000)
    yield Case("generic", "signed long ago", content, 401, headers=old)
    basic = base64.b64encode(TOKEN.encode()).decode()
    yield Case("generic", "Basic", content, 401, headers={"Authorization": f"Basic {basic}"})
    yield Case("generic", "the URL", content, 401, token=TOKEN)
    plain = {"Authorization": f"Bearer {STANDARD}"}
    yield Case("generic", "the signing secret as a token", content, 401, headers=plain)
    event = {"type": "image.pushed", "data": {"image": "registry.example.com:5000/acme/shop:2.4.1"}}
    for name, changes, verdict, says in (
        ("an envelope", {}, "accepted", ""),
        ("an envelope of something else", {"type": "build.failed"}, "ignored", "'build.failed'"),
        ("an envelope with nothing in it", {"data": GONE}, 400, "no object data"),
        ("an envelope without a type", {"type": GONE}, 400, "no image"),
    ):
        content = written(patched(event, changes))
        signing = standard(content, f"msg_{name}".replace(" ", "_"))
        identity = signing["webhook-id"]
        yield Case("generic", name, content, verdict, says, signing, sender_id=identity)
    none = written({"image": "registry.example.com:5000/acme/shop"})
    yield Case("generic", "no tag", none, 400, "no tag", bearer)


def cases() -> list[Case]:
    """All cases of these senders."""
    return [*github(), *gitlab(), *gitea(), *jfrog(), *nexus(), *generic()]
