"""A spec, the container made of it, what Docker shows of that, and the spec again."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from deployer.config.sayable import sayable, spec_of
from deployer.config.writing import keys_of
from deployer.engines.docker.adopt.derive import derive
from deployer.spec import Spec
from tests.engines.docker.adopt.shown import APP, facts_of
from tests.engines.docker.adopt.specs import IMAGES, SPECS


def examples(count: int) -> settings:
    """So many examples, each of which may take its time."""
    slow = [HealthCheck.too_slow, HealthCheck.data_too_large]
    return settings(max_examples=count, deadline=None, suppress_health_check=slow)


def comes_back(spec: Spec, image: dict[str, Any]) -> None:
    """Only what was asked for is in the spec, and nothing is lost."""
    derived = derive(facts_of(spec, image), APP)
    assert derived.spec == spec
    assert (derived.refused, derived.left) == ((), ())


def stays_on_another_image(spec: Spec, old: dict[str, Any], new: dict[str, Any]) -> None:
    """A container of the derived spec is shown as one of the spec itself."""
    derived = derive(facts_of(spec, old), APP).spec
    assert facts_of(derived, new) == facts_of(spec, new)


def loads_again(spec: Spec) -> None:
    """The keys are the spec; where one is not taken, the rest loads all the same."""
    keys, left = sayable(APP, {"image": "acme/shop", **keys_of(spec)})
    assert (spec_of(APP, keys) == spec) is not bool(left)


@examples(30)
@given(SPECS, IMAGES)
def test_the_spec_of_a_container_is_what_it_was_made_of(spec: Spec, image: dict[str, Any]) -> None:
    """Whatever its image brings along."""
    comes_back(spec, image)


@examples(20)
@given(SPECS, IMAGES, IMAGES)
def test_on_a_later_image_it_gives_what_was_asked_for_and_that_images_own(
    spec: Spec, old: dict[str, Any], new: dict[str, Any]
) -> None:
    stays_on_another_image(spec, old, new)


@examples(8)
@given(SPECS)
def test_the_keys_that_are_written_load_to_the_spec_again(spec: Spec) -> None:
    loads_again(spec)


@pytest.mark.long
@examples(2000)
@given(SPECS, IMAGES, IMAGES)
def test_thousands_of_containers_come_back_as_they_were(
    spec: Spec, old: dict[str, Any], new: dict[str, Any]
) -> None:
    comes_back(spec, old)
    stays_on_another_image(spec, old, new)


@pytest.mark.long
@examples(300)
@given(SPECS)
def test_hundreds_of_specs_load_again(spec: Spec) -> None:
    loads_again(spec)
