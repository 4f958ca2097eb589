"""The spec that a container would be made from, and all that it could not say; pure."""

from __future__ import annotations

from dataclasses import dataclass

from deployer.engines.docker.adopt.facts import Facts, Notes
from deployer.engines.docker.adopt.host import host
from deployer.engines.docker.adopt.leftovers import leave
from deployer.engines.docker.adopt.mounts import mounted
from deployer.engines.docker.adopt.networks import reached
from deployer.engines.docker.adopt.process import process
from deployer.engines.docker.adopt.refusals import refuse
from deployer.spec import Spec

# What a container has of the one whose network it shares.
_OF_THE_OTHER = ("dns", "dns_opt", "dns_search")


@dataclass(frozen=True, slots=True)
class Derived:
    """A spec; what cannot be kept (`left`), and why there can be no such container (`refused`)."""

    spec: Spec
    left: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()


def derive(facts: Facts, app: str) -> Derived:
    """What the container is, in the words of a spec; `app` is the app that it becomes."""
    notes = Notes()
    fields = {
        **process(facts, notes),
        **host(facts),
        **mounted(facts, notes),
        **reached(facts, app, notes),
    }
    if str(fields.get("network_mode", "")).startswith("container:"):
        fields = {name: value for name, value in fields.items() if name not in _OF_THE_OTHER}
    leave(facts, notes)
    refuse(facts, notes)
    return Derived(Spec(**fields), tuple(notes.left), tuple(notes.refused))
