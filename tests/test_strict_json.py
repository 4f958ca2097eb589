"""Bytes of strangers: an object, or BadPayload, and nothing else."""

import json
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from deployer.errors import BadPayload
from deployer.strict_json import MAX_DEPTH, load

HOSTILE = {
    "empty": b"",
    "no JSON": b"payload=%7B%7D",
    "an array": b"[]",
    "text": b'"a"',
    "null": b"null",
    "cut off": b'{"a": 1',
    "two documents": b"{}{}",
    "30,000 deep": b"[" * 30_000 + b"]" * 30_000,
    "30,000 objects deep": b'{"a":' * 30_000 + b"1" + b"}" * 30_000,
    "deep but cut off": b"[" * 30_000,
    "a key twice": b'{"a": 1, "a": 2}',
    "a key twice, inside": b'{"a": [{"b": 1, "b": 1}]}',
    "a key twice, escaped": b'{"a": 1, "\\u0061": 2}',
    "NaN": b'{"a": NaN}',
    "Infinity": b'{"a": Infinity}',
    "minus Infinity": b'{"a": -Infinity}',
    "too large a number": b'{"a": 1e999}',
    "5,000 digits": b'{"a": ' + b"9" * 5_000 + b"}",
    "half a surrogate pair": b'{"a": "\\ud800"}',
    "half a surrogate pair in a key": b'{"\\udfff": 1}',
    "NUL": b'{"a": "x\\u0000y"}',
    "NUL byte": b'{"a": "x\x00y"}',
    "Latin-1": '{"a": "é"}'.encode("latin-1"),
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "byte order mark": b'\xef\xbb\xbf{"a": 1}',
    "surrogate in UTF-8": b'{"a": "\xed\xa0\x80"}',
    "gzip": b"\x1f\x8b\x08\x00\x00\x00\x00\x00",
}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE.keys())
def test_what_is_not_strict_is_a_bad_payload(body: bytes) -> None:
    with pytest.raises(BadPayload):
        load(body)


def test_an_object_is_what_it_says() -> None:
    body = '{"text": "caf\u00e9 \\u00e9 \\ud83d\\ude80", "n": [1, -2.5, 1.4e+09, true, null, {}]}'
    assert load(body.encode()) == {
        "text": "café é 🚀",
        "n": [1, -2.5, 1.4e9, True, None, {}],
    }


def test_brackets_in_text_are_no_depth() -> None:
    text = '\\"[{' * 1000
    assert load(json.dumps({"a": text}).encode()) == {"a": text}


def test_the_depth_limit_is_the_stated_one() -> None:
    inner = MAX_DEPTH - 1
    assert load(b'{"a":' + b"[" * inner + b"]" * inner + b"}")
    with pytest.raises(BadPayload, match=f"deeper than {MAX_DEPTH}"):
        load(b'{"a":' + b"[" * MAX_DEPTH + b"]" * MAX_DEPTH + b"}")


@pytest.mark.parametrize("unit", [b'\\"', b'"', b"\\", b'"\\', b"[]", b"{", b"0", b'",'])
def test_a_body_of_the_largest_size_takes_no_long_time(unit: bytes) -> None:
    begun = time.monotonic()
    with pytest.raises(BadPayload):
        load(b'{"' + unit * (1024 * 1024 // len(unit)))
    assert time.monotonic() - begun < 5


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)
ALMOST = st.lists(st.sampled_from([*'{}[]":,\\0e-', '{"a":', "\\u", "d800", "NaN", "\x00"])).map(
    "".join
)


@given(st.binary() | ALMOST.map(str.encode))
@example(b'{"a"')
def test_any_bytes_are_an_object_or_a_bad_payload(body: bytes) -> None:
    try:
        loaded = load(body)
    except BadPayload:
        return
    assert isinstance(loaded, dict)
    assert json.loads(body) == loaded


@given(st.dictionaries(st.text(), JSON))
def test_any_json_is_an_object_or_a_bad_payload(value: dict[str, object]) -> None:
    body = json.dumps(value).encode()
    try:
        loaded = load(body)
    except BadPayload:
        return
    assert loaded == value
    json.dumps(loaded, ensure_ascii=False).encode("utf-8")
