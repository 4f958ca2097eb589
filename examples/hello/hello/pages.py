"""The pages: Markdown files in the layout, each with a place in the navigation."""

from dataclasses import dataclass
from pathlib import Path

from flask import Blueprint, abort, render_template
from markdown_it import MarkdownIt
from markupsafe import Markup

from .api import greet
from .settings import Settings

HOME = "home"
# Raw HTML in the Markdown is shown, not obeyed; links to javascript: and the like are no links.
_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table")


@dataclass(frozen=True)
class Page:
    """One Markdown file; its first line is its title."""

    name: str
    title: str
    body: Markup

    @classmethod
    def read(cls, file: Path) -> "Page":
        """Read the file and render what follows its title."""
        title, _, text = file.read_text(encoding="utf-8").partition("\n")
        # Safe to mark as HTML: the renderer has escaped what was not Markdown.
        return cls(file.stem, title.lstrip("# ").strip(), Markup(_MARKDOWN.render(text)))  # noqa: S704


def make_blueprint(settings: Settings, content: Path) -> Blueprint:
    """Serve the Markdown files of a folder; home.md is the first page."""
    blueprint = Blueprint("pages", __name__)
    files = sorted(content.glob("*.md"), key=lambda file: (file.stem != HOME, file.stem))
    pages = {file.stem: Page.read(file) for file in files}

    @blueprint.get("/", defaults={"name": HOME})
    @blueprint.get("/pages/<name>")
    def show(name: str) -> str:
        if name not in pages:
            abort(404, f"there is no page {name}")
        return render_template(
            "page.html",
            page=pages[name],
            pages=pages.values(),
            greeting=greet() if name == HOME else "",
            settings=settings,
        )

    return blueprint
