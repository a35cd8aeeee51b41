"""A plan's ways in and out: JSON, and rows of a real PostgreSQL with `fsync` on, each timed apart.

Belongs here: reading and writing. Does not: planning (`measure`).
"""

import tempfile
import time
from dataclasses import replace
from pathlib import Path

import psycopg
from planning.measure import cpu_of
from planning.world import Size, snapshot
from sending.processes import tree_cpu_seconds

from outreach_pipelines.adapters.postgres.bootstrap import Role, bootstrap
from outreach_pipelines.adapters.postgres.migrate import migrate
from outreach_pipelines.adapters.postgres.plan_store import PostgresPlanStore
from outreach_pipelines.adapters.postgres.tenant_session import connect
from outreach_pipelines.application.plan_sends import PlanFiles
from outreach_pipelines.application.stored_objects import ObjectKey
from outreach_pipelines.domain.send_plan.codec import decode_plan, decode_snapshot, encode_plan, encode_snapshot
from outreach_pipelines.domain.send_plan.plan import Plan
from outreach_pipelines.domain.send_plan.planner import plan
from outreach_pipelines.domain.send_plan.snapshot import Snapshot
from outreach_pipelines.domain.tenant import TenantId
from outreach_pipelines.local_stack.postgres import EmbeddedPostgres

_TENANT = """
insert into app.tenant (tenant_id, name, zone, postal_address, country, sender_company, sender_website, sender_contact,
                        privacy_notice_url, unsubscribe_host)
values (%s, 'Bench', 'Europe/Berlin', '1 Test Street', 'US', 'Test Ltd', 'https://test.example', 'hello@test.example',
        'https://test.example/privacy', 'u.test.example')
"""
FILES = PlanFiles(ObjectKey("snapshot.json"), ObjectKey("plan.json"))


def in_and_out(size: Size) -> dict[str, object]:
    """CPU seconds of this process, and for the database also of the server and elapsed."""
    with tempfile.TemporaryDirectory(prefix="outreach-bench-") as name:
        Path(name).chmod(0o755)
        postgres = EmbeddedPostgres(Path(name) / "postgres")
        address = postgres.start()
        try:
            urls = bootstrap(address.url(), database="bench")
            migrate(urls[Role.MIGRATE])
            with psycopg.connect(address.url("bench"), autocommit=True) as admin:
                day = replace(snapshot(size), tenant_id=_tenant(admin))
            assert postgres.pid is not None
            made = plan(day)
            return _json(day, made) | _database(PostgresPlanStore(connect(urls[Role.APP])), postgres.pid, day, made)
        finally:
            postgres.stop()


def _tenant(admin: "psycopg.Connection[tuple[int]]") -> TenantId:
    row = admin.execute("insert into app.tenant_directory (slug) values ('acme') returning id").fetchone()
    assert row is not None
    admin.execute(_TENANT, row)
    return TenantId(row[0])


def _json(day: Snapshot, made: Plan) -> dict[str, object]:
    write_snapshot, snapshot_json = cpu_of(lambda: encode_snapshot(day))
    read_snapshot, _ = cpu_of(lambda: decode_snapshot(snapshot_json))
    write_plan, plan_json = cpu_of(lambda: encode_plan(made))
    read_plan, _ = cpu_of(lambda: decode_plan(plan_json))
    times = {"write_snapshot_json": write_snapshot, "read_snapshot_json": read_snapshot}
    times |= {"write_plan_json": write_plan, "read_plan_json": read_plan}
    sizes: dict[str, object] = {"snapshot_mb": len(snapshot_json) // 10**6, "plan_mb": len(plan_json) // 10**6}
    return sizes | {name: round(seconds, 2) for name, seconds in times.items()}


def _database(store: PostgresPlanStore, postmaster: int, day: Snapshot, made: Plan) -> dict[str, object]:
    before, start = tree_cpu_seconds(postmaster), time.monotonic()
    client, saved = cpu_of(lambda: store.save(day, made, FILES))
    elapsed, server = time.monotonic() - start, tree_cpu_seconds(postmaster) - before
    again, known = cpu_of(lambda: store.save(day, made, FILES))
    assert saved.new
    assert not known.new
    return {
        "rows": len(made.decisions),
        "placed": len(made.placements),
        "database_client_cpu": round(client, 2),
        "database_server_cpu": round(server, 2),
        "database_elapsed": round(elapsed, 2),
        "database_again_cpu": round(again, 3),
    }
