"""The exception tree: every error that a person is meant to read.

DeployerError                 what failed, why, what to do; `detail` holds the evidence
├── ConfigError               config.yml or a file it names is not usable (all problems at once)
├── HookError                 a delivery is not taken
│   ├── BadCredential         missing, wrong or empty secret: one and the same 401
│   └── BadPayload            authentic, but not what this sender sends: 400
├── StoreError
│   ├── StoreUnavailable      locked, full, not there yet (a retry can help)
│   └── StoreUnusable         damaged, or written by a newer deployer
├── RegistryError
│   ├── ImageNotFound         no such repository, tag or digest
│   ├── RegistryDenied        credentials missing or refused
│   └── RegistryUnavailable   down, overloaded (a retry can help)
│       └── RateLimited       asked too often (a later retry can help)
├── EngineError
│   ├── EngineUnavailable     Docker does not answer (a retry can help)
│   ├── PullFailed            the pull broke off, stalled or gave another image
│   └── StartFailed           a container could not be created or started
├── HookFailed                the app's own pre_deploy did not end well; nothing was changed
├── Unhealthy                 a replica exited, restarted or never answered its probe
├── ProxyError                the previous configuration is still live
│   ├── RenderRefused         a value or template that would not say what the routes say
│   ├── ConfigRejected        Nginx refused the configuration
│   └── NotConfirmed          Nginx took the files but does not serve them
├── ReportError               where an app's code lives was not told of a deployment
│   ├── ReportRefused         token, repository or commit is not taken
│   └── ReportUnavailable     down, overloaded, asked too often (a retry can help)
├── OutputFailed              a file of `outputs` could not be written; no route is touched
├── Refused                   policy says no: unknown tag, forged release, unknown app
├── Cancelled                 an operator ended a deployment
├── DeadlinePassed            a deployment ran out of time
├── Interrupted               this process is being stopped; recovery goes on later
└── IllegalTransition         a deployment was moved where its status does not lead
"""


class DeployerError(Exception):
    """What failed, why and what to do, in one sentence; `detail` is the evidence.

    `retry` says whether doing the same again, unchanged, can help.
    """

    retry = False

    def __init__(self, message: str, *, detail: str = "") -> None:
        super().__init__(message)
        self.detail = detail


class ConfigError(DeployerError):
    """All problems of a configuration, each as `file:line: key.path: what. what instead`."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class HookError(DeployerError):
    """A delivery is not taken."""


class BadCredential(HookError):
    """A missing, wrong or empty secret; never says which."""


class BadPayload(HookError):
    """The body is not what this sender sends."""


class StoreError(DeployerError):
    """The store cannot do what was asked."""


class StoreUnavailable(StoreError):
    """The store is locked, full or not there yet."""

    retry = True


class StoreUnusable(StoreError):
    """The store is damaged or was written by a newer deployer."""


class RegistryError(DeployerError):
    """The registry did not give what was asked of it."""


class ImageNotFound(RegistryError):
    """The registry has no such repository, tag or digest."""


class RegistryDenied(RegistryError):
    """The registry wants credentials, or refused those it was given."""


class RegistryUnavailable(RegistryError):
    """The registry does not answer, or not now."""

    retry = True


class RateLimited(RegistryUnavailable):
    """The registry was asked too often, and serves others meanwhile."""


class EngineError(DeployerError):
    """The engine could not do what was asked."""


class EngineUnavailable(EngineError):
    """The engine does not answer."""

    retry = True


class PullFailed(EngineError):
    """A pull broke off, stalled, or ended with another image than was asked for."""


class StartFailed(EngineError):
    """A container could not be created or started."""


class HookFailed(DeployerError):
    """A command that an app has to have run before its deployment did not end well."""


class Unhealthy(DeployerError):
    """A replica exited, restarted or did not answer its probe in time."""


class ProxyError(DeployerError):
    """Nginx does not serve what was asked; the previous configuration is still live."""


class RenderRefused(ProxyError):
    """A value or a template would make a configuration that does not say what the routes say."""


class ConfigRejected(ProxyError):
    """Nginx's own test refused the configuration."""


class NotConfirmed(ProxyError):
    """Nginx took the files but does not answer with the new generation."""


class OutputFailed(DeployerError):
    """A file of `outputs` could not be rendered or written; the one from before is still there."""


class ReportError(DeployerError):
    """Where an app's code lives was not told of a deployment; the deployment is as it was."""


class ReportRefused(ReportError):
    """The token, the repository, the commit or the report itself was not taken."""


class ReportUnavailable(ReportError):
    """Nobody answers, or not now; `after` is when to ask again, in seconds from now."""

    retry = True

    def __init__(self, message: str, *, after: float = 0.0) -> None:
        super().__init__(message)
        self.after = after


class Refused(DeployerError):
    """Policy says no; nothing was touched."""


class Cancelled(DeployerError):
    """An operator ended a deployment before it was over."""


class DeadlinePassed(DeployerError):
    """A deployment did not end within its time."""


class Interrupted(DeployerError):
    """This process is being stopped; what is under way is recovered at the next start."""


class IllegalTransition(DeployerError):
    """A deployment was moved to where its status does not lead."""
