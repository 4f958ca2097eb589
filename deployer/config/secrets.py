"""Secret files: tokens, of which only hashes are kept, signing secrets, registry passwords."""

from __future__ import annotations

import base64
import binascii
import hashlib
import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from deployer.config.files import read_text
from deployer.config.senders import SENDERS, Signing
from deployer.config.values import (
    AppPart,
    Config,
    Destination,
    HookPart,
    ReceiverPart,
    RegistryLogin,
)
from deployer.errors import ConfigError

_MOST = 2
_BITS = 128
_LEAST_DISTINCT = 8
_LEAST_TYPED = 16
_HASH = re.compile(r"sha256:[0-9a-fA-F]{64}")
_TOKEN = re.compile(r"[A-Za-z0-9_.~-]+")
# What a header can hold, of whatever form a server's tokens are.
_FOREIGN = re.compile(r"[!-~]+")
_ALPHABETS = (
    (re.compile(r"[0-9]+"), 10),
    (re.compile(r"[0-9a-f]+|[0-9A-F]+"), 16),
    (re.compile(r"[0-9a-z]+|[0-9A-Z]+"), 36),
)
_PREFIX = "whsec_"
_KEY_SIZES = range(24, 65)


def token_hashes(
    files: Sequence[Path], *, typed: bool = False
) -> tuple[tuple[str, ...], list[str]]:
    """The hashes (`sha256:<hex>`) of all tokens in the files, and all that is wrong there.

    A file has one token a line, plain or as its hash; at most two are valid at once. `typed` ones
    may be any value that somebody gave a sender to show in a header.
    """
    return _read_all(files, _TYPED if typed else _TOKENS)


def signing_secrets(files: Sequence[Path], signing: Signing) -> tuple[tuple[str, ...], list[str]]:
    """The secrets that bodies are signed with, plain, and all that is wrong in the files.

    A file has one a line, at most two are valid at once. As Standard Webhooks has them they are
    `whsec_` and the base64 of 24 to 64 random bytes.
    """
    return _read_all(files, _SECRETS[signing])


@dataclass(frozen=True, slots=True)
class _Kind:
    """What the lines of a file hold: a noun, how to make one, what is wrong, what is kept."""

    noun: str
    make: str
    weakness: Callable[[str], str]
    kept: Callable[[str], str]


def _read_all(files: Sequence[Path], kind: _Kind) -> tuple[tuple[str, ...], list[str]]:
    kept: list[str] = []
    wrong: list[str] = []
    for number, path in enumerate(files, start=1):
        of = f" (file {number} of {len(files)})" if len(files) > 1 else ""
        try:
            lines = list(_lines(read_text(path)))
        except ValueError as error:
            wrong.append(f"{error}{of} {kind.make}")
            continue
        if not lines:
            wrong.append(f"the file has no {kind.noun}{of}. {kind.make}")
        for line, text in lines:
            if what := kind.weakness(text):
                wrong.append(f"line {line} of the file{of} {what}. {kind.make}")
            else:
                kept.append(kind.kept(text))
    unique = tuple(dict.fromkeys(kept))
    if len(unique) > _MOST:
        wrong.append(
            f"there are {len(unique)} {kind.noun}s, more than are valid at once. "
            "Keep two while the old one is replaced, else one."
        )
    return unique, wrong


def _lines(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.splitlines(), start=1):
        token = line.strip()
        if token and not token.startswith("#"):
            yield number, token


def _not_a_hash(token: str) -> str:
    return "is not sha256: and 64 hexadecimal digits" if token.startswith("sha256:") else ""


def _weakness(token: str) -> str:
    if _HASH.fullmatch(token):
        return ""
    if what := _not_a_hash(token):
        return what
    if not _TOKEN.fullmatch(token):
        return "has characters that a URL cannot hold"
    alphabet = next((size for form, size in _ALPHABETS if form.fullmatch(token)), 64)
    if len(token) * math.log2(alphabet) < _BITS:
        return f"is a token of less than {_BITS} bit"
    if len(set(token)) < _LEAST_DISTINCT:
        return "is a token that is not random"
    return ""


def _typed_weakness(token: str) -> str:
    if _HASH.fullmatch(token):
        return ""
    return _not_a_hash(token) or _guessable(token)


def _plain_weakness(secret: str) -> str:
    if _HASH.fullmatch(secret):
        return "is the hash of a secret; to see whether a body is signed takes the secret itself"
    return _guessable(secret)


