"""The whole local stack: what is started in which order, and where all of it is found.

Settings, command line, migrations and roles are the caller's: they come in as values and as the functions of `Wiring`.
"""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path
from types import TracebackType

from outreach_pipelines.local_stack.account import usable_folder
from outreach_pipelines.local_stack.aws import AwsAddress, aws_plan
from outreach_pipelines.local_stack.dagster_dev import dagster_plan
from outreach_pipelines.local_stack.event_feed import ConfigurationSetName, EventFeed, create_event_feed
from outreach_pipelines.local_stack.folder_lock import FolderLock
from outreach_pipelines.local_stack.lab import JsonValue, LabPorts, lab_plan, lab_ports
from outreach_pipelines.local_stack.ports import LOOPBACK, PortSetting, settle_port
from outreach_pipelines.local_stack.postgres import EmbeddedPostgres, ServerAddress
from outreach_pipelines.local_stack.process import ChildPlan, Folders, SupervisedProcess
from outreach_pipelines.local_stack.process_record import Cleared, clear_stale
from outreach_pipelines.local_stack.web import web_plan


class Part(StrEnum):
    """What a stack may leave out. PostgreSQL and AWS's look-alike are in each."""

    LAB = "lab"
    WEB = "web"
    DAGSTER = "dagster"


@dataclass(frozen=True, slots=True)
class StackPorts:
    """Wanted ports on 127.0.0.1; 0 takes any free one."""

    postgres: int = 0
    aws: int = 0
    web: int = 0
    dagster: int = 0


@dataclass(frozen=True, slots=True)
class StackConfig:
    """`base_dir` holds all data, logs and records; `checkout` holds workspace.yaml; `zones_dir` the lab's DNS zones."""

    base_dir: Path
    checkout: Path
    zones_dir: Path
    ports: StackPorts = StackPorts()
    configuration_sets: tuple[ConfigurationSetName, ...] = ()
    parts: frozenset[Part] = frozenset(Part)


@dataclass(frozen=True, slots=True)
class StackAddresses:
    """Where everything is; parts left out are None. `web_url` is known before the web edge runs: the lab needs it."""

    postgres: ServerAddress
    aws: AwsAddress
    events: EventFeed
    web_url: str | None
    dagster_url: str | None
    lab: LabPorts | None = None


@dataclass(frozen=True, slots=True)
class Wiring:
    """What the caller adds. Each function is called once a start; PostgreSQL and AWS's look-alike are up by then."""

    prepare_database: Callable[[ServerAddress], None]
    """Migrations and roles, the first of all; must stand being run again on a database that has them."""
    lab_config: Callable[[StackAddresses], Mapping[str, JsonValue]]
    """The lab's configuration but for its folders and `aws`. `lab` in the addresses is None at this point."""
    environment: Callable[[StackAddresses], Mapping[str, str]]
    """The settings of web edge and Dagster."""
    forget_environment: Callable[[], None] = lambda: None
    """Undoes what `environment` left on disk: the servers that it names end next."""


class LocalStack:
    """Starts the parts of `config` in order and stops them in reverse. A context manager that yields StackAddresses."""

    def __init__(self, config: StackConfig, wiring: Wiring) -> None:
        # Children work in other folders, where a relative path would mean another place.
        self._config = replace(
            config,
            base_dir=config.base_dir.absolute(),
            checkout=config.checkout.absolute(),
            zones_dir=config.zones_dir.absolute(),
        )
        self._wiring = wiring
        self._running = ExitStack()
        self.cleared: tuple[Cleared, ...] = ()
        """Leftovers of a killed stack that the start ended."""

    def __enter__(self) -> StackAddresses:
        """Start everything. On a LocalStackError, or what the wiring raises, all that was started is stopped."""
        with ExitStack() as starting:
            addresses = self._start(starting)
            self._running = starting.pop_all()
        return addresses

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, at: TracebackType | None) -> None:
        self._running.close()

    def _start(self, starting: ExitStack) -> StackAddresses:
        config = self._config
        starting.enter_context(FolderLock(usable_folder(config.base_dir) / "stack.lock"))
        self.cleared = clear_stale(self._folders.run_dir)
        ports = _settle(config.ports)
        postgres = starting.enter_context(EmbeddedPostgres(config.base_dir, ports.postgres))
        self._wiring.prepare_database(postgres)
        aws = self._start_aws(starting, ports.aws)
        addresses = StackAddresses(
            postgres=postgres,
            aws=aws,
            events=create_event_feed(aws, config.configuration_sets),
            web_url=self._url_of(Part.WEB, ports.web),
            dagster_url=self._url_of(Part.DAGSTER, ports.dagster),
        )
        return self._start_parts(starting, ports, addresses)

    def _start_aws(self, starting: ExitStack, port: int) -> AwsAddress:
        plan, address = aws_plan(port=port, data_dir=self._config.base_dir / "aws")
        self._run(starting, plan)
        return address

    def _start_lab(self, starting: ExitStack, addresses: StackAddresses) -> LabPorts:
        data_dir = self._config.base_dir / "lab"
        own: Mapping[str, JsonValue] = {"zones_dir": str(self._config.zones_dir), "aws": asdict(addresses.aws)}
        self._run(starting, lab_plan({**self._wiring.lab_config(addresses), **own}, data_dir=data_dir))
        return lab_ports(data_dir)

    def _start_parts(self, starting: ExitStack, ports: StackPorts, addresses: StackAddresses) -> StackAddresses:
        parts, checkout = self._config.parts, self._config.checkout
        if Part.LAB in parts:
            addresses = replace(addresses, lab=self._start_lab(starting, addresses))
        starting.callback(self._wiring.forget_environment)
        environment = self._wiring.environment(addresses)
        if Part.WEB in parts:
            self._run(starting, web_plan(port=ports.web, checkout=checkout, environment=environment))
        if Part.DAGSTER in parts:
            self._run(starting, dagster_plan(port=ports.dagster, checkout=checkout, environment=environment))
        return addresses

    def _run(self, starting: ExitStack, plan: ChildPlan) -> None:
        starting.enter_context(SupervisedProcess(plan, self._folders))

    @property
    def _folders(self) -> Folders:
        return Folders(log_dir=self._config.base_dir / "log", run_dir=self._config.base_dir / "run")

    def _url_of(self, part: Part, port: int) -> str | None:
        return f"http://{LOOPBACK}:{port}" if part in self._config.parts else None


def _settle(wanted: StackPorts) -> StackPorts:
    """Say that a fixed port is taken before anything is started. PostgreSQL keeps its 0: it tries again by itself."""
    return StackPorts(
        postgres=wanted.postgres,
        aws=settle_port(wanted.aws, PortSetting.AWS),
        web=settle_port(wanted.web, PortSetting.WEB),
        dagster=settle_port(wanted.dagster, PortSetting.DAGSTER),
    )
