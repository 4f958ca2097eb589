"""What must fit together in a hook: its sender, its proof, its registry and its rules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from deployer import tags
from deployer.config.hook_file import HookFile
from deployer.config.nginx import is_loopback
from deployer.config.problems import Key, Problems, nearest
from deployer.config.senders import SENDERS, Sender
from deployer.config.values import Hook
from deployer.model import App, canonical_host
from deployer.routing import LOOPBACK
from deployer.rules import Rule, beginning

if TYPE_CHECKING:
    from collections.abc import Mapping

    from deployer.config.file import File

_CLOUDS = tuple(dict.fromkeys(key for sender in SENDERS.values() for key in sender.cloud))


def hooks_of(file: File, apps: Mapping[str, App]) -> dict[str, Hook]:
    """The hooks of a configuration without a problem."""
    return {
        name: Hook(
            name=name,
            source=source_of(name, hook),
            registry=_registry_of(name, hook),
            aliases={beginning(name) or name: other for name, other in hook.aliases},
            token_file=hook.token_file,
            secret_file=hook.secret_file,
            topics=hook.topics,
            audience=hook.audience,
            service_account=hook.service_account,
            allow=hook.allow,
            rules=tuple(_rule(rule, apps) for rule in hook.rules),
        )
        for name, hook in file.hooks.items()
    }


def check_hooks(file: File, apps: Mapping[str, App], problems: Problems) -> None:
    """Note what does not fit together; keys that have a problem already take no part."""
    images: list[Key] = [("apps", app, "image") for app in apps]
    for name, hook in file.hooks.items():
        key: Key = ("hooks", name)
        if problems.touch((*key, "source")):
            continue
        sender = SENDERS.get(source_of(name, hook))
        if sender is None:
            known = ", ".join(SENDERS)
            problems.add(
                (*key, "source"),
                f"no source has this name. Write `source:` with one of: {known}.",
            )
            continue
        _proof(name, hook, sender, problems)
        if hook.allow and not problems.touch((*key, "allow"), ("nginx", "mode")):
            _allowed((*key, "allow"), file, problems)
        _rules(name, hook, sender, apps, problems)
        if not problems.touch((*key, "registry"), (*key, "aliases"), *images):
            _reach(name, hook, sender, apps, problems)


def source_of(name: str, hook: HookFile) -> str:
    """The kind of sender of a hook."""
    return hook.source or name


def _registry_of(name: str, hook: HookFile) -> str:
    """The registry that a hook's repositories are on, "" where its sender says it."""
    host = hook.registry or SENDERS[source_of(name, hook)].registry
    return canonical_host(host) if host else ""


def _proof(name: str, hook: HookFile, sender: Sender, problems: Problems) -> None:
    """Each hook has something to tell its sender by, of a kind that this sender can use."""
    key: Key = ("hooks", name)
    source = source_of(name, hook)
    signed = _signed(key, source, hook, sender, problems)
    if hook.secret_file and not sender.signs:
        problems.add(
            (*key, "secret_file"),
            f"{source} signs nothing, so it has no signing secret. Write `token_file:`.",
        )
    elif hook.token_file and not sender.shows:
        problems.add(
            (*key, "token_file"),
            f"{source} signs its bodies and shows no token. Write `secret_file:`.",
        )
    elif not (hook.token_file or hook.secret_file or signed) and not problems.touch(
        (*key, "token_file"), (*key, "secret_file"), *((*key, one) for one in sender.cloud)
    ):
        kind = "token" if sender.shows else "secret"
        more = ", or `secret_file:` if the sender signs" if sender.signs and sender.shows else ""
        more += "".join(f", or `{one}:` for what its cloud signs" for one in sender.cloud[:1])
        problems.add(
            (*key, f"{kind}_file"),
            f"this key is missing. Write it, such as `{kind}_file: secrets/{name}.{kind}`{more}.",
        )


def _allowed(key: Key, file: File, problems: Problems) -> None:
    """The receiver can tell addresses: its Nginx, which says them, comes from loopback."""
    bind = file.receiver.bind
    if file.nginx.mode == "container":
        problems.add(
            key,
            "with nginx.mode container every delivery comes from Nginx's own network, so that the "
            "receiver cannot tell whose Nginx speaks of whom. Remove it.",
        )
    elif file.receiver.host and not is_loopback(bind) and bind not in LOOPBACK:
        problems.add(
            key,
            "Nginx does not come from loopback where receiver.bind is another address, so nobody "
            "could believe it whom it speaks of. Write 127.0.0.1 there, or remove it.",
        )


