"""Docker's words about registries, as Engine 20.10 said them, become the right error."""

from __future__ import annotations

import pytest

from deployer.engines.docker.refusals import refusal, with_advice
from deployer.errors import (
    DeployerError,
    ImageNotFound,
    RateLimited,
    RegistryDenied,
    RegistryUnavailable,
)
from deployer.model import Image

IMAGE = Image("127.0.0.1:5001", "timeout/denied", "v1")

SAID: list[tuple[str, type[DeployerError] | None]] = [
    ("manifest unknown: manifest unknown", ImageNotFound),
    (f"manifest for {IMAGE} not found: manifest unknown: manifest unknown", ImageNotFound),
    ("name unknown: repository name not known to registry", ImageNotFound),
    ("no matching manifest for linux/amd64 in the manifest list entries", ImageNotFound),
    ("error parsing HTTP 404 response body: invalid character 'o'", ImageNotFound),
    ('Get "http://127.0.0.1:5007/v2/a/manifests/b": no basic auth credentials', RegistryDenied),
    ("unauthorized: authentication required", RegistryDenied),
    ("unauthorized: incorrect username or password", RegistryDenied),
    ("denied", RegistryDenied),
    ("errors: denied: requested access to the resource is denied", RegistryDenied),
    (
        "pull access denied for acme/shop, repository does not exist or may require "
        "'docker login': denied: requested access to the resource is denied",
        RegistryDenied,
    ),
    ("toomanyrequests: You have reached your pull rate limit.", RateLimited),
    ("received unexpected HTTP status: 500 Internal Server Error", RegistryUnavailable),
    ("received unexpected HTTP status: 503 Service Unavailable", RegistryUnavailable),
    ("error parsing HTTP 429 response body: unexpected end of JSON input", RateLimited),
    ("dial tcp 127.0.0.1:5008: connect: connection refused", RegistryUnavailable),
    ("dial tcp: lookup no-such-host.invalid: no such host", RegistryUnavailable),
    ("net/http: TLS handshake timeout", RegistryUnavailable),
    ("unexpected EOF", RegistryUnavailable),
    ("filesystem layer verification failed for digest sha256:abc", None),
    ("failed to register layer: open /a: permission denied", None),
    ("failed to register layer: unexpected EOF", None),
    ("write /var/lib/docker/tmp/a: no space left on device", None),
]


@pytest.mark.parametrize(("said", "kind"), SAID)
def test_words_become_the_error_that_they_mean(said: str, kind: type[DeployerError] | None) -> None:
    found = refusal(IMAGE, said)
    assert (type(found) if found else None) is kind
    assert found is None or (said in str(found) and str(IMAGE) in str(found))


def test_a_full_disk_comes_with_what_to_do() -> None:
    said = with_advice("write /var/lib/docker/tmp/a: no space left on device")
    assert "the disk of Docker's data is full. Make room (`docker system df`" in said
    assert with_advice("manifest unknown") == "manifest unknown"


ADVICE = [
    ("listen tcp4 0.0.0.0:80: bind: address already in use", "`ss -ltnp` shows it"),
    ("failed to bind host port for 0.0.0.0:80: address already in use", "`ss -ltnp` shows it"),
    ("Bind for 0.0.0.0:80 failed: port is already allocated", "`ss -ltnp` shows it"),
    ("Address already in use", "under `networks`"),
    ("listen tcp4 203.0.113.7:80: bind: cannot assign requested address", "correct `ports`"),
    (
        "user specified IP address is supported only when connecting to networks with user "
        "configured subnets",
        "with `--subnet`",
    ),
    ('could not select device driver "nvidia" with capabilities: [[gpu]]', "correct `gpus`"),
    ("Unknown runtime specified nosuch", "correct `runtime`"),
    ("unknown or invalid runtime name: nosuch", "correct `runtime`"),
    (
        "endpoint with name web-7-1 already exists in network front",
        "`docker network disconnect --force`",
    ),
    ("bind source path does not exist: /no/such", "correct `volumes`"),
    ("error gathering device information while adding custom device", "correct `devices`"),
    ("error looking up logging plugin nosuch", "correct `logging`"),
    ("unable to find user nosuch: no matching entries in passwd file", "as `user`"),
]


@pytest.mark.parametrize(("words", "advice"), ADVICE)
def test_what_a_start_is_refused_with_comes_with_what_to_do(words: str, advice: str) -> None:
    """Docker's words of Engine 20.10 and, where they differ, of 28."""
    said = with_advice(words)
    assert said.startswith(f"{words}. ")
    assert advice in said
