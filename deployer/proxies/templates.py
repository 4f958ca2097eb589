"""The templates: the user's before the package's, sandboxed; errors name file and line."""

from __future__ import annotations

import stat
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment

import deployer
from deployer.errors import RenderRefused

# What a template may raise on top of Jinja2's own errors: it is an expression of its author.
_TEMPLATE_ERRORS = (
    jinja2.TemplateError,
    ArithmeticError,
    AttributeError,
    LookupError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
)


def package_templates() -> Path:
    """The folder of deployer's own templates, in an installed package or in a checkout."""
    package = Path(deployer.__file__).resolve().parent
    installed = package / "nginx_templates"
    return installed if installed.is_dir() else package.parent / "nginx_templates"


class Templates:
    """Renders a file from the first of the folders that has its template."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = list(folders)
        self._environment = self._fresh()

    def reload(self) -> None:
        """Take the templates as they are on disk now.

        Raises RenderRefused where somebody else could change what is rendered: a symlink, or
        a file or folder that everybody may write.
        """
        # Jinja2 would not notice a file that was put before the one it knows.
        self._environment = self._fresh()
        for folder in self._folders:
            if not folder.is_dir():
                raise RenderRefused(
                    f"the template folder {folder} does not exist. Create it, or correct "
                    "`nginx.templates` in config.yml; the previous configuration is still live"
                )
            for path in (folder, *sorted(folder.iterdir())):
                _refuse_unsafe(path)

    def path(self, template: str) -> Path:
        """The file that a template is taken from."""
        candidates = [folder / template for folder in self._folders]
        return next((path for path in candidates if path.is_file()), candidates[-1])

    def render(self, template: str, values: dict[str, Any]) -> str:
        """The template with these values. Raises RenderRefused, naming file and line."""
        try:
            return self._environment.get_template(template).render(values)
        except _TEMPLATE_ERRORS as error:
            raise self._explained(template, error) from error

    def _fresh(self) -> ImmutableSandboxedEnvironment:
        # What is rendered is no HTML: values are let through by allow-lists, never escaped.
        return ImmutableSandboxedEnvironment(
            loader=jinja2.FileSystemLoader(self._folders),
            undefined=jinja2.StrictUndefined,
            autoescape=False,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )

    def _explained(self, template: str, error: BaseException) -> RenderRefused:
        if isinstance(error, jinja2.TemplateSyntaxError):
            where = f"{error.filename or self.path(template)}:{error.lineno}"
        else:
            where = self._where(error.__traceback__) or f"{self.path(template)}:1"
        return RenderRefused(
            f"the template {where} cannot be rendered: {error}. Correct it; "
            "the previous configuration is still live"
        )

    def _where(self, traceback: TracebackType | None) -> str:
        """The innermost line of a template: Jinja2 puts its files into the traceback."""
        where = ""
        while traceback is not None:
            file = Path(traceback.tb_frame.f_code.co_filename)
            if file.parent in self._folders:
                where = f"{file}:{traceback.tb_lineno}"
            traceback = traceback.tb_next
        return where


def _refuse_unsafe(path: Path) -> None:
    mode = path.lstat().st_mode
    problem = ""
    if stat.S_ISLNK(mode):
        problem = "is a symlink. Put the file itself there"
    elif mode & stat.S_IWOTH:
        problem = f"may be written by everybody. Run `chmod o-w {path}`"
    if problem:
        raise RenderRefused(
            f"the template {path} is not used: it {problem}; "
            "the previous configuration is still live"
        )
