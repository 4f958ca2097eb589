"""What Nginx itself answers a sender in the receiver's place: problems as RFC 9457 has them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from http import HTTPStatus


@dataclass(frozen=True, slots=True)
class SenderAnswer:
    """The answer in place of some of Nginx's own; `retry_after` in seconds, 0 for none."""

    location: str
    replaces: tuple[int, ...]
    status: int
    detail: str
    retry_after: int = 0

    @property
    def error_page(self) -> tuple[str, ...]:
        """The arguments of `error_page`."""
        same = self.replaces == (self.status,)
        changed = () if same else (f"={self.status}",)
        return (*map(str, self.replaces), *changed, self.location)

    @property
    def body(self) -> str:
        """The JSON; without a quote that Nginx's quoting would end at."""
        return json.dumps(
            {
                "type": "about:blank",
                "title": HTTPStatus(self.status).phrase,
                "status": self.status,
                "detail": self.detail,
            }
        )


SENDER_ANSWERS = (
    SenderAnswer("@too_large", (413,), 413, "the body is larger than receiver.max_body"),
    SenderAnswer("@too_many", (429,), 429, "too many requests from this address. Try again", 1),
    SenderAnswer(
        "@unavailable",
        (502, 504),
        503,
        "the receiver does not answer, so nothing was taken. Try again",
        5,
    ),
)
