"""The templates: the user's before the package's, sandboxed; errors name file and line."""

from __future__ import annotations

import stat
from collections.abc import Callable, Sequence
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

Seen = tuple[tuple[str, int, int, int], ...]
"""How files are on disk: of each its path, its inode, its size and when it was changed."""


def package_templates() -> Path:
    """The folder of deployer's own templates, in an installed package or in a checkout."""
    package = Path(deployer.__file__).resolve().parent
    installed = package / "nginx_templates"
    return installed if installed.is_dir() else package.parent / "nginx_templates"


def seen(paths: Sequence[Path]) -> Seen:
    """How these files, and those in these folders, are on disk now."""
    files = []
    for path in paths:
        files += [path, *sorted(path.iterdir())] if path.is_dir() else [path]
    return tuple(_seen(path) for path in files)


class Templates:
    """Renders a file from the first of the folders that has its template."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = list(folders)
        self._loaded: Seen = ()
        self._environment = self._fresh()

    def seen(self) -> Seen:
        """How the files in the folders are on disk now."""
        return seen(self._folders)

    def reload(self) -> Seen:
        """Take the templates as they are on disk now; how they are.

        Raises RenderRefused where a folder is missing, or others could put files there.
        """
        now = self.seen()
        if now != self._loaded:
            # Jinja2 would not notice a file that was put before the one it knows.
            self._environment = self._fresh()
            self._loaded = now
        for folder in self._folders:
            if not folder.is_dir():
                raise RenderRefused(
                    f"the template folder {folder} does not exist. Create it, or correct "
                    "`nginx.templates` in config.yml"
                )
            _refuse_unsafe(folder)
        return now

    def path(self, template: str) -> Path:
        """The file that a template is taken from."""
        candidates = [folder / template for folder in self._folders]
        return next((path for path in candidates if path.is_file()), candidates[-1])

    def render(self, template: str, values: dict[str, Any]) -> str:
        """The template with these values. Raises RenderRefused, naming file and line.

        Also where somebody else could change it: a symlink, or a file that everybody may write.
        """
        try:
            return self._environment.get_template(template).render(values)
        except jinja2.TemplateNotFound as error:
            raise self._missing(error) from error
        except _TEMPLATE_ERRORS as error:
            raise self._explained(template, error) from error

    def _fresh(self) -> ImmutableSandboxedEnvironment:
        # What is rendered is no HTML: values are let through by allow-lists, never escaped.
        return ImmutableSandboxedEnvironment(
            loader=_Loader(self._folders),
            undefined=jinja2.StrictUndefined,
            autoescape=False,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            auto_reload=False,
        )

    def _missing(self, error: jinja2.TemplateNotFound) -> RenderRefused:
        return RenderRefused(
            f"there is no file {error.name} in {self._folders[0]}. Put it there, or correct its "
            "name in config.yml"
        )

    def _explained(self, template: str, error: BaseException) -> RenderRefused:
        if isinstance(error, jinja2.TemplateSyntaxError):
            where = f"{error.filename or self.path(template)}:{error.lineno}"
        else:
            where = self._where(error.__traceback__) or f"{self.path(template)}:1"
        return RenderRefused(f"the template {where} cannot be rendered: {error}. Correct it")

    def _where(self, traceback: TracebackType | None) -> str:
        """The innermost line of a template: Jinja2 puts its files into the traceback."""
        where = ""
        while traceback is not None:
            file = Path(traceback.tb_frame.f_code.co_filename)
            if file.parent in self._folders:
                where = f"{file}:{traceback.tb_lineno}"
            traceback = traceback.tb_next
        return where


class _Loader(jinja2.FileSystemLoader):
    def get_source(
        self, environment: jinja2.Environment, template: str
    ) -> tuple[str, str, Callable[[], bool]]:
        source, file, is_current = super().get_source(environment, template)
        _refuse_unsafe(Path(file))
        return source, file, is_current


def _seen(path: Path) -> tuple[str, int, int, int]:
    try:
        found = path.lstat()
    except OSError:
        return (str(path), 0, 0, 0)
    # The time of the last change of rights too: those are looked at as well.
    return (str(path), found.st_ino, found.st_size, max(found.st_mtime_ns, found.st_ctime_ns))


def _refuse_unsafe(path: Path) -> None:
    mode = path.lstat().st_mode
    problem = ""
    if stat.S_ISLNK(mode):
        problem = "is a symlink. Put the file itself there"
    elif mode & stat.S_IWOTH:
        problem = f"may be written by everybody. Run `chmod o-w {path}`"
    if problem:
        raise RenderRefused(f"the template {path} is not used: it {problem}")
