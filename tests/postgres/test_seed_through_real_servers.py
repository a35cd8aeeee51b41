"""A seed's whole way: signed here, over SMTP to a server, into a real inbox, read by IMAP, judged with the key that DNS serves."""

from base64 import b64encode
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import imapclient
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from dovecot_server import running_dovecot
from loopback_dns import config
from loopback_dns import serving as serving_dns
from seed_desk import Outbox, send
from send_steps import begin, claim
from small_world import NOON, SmallWorld
from smtp_stage import Handler
from smtp_stage import serving as serving_smtp
from sqlalchemy import Engine

from outreach_pipelines.adapters.dkim_signing import DkimSigner, SigningTransport, dkim_key
from outreach_pipelines.adapters.dns import UdpResolver
from outreach_pipelines.adapters.imap import ImapInboxReader
from outreach_pipelines.adapters.object_store import LocalObjectStore
from outreach_pipelines.adapters.postgres.message_store import PostgresMessageStore
from outreach_pipelines.adapters.postgres.plan_store import PostgresPlanStore
from outreach_pipelines.adapters.postgres.reply_store import PostgresReplyStore
from outreach_pipelines.adapters.postgres.seed_store import PostgresSeedStore
from outreach_pipelines.application.ports import MailTransport, NotBegun
from outreach_pipelines.application.prove_domains import SeedSummary, judge_seeds
from outreach_pipelines.application.sync_replies import sync_replies
from outreach_pipelines.domain.ids import AccountId
from outreach_pipelines.domain.reference import Fixed, SecretRef, Setting
from outreach_pipelines.domain.secret import Secret
from outreach_pipelines.domain.seed_proof import Passed, SeedCheck
from outreach_pipelines.domain.send_plan.plan import Constraint
from outreach_pipelines.domain.send_plan.planner import plan
from outreach_pipelines.domain.tenant import TenantId, TenantRef, TenantSlug

pytestmark = pytest.mark.needs_server("dovecot")

SIGNING, ANOTHER = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()


@dataclass(frozen=True)
class References:
    """Everybody's password is `secret`."""

    def resolve(self, _reference: SecretRef) -> Secret:
        return Secret("secret")

    def setting(self, setting: Setting) -> str:
        assert isinstance(setting, Fixed)
        return setting.value


@dataclass
class Through(Outbox):
    """`Transports` of one real transport."""

    transport: MailTransport | None = None

    def of(self, tenant: TenantId, account: AccountId) -> MailTransport:  # type: ignore[override]  # the real one
        assert self.transport is not None
        return self.transport


@dataclass
class Route:
    """The servers on the way, and what stands at its end."""

    world: SmallWorld
    engine: Engine
    replies: PostgresReplyStore
    store: PostgresSeedStore
    imap_port: int
    handled: Handler = field(default_factory=Handler)

    @property
    def domain(self) -> str:
        return str(
            self.world.one("select name from app.sending_domain where tenant_id = %(t)s", t=self.world.tenant)["name"]
        )

    async def seed(self, published: Ed25519PrivateKey) -> SeedSummary:
        """A day later than the last: send what is due, carry it to the inbox, read that, and judge with the published key."""
        self.world.sql(
            "update app.seed_attempt set begun_at = begun_at - interval '1 day' where tenant_id = %(t)s",
            t=self.world.tenant,
        )
        before = len(self.handled.seen.bodies)
        async with self._signing() as transport:
            await send(self.store, TenantRef(self.world.tenant, TenantSlug("t")), Through(transport=transport))
        for raw in self.handled.seen.bodies[before:]:
            self._deliver(raw)
        sync_replies(ImapInboxReader(References()), self.replies, tenant=self.world.tenant)
        async with serving_dns(self._zone(published)) as (_, address), UdpResolver(config(address)) as resolver:
            return await judge_seeds(resolver, self.store, tenant=self.world.tenant)

    def results(self) -> dict[SeedCheck, Passed]:
        """What the newest seed showed, as it is kept."""
        ((*_, newest),) = self.store.shown(self.world.tenant).values()
        return {each.check: each.passed for each in newest.judgement.findings}

    @asynccontextmanager
    async def _signing(self) -> AsyncIterator[SigningTransport]:
        pkcs8 = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        key = dkim_key("s1", Secret(SIGNING.private_bytes(*pkcs8).decode()))
        async with serving_smtp(self.handled) as transport:
            yield SigningTransport(DkimSigner({self.domain: [key]}), transport)

    def _deliver(self, raw: bytes) -> None:
        with imapclient.IMAPClient("127.0.0.1", self.imap_port, ssl=False, timeout=10) as client:
            client.login("anna", "secret")
            client.append("INBOX", raw)

    def _zone(self, key: Ed25519PrivateKey) -> str:
        public = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        return (
            f"$ORIGIN {self.domain}.\n$TTL 300\n@ SOA ns1 hostmaster 1 3600 600 86400 60\n"
            f's1._domainkey TXT "v=DKIM1; k=ed25519; p={b64encode(public).decode()}"\n'
        )


