"""The contracts between the procedure and the world: what each adapter promises.

Adapters translate their library's errors to those of `errors.py`, chained; nothing of a
library ever leaves them. `tests/contracts/` holds the suite that every implementation of a
contract passes, the fakes included.
"""

from deployer.ports.engine import Engine, Found, Login, Logins, Registry, Stopping
from deployer.ports.notifier import DESCRIPTION, Notifier, Report
from deployer.ports.output import OutputApp, OutputReplica, OutputWriter
from deployer.ports.proxy import (
    Applied,
    CertificateSeen,
    HeldSite,
    NginxFacts,
    NginxHost,
    NginxWorker,
    Proxy,
)
from deployer.ports.rows import (
    Active,
    Adopted,
    Adoption,
    Change,
    Counts,
    Delivery,
    Maintained,
    Order,
    Paused,
    Quarantine,
    Recorded,
)
from deployer.ports.source import Confirming, Credential, Facts, Heard, Inbound, Known, Source
from deployer.ports.store import Store

__all__ = [
    "DESCRIPTION",
    "Active",
    "Adopted",
    "Adoption",
    "Applied",
    "CertificateSeen",
    "Change",
    "Confirming",
    "Counts",
    "Credential",
    "Delivery",
    "Engine",
    "Facts",
    "Found",
    "Heard",
    "HeldSite",
    "Inbound",
    "Known",
    "Login",
    "Logins",
    "Maintained",
    "NginxFacts",
    "NginxHost",
    "NginxWorker",
    "Notifier",
    "Order",
    "OutputApp",
    "OutputReplica",
    "OutputWriter",
    "Paused",
    "Proxy",
    "Quarantine",
    "Recorded",
    "Registry",
    "Report",
    "Source",
    "Stopping",
    "Store",
]
