"""What a check of the doctor yields: facts, and findings with what to do."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from deployer.errors import DeployerError


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong with a subject and why, and what to do; a note is no reason to fail."""

    subject: str
    what: str
    advice: str
    severity: str = "problem"


@dataclass(slots=True)
class Report:
    """What one check, or all of them, found."""

    facts: dict[str, str] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    def problem(self, subject: str, what: str, advice: str) -> None:
        """Something that does not work, or that is not safe."""
        self.findings.append(Finding(subject, what, advice))

    def note(self, subject: str, what: str, advice: str) -> None:
        """Something that is good to know and may well be meant."""
        self.findings.append(Finding(subject, what, advice, "note"))

    def error(self, subject: str, error: DeployerError) -> None:
        """A problem in an error's own words: `what failed: why. what to do`."""
        what, dot, advice = str(error).rpartition(". ")
        if dot:
            self.problem(subject, what, advice)
        else:
            self.problem(subject, advice, "Do what the words say, and run the doctor again")

    def add(self, other: Report) -> None:
        """Take over what another check found."""
        self.facts.update(other.facts)
        self.findings.extend(other.findings)

    @property
    def problems(self) -> list[Finding]:
        """The findings that are more than a note."""
        return [one for one in self.findings if one.severity == "problem"]

    def document(self) -> dict[str, Any]:
        """All of it, as `--json` prints it."""
        return {"facts": self.facts, "findings": [asdict(one) for one in self.findings]}
