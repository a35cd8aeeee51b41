"""What an installation's data are after an upgrade."""

from datetime import date
from urllib.parse import urlsplit

import psycopg
import pytest
from postgres_fixtures import PASSWORDS

from outreach_pipelines.adapters.postgres.bootstrap import DatabaseUrls, Role, bootstrap
from outreach_pipelines.adapters.postgres.migrate import migrate

DAY = date(2026, 3, 4)


@pytest.fixture
def day_partitions(postgres_admin_url: str, postgres_database_url: str) -> DatabaseUrls:
    """A database from before partitions were of weeks, with one message on a Wednesday."""
    urls = bootstrap(
        postgres_admin_url,
        database=urlsplit(postgres_database_url).path.removeprefix("/"),
        passwords=PASSWORDS,
    )
    migrate(urls[Role.MIGRATE], to="0012")
    with psycopg.connect(postgres_database_url, autocommit=True) as admin:
        admin.execute("select app.ensure_partitions(%s, 7)", (date(2026, 3, 2),))
        # The message alone: what it refers to plays no part here.
        admin.execute("set session_replication_role = replica")
        admin.execute(
            """insert into app.message (tenant_id, plan_day, message_id, plan_id, send_key, enrollment_id, lead_id, campaign_id, step, variant,
                   content_hash, mailbox_id, account_ids, recipient_hmac, domain_hmac, recipient_provider, basis, due_at, window_start, window_end, not_before)
               values (1, %(day)s, 1, 1, '\\x00', 1, 1, 1, 1, 'A', 'c', 1, '{1}', '\\x00', '\\x00', 'other', 'consent', %(day)s, %(day)s, %(day)s + 1, %(day)s)""",
            {"day": DAY},
        )
    return urls


def test_an_upgrade_keeps_the_days_that_hold_messages_and_makes_weeks_around_them(
    day_partitions: DatabaseUrls, postgres_database_url: str
) -> None:
    migrate(day_partitions[Role.MIGRATE])

    with psycopg.connect(postgres_database_url, autocommit=True) as admin:
        kept = admin.execute("select plan_day from app.message").fetchall()
        admin.execute("select app.ensure_partitions(%s, 7)", (date(2026, 3, 2),))
        lengths = admin.execute(
            "select end_day - first_day from app.partition_days('app.message') where first_day < '2026-03-09' order by first_day"
        ).fetchall()
    assert kept == [(DAY,)]
    assert lengths == [(2,), (1,), (4,)]