@pytest.fixture
def route(
    engine: Engine, world: SmallWorld, replies: PostgresReplyStore, objects: LocalObjectStore,
    new_server_folder: Callable[[str], Path],
) -> Iterator[Route]:  # fmt: skip
    with running_dovecot(new_server_folder("outreach-dovecot-")) as port:
        world.sql(
            "update app.inbox set host = '127.0.0.1', port = %(p)s, tls = 'none', username = 'anna' where tenant_id = %(t)s",
            p=str(port),
            t=world.tenant,
        )
        yield Route(world, engine, replies, PostgresSeedStore(engine, objects), port)


def reasons(route: Route) -> list[tuple[Constraint | None, str]]:
    snapshot = PostgresPlanStore(route.engine).snapshot(route.world.tenant, NOON.date())
    return [(row.bound_by, row.detail) for row in plan(snapshot).decisions]


async def test_a_seed_with_a_sound_signature_passes_from_the_bytes_that_were_read(route: Route) -> None:
    judged = await route.seed(published=SIGNING)

    assert (judged.judged, judged.faults) == ({"passed": 1}, [])
    assert route.results() == {
        SeedCheck.DKIM: Passed.YES,
        SeedCheck.DKIM_ALIGNED: Passed.YES,
        SeedCheck.UNSUBSCRIBE_SIGNED: Passed.YES,
        SeedCheck.SPF_ALIGNED: Passed.UNKNOWN,
        SeedCheck.TLS: Passed.UNKNOWN,
        SeedCheck.FOLDER: Passed.YES,
    }


async def test_a_broken_key_stops_the_account_and_plan_and_send_say_why_until_it_is_mended(route: Route) -> None:
    route.world.enroll(1)
    route.world.message(2)
    (letter,) = claim(PostgresMessageStore(route.engine), route.world)

    broken = await route.seed(published=ANOTHER)
    ((constraint, detail),) = reasons(route)
    stopped = begin(PostgresMessageStore(route.engine), letter)

    assert broken.judged == {"failed": 1}
    assert constraint is Constraint.DOMAIN_NOT_READY
    assert "Its mail arrives without a DKIM signature that passes" in detail
    assert isinstance(stopped, NotBegun)
    assert f"account {route.world.account}: not ready" in stopped.reason

    mended = await route.seed(published=SIGNING)

    assert (mended.judged, mended.settled.lifted) == ({"passed": 1}, 1)
    assert {constraint for constraint, _ in reasons(route)} == {None}


async def test_a_name_server_that_does_not_answer_at_the_judgement_changes_nothing(route: Route) -> None:
    route.world.enroll(1)

    class Dark(Route):
        def _zone(self, key: Ed25519PrivateKey) -> str:
            return super()._zone(key).replace("s1._domainkey", "unused") + "s1._domainkey CNAME silent\n"

    dark = Dark(route.world, route.engine, route.replies, route.store, route.imap_port)
    judged = await dark.seed(published=ANOTHER)

    assert (judged.judged, judged.settled.refuted) == ({"passed": 1}, 0)
    assert dark.results()[SeedCheck.DKIM] is Passed.UNKNOWN
    assert reasons(route)[0][0] is None
