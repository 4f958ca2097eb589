"""Posts what Docker Hub posts after a push of a tag."""

import http.client
import json
import time
from typing import Any
from urllib.parse import urlsplit

from .errors import LabError


def push_body(repository: str, tag: str) -> dict[str, Any]:
    """Return the body: no digest, no id, no signature, and a callback that nobody answers."""
    namespace, _, name = repository.rpartition("/")
    owner = namespace or "library"
    page = f"https://hub.docker.com/r/{owner}/{name}"
    return {
        "callback_url": f"https://registry.hub.docker.com/u/{owner}/{name}/hook/{'0' * 32}/",
        "push_data": {
            "images": [],
            "media_type": "application/vnd.docker.container.image.v1+json",
            "pushed_at": int(time.time()),
            "pusher": f"{owner}ci",
            "tag": tag,
        },
        "repository": {
            "comment_count": 0,
            "date_created": 1_700_000_000,
            "description": "",
            "dockerfile": "",
            "full_description": "",
            "is_official": False,
            "is_private": True,
            "is_trusted": False,
            "name": name,
            "namespace": owner,
            "owner": owner,
            "repo_name": f"{owner}/{name}",
            "repo_url": page,
            "star_count": 0,
            "status": "Active",
        },
    }


def post_push(url: str, repository: str, tag: str, timeout: float = 10) -> tuple[int, Any]:
    """Tell a receiver that repository:tag was pushed; return status and parsed answer."""
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "127.0.0.1", parts.port, timeout=timeout)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request(
            "POST",
            target,
            json.dumps(push_body(repository, tag)).encode(),
            {"Content-Type": "application/json"},
        )
        answer = connection.getresponse()
        status, body = answer.status, answer.read()
    except OSError as error:
        raise LabError(f"{url} could not be posted to ({error}): is the receiver up?") from error
    finally:
        connection.close()
    try:
        return status, json.loads(body)
    except ValueError as error:
        raise LabError(
            f"{url} answered {status} with something else than JSON: {body[:200]!r}"
        ) from error
