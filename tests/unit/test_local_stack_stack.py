"""The whole stack: its order, its addresses, and that nothing remains of it. With the parts that need no other room."""

import socket
from collections.abc import Callable, Mapping
from pathlib import Path

import psutil
import psycopg
import pytest

from outreach_pipelines.local_stack.errors import AlreadyRunning, PortInUse
from outreach_pipelines.local_stack.event_feed import ConfigurationSetName
from outreach_pipelines.local_stack.http_ready import answers
from outreach_pipelines.local_stack.postgres import ServerAddress
from outreach_pipelines.local_stack.stack import LocalStack, StackAddresses, StackConfig, StackPorts, Wiring


@pytest.fixture
def base_dir(new_server_folder: Callable[[str], Path]) -> Path:
    return new_server_folder("outreach-tests-") / "var"


def config(base_dir: Path, ports: StackPorts | None = None) -> StackConfig:
    return StackConfig(
        base_dir=base_dir,
        checkout=base_dir.parent,
        zones_dir=base_dir.parent,
        ports=ports or StackPorts(),
        configuration_sets=(ConfigurationSetName("acme"),),
        parts=frozenset(),
    )


def create_role_once(address: ServerAddress) -> None:
    with psycopg.connect(address.url()) as connection:
        connection.execute("create role outreach_owner")


def fail(_: ServerAddress) -> None:
    message = "a migration failed"
    raise RuntimeError(message)


def children() -> set[psutil.Process]:
    return set(psutil.Process().children())


def wiring_without_parts() -> Wiring:
    return Wiring(prepare_database=create_role_once, lab_config=lambda _: {}, environment=lambda _: {})


def test_a_stack_yields_addresses_that_answer_and_a_prepared_database(base_dir: Path) -> None:
    with LocalStack(config(base_dir), wiring_without_parts()) as addresses:
        with psycopg.connect(addresses.postgres.url()) as connection:
            prepared = connection.execute("select count(*) from pg_roles where rolname = 'outreach_owner'").fetchone()
        port = int(addresses.aws.endpoint_url.rpartition(":")[2])
        aws_answers = answers(port, "/_ministack/health")

    assert prepared == (1,)
    assert aws_answers
    assert list(addresses.events.configuration_sets) == ["acme"]
    assert (addresses.web_url, addresses.dagster_url, addresses.lab) == (None, None, None)


def test_nothing_runs_after_a_stack_has_ended(base_dir: Path) -> None:
    before = children()

    with LocalStack(config(base_dir), wiring_without_parts()):
        while_it_runs = children() - before

    assert len(while_it_runs) == 2
    assert children() == before
    assert list((base_dir / "run").iterdir()) == []


def test_a_failed_preparation_stops_what_was_started(base_dir: Path) -> None:
    before = children()
    failing = Wiring(prepare_database=fail, lab_config=lambda _: {}, environment=lambda _: {})

    with pytest.raises(RuntimeError, match="a migration failed"), LocalStack(config(base_dir), failing):
        pass

    assert children() == before


def test_a_second_stack_on_the_same_folder_is_refused_and_the_first_lives_on(base_dir: Path) -> None:
    with LocalStack(config(base_dir), wiring_without_parts()) as addresses:
        second = LocalStack(config(base_dir), wiring_without_parts())

        with pytest.raises(AlreadyRunning):
            second.__enter__()

        with psycopg.connect(addresses.postgres.url()) as connection:
            assert connection.execute("select 1").fetchone() == (1,)


def test_a_taken_port_is_told_before_anything_is_started(base_dir: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other_program:
        ports = StackPorts(dagster=other_program.getsockname()[1])

        with pytest.raises(PortInUse, match="OUTREACH_DAGSTER_PORT"):
            LocalStack(config(base_dir, ports), wiring_without_parts()).__enter__()

    assert not (base_dir / "postgres-password").exists()


def test_a_relative_folder_means_the_one_below_where_the_stack_was_made(
    base_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(base_dir.parent)

    with LocalStack(config(Path("var")), wiring_without_parts()) as addresses:
        bucket = base_dir / "aws" / "s3" / "000000000000" / addresses.events.bucket

        assert bucket.is_dir()


def test_what_the_environment_left_on_disk_is_gone_with_the_stack(base_dir: Path, tmp_path: Path) -> None:
    with LocalStack(config(base_dir), wiring_that_writes(tmp_path / "outreach.env")):
        running = (tmp_path / "outreach.env").exists()

    assert (running, (tmp_path / "outreach.env").exists()) == (True, False)


def test_a_second_start_in_the_same_folder_leaves_the_running_stacks_file_alone(base_dir: Path, tmp_path: Path) -> None:
    wiring = wiring_that_writes(tmp_path / "outreach.env")
    with LocalStack(config(base_dir), wiring):
        with pytest.raises(AlreadyRunning), LocalStack(config(base_dir), wiring):
            pass

        assert (tmp_path / "outreach.env").exists()


def wiring_that_writes(settings: Path) -> Wiring:
    def environment(_: StackAddresses) -> Mapping[str, str]:
        settings.write_text("OUTREACH_FILES=here\n", encoding="utf-8")
        return {}

    return Wiring(lambda _: None, lambda _: {}, environment, lambda: settings.unlink(missing_ok=True))
