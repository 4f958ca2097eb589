"""GitLab: a pipeline, job or deployment that succeeded, by a rule of the hook.

https://docs.gitlab.com/user/project/integrations/webhook_events/: the container registry has no
webhook of its own, and these events name no image. A pipeline tells of each of its states. Older
versions show the secret token as it is, newer ones sign as Standard Webhooks has it.
"""

from __future__ import annotations

from collections.abc import Callable

from deployer import strict_json
from deployer.model import Image
from deployer.ports import Credential, Facts, Heard, Inbound, Known
from deployer.sources.pushes import ignored, shown
from deployer.sources.reading import Object, text, word
from deployer.sources.sampling import identity, written
from deployer.sources.signatures import check_standard, check_token, standard_headers

# Of https://docs.gitlab.com/ci/jobs/job_rules/#ci_pipeline_source-predefined-variable and the list
# in GitLab's source all but those of merge requests and of pull requests elsewhere.
_OWN = (
    *("push", "web", "trigger", "schedule", "api", "pipeline", "parent_pipeline", "chat"),
    *("webide", "external", "ondemand_dast_scan", "ondemand_dast_validation"),
    *("security_orchestration_policy", "pipeline_execution_policy_schedule"),
    "container_registry_push",
)
_IDS = ("idempotency-key", "webhook-id", "x-gitlab-event-uuid")


class GitLab:
    """A webhook of a project or group."""

    pasted_as = "the secret token of the webhook"

    def verify(self, inbound: Inbound, known: Known) -> None:
        """Raises BadCredential unless the headers show a token or sign the body."""
        if known.secrets and "webhook-signature" in inbound.headers:
            check_standard(inbound.headers, inbound.body, known.secrets)
        else:
            check_token(inbound.headers.get("x-gitlab-token", ""), known.tokens)

    def parse(self, inbound: Inbound, registry: str) -> Heard:
        """What succeeded, or why nothing is to be done. Raises BadPayload on wrong types."""
        payload = strict_json.load(inbound.body)
        sender_id = next((inbound.headers[one] for one in _IDS if inbound.headers.get(one)), "")
        kind = text(payload, "object_kind")
        read = _KINDS.get(kind)
        if read is None:
            return ignored(f"the event {shown(kind)} deploys nothing", sender_id)
        facts = read(payload)
        if facts["status"] != "success":
            state = shown(facts["status"])
            return ignored(f"the {facts['event']} is {state}, not a success", sender_id)
        if kind == "pipeline" and (facts["source"] not in _OWN or payload.get("merge_request")):
            # Its `ref` may be a name that somebody chose who asks for a merge.
            why = shown(facts["source"])
            return ignored(f"the pipeline ran for {why}, or for a merge request", sender_id)
        return Heard(facts=facts, sender_id=sender_id)

    def sample(self, image: Image, facts: Facts, credential: Credential) -> Inbound:
        """A pipeline, job or deployment that succeeded, with these facts."""
        kind = {"job": "build"}.get(facts.get("event", ""), facts.get("event", "pipeline"))
        body = written({"object_kind": kind, **_WRITERS[kind](facts)})
        given = identity()
        headers = {"content-type": "application/json", "idempotency-key": given}
        if credential.secret:
            headers |= standard_headers(given, credential.secret, body)
        else:
            headers["x-gitlab-token"] = credential.token
        return Inbound(headers, body)


def _pipeline(payload: Object) -> dict[str, str]:
    return {
        "event": "pipeline",
        "project": text(payload, "project", "path_with_namespace"),
        "ref": text(payload, "object_attributes", "ref"),
        "tag": word(payload, "object_attributes", "tag"),
        "source": text(payload, "object_attributes", "source"),
        "status": text(payload, "object_attributes", "status"),
        "sha": text(payload, "object_attributes", "sha"),
        "pipeline_id": word(payload, "object_attributes", "id"),
    }


def _job(payload: Object) -> dict[str, str]:
    return {
        "event": "job",
        "project": text(payload, "project", "path_with_namespace"),
        "ref": text(payload, "ref"),
        "tag": word(payload, "tag"),
        "job": text(payload, "build_name"),
        "stage": text(payload, "build_stage"),
        "status": text(payload, "build_status"),
        "sha": text(payload, "sha"),
        "pipeline_id": word(payload, "pipeline_id"),
    }


def _deployment(payload: Object) -> dict[str, str]:
    return {
        "event": "deployment",
        "project": text(payload, "project", "path_with_namespace"),
        "ref": text(payload, "ref"),
        "environment": text(payload, "environment"),
        "status": text(payload, "status"),
        "sha": text(payload, "short_sha"),
        "deployment_id": word(payload, "deployment_id"),
    }


_KINDS: dict[str, Callable[[Object], dict[str, str]]] = {
    "pipeline": _pipeline,
    "build": _job,
    "deployment": _deployment,
}


def _sample_project(facts: Facts) -> Object:
    return {"project": {"path_with_namespace": facts.get("project", "")}}


def _sample_pipeline(facts: Facts) -> Object:
    named = {key: facts[key] for key in ("ref", "source") if key in facts}
    # A rule may have a pattern, of which this fact is the beginning.
    source = facts.get("source", "")
    fitting = next((one for one in _OWN if one.startswith(source)), source)
    attributes = {"status": "success", **named, "source": fitting}
    return {**_sample_project(facts), "object_attributes": attributes}


def _sample_job(facts: Facts) -> Object:
    return {
        **_sample_project(facts),
        "ref": facts.get("ref"),
        "build_name": facts.get("job"),
        "build_stage": facts.get("stage"),
        "build_status": "success",
    }


def _sample_deployment(facts: Facts) -> Object:
    named = {key: facts.get(key) for key in ("ref", "environment")}
    return {**_sample_project(facts), **named, "status": "success"}


_WRITERS: dict[str, Callable[[Facts], Object]] = {
    "pipeline": _sample_pipeline,
    "build": _sample_job,
    "deployment": _sample_deployment,
}
