"""Which certificate each host is served with, and what is to be said of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from deployer.config.values import Nginx as Settings
from deployer.ports import CertificateSeen
from deployer.proxies import allowed
from deployer.proxies.certificates import Certificate, Reader, Unusable
from deployer.proxies.generations import PRIVATE
from deployer.proxies.servers import fronts_of
from deployer.proxies.sites import ReceiverSite
from deployer.routing import Front, Https, KeyPair, Route

RECEIVER = "receiver.host"
"""Whose the receiver's own host is: a name that no app can have."""

_STAYS = "; the one from before stays in use"
_REFUSED = "; it is in use, and browsers refuse it"
_PLAIN = "; its host has no TLS until then, and plain HTTP is served"
_NOTHING = "; its host is not served until then, since it is for TLS only"


@dataclass(frozen=True, slots=True)
class Choice:
    """Certificates for hosts: `hosts` has the name of each one's, `files` are a generation's.

    `wanted` is whether any host is to have TLS, also where none has a certificate that works.
    """

    wanted: bool = False
    hosts: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    seen: tuple[CertificateSeen, ...] = ()


@dataclass(frozen=True, slots=True)
class _Found:
    """A certificate, and the name that its files have in a generation."""

    name: str
    certificate: Certificate


class Certificates:
    """Chooses among the configured certificates, and those of the `current` generation.

    A certificate that became unusable is served as it was; one that has expired is served on
    too, since clients then say what is wrong, and plain HTTP would be worse. `now` gives seconds
    since 1970.
    """

    def __init__(
        self, settings: Settings, current: Path | None, now: Callable[[], float] = time.time
    ) -> None:
        self._settings = settings
        self._folder = current / PRIVATE if current else None
        self._now = now
        self._reader = Reader()
        self._kept = Reader()

    def choose(self, routes: Sequence[Route], receiver: ReceiverSite | None) -> Choice:
        """The certificates for these routes, as the files are at this moment."""
        fronts = fronts_of({route.app: route for route in routes})
        if receiver:
            fronts[receiver.host] = (RECEIVER, receiver.front)
        default = bool(self._settings.tls)
        wanting = {host: one for host, one in fronts.items() if one[1].wants_tls(default)}
        hosts: dict[str, str] = {}
        files: dict[str, str] = {}
        told: dict[tuple[str, float | None, str], list[str]] = {}
        for host, (app, front) in sorted(wanting.items()):
            found, problem = self._for(host, app, front)
            if found:
                hosts[host] = found.name
                files[f"{PRIVATE}/{found.name}.crt"] = found.certificate.chain
                files[f"{PRIVATE}/{found.name}.key"] = found.certificate.key
            else:
                problem += _NOTHING if front.https is Https.ONLY else _PLAIN
            ends = found.certificate.ends if found else None
            told.setdefault((app, ends, problem), []).append(host)
        seen = (
            CertificateSeen(app, tuple(names), ends, problem)
            for (app, ends, problem), names in told.items()
        )
        return Choice(bool(wanting), hosts, files, tuple(seen))

    def _for(self, host: str, app: str, front: Front) -> tuple[_Found | None, str]:
        """A host's certificate, if there is one, and what is wrong with what is configured."""
        prefix = "default"
        if front.pairs:
            prefix = "receiver" if app == RECEIVER else f"app.{allowed.name(app)}"
        pairs = front.pairs or self._settings.tls
        slots = {f"{prefix}.{at}": pair for at, pair in enumerate(pairs, start=1)}
        now = self._now()
        usable, problems = self._configured(slots, host)
        doubts = [
            f"the certificate in {slots[one.name].certificate}: {doubt}. Put another there"
            for one in usable
            if (doubt := one.certificate.doubt(now))
        ]
        if sound := next((one for one in usable if not one.certificate.doubt(now)), None):
            return sound, ""
        nobodys = f"no certificate is for {host}. Write one that is as `tls`, or `tls: off`"
        problem = (doubts or problems or [nobodys])[0]
        kept = [
            one for slot in slots for one in self._kept_in(slot) if one.certificate.covers(host)
        ]
        if sound := next((one for one in kept if not one.certificate.doubt(now)), None):
            return sound, problem + _STAYS
        if usable:
            return usable[0], problem + _REFUSED
        return (kept[0], problem + _STAYS) if kept else (None, problem)

    def _configured(
        self, slots: Mapping[str, KeyPair], host: str
    ) -> tuple[list[_Found], list[str]]:
        """Those that Nginx can use for this host, and why it cannot use others."""
        usable, problems = [], []
        for name, pair in slots.items():
            try:
                found = self._reader.read(pair)
            except Unusable as error:
                problems.append(str(error))
            else:
                if found.covers(host):
                    usable.append(_Found(name, found))
        return usable, problems

    def _kept_in(self, slot: str) -> Iterator[_Found]:
        """What the current generation serves in this place, under the name that it gets now.

        Another name than the configured one's, which may be in use for other hosts.
        """
        for name in (slot, f"{slot}.old") if self._folder else ():
            path = self._folder / name if self._folder else Path()
            own = KeyPair(path.with_name(f"{name}.crt"), path.with_name(f"{name}.key"))
            with suppress(Unusable):
                yield _Found(f"{slot}.old", self._kept.read(own))
