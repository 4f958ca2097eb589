"""Secret files: tokens, of which only hashes are kept, and registry passwords."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from deployer.config.files import read_text
from deployer.config.values import AppPart, Config, HookPart, ReceiverPart, RegistryLogin
from deployer.errors import ConfigError

_MOST_TOKENS = 2
_BITS = 128
_LEAST_DISTINCT = 8
_HASH = re.compile(r"sha256:[0-9a-fA-F]{64}")
_TOKEN = re.compile(r"[A-Za-z0-9_.~-]+")
_ALPHABETS = (
    (re.compile(r"[0-9]+"), 10),
    (re.compile(r"[0-9a-f]+|[0-9A-F]+"), 16),
    (re.compile(r"[0-9a-z]+|[0-9A-Z]+"), 36),
)
_MAKE = "Make one: python3 -c 'import secrets; print(secrets.token_urlsafe(32))' > FILE"


def token_hashes(files: Sequence[Path]) -> tuple[tuple[str, ...], list[str]]:
    """The hashes (`sha256:<hex>`) of all tokens in the files, and all that is wrong there.

    A file has one token a line, plain or as its hash; at most two are valid at once.
    """
    hashes: list[str] = []
    wrong: list[str] = []
    for number, path in enumerate(files, start=1):
        of = f" (file {number} of {len(files)})" if len(files) > 1 else ""
        try:
            lines = list(_lines(read_text(path)))
        except ValueError as error:
            wrong.append(f"{error}{of} {_MAKE}")
            continue
        if not lines:
            wrong.append(f"the file has no token{of}. {_MAKE}")
        for line, token in lines:
            if what := _weakness(token):
                wrong.append(f"line {line} of the file{of} {what}. {_MAKE}")
            else:
                hashes.append(_hashed(token))
    unique = tuple(dict.fromkeys(hashes))
    if len(unique) > _MOST_TOKENS:
        wrong.append(
            f"there are {len(unique)} tokens, more than are valid at once. "
            "Keep two while the old one is replaced, else one."
        )
    return unique, wrong


def _lines(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.splitlines(), start=1):
        token = line.strip()
        if token and not token.startswith("#"):
            yield number, token


def _weakness(token: str) -> str:
    if _HASH.fullmatch(token):
        return ""
    if token.startswith("sha256:"):
        return "is not sha256: and 64 hexadecimal digits"
    if not _TOKEN.fullmatch(token):
        return "has characters that a URL cannot hold"
    alphabet = next((size for form, size in _ALPHABETS if form.fullmatch(token)), 64)
    if len(token) * math.log2(alphabet) < _BITS:
        return f"is a token of less than {_BITS} bit"
    if len(set(token)) < _LEAST_DISTINCT:
        return "is a token that is not random"
    return ""


def _hashed(token: str) -> str:
    if _HASH.fullmatch(token):
        return token.lower()
    return f"sha256:{hashlib.sha256(token.encode()).hexdigest()}"


def receiver_part(config: Config) -> ReceiverPart:
    """All that the receiver is given; reads the files with the tokens of hooks and operators.

    Raises ConfigError with every file or token that cannot be used, tokens under 128 bit
    included. Only hashes leave this function.
    """
    problems: list[str] = []

    def read(key: str, files: Sequence[Path]) -> tuple[str, ...]:
        hashes, wrong = token_hashes(files)
        problems.extend(f"{config.places.get(key, key)}: {each}" for each in wrong)
        return hashes

    operators = read("receiver.operator_token_file", config.receiver.operator_token_file)
    hooks = {
        name: HookPart(
            source=hook.source,
            registry=hook.registry,
            tokens=read(f"hooks.{name}.token_file", hook.token_file),
        )
        for name, hook in config.hooks.items()
    }
    if problems:
        raise ConfigError(problems)
    return ReceiverPart(
        bind=config.receiver.bind,
        port=config.receiver.port,
        max_body=config.receiver.max_body,
        threads=config.receiver.threads,
        store=config.paths.database,
        hooks=hooks,
        apps={
            name: AppPart(image=app.image.name, tags=app.tags) for name, app in config.apps.items()
        },
        operators=operators,
    )


def registry_password(login: RegistryLogin) -> str:
    """The password, read at each use so that it can be changed without a restart.

    One line break at the end is not part of it. Raises ConfigError where there is none.
    """
    try:
        return password_in(login.password_file)
    except ValueError as error:
        raise ConfigError([f"registries.{login.host}.password_file: {error}"]) from error


def password_in(path: Path) -> str:
    """The password in a file. Raises ValueError with what is wrong and what to do."""
    password = read_text(path).removesuffix("\n").removesuffix("\r")
    if not password or "\0" in password:
        raise ValueError("the file has no password. Write it there, alone.")
    return password