def _guessable(text: str) -> str:
    if not text.isascii() or not text.isprintable():
        return "has characters that no header can hold"
    if len(text) < _LEAST_TYPED or len(set(text)) < _LEAST_DISTINCT:
        return f"has less than {_LEAST_TYPED} characters, or the same few again and again"
    return ""


def _hashed(token: str) -> str:
    if _HASH.fullmatch(token):
        return token.lower()
    return f"sha256:{hashlib.sha256(token.encode()).hexdigest()}"


def _not_a_secret(text: str) -> str:
    if not text.startswith(_PREFIX):
        return f"does not begin with {_PREFIX}"
    try:
        key = base64.b64decode(text.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        return f"is not {_PREFIX} and base64"
    if len(key) not in _KEY_SIZES:
        return f"is a secret of {len(key)} bytes, and not of 24 to 64"
    if len(set(key)) < _LEAST_DISTINCT:
        return "is a secret that is not random"
    return ""


_TOKENS = _Kind(
    "token",
    "Make one: python3 -c 'import secrets; print(secrets.token_urlsafe(32))' > FILE",
    _weakness,
    _hashed,
)
_TYPED = _Kind("token", _TOKENS.make, _typed_weakness, _hashed)
_SECRETS = {
    Signing.STANDARD: _Kind(
        "secret", 'Make one: echo "whsec_$(openssl rand -base64 32)" > FILE', _not_a_secret, str
    ),
    Signing.PLAIN: _Kind("secret", _TOKENS.make, _plain_weakness, str),
}


def receiver_part(config: Config) -> ReceiverPart:
    """All that the receiver is given; reads the files with the tokens of hooks and operators.

    Raises ConfigError with every file or token that cannot be used, tokens under 128 bit
    included. Of tokens only hashes leave this function.
    """
    problems: list[str] = []

    def read(key: str, found: tuple[tuple[str, ...], list[str]]) -> tuple[str, ...]:
        kept, wrong = found
        problems.extend(f"{config.places.get(key, key)}: {each}" for each in wrong)
        return kept

    receiver = config.receiver
    operators = read("receiver.operator_token_file", token_hashes(receiver.operator_token_file))
    scrapers = read("receiver.metrics_token_file", token_hashes(receiver.metrics_token_file))
    hooks = {}
    for name, hook in config.hooks.items():
        sender = SENDERS[hook.source]
        shown = token_hashes(hook.token_file, typed=sender.typed)
        signing = signing_secrets(hook.secret_file, sender.signs) if sender.signs else ((), [])
        hooks[name] = HookPart(
            source=hook.source,
            registry=hook.registry,
            aliases=hook.aliases,
            rules=hook.rules,
            tokens=read(f"hooks.{name}.token_file", shown),
            secrets=read(f"hooks.{name}.secret_file", signing),
            topics=hook.topics,
            audience=hook.audience,
            service_account=hook.service_account,
            allow=hook.allow,
        )
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
            name: AppPart(
                image=app.image.name,
                tags=app.tags,
                replicas=app.spec.replicas,
                hosts=app.route.hosts if app.route else (),
            )
            for name, app in config.apps.items()
        },
        operators=operators,
        scrapers=scrapers,
    )


def registry_password(login: RegistryLogin) -> str:
    """The password, read at each use so that it can be changed without a restart.

    One line break at the end is not part of it. Raises ConfigError where there is none.
    """
    try:
        return password_in(login.password_file)
    except ValueError as error:
        raise ConfigError([f"registries.{login.host}.password_file: {error}"]) from error


def report_token(app: str, to: Destination) -> str:
    """The token that an app's deployments are reported with, read at each use.

    Raises ConfigError where there is none.
    """
    try:
        return token_in(to.token_file)
    except ValueError as error:
        raise ConfigError([f"apps.{app}.report.token_file: {error}"]) from error


def token_in(path: Path) -> str:
    """The token of somebody else in a file. Raises ValueError with what is wrong there."""
    token = read_text(path).strip()
    if not _FOREIGN.fullmatch(token):
        raise ValueError("the file has no token, or more than that. Write it there, alone.")
    return token


def password_in(path: Path) -> str:
    """The password in a file. Raises ValueError with what is wrong and what to do."""
    password = read_text(path).removesuffix("\n").removesuffix("\r")
    if not password or "\0" in password:
        raise ValueError("the file has no password. Write it there, alone.")
    return password
