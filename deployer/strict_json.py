"""Bytes from a stranger to a JSON object, or BadPayload: nothing ambiguous, nothing huge.

Python's own loader takes duplicate keys, NaN and lone surrogates (RFC 8259 sections 4, 6 and
8.2 say why senders must not send them) and fails in its own ways on deep or long input.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, NoReturn

from deployer.errors import BadPayload

MAX_DEPTH = 32
MAX_DIGITS = 40

# A string is consumed whole, also an unterminated one, so that the scan stays linear.
_BRACKETS = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[{]|[\]}]', re.DOTALL)
_UNSAFE = re.compile("[\x00\ud800-\udfff]")


def load(body: bytes) -> dict[str, Any]:
    """The object that the body is.

    Raises BadPayload unless it is UTF-8, strictly JSON, an object, at most MAX_DEPTH deep, with
    no key twice, no number that is infinite, no NaN or integer over MAX_DIGITS digits, and no
    text that holds NUL or half a surrogate pair.
    """
    try:
        text = body.decode("utf-8")
        _limit_depth(text)
        value = json.loads(
            text,
            object_pairs_hook=_object,
            parse_constant=_constant,
            parse_int=_integer,
            parse_float=_float,
        )
    except UnicodeDecodeError as error:
        raise BadPayload("the body is not UTF-8") from error
    except ValueError as error:
        raise BadPayload("the body is not JSON") from error
    if not isinstance(value, dict):
        raise BadPayload("the body is JSON, but not an object")
    _check_text(value)
    return value


def _limit_depth(text: str) -> None:
    depth = 0
    for found in _BRACKETS.finditer(text):
        if found[0] in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise BadPayload(f"the body is nested deeper than {MAX_DEPTH} levels")
        elif found[0] in "]}":
            depth -= 1


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    unique = dict(pairs)
    if len(unique) != len(pairs):
        raise BadPayload("the body has a key twice in one object")
    return unique


def _constant(_: str) -> NoReturn:
    raise BadPayload("the body has a number that JSON does not know, such as NaN")


def _integer(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise BadPayload(f"the body has an integer of more than {MAX_DIGITS} digits")
    return int(digits)


def _float(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise BadPayload("the body has a number that is too large")
    return number


def _check_text(value: Any) -> None:
    if isinstance(value, str):
        if _UNSAFE.search(value):
            raise BadPayload("the body has text with NUL or half a surrogate pair")
    elif isinstance(value, dict):
        for key, inner in value.items():
            _check_text(key)
            _check_text(inner)
    elif isinstance(value, list):
        for inner in value:
            _check_text(inner)
