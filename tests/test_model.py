"""Images are read, normalised and compared as Docker does it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.model import Image, image_of, parse_image
from deployer.spec import Spec

DIGEST = "sha256:" + "0f" * 32


@pytest.mark.parametrize(
    ("text", "image"),
    [
        ("nginx", Image("docker.io", "library/nginx")),
        ("acme/shop", Image("docker.io", "acme/shop")),
        ("acme/shop:2.4", Image("docker.io", "acme/shop", "2.4")),
        ("index.docker.io/acme/shop", Image("docker.io", "acme/shop")),
        ("registry-1.docker.io/acme/shop:1", Image("docker.io", "acme/shop", "1")),
        ("GHCR.io/acme/shop", Image("ghcr.io", "acme/shop")),
        ("localhost/shop", Image("localhost", "shop")),
        ("localhost:5000/shop:1", Image("localhost:5000", "shop", "1")),
        ("127.0.0.1:5001/a/b/c:x@" + DIGEST, Image("127.0.0.1:5001", "a/b/c", "x", DIGEST)),
        ("acme/shop@" + DIGEST, Image("docker.io", "acme/shop", "", DIGEST)),
    ],
)
def test_a_reference_means_the_same_however_it_is_written(text: str, image: Image) -> None:
    assert parse_image(text) == image


@pytest.mark.parametrize(
    "text",
    [
        "",
        "acme/Shop",
        "acme//shop",
        "acme/shop:",
        "acme/shop:latest --privileged",
        "acme/shop:../etc",
        "acme/shop@",
        "acme/shop@sha256:abc",
        "acme/shöp",
        "acme/shop\n",
        "-acme/shop",
        "registry.example.com:99999999/shop",
        "a" * 300,
    ],
)
def test_what_is_not_well_formed_is_no_image(text: str) -> None:
    assert parse_image(text) is None


def test_docker_hubs_old_spelling_of_official_images_is_the_same_image() -> None:
    assert image_of("docker.io", "_/nginx", "1") == image_of("docker.io", "nginx", "1")


def test_an_image_shows_its_tag_first_and_pins_its_digest() -> None:
    image = Image("docker.io", "acme/shop", "2.4", DIGEST)
    assert str(image) == "docker.io/acme/shop:2.4"
    assert image.pinned == f"docker.io/acme/shop@{DIGEST}"


@given(st.text())
def test_any_text_is_an_image_that_reads_back_the_same_or_none(text: str) -> None:
    image = parse_image(text)
    assert image is None or parse_image(str(image)) == Image(
        image.host, image.repository, image.tag, "" if image.tag else image.digest
    )


def test_what_everybody_may_know_is_not_masked_though_the_environment_says_it_too() -> None:
    """An app that is told its own name has reasons with names, and its secrets are masked."""
    spec = Spec(environment=(("APP", "storefront"), ("PASSWORD", "correct-horse")))
    said = "storefront-3-1 does not stay up: correct-horse"
    assert spec.masked(said) == "***-3-1 does not stay up: ***"
    assert spec.masked(said, ["storefront"]) == "storefront-3-1 does not stay up: ***"
