"""The keys of a hook, with the words that editors and pages show for them."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import ConfigDict, Field, PlainValidator, WithJsonSchema

from deployer.config import kinds, routing_kinds
from deployer.config.compose import process as compose
from deployer.config.compose.forms import TEXT, Record, each, named, word
from deployer.config.problems import nearest
from deployer.config.section import Section
from deployer.config.senders import SENDERS
from deployer.model import NAME, TAG
from deployer.rules import beginning

_LONGEST = 200
_NO_BEGINNING = (
    "not the beginning of an image's name. Write a registry's host, or a host and the beginning "
    "of a repository after it."
)


def _source(value: Any) -> str:
    name = kinds.text(value, f"Known are: {', '.join(SENDERS)}.")
    if name not in SENDERS:
        raise ValueError(f"no source has this name. {nearest(name, SENDERS)}")
    return name


def _beginning(value: Any) -> str:
    found = beginning(kinds.text(value, _NO_BEGINNING))
    if found is None:
        raise ValueError(_NO_BEGINNING)
    return found


def _named_beginning(name: str) -> str:
    return "" if beginning(name) else _NO_BEGINNING


def _pattern(value: Any) -> str:
    instead = f"Write the text that must be there, of at most {_LONGEST} characters; * is any."
    if not 0 < len(kinds.text(value, instead)) <= _LONGEST:
        raise ValueError(f"not a pattern. {instead}")
    return str(value)


_TOPICS = each(
    word(
        r"arn:aws(?:-cn|-us-gov)?:sns:[a-z]{2}[a-z0-9-]{1,30}:[0-9]{12}:[A-Za-z0-9_-]{1,256}",
        "not the ARN of a topic",
        "Write one such as arn:aws:sns:eu-west-1:111122223333:pushes.",
    ),
    single=True,
)
_AUDIENCE = word(
    r"[!-~]{1,500}",
    "not an audience",
    "Write that of the push subscription, such as https://deployer.example.com/hooks/gar.",
)
_ACCOUNT = word(
    r"[A-Za-z0-9._-]{1,100}@[a-z0-9.-]{1,200}",
    "not the address of a service account",
    "Write one such as push@acme.iam.gserviceaccount.com.",
)
_ALIASES = named(_beginning, TEXT, _named_beginning)
_RULES = each(
    Record(
        {
            "when": named(_pattern, TEXT, lambda _: ""),
            "deploy": each(
                word(NAME.pattern, "not the name of an app", "Write one of `apps`."), single=True
            ),
            "tag": word(TAG.pattern, "not a tag", "Write one such as latest."),
        },
        needs=("when", "deploy"),
    )
)

Source = Annotated[
    str, PlainValidator(_source), WithJsonSchema({"type": "string", "enum": list(SENDERS)})
]


_PROOFS = (("token_file",), ("secret_file",), ("topics",), ("audience", "service_account"))
"""Keys of which a hook has one, or two that belong together."""


class HookFile(Section):
    """A place where one sender posts: /hooks/<name>, with its token or its signature."""

    model_config = ConfigDict(
        json_schema_extra={"anyOf": [{"required": [*keys]} for keys in _PROOFS]}
    )

    source: Source | None = Field(None, description="Kind of sender. Default: the hook's name.")
    registry: kinds.RegistryHost | None = Field(
        None, description="Registry that the sender's repositories are on. Default per source."
    )
    aliases: Annotated[tuple[tuple[str, str], ...], _ALIASES] = Field(
        (),
        description="Beginnings of image names as the sender says them, and as apps have them.",
        examples=[{"registry:5000": "registry.example.com"}],
    )
    token_file: compose.Files = Field(
        (),
        description="File with the token that the sender shows; at most two, while rotating.",
        examples=["secrets/dockerhub.token"],
    )
    secret_file: compose.Files = Field(
        (),
        description="File with the secret that the sender signs with; at most two, while rotating.",
        examples=["secrets/ci.secret"],
    )
    topics: Annotated[tuple[str, ...], _TOPICS] = Field(
        (),
        description="ARNs of the SNS topics whose signed messages are taken without a token.",
        examples=[["arn:aws:sns:eu-west-1:111122223333:pushes"]],
    )
    audience: Annotated[str, _AUDIENCE] = Field(
        "",
        description="Audience of the tokens that Google signs for its push subscription.",
        examples=["https://deployer.example.com/hooks/gar"],
    )
    service_account: Annotated[str, _ACCOUNT] = Field(
        "",
        description="Service account, by its address, that those tokens are of.",
        examples=["push@acme.iam.gserviceaccount.com"],
    )
    allow: routing_kinds.Networks = Field(
        (),
        description="Addresses and networks that deliveries have to come from, beside their proof.",
        examples=[["192.0.2.0/24"]],
    )
    rules: Annotated[tuple[dict[str, Any], ...], _RULES] = Field(
        (), description="Which apps are deployed by events that name no image."
    )
