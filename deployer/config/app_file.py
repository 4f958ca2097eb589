"""The keys of an app: those of a Compose service, and what only deployer has."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from deployer.config import kinds
from deployer.config.compose import access, amounts, forms, networking, ordering, process, storage
from deployer.config.deploy_file import AppDeployFile, ReconcileFile
from deployer.config.report_file import ReportFile
from deployer.config.route_file import RouteFile
from deployer.config.section import Section
from deployer.model import HealthCheck
from deployer.spec import (
    Attachment,
    Device,
    DeviceRequest,
    FileMount,
    Healthcheck,
    Logging,
    Pairs,
    Port,
    Spec,
    Ulimit,
    Volume,
)

_SPEC, _HEALTH = Spec(), HealthCheck()

Words = tuple[str, ...]


class HealthFile(Section):
    """When a new replica counts as healthy."""

    path: kinds.UrlPath | None = Field(
        None, description="Path that must answer 2xx or 3xx. None: a TCP connect is enough."
    )
    port: kinds.Port | None = Field(None, description="Port to ask. Default: the route's port.")
    interval: kinds.Interval = Field(_HEALTH.interval, description="Time between two probes.")
    timeout: kinds.Interval = Field(_HEALTH.timeout, description="Limit for one probe.")
    deadline: kinds.Limit = Field(
        _HEALTH.deadline, description="Limit for becoming healthy after the start."
    )


class ComposeFile(Section):
    """The service of a Compose file that an app takes its keys from; its own keys win."""

    file: kinds.FilePath = Field(description="The Compose file.", examples=["compose.yml"])
    service: kinds.ServiceName = Field(description="The service in it.", examples=["web"])
    ignore: Annotated[Words, process.IGNORED] = Field(
        (), description="Keys of the service that deployer is to leave out."
    )


class AppFile(Section):
    """An app: which pushes deploy it, how its containers run, which traffic it gets."""

    compose: ComposeFile | None = Field(
        None, description="Compose file and service whose keys the app takes."
    )
    image: kinds.ImageName = Field(
        description="Image without tag; a push to it deploys the app.",
        examples=["docker.io/acme/shop"],
    )
    tags: process.Tags = Field(
        ["latest"],
        description="Tags, and patterns of tags, whose push deploys the app; the first tag or "
        "range of versions is the default.",
    )
    depends_on: Annotated[Words, ordering.DEPENDS_ON] = Field(
        (), description="Apps that are deployed before this one."
    )
    adopt: kinds.ContainerName | None = Field(
        None,
        description="Running container that becomes the app's first release.",
        examples=["shop"],
    )
    command: process.Command | None = Field(
        None, description="Command instead of the image's, as a list or one line; [] for none."
    )
    entrypoint: process.Command | None = Field(
        None, description="Entrypoint instead of the image's; [] for none."
    )
    working_dir: Annotated[str, process.WORKING_DIR] = Field(
        "", description="Folder that the command starts in."
    )
    user: Annotated[str, process.USER] = Field(
        "", description="User, and group, that the command runs as."
    )
    group_add: Annotated[Words, process.GROUPS] = Field((), description="More groups of the user.")
    environment: process.Environment = Field({}, description="Variables, taken literally.")
    env_file: process.Files = Field(
        (), description="File or files of KEY=VALUE lines; `environment` wins."
    )
    init: Annotated[bool | None, forms.FLAG] = Field(
        None, description="Whether an init process reaps children and passes signals on."
    )
    tty: Annotated[bool, forms.FLAG] = Field(False, description="Give it a terminal.")
    stdin_open: Annotated[bool, forms.FLAG] = Field(False, description="Keep its stdin open.")
    platform: Annotated[str, process.PLATFORM] = Field(
        "", description="Platform to pull and run, as os/arch/variant."
    )
    pull_policy: Annotated[str, process.PULL_POLICY] = Field(
        "missing", description="missing, always, or never: only an image that is here."
    )
    runtime: Annotated[str, process.RUNTIME] = Field("", description="OCI runtime of Docker's.")
    healthcheck: Annotated[Healthcheck | None, process.HEALTHCHECK] = Field(
        None, description="Docker's HEALTHCHECK instead of the image's."
    )
    restart: process.Restart = Field(_SPEC.restart, description="Docker's restart policy.")
    stop_signal: process.StopSignal | None = Field(
        None, description="Signal that asks the app to stop. Default: the image's."
    )
    stop_grace_period: kinds.Seconds = Field(
        _SPEC.stop_grace_period, description="Time to stop before it is killed."
    )
    labels: process.Labels = Field({}, description="Labels of the containers.")
    annotations: Annotated[Pairs, process.ANNOTATIONS] = Field(
        (), description="Annotations for the OCI runtime."
    )
    logging: Annotated[Logging | None, process.LOGGING] = Field(
        None, description="Log driver and its options."
    )
    volumes: Annotated[tuple[Volume, ...], storage.VOLUMES] = Field(
        (), description="SOURCE:/target[:ro], or the long form with type, source and target."
    )
    tmpfs: Annotated[Pairs, storage.TMPFS] = Field(
        (), description="Folders in memory, as /path[:options]."
    )
    secrets: Annotated[tuple[FileMount, ...], storage.SECRETS] = Field(
        (), description="Secrets of the top level, as files in /run/secrets."
    )
    configs: Annotated[tuple[FileMount, ...], storage.CONFIGS] = Field(
        (), description="Configs of the top level, as files."
    )
    read_only: Annotated[bool, forms.FLAG] = Field(
        False, description="Whether its own file system is read-only."
    )
    shm_size: Annotated[int | None, storage.SHM_SIZE] = Field(None, description="Size of /dev/shm.")
    storage_opt: Annotated[Pairs, process.OPTIONS] = Field(
        (), description="Options of Docker's storage driver."
    )
    networks: Annotated[tuple[Attachment, ...], networking.NETWORKS] = Field(
        (), description="Existing Docker networks to join, with aliases and addresses if need be."
    )
    network_mode: Annotated[str, networking.NETWORK_MODE] = Field(
        "", description="bridge, host, none, service:APP or container:NAME, instead of networks."
    )
    hostname: Annotated[str, networking.HOST_NAME] = Field("", description="Its own host name.")
    domainname: Annotated[str, networking.HOST_NAME] = Field("", description="Its domain.")
    mac_address: Annotated[str, networking.MAC] = Field(
        "", description="MAC address on its first network."
    )
    dns: Annotated[Words, networking.DNS] = Field((), description="Name servers.")
    dns_opt: Annotated[Words, networking.DNS_OPT] = Field((), description="Resolver options.")
    dns_search: Annotated[Words, networking.DNS_SEARCH] = Field((), description="Search domains.")
    extra_hosts: Annotated[Pairs, networking.EXTRA_HOSTS] = Field(
        (), description="Lines for /etc/hosts, as NAME:ADDRESS; host-gateway is the host."
    )
    ports: Annotated[tuple[Port, ...], networking.PORTS] = Field(
        (), description="Ports published on the host; a route needs none."
    )
    expose: Annotated[Words, networking.EXPOSE] = Field(
        (), description="Ports that it listens on, for people."
    )
    privileged: Annotated[bool, forms.FLAG] = Field(
        False, description="Whether it may do what root on the host may."
    )
    cap_add: Annotated[Words, access.CAPABILITIES] = Field((), description="More capabilities.")
    cap_drop: Annotated[Words, access.CAPABILITIES] = Field((), description="Fewer capabilities.")
    security_opt: Annotated[Words, access.SECURITY_OPT] = Field(
        (), description="Options for SELinux, AppArmor, seccomp and new privileges."
    )
    userns_mode: Annotated[str, access.HOST_ONLY] = Field("", description="User namespace: host.")
    ipc: Annotated[str, access.IPC] = Field("", description="IPC namespace.")
    pid: Annotated[str, access.PID] = Field("", description="PID namespace.")
    uts: Annotated[str, access.HOST_ONLY] = Field("", description="UTS namespace: host.")
    cgroup: Annotated[str, access.CGROUP] = Field("", description="Cgroup namespace.")
    cgroup_parent: Annotated[str, access.CGROUP_PARENT] = Field(
        "", description="Cgroup that it is put below."
    )
    sysctls: Annotated[Pairs, access.SYSCTLS] = Field((), description="Kernel settings of its own.")
    ulimits: Annotated[tuple[Ulimit, ...], access.ULIMITS] = Field(
        (), description="Limits of the kernel, as one number or soft and hard."
    )
    devices: Annotated[tuple[Device, ...], access.DEVICES] = Field(
        (), description="Devices of the host, as /dev/source[:/dev/target[:rwm]]."
    )
    device_cgroup_rules: Annotated[Words, access.DEVICE_RULES] = Field(
        (), description="Rules for devices that come later, such as c 189:* rwm."
    )
    gpus: Annotated[tuple[DeviceRequest, ...], amounts.GPUS] = Field(
        (), description="all, or a list of requests."
    )
    cpus: Annotated[float | None, amounts.CPUS] = Field(None, description="CPUs at most.")
    cpu_shares: Annotated[int | None, amounts.SHARES] = Field(
        None, description="Weight among containers; 1024 is Docker's."
    )
    cpu_quota: Annotated[int | None, amounts.QUOTA] = Field(
        None, description="CPU time in a period, in microseconds."
    )
    cpu_period: Annotated[int | None, amounts.PERIOD] = Field(
        None, description="Length of a period, in microseconds."
    )
    cpuset: Annotated[str, amounts.CPUSET] = Field("", description="CPUs to run on: 0-3 or 0,1.")
    mem_limit: Annotated[int | None, amounts.MEMORY] = Field(None, description="Memory at most.")
    mem_reservation: Annotated[int | None, amounts.MEMORY] = Field(
        None, description="Memory that it is held to when the host runs short."
    )
    memswap_limit: Annotated[int | None, amounts.MEMORY_OR_NONE] = Field(
        None, description="Memory and swap together; -1 for no limit."
    )
    mem_swappiness: Annotated[int | None, amounts.SWAPPINESS] = Field(
        None, description="How willingly it is swapped out, 0 to 100."
    )
    pids_limit: Annotated[int | None, amounts.PIDS] = Field(
        None, description="Processes at most; -1 for no limit."
    )
    oom_kill_disable: Annotated[bool | None, forms.FLAG] = Field(
        None, description="Whether the kernel may not kill it when memory runs out."
    )
    oom_score_adj: Annotated[int | None, amounts.OOM_SCORE] = Field(
        None, description="How willingly the kernel kills it, -1000 to 1000."
    )
    replicas: kinds.Count = Field(_SPEC.replicas, description="Containers that share the traffic.")
    route: RouteFile | None = Field(None, description="Which requests go to the app.")
    health: HealthFile = Field(
        default_factory=HealthFile, description="When a new replica counts as healthy."
    )
    deploy: AppDeployFile = Field(
        default_factory=lambda: AppDeployFile(),
        description="Limits of this app, instead of the common ones, and amounts.",
    )
    reconcile: ReconcileFile = Field(
        default_factory=ReconcileFile, description="How often its tag is looked at."
    )
    report: ReportFile | None = Field(None, description="Where its deployments are reported.")
