"""The files that a route names, as they are now: passwords and pages."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from deployer.config.files import read_text
from deployer.config.htpasswd import users_in
from deployer.config.problems import Problems
from deployer.config.route_file import RouteFile

MOST_PAGE = 32 * 1024


@dataclass(frozen=True, slots=True)
class RouteTexts:
    """Who may ask by password, "" for no password; and pages by status."""

    users: str = ""
    pages: tuple[tuple[int, str], ...] = ()


def texts_of(app: str, route: RouteFile | None, folder: Path, problems: Problems) -> RouteTexts:
    """The content of the files that an app's route names, from this folder."""
    if route is None:
        return RouteTexts()
    users = ""
    if route.basic_auth_file is not None:
        try:
            users = users_in(folder / route.basic_auth_file)
        except ValueError as error:
            problems.add(("apps", app, "route", "basic_auth_file"), str(error))
    pages = []
    for status, path in route.pages:
        try:
            pages.append((int(status), _page(folder / path)))
        except ValueError as error:
            problems.add(("apps", app, "route", "pages", status), str(error))
    return RouteTexts(users, tuple(pages))


def _page(path: Path) -> str:
    page = read_text(path)
    if not page.strip() or "\0" in page:
        raise ValueError("the file has no page. Write HTML there.")
    if len(page.encode()) > MOST_PAGE:
        raise ValueError(
            "the page is larger than 32 KiB. Let images and styles be on another host."
        )
    return page
