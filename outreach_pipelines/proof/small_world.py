"""A small tenant in a real database, written past row-level security: messages without their planning.

Belongs here: founding it and looking at it, as superuser. Does not: what happens to it.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import psycopg
from psycopg.rows import dict_row

from outreach_pipelines.domain.tenant import TenantId

NOON = datetime(2026, 11, 18, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class SmallWorld:
    """Ids of what was written; `sql` runs a statement as superuser and gives its rows."""

    admin: psycopg.Connection[dict[str, object]]
    tenant: TenantId
    account: int
    domain: int
    mailboxes: tuple[int, ...]
    campaign: int
    plan: int

    def sql(self, statement: str, **values: object) -> list[dict[str, object]]:
        cursor = self.admin.execute(statement, values)
        return cursor.fetchall() if cursor.description else []

    def one(self, statement: str, **values: object) -> dict[str, object]:
        (row,) = self.sql(statement, **values)
        return row

    def at(self, moment: datetime) -> None:
        """Step policy time."""
        self.sql(
            "insert into app.clock (policy_now) values (%(now)s) on conflict (one) do update set policy_now = %(now)s",
            now=moment,
        )

    def message(
        self, number: int, *, due_at: datetime = NOON, mailbox: int | None = None, step: int = 1, state: str = "planned"
    ) -> int:
        """A message of a lead of its own; the number only makes its address."""
        lead, enrollment = self._enrolled(number, step)
        row = self.one(
            """insert into app.message (tenant_id, plan_day, message_id, plan_id, send_key, enrollment_id, lead_id, campaign_id, step, variant, content_hash,
                 mailbox_id, account_ids, recipient_hmac, domain_hmac, recipient_provider, basis, due_at, window_start, window_end, not_before, state, reason)
               select %(tenant)s, %(day)s, nextval('app.message_id'), %(plan)s, %(key)s, %(enrollment)s, lead_id, %(campaign)s, %(step)s, 'A', 'content',
                      %(mailbox)s, array[%(account)s::int], address_hmac, domain_hmac, recipient_provider, basis, %(due)s, %(start)s, %(end)s, %(due)s, %(state)s,
                      case when %(state)s = 'planned' then null else 'test' end
                 from app.lead where tenant_id = %(tenant)s and lead_id = %(lead)s returning message_id""",
            tenant=self.tenant, day=due_at.date(), plan=self.plan, key=secrets.token_bytes(16), enrollment=enrollment, lead=lead, campaign=self.campaign,
            step=step, mailbox=mailbox or self.mailboxes[0], account=self.account, due=due_at, start=due_at - 3 * HOUR, end=due_at + 3 * HOUR, state=state,
        )  # fmt: skip
        message = int(str(row["message_id"]))
        self.sql(
            "insert into app.send_key select tenant_id, send_key, plan_day, message_id from app.message where message_id = %(m)s",
            m=message,
        )
        return message

    def enroll(self, number: int) -> int:
        """An enrollment at its first step, without a message: for what plans."""
        return int(str(self._enrolled(number, 1)[1]))

    def state(self, message: int) -> dict[str, object]:
        return self.one("select * from app.message where message_id = %(m)s", m=message)

    def _enrolled(self, number: int, step: int) -> tuple[object, object]:
        lead = self.one(
            """insert into app.lead (tenant_id, address, address_hmac, domain_hmac, global_hmac, basis, basis_evidence, basis_source, first_name)
               values (%(tenant)s, %(address)s, %(hmac)s, %(domain)s, %(hmac)s, 'consent', 'form', 'fair', 'Ada') returning lead_id""",
            tenant=self.tenant, address=f"person{number}@example.test", hmac=_hmac(self.tenant, f"person{number}"), domain=_hmac(self.tenant, "@example.test"),
        )["lead_id"]  # fmt: skip
        enrollment = self.one(
            "insert into app.enrollment (tenant_id, lead_id, campaign_id, step, mailbox_id) values (%(t)s, %(l)s, %(c)s, %(s)s, %(m)s) returning enrollment_id",
            t=self.tenant, l=lead, c=self.campaign, s=step, m=self.mailboxes[0] if step > 1 else None,
        )["enrollment_id"]  # fmt: skip
        return lead, enrollment


def _hmac(tenant: int, text: str) -> bytes:
    return hashlib.sha256(f"{tenant}|{text}".encode()).digest()


def build_world(
    admin_url: str, *, mailboxes: int = 3, kind: str = "smtp", daily_cap: int = 40, day: date = date(2026, 11, 18)
) -> SmallWorld:
    """A tenant with one ready domain, some mailboxes and a two-step campaign; policy time stands at noon."""
    new = _Founding(psycopg.connect(admin_url, autocommit=True, row_factory=dict_row), f"t{secrets.token_hex(4)}")
    tenant = new.tenant()
    account = new.account(tenant, kind)
    domain = new.ready_domain(tenant, account)
    boxes = new.mailboxes(tenant, domain, mailboxes, daily_cap)
    campaign = new.campaign(tenant)
    world = SmallWorld(new.admin, TenantId(tenant), account, domain, boxes, campaign, new.released_plan(tenant, day))
    world.at(NOON)
    return world


@dataclass(frozen=True, slots=True)
class _Founding:
    """Writes a tenant part by part. Names of what tenants share hold `slug`, so that worlds of one database keep apart."""

    admin: psycopg.Connection[dict[str, object]]
    slug: str

    def tenant(self) -> int:
        tenant = self._id("insert into app.tenant_directory (slug) values (%(slug)s) returning id", slug=self.slug)
        self._do(
            """insert into app.tenant (tenant_id, name, zone, postal_address, country, sender_company, sender_website, sender_contact, privacy_notice_url, unsubscribe_host)
               values (%(t)s, 'Test', 'Etc/UTC', '1 Test Street', 'US', 'Test Ltd', 'https://test.example', 'hello@test.example', 'https://test.example/privacy', 'u.test.example')""",
            t=tenant,
        )
        self._do("insert into app.sending_policy (tenant_id) values (%(t)s)", t=tenant)
        return tenant

    def account(self, tenant: int, kind: str) -> int:
        account = self._id(
            """insert into app.provider_account (name, kind, region, secret_ref, allowed_basis, proven_at)
               values (%(n)s, %(k)s, 'us-east-1', 'env:X', '{consent}', clock_timestamp()) returning account_id""",
            n=f"account-{self.slug}", k=kind,
        )  # fmt: skip
        self._do(
            "insert into app.provider_account_share (tenant_id, account_id) values (%(t)s, %(a)s)", t=tenant, a=account
        )
        return account

    def ready_domain(self, tenant: int, account: int) -> int:
        domain = self._id(
            "insert into app.sending_domain (tenant_id, name, pool, direction) values (%(t)s, %(n)s, 'p', 'd') returning domain_id",
            t=tenant, n=f"{self.slug}.example",
        )  # fmt: skip
        self._do(
            """insert into app.domain_account (tenant_id, domain_id, account_id, position, state, definite_state)
               values (%(t)s, %(d)s, %(a)s, 1, 'ready', 'ready')""",
            t=tenant, d=domain, a=account,
        )  # fmt: skip
        return domain

    def mailboxes(self, tenant: int, domain: int, number: int, daily_cap: int) -> tuple[int, ...]:
        inbox = self._id(
            """insert into app.inbox (tenant_id, name, host, port, username, secret_ref, receives, last_complete_read)
               values (%(t)s, 'in', 'h', '1', 'u', 'env:X', '{}', clock_timestamp()) returning inbox_id""",
            t=tenant,
        )
        return tuple(
            self._id(
                """insert into app.mailbox (tenant_id, domain_id, inbox_id, address, display_name, zone, daily_cap, min_gap_seconds, max_gap_seconds, state, account_names)
                   values (%(t)s, %(d)s, %(i)s, %(a)s, 'Box', 'Etc/UTC', %(cap)s, 120, 300, 'active', %(names)s) returning mailbox_id""",
                t=tenant, d=domain, i=inbox, a=f"box{each}@{self.slug}.example", cap=daily_cap, names=[f"account-{self.slug}"],
            )
            for each in range(number)
        )  # fmt: skip

    def campaign(self, tenant: int) -> int:
        campaign = self._id(
            "insert into app.campaign (tenant_id, name, pool) values (%(t)s, 'c', 'p') returning campaign_id", t=tenant
        )
        content = {"t": tenant, "hash": "a" * 64}
        self._do(
            "insert into app.template (tenant_id, sha256, name, object_key) values (%(t)s, %(hash)s, 't', 'k')",
            **content,
        )
        for step in (1, 2):
            self._do(
                "insert into app.campaign_step (tenant_id, campaign_id, step, delay_business_days) values (%(t)s, %(c)s, %(s)s, %(d)s)",
                t=tenant, c=campaign, s=step, d=(step - 1) * 3,
            )  # fmt: skip
            self._do(
                "insert into app.campaign_variant (tenant_id, campaign_id, step, variant, subject, text_sha256) values (%(t)s, %(c)s, %(s)s, 'A', 'Hello', %(hash)s)",
                c=campaign, s=step, **content,
            )  # fmt: skip
        return campaign

    def released_plan(self, tenant: int, day: date) -> int:
        self._do("select app.ensure_partitions(%(first)s, 3)", first=day - timedelta(days=1))
        return self._id(
            """insert into app.plan (tenant_id, day, version, status, planner_version, snapshot_hash, plan_hash, snapshot_key, plan_key, placed, not_placed, released_at)
               values (%(t)s, %(day)s, 1, 'released', '1', 's', 'p', 'k', 'k', 0, 0, clock_timestamp()) returning plan_id""",
            t=tenant, day=day,
        )  # fmt: skip

    def _id(self, statement: str, **values: object) -> int:
        row = self.admin.execute(statement, values).fetchone()
        assert row is not None  # noqa: S101 - each statement returns one
        return int(str(next(iter(row.values()))))

    def _do(self, statement: str, **values: object) -> None:
        self.admin.execute(statement, values)
