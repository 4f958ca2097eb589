"""Under which name the image of a container can be had again, and what Compose copies."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from deployer.engines.docker.adopt.compose import copied, may_copy
from deployer.engines.docker.adopt.image import image_of
from deployer.model import Image
from tests.engines.docker.adopt.shown import seen

DIGEST = f"sha256:{'b' * 64}"


@pytest.mark.parametrize(
    ("said", "digests", "tags", "wanted", "expected"),
    [
        ("acme/shop:1.4", ["acme/shop"], [], "", Image("docker.io", "acme/shop", "1.4", DIGEST)),
        ("acme/shop", ["acme/shop"], [], "", Image("docker.io", "acme/shop", "", DIGEST)),
        (f"sha256:{'d' * 64}", ["r.io/a"], ["r.io/a:2"], "", Image("r.io", "a", "2", DIGEST)),
        ("here:1", ["a/x", "r.io/a"], [], "r.io/a", Image("r.io", "a", "", DIGEST)),
        ("r.io/a:1", ["a/x", "r.io/a"], [], "", Image("r.io", "a", "1", DIGEST)),
        ("here:1", [], ["here:1"], "", Image("docker.io", "library/here", "1")),
        (f"sha256:{'d' * 64}", [], ["deployer.local/i:a.r1"], "", None),
    ],
)
def test_the_image_has_the_name_under_which_it_can_be_had_again(
    said: str, digests: list[str], tags: list[str], wanted: str, expected: Image | None
) -> None:
    image = {"RepoDigests": [f"{one}@{DIGEST}" for one in digests], "RepoTags": tags}
    assert image_of(replace(seen({"Image": said}), image=image), wanted) == expected


TOP = {
    "secrets": {
        "file": {"file": "a"},
        "value": {"environment": "A"},
        "other": {"environment": "B"},
    },
    "configs": {"motd": {"content": "Hello"}, "mounted": {"file": "b"}},
}


@pytest.mark.parametrize(
    ("service", "expected"),
    [
        ({"secrets": ["file"], "configs": ["mounted"]}, ()),
        ({"secrets": ["value"]}, ("/run/secrets/value",)),
        ({"secrets": [{"source": "value", "target": "x"}]}, ("/run/secrets/x",)),
        ({"configs": ["motd"]}, ("/motd",)),
        ({"configs": [{"source": "motd", "target": "/etc/motd"}]}, ("/etc/motd",)),
        ({"secrets": "odd", "configs": None}, ()),
    ],
)
def test_what_has_no_file_is_copied_in_by_compose(
    service: dict[str, Any], expected: tuple[str, ...]
) -> None:
    """Also where the service and what it is given stand in two files."""
    documents = [{"services": {"web": service, "api": {"secrets": ["other"]}}}, TOP]
    assert copied(documents, "web") == expected


@pytest.mark.parametrize(("version", "copies"), [("1.29.2", False), ("2.24.0", True), ("", True)])
def test_only_the_newer_compose_copies(version: str, copies: bool) -> None:
    labels = {"com.docker.compose.project": "p", "com.docker.compose.version": version}
    assert may_copy(labels) is copies
    assert not may_copy({})
