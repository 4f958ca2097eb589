"""Looks at who runs what: the receiver's user, its groups, whether it can import the package."""

from __future__ import annotations

import getpass
import grp
import os

from deployer.cli.rights import Account, prove_import, receiver_account
from deployer.config.values import Config
from deployer.doctor.report import Report
from deployer.errors import ConfigError


def account_of(config: Config) -> Account | None:
    """Whom the receiver would run as; None where that is not to be had or not ours to choose."""
    try:
        return receiver_account(config.receiver.user)
    except ConfigError:
        return None


def look(config: Config, report: Report) -> None:
    """Findings about users and rights, in the very words with which `serve` would refuse."""
    if os.geteuid() != 0:
        report.facts["users"] = f"{getpass.getuser()} for receiver and worker"
        report.note(
            "users",
            "started by this user, receiver and worker have the same rights: who breaks into the "
            "receiver has Docker",
            "Run `deployer serve` as root, which gives the receiver a user of its own",
        )
        return
    account = receiver_account(config.receiver.user)
    if account is None:
        return
    report.facts["users"] = f"root for the worker, {account.name} ({account.uid}) for the receiver"
    try:
        members = grp.getgrnam("docker").gr_mem
    except KeyError:
        members = []
    if account.name in members:
        report.problem(
            "users",
            f"receiver.user: {account.name} is a member of the group docker, and who is that "
            "has root's rights",
            f"Run: gpasswd --delete {account.name} docker",
        )
    prove_import(account)
