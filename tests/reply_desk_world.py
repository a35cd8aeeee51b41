"""Replies of a small world as an operator meets them: the commands, and what is left in the rows."""

import json
from pathlib import Path

import pytest
from inbox_reading import Tags
from mail_back import kept
from small_world import SmallWorld
from sqlalchemy import Engine
from typer.testing import CliRunner, Result

from outreach_pipelines.adapters.object_store import LocalObjectStore
from outreach_pipelines.adapters.postgres.reply_store import PostgresReplyStore
from outreach_pipelines.cli.main import app
from outreach_pipelines.settings import load_settings
from resources import files


def store_of(engine: Engine, folder: Path, environment: pytest.MonkeyPatch) -> PostgresReplyStore:
    """The inboxes' store over the same object store that the commands read."""
    (folder / "files").mkdir()
    environment.setenv("OUTREACH_FILES", str(folder / "files"))
    load_settings.cache_clear()
    files.object_store.cache_clear()
    return PostgresReplyStore(engine, LocalObjectStore(folder / "files"), Tags())


def slug_of(world: SmallWorld) -> str:
    return str(world.one("select slug from app.tenant_directory where id = %(t)s", t=world.tenant)["slug"])


def say(world: SmallWorld, *words: str, answer: str | None = None) -> Result:
    return CliRunner().invoke(app, ["replies", *words, "--tenant", slug_of(world)], input=answer)


def told(world: SmallWorld, *words: str) -> list[dict[str, object]]:
    """The lines of JSON that a command prints."""
    said = say(world, *words, "--json")
    assert said.exit_code == 0, said.exception
    return [json.loads(line) for line in said.output.splitlines()]


def last_mail(world: SmallWorld) -> str:
    return str(kept(world)[-1]["inbound_id"])


def decide(
    world: SmallWorld, which: str, verdict: str, *words: str, reason: str = "I read it", answer: str | None = None
) -> Result:
    asked = ("--reason", reason, "--actor", "roberta", *(() if answer else ("--yes",)))
    return say(world, "review", "decide", which, "--as", verdict, *asked, *words, answer=answer)


def suppressions(world: SmallWorld) -> list[object]:
    found = world.sql("select kind from app.suppression where tenant_id = %(t)s", t=world.tenant)
    return [row["kind"] for row in found]


def log(world: SmallWorld) -> list[tuple[object, ...]]:
    rows = world.sql(
        "select actor, action, subject from app.audit_log where tenant_id = %(t)s order by audit_id", t=world.tenant
    )
    return [tuple(row.values()) for row in rows]
