"""The keys of `report:`: where an app's deployments are reported."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, model_validator

from deployer.config import kinds
from deployer.config.compose.forms import Kind, one_of
from deployer.config.problems import Problems
from deployer.config.section import Section
from deployer.config.values import Destination
from deployer.model import HOST_LABEL

if TYPE_CHECKING:
    from deployer.config.file import File

SERVERS = {"github": "https://github.com", "gitlab": "https://gitlab.com", "gitea": ""}
"""The kinds of servers that are reported to, and the one of each kind that everybody knows."""

_GROUPED = frozenset({"gitlab"})
_PART = r"[A-Za-z0-9_.-]{1,100}"
_REPOSITORY = re.compile(rf"{_PART}(?:/{_PART}){{1,20}}")
_URL = re.compile(
    rf"https?://{HOST_LABEL}(?:\.{HOST_LABEL})*(?::[0-9]{{1,5}})?(?:/[A-Za-z0-9._~-]{{1,100}}){{0,5}}/?",
    re.IGNORECASE,
)
_ENVIRONMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._/-]{0,99}")


def _repository(value: Any) -> str:
    instead = "Write its path on the server, such as acme/shop."
    path = kinds.text(value, instead)
    if not _REPOSITORY.fullmatch(path) or {".", ".."} & set(path.split("/")):
        raise ValueError(f"not the path of a repository. {instead}")
    return path


def _url(value: Any) -> str:
    instead = "Write one such as https://git.example.com, without a user, a query or a fragment."
    url = kinds.text(value, instead)
    if not _URL.fullmatch(url) or {".", ".."} & set(url.split("/")):
        raise ValueError(f"not the URL of a server. {instead}")
    return url.rstrip("/")


_PATH = Kind(_repository, {"type": "string", "pattern": f"^{_REPOSITORY.pattern}$"})
_SERVER = Kind(_url, {"type": "string", "pattern": "^https?://"})
_NAME = Kind(
    kinds.matching(
        _ENVIRONMENT, "not a name that an environment has", "Write one such as production."
    ),
    {"type": "string", "pattern": f"^{_ENVIRONMENT.pattern}$"},
)


class ReportFile(Section):
    """Where the commit that an image was built from gets to know of its deployments."""

    to: Annotated[str, one_of(*SERVERS)] = Field(
        description="Kind of server: github, gitlab, or gitea, which Forgejo is too.",
        examples=["github"],
    )
    repository: Annotated[str, _PATH] = Field(
        description="Path of the repository on that server.", examples=["acme/shop"]
    )
    url: Annotated[str, _SERVER] | None = Field(
        None, description="Address of a server of your own. Default: github.com or gitlab.com."
    )
    token_file: kinds.FilePath = Field(
        description="File with a token that may write statuses there, read at each use.",
        examples=["secrets/report.token"],
    )
    environment: Annotated[str, _NAME] = Field(
        "production", description="Name of the environment at GitHub; each app needs its own."
    )

    @model_validator(mode="after")
    def _fits(self) -> ReportFile:
        if not self.url and not SERVERS[self.to]:
            raise ValueError("no server. Write `url: https://git.example.com`.")
        if self.to not in _GROUPED and self.repository.count("/") != 1:
            raise ValueError("the repository is not OWNER/NAME. Write one such as acme/shop.")
        if self.to != "github" and "environment" in self.model_fields_set:
            raise ValueError("only GitHub is told of an environment. Leave `environment` out.")
        return self


def check_reports(file: File, problems: Problems) -> None:
    """Note apps that would take GitHub's environment from one another, at each success."""
    taken: dict[tuple[str, ...], str] = {}
    for name, app in file.apps.items():
        report, key = app.report, ("apps", name, "report")
        if report is None or report.to != "github" or problems.touch(key):
            continue
        place = (report.url or "", report.repository.lower(), report.environment.lower())
        first = taken.setdefault(place, name)
        if first != name:
            problems.add(
                problems.first((*key, "environment"), key),
                f"app {first} is reported to this environment too. Write one of its own, such as "
                f"`environment: production/{name}`.",
            )


def reports_of(file: File) -> dict[str, Destination]:
    """Where deployments are reported, by app."""
    return {
        name: Destination(
            kind=app.report.to,
            repository=app.report.repository,
            url=app.report.url or SERVERS[app.report.to],
            token_file=app.report.token_file,
            environment=app.report.environment,
        )
        for name, app in file.apps.items()
        if app.report is not None
    }