def _signed(key: Key, source: str, hook: HookFile, sender: Sender, problems: Problems) -> list[str]:
    """The keys that say whose signed messages count; they are there together or not at all."""
    written = [one for one in _CLOUDS if getattr(hook, one)]
    for one in written:
        if one not in sender.cloud:
            problems.add((*key, one), f"{source} proves itself in another way. Remove it.")
    missing = [one for one in sender.cloud if one not in written]
    if set(written) & set(sender.cloud) and not problems.touch(*((*key, one) for one in missing)):
        for one in missing:
            problems.add((*key, one), f"this key is missing beside `{written[0]}`. Write both.")
    if hook.audience and hook.token_file:
        problems.add(
            (*key, "token_file"),
            "with `audience` the token is one that Google signs, and no other is taken. Remove it.",
        )
    return written


def _reach(
    name: str, hook: HookFile, sender: Sender, apps: Mapping[str, App], problems: Problems
) -> None:
    key: Key = ("hooks", name)
    if sender.needs_registry and not hook.registry:
        problems.add(
            (*key, "registry"),
            f"{source_of(name, hook)} does not say which registry it is. Write `registry:` with "
            "the host that the apps' images are on.",
        )
        return
    registry = _registry_of(name, hook)
    free = sender.fallback and not hook.registry
    if free or not registry or not apps or hook.aliases or hook.rules:
        return
    if all(app.image.host != registry for app in apps.values()):
        problems.add(
            problems.first((*key, "registry"), key),
            f"no app has an image on {registry}, so no push could ever deploy one. "
            "Write the registry that the images are on.",
        )


def _rules(
    name: str, hook: HookFile, sender: Sender, apps: Mapping[str, App], problems: Problems
) -> None:
    key: Key = ("hooks", name, "rules")
    if not (hook.rules or sender.images or problems.touch(key)):
        problems.add(
            key,
            f"no event of {source_of(name, hook)} names an image, so without rules it deploys "
            "nothing. Write which events deploy which apps.",
        )
    if hook.rules and not sender.facts:
        problems.add(
            key,
            f"{source_of(name, hook)} names an image in each of its events, so it needs no rules. "
            "Remove them.",
        )
        return
    for at, rule in enumerate(hook.rules):
        if not problems.touch((*key, at)):
            _conditions((*key, at, "when"), rule, sender, problems)
            _deployed((*key, at), rule, apps, problems)


def _conditions(key: Key, rule: Mapping[str, Any], sender: Sender, problems: Problems) -> None:
    when = dict(rule["when"])
    for fact in when:
        if fact not in sender.facts:
            problems.add((*key, fact), f"no event says this. {nearest(fact, sender.facts)}")
    missing = [fact for fact in sender.decisive if fact not in when]
    if missing:
        problems.add(
            key,
            f"without {' and '.join(missing)} it would deploy for events that nobody means. "
            "Write a pattern for each of them.",
        )


def _deployed(
    key: Key, rule: Mapping[str, Any], apps: Mapping[str, App], problems: Problems
) -> None:
    for app in rule["deploy"]:
        if app not in apps:
            problems.add((*key, "deploy"), f"there is no app {app}. {nearest(app, apps)}")
        elif not tags.allows(apps[app].tags, _tag(rule, apps[app])):
            problems.add(
                (*key, "tag"),
                f"app {app} is not deployed from it. Write a tag that the app's `tags` let in.",
            )


def _rule(rule: Mapping[str, Any], apps: Mapping[str, App]) -> Rule:
    deploys = tuple((app, _tag(rule, apps[app])) for app in rule["deploy"])
    return Rule(tuple(rule["when"]), deploys)


def _tag(rule: Mapping[str, Any], app: App) -> str:
    """The tag that a rule deploys; "" where neither it nor the app names one."""
    return str(rule.get("tag", next(filter(tags.is_exact, app.tags), "")))


def reached(hook: Hook, apps: Mapping[str, App]) -> list[str]:
    """The apps that a hook's deliveries can be for, by name."""
    by_rule = {app for rule in hook.rules for app, _ in rule.deploys}
    return [name for name, app in apps.items() if name in by_rule or _names(hook, app)]


def _names(hook: Hook, app: App) -> bool:
    """Whether an event of this hook's sender can name the app's image."""
    sender = SENDERS[hook.source]
    if not sender.images:
        return False
    anywhere = sender.fallback or not hook.registry or app.image.host == hook.registry
    name = f"{app.image.name}/"
    return anywhere or any(name.startswith(f"{one}/") for one in hook.aliases.values())
