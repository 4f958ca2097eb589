"""GitHub: packages of its container registry, and finished workflows by a rule of the hook.

https://docs.github.com/en/webhooks/webhook-events-and-payloads: `package` and `registry_package`
say the same under their own keys. Every child manifest of a multi-platform push is an event
without a tag, and of a digest with several tags only one is named.
"""

from __future__ import annotations

from deployer import strict_json
from deployer.model import Image
from deployer.ports import Credential, Facts, Heard, Inbound, Known
from deployer.sources.forms import json_of
from deployer.sources.pushes import ignored, not_an_image, pushed, pushed_name, shown
from deployer.sources.reading import Object, section, text, word
from deployer.sources.sampling import DIGEST, identity, written
from deployer.sources.signatures import check_digest, digest_of

REGISTRY = "ghcr.io"
_PACKAGES = ("package", "registry_package")


class GitHub:
    """A webhook of a repository or an organisation."""

    pasted_as = ""

    def verify(self, inbound: Inbound, known: Known) -> None:
        """Raises BadCredential unless the body, as it came, is signed (HMAC-SHA256)."""
        signature = inbound.headers.get("x-hub-signature-256", "")
        check_digest(signature.removeprefix("sha256="), inbound.body, known.secrets)

    def parse(self, inbound: Inbound, registry: str) -> Heard:
        """The pushed image, what a workflow says, or why there is neither."""
        payload = strict_json.load(json_of(inbound))
        event = inbound.headers.get("x-github-event", "")
        sender_id = inbound.headers.get("x-github-delivery", "")
        if event in _PACKAGES:
            heard = _package(section(payload, event), text(payload, "action"), registry)
        elif event == "workflow_run":
            heard = _run(payload)
        else:
            heard = ignored(f"the event {shown(event)} deploys nothing")
        return Heard(heard.pushes, heard.reason, sender_id, heard.facts)

    def sample(self, image: Image, facts: Facts, credential: Credential) -> Inbound:
        """A published package, or a finished workflow with these facts."""
        event, content = ("workflow_run", _run_of(facts)) if facts else ("package", _of(image))
        body = written(content)
        headers = {
            "content-type": "application/json",
            "x-github-event": event,
            "x-github-delivery": identity(),
            "x-hub-signature-256": f"sha256={digest_of(body, credential.secret)}",
        }
        return Inbound(headers, body)


def _package(package: Object, action: str, registry: str) -> Heard:
    version = section(package, "package_version")
    container = section(version, "container_metadata")
    if action not in ("published", "updated"):
        return ignored(f"the package was {shown(action)}, not published")
    # `package_type` is spelled in five ways, or not at all.
    if not container and text(section(package, "registry"), "type").upper() != "CONTAINER":
        return ignored("the package is no container image")
    kind = not_an_image(text(section(container, "manifest", "config"), "media_type"))
    if kind:
        return ignored(f"{kind} was published, not an image")
    tag, digest = text(container, "tag", "name"), text(container, "tag", "digest")
    url = text(version, "package_url").lower()
    if url:
        # The tag is behind the last colon, which is there also where no tag is.
        head, slash, last = url.rpartition("/")
        name = f"{head}{slash}{last.partition(':')[0]}"
        return pushed_name(name.removeprefix("https://"), registry, tag, digest)
    owner, name = text(package, "owner", "login"), text(package, "name")
    return pushed(registry or REGISTRY, f"{owner}/{name}".lower(), tag, digest)


def _run(payload: Object) -> Heard:
    run = section(payload, "workflow_run")
    action, conclusion = text(payload, "action"), text(run, "conclusion")
    if (action, conclusion) != ("completed", "success"):
        return ignored(f"the workflow is {shown(action)} ({conclusion or 'no conclusion'})")
    repository = text(payload, "repository", "full_name")
    head = text(run, "head_repository", "full_name")
    if head != repository:
        # A fork may name its branch as it likes.
        return ignored(f"the workflow ran for the fork {shown(head)}")
    return Heard(
        facts={
            "event": "workflow_run",
            "repository": repository,
            # `path` may end in `@<branch>`.
            "workflow": text(run, "path").partition("@")[0],
            "workflow_name": text(run, "name"),
            "branch": text(run, "head_branch"),
            "trigger": text(run, "event"),
            "head_repository": head,
            "conclusion": conclusion,
            "sha": text(run, "head_sha"),
            "run_id": word(run, "id"),
            "run_attempt": word(run, "run_attempt"),
        }
    )


def _of(image: Image) -> Object:
    owner, _, name = image.repository.partition("/")
    digest = image.digest or DIGEST
    return {
        "action": "published",
        "package": {
            "name": name,
            "owner": {"login": owner},
            "package_type": "CONTAINER",
            "package_version": {
                "container_metadata": {
                    "tag": {"name": image.tag, "digest": digest},
                    "manifest": {"digest": digest, "config": {"media_type": ""}},
                },
                "package_url": str(image),
            },
            "registry": {"type": "CONTAINER"},
        },
    }


def _run_of(facts: Facts) -> Object:
    repository = {"full_name": facts.get("repository", "")}
    return {
        "action": "completed",
        "workflow_run": {
            "conclusion": "success",
            "path": facts.get("workflow", ""),
            "name": facts.get("workflow_name", ""),
            "head_branch": facts.get("branch", ""),
            "event": facts.get("trigger", "push"),
            "head_repository": repository,
        },
        "repository": repository,
    }
