"""Fixes applied at Cloudflare: only what a fix names is touched, and every answer of the API has its meaning."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import pytest
from cloudflare_server import TOKEN, Cloudflare, cloudflare

from outreach_pipelines.adapters.cloudflare import CloudflareZones, cloudflare_access
from outreach_pipelines.application.acts_by_hand import Actor, ByHand
from outreach_pipelines.application.apply_fixes import Applied, ChangeStep, HostedZone, Prepared, carry_out, prepare
from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dns_audit.answers import RecordType
from outreach_pipelines.domain.dns_audit.findings import ResourceRecord
from outreach_pipelines.domain.dns_audit.fix_list import FixList
from outreach_pipelines.domain.dns_changes import Create, Edit, HostedRecord, TakeOut
from outreach_pipelines.domain.secret import Secret
from outreach_pipelines.domain.tenant import TenantId
from outreach_pipelines.errors import Refused, SettingsFault, Unreadable

DESK = DomainName("desk.example")
OLD_SPF, NEW_SPF = "v=spf1 include:old.example ~all", "v=spf1 include:old.example include:amazonses.com ~all"
ME = ByHand(Actor("ann"), "fixes of the audit")
TENANT = TenantId(1)


def txt(value: str, name: str = DESK) -> ResourceRecord:
    return ResourceRecord(DomainName(name), RecordType.TXT, value)


def alias(name: str, target: str) -> ResourceRecord:
    return ResourceRecord(DomainName(name), RecordType.CNAME, target)


def fixes(*publish: ResourceRecord, withdraw: tuple[ResourceRecord, ...] = ()) -> FixList:
    return FixList(publish, withdraw, (), (), ())


@dataclass
class Written:
    """The audit log."""

    rows: list[tuple[ChangeStep, str, Mapping[str, str | None]]] = field(default_factory=list)

    def note(
        self, tenant: TenantId, by: ByHand, step: ChangeStep, subject: str, detail: Mapping[str, str | None]
    ) -> None:
        assert (tenant, by) == (TENANT, ME)
        self.rows.append((step, subject, detail))


@dataclass
class World:
    server: Cloudflare
    zones: CloudflareZones
    waits: list[float]
    log: Written = field(default_factory=Written)

    def prepare(self, fix: FixList) -> Prepared:
        return prepare(self.zones, DESK, fix)

    def apply(self, fix: FixList) -> Applied:
        return self.carry_out(self.prepare(fix))

    def carry_out(self, prepared: Prepared) -> Applied:
        return carry_out(self.zones, self.log, prepared, tenant=TENANT, by=ME, wait=self.waits.append)


@pytest.fixture
def world() -> Iterator[World]:
    waits: list[float] = []
    with cloudflare(DESK, "other.example") as server:
        zones = CloudflareZones(cloudflare_access(Secret(TOKEN), server.url), wait=waits.append)
        yield World(server, zones, waits)
        zones.close()


def test_an_spf_fix_edits_the_one_record_and_touches_no_other(world: World) -> None:
    spf = world.server.add(DESK, "TXT", DESK, f'"{OLD_SPF}"', comment="by the owner")
    world.server.add(DESK, "TXT", DESK, '"site-verification=abc"')

    applied = world.apply(fixes(txt(NEW_SPF), withdraw=(txt(OLD_SPF),)))

    assert [type(each) for each in applied.done] == [Edit]
    assert world.server.contents(DESK, "TXT") == ['"site-verification=abc"', f'"{NEW_SPF}"']
    assert (spf["content"], spf["comment"]) == (f'"{NEW_SPF}"', "by the owner")
    assert world.server.changes() == ["PATCH"]


def test_looking_changes_nothing(world: World) -> None:
    world.server.add(DESK, "TXT", DESK, OLD_SPF)

    prepared = world.prepare(fixes(txt(NEW_SPF), withdraw=(txt(OLD_SPF),)))

    (change,) = prepared.changes
    assert (change.before and change.before.value, change.after and change.after.value) == (OLD_SPF, NEW_SPF)
    assert world.server.changes() == []
    assert world.log.rows == []


def test_each_change_is_written_down_with_before_and_after(world: World) -> None:
    world.server.add(DESK, "TXT", DESK, f'"{OLD_SPF}"', ttl=300)

    world.apply(fixes(txt(NEW_SPF), txt("v=DMARC1; p=none", f"_dmarc.{DESK}"), withdraw=(txt(OLD_SPF),)))

    assert [(step, subject) for step, subject, _ in world.log.rows] == [
        (ChangeStep.EDITED, f"TXT {DESK}"),
        (ChangeStep.CREATED, f"TXT _dmarc.{DESK}"),
    ]
    assert world.log.rows[0][2] == {
        "zone": DESK,
        "reason": "fixes of the audit",
        "before": f'{DESK}. 300 IN TXT "{OLD_SPF}"',
        "after": f'{DESK}. 3600 IN TXT "{NEW_SPF}"',
    }


def test_a_second_run_changes_nothing(world: World) -> None:
    wanted = fixes(txt("v=DMARC1; p=none", f"_dmarc.{DESK}"), alias(f"k._domainkey.{DESK}", "k.dkim.amazonses.com."))
    world.apply(wanted)

    again = world.prepare(wanted)

    assert again.changes == ()
    assert len(again.zones[0].plan.standing) == 2
    assert world.server.changes() == ["POST", "POST"]


def test_a_record_beyond_the_first_page_is_found(world: World) -> None:
    world.server.most_per_page = 50
    for number in range(120):
        world.server.add(DESK, "A", f"h{number}.{DESK}", "192.0.2.1")
    world.server.add(DESK, "TXT", DESK, f'"{OLD_SPF}"')

    prepared = world.prepare(fixes(txt(NEW_SPF), withdraw=(txt(OLD_SPF),)))

    assert [type(each) for each in prepared.changes] == [Edit]


def test_a_long_key_is_recognised_however_its_strings_are_cut(world: World) -> None:
    key = "v=DKIM1; k=rsa; p=" + "A" * 400
    world.server.add(DESK, "TXT", f"s1._domainkey.{DESK}", f'"{key[:200]}" "{key[200:]}"')

    prepared = world.prepare(fixes(txt(key, f"s1._domainkey.{DESK}")))

    assert prepared.changes == ()


def test_one_record_too_many_is_taken_out_and_the_other_edited(world: World) -> None:
    world.server.add(DESK, "TXT", DESK, '"v=spf1 a ~all"')
    world.server.add(DESK, "TXT", DESK, '"v=spf1 mx ~all"')

    applied = world.apply(fixes(txt("v=spf1 a mx ~all"), withdraw=(txt("v=spf1 a ~all"), txt("v=spf1 mx ~all"))))

    assert [type(each) for each in applied.done] == [TakeOut, Edit]
    assert world.server.contents(DESK, "TXT") == ['"v=spf1 a mx ~all"']


def test_a_second_spf_record_is_never_made(world: World) -> None:
    world.server.add(DESK, "TXT", DESK, '"v=spf1 include:newer.example -all"')

    prepared = world.prepare(fixes(txt(NEW_SPF), withdraw=(txt(OLD_SPF),)))

    assert prepared.changes == ()
    assert "another v=spf1 record stands there" in prepared.obstacles[0].reason


def test_an_alias_beside_records_of_others_is_not_forced(world: World) -> None:
    world.server.add(DESK, "A", f"go.{DESK}", "192.0.2.1")

    prepared = world.prepare(fixes(alias(f"go.{DESK}", "track.example.")))

    assert prepared.changes == ()
    assert "a CNAME lets nothing stand beside it, and A stands there" in prepared.obstacles[0].reason


def test_what_another_record_blocks_leaves_the_old_one_standing(world: World) -> None:
    world.server.add(DESK, "TXT", DESK, f'"{OLD_SPF}"')
    world.server.add(DESK, "TXT", DESK, '"v=spf1 -all"')

    prepared = world.prepare(fixes(txt(NEW_SPF), withdraw=(txt(OLD_SPF),)))

    assert prepared.changes == ()
    assert len(prepared.obstacles) == 1


def test_exchangers_go_out_with_their_preference_and_hosts_unproxied(world: World) -> None:
    exchanger = ResourceRecord(
        DomainName(f"bounce.{DESK}"), RecordType.MX, "10 feedback-smtp.eu-central-1.amazonses.com."
    )

    world.apply(fixes(exchanger, alias(f"go.{DESK}", "track.example.")))

    mx, cname = world.server.zones[DESK]
    assert (mx["priority"], mx["content"], mx["ttl"]) == (10, "feedback-smtp.eu-central-1.amazonses.com", 3600)
    assert (cname["content"], cname["proxied"]) == ("track.example", False)
    assert world.prepare(fixes(exchanger)).changes == ()


def test_a_name_of_no_zone_of_the_token_is_named_and_not_tried(world: World) -> None:
    foreign = txt("v=DMARC1", "_dmarc.elsewhere.test")

    prepared = world.prepare(fixes(foreign))

    assert (prepared.changes, prepared.unreached) == ((), (foreign,))


def test_a_zone_that_changed_after_the_look_is_left_alone(world: World) -> None:
    world.server.add(DESK, "TXT", DESK, f'"{OLD_SPF}"')
    prepared = world.prepare(fixes(txt(NEW_SPF), withdraw=(txt(OLD_SPF),)))
    world.server.zones[DESK][0]["content"] = '"v=spf1 -all"'

    with pytest.raises(Refused, match="changed meanwhile"):
        world.carry_out(prepared)

    assert world.server.changes() == []


def test_a_refused_token_is_said_in_the_apis_words_and_never_shown(world: World) -> None:
    zones = CloudflareZones(cloudflare_access(Secret("wrong-token"), world.server.url))

    with pytest.raises(SettingsFault, match=r"Authentication error \(10000\)") as refused:
        zones.zone(DESK)

    zones.close()
    assert "wrong-token" not in str(refused.value)


def test_a_limited_request_waits_as_long_as_it_is_told(world: World) -> None:
    world.server.limited = 2

    assert world.zones.zone(DESK) is not None

    assert world.waits == [7.0, 7.0]


def test_an_api_that_stays_limited_is_unreadable_and_nothing_was_changed(world: World) -> None:
    world.server.limited = 50

    with pytest.raises(Unreadable, match="429"):
        world.zones.zone(DESK)


def test_reading_is_tried_again_after_a_bad_gateway(world: World) -> None:
    world.server.failing = 2

    assert world.zones.zone(DESK) is not None
    assert world.waits == [1.0, 2.0]


def test_a_change_whose_answer_is_lost_is_looked_for_and_not_made_twice(world: World) -> None:
    prepared = world.prepare(fixes(txt("v=DMARC1; p=none", f"_dmarc.{DESK}")))
    world.server.cut = 1

    applied = world.carry_out(prepared)

    assert [type(each) for each in applied.done] == [Create]
    assert world.server.contents(DESK, "TXT") == ['"v=DMARC1; p=none"']
    assert world.server.changes() == ["POST"]


def test_an_identical_record_that_was_made_meanwhile_is_no_fault(world: World) -> None:
    zone = world.zones.zone(DESK)
    world.server.add(DESK, "TXT", DESK, '"hello"')
    assert zone is not None

    world.zones.create(zone, txt("hello"))

    assert world.server.contents(DESK, "TXT") == ['"hello"']


def test_a_change_that_the_host_refuses_is_written_down_and_hinders_no_other(world: World) -> None:
    prepared = world.prepare(fixes(txt("one", f"a.{DESK}"), txt("two", f"b.{DESK}")))
    listed = world.server.zones[DESK]
    world.server.lag = 1
    world.server._seen[DESK] = []
    listed.append({"id": "r1", "type": "CNAME", "name": f"a.{DESK}", "content": "x.example", "ttl": 1})

    applied = world.carry_out(prepared)

    ((refused, why),) = applied.failed
    assert refused.after is not None
    assert (refused.after.name, len(applied.done)) == (f"a.{DESK}", 1)
    assert "(81054)" in why
    assert [step for step, _, _ in world.log.rows] == [ChangeStep.CREATED, ChangeStep.FAILED, ChangeStep.CREATED]


def test_a_change_that_shows_late_is_waited_for(world: World) -> None:
    prepared = world.prepare(fixes(txt("one", f"a.{DESK}")))
    world.server.lag = 2

    applied = world.carry_out(prepared)

    assert applied.unseen == []
    assert world.waits == [1.0, 2.0]


def test_a_change_that_never_shows_is_said(world: World) -> None:
    prepared = world.prepare(fixes(txt("one", f"a.{DESK}")))
    world.server.lag = 100

    applied = world.carry_out(prepared)

    assert len(applied.unseen) == 1


def test_more_than_1200_requests_in_five_minutes_wait_for_the_window(world: World) -> None:
    waits: list[float] = []
    zones = CloudflareZones(cloudflare_access(Secret(TOKEN), world.server.url), wait=waits.append, now=lambda: 1000.0)
    zones._made.extend([900.0] * 1200)

    zones.zone(DESK)

    zones.close()
    assert waits == [200.0]


def test_the_zone_that_is_asked_is_changed_and_not_another_accounts(world: World) -> None:
    world.server.pending = frozenset({DESK})

    world.apply(fixes(txt("one", f"a.{DESK}")))

    assert world.server.contents(DESK, "TXT") == ['"one"']


def test_two_fixes_make_no_second_spf_record(world: World) -> None:
    prepared = world.prepare(fixes(txt(OLD_SPF), txt(NEW_SPF)))

    assert [change.after and change.after.value for change in prepared.changes] == [OLD_SPF]
    assert [each.record.value for each in prepared.obstacles] == [NEW_SPF]


def test_a_record_to_withdraw_in_no_zone_of_the_token_is_named(world: World) -> None:
    foreign = txt("v=DMARC1", "_dmarc.elsewhere.test")

    assert world.prepare(fixes(withdraw=(foreign,))).unreached == (foreign,)


@dataclass
class SilentAfterChanges:
    """A host that makes changes and then says nothing more."""

    world: World

    def zone(self, name: DomainName) -> HostedZone | None:
        return self.world.zones.zone(name)

    def records(self, zone: HostedZone) -> Sequence[HostedRecord]:
        if self.world.server.changes():
            message = "silence"
            raise Unreadable(message)
        return self.world.zones.records(zone)

    def create(self, zone: HostedZone, record: ResourceRecord) -> None:
        self.world.zones.create(zone, record)

    def edit(self, zone: HostedZone, hosted: HostedRecord, record: ResourceRecord) -> None:
        self.world.zones.edit(zone, hosted, record)

    def take_out(self, zone: HostedZone, hosted: HostedRecord) -> None:
        self.world.zones.take_out(zone, hosted)


def test_what_was_changed_is_told_also_where_the_host_then_falls_silent(world: World) -> None:
    host, fix = SilentAfterChanges(world), fixes(txt("one", f"a.{DESK}"))
    prepared = prepare(host, DESK, fix)

    applied = carry_out(host, world.log, prepared, tenant=TENANT, by=ME, wait=world.waits.append)

    assert (len(applied.done), len(applied.unseen)) == (1, 1)
