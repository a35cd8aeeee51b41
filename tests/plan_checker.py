"""An independent judge of plans: reads a snapshot and a plan as JSON and names every rule that the plan breaks.

Shares no code with the planner. Times are compared on the wall clock of the zone in question, never as spans.
"""

import json
import sys
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

Row = dict[str, Any]
_DAY = timedelta(days=1)


def broken_rules(snapshot_json: bytes, plan_json: bytes) -> list[str]:
    """Every broken rule, as sentences; none for a good plan."""
    return list(_Judge(json.loads(snapshot_json), json.loads(plan_json)).complaints())


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def _within(clock: time, hours: Row) -> bool:
    start, end = time.fromisoformat(hours["start"]), time.fromisoformat(hours["end"])
    return start <= clock < end if start < end else clock >= start or clock < end


def _opened_on(local: datetime, hours: Row) -> date:
    """The day on which the window that holds `local` opened."""
    start, end = time.fromisoformat(hours["start"]), time.fromisoformat(hours["end"])
    return local.date() - _DAY if end <= start and local.time() < end else local.date()


class _Judge:
    def __init__(self, snapshot: Row, plan: Row) -> None:
        self.snapshot, self.plan, self.policy = snapshot, plan, snapshot["policy"]
        self.mailboxes = {row["id"]: row for row in snapshot["mailboxes"]}
        self.domains = {row["id"]: row for row in snapshot["domains"]}
        self.accounts = {row["id"]: row for row in snapshot["accounts"]}
        self.campaigns = {row["id"]: row for row in snapshot["campaigns"]}
        self.countries = {row["code"]: row for row in snapshot["countries"]}
        self.candidates = {row["enrollment_id"]: row for row in snapshot["candidates"]}
        self.placements = plan["placements"]
        self.day = date.fromisoformat(snapshot["day"])
        self.as_of = _moment(snapshot["as_of"])

    def complaints(self) -> Iterator[str]:
        yield from self._books()
        for placement in self.placements:
            name = f"enrollment {placement['enrollment_id']}"
            candidate = self.candidates[placement["enrollment_id"]]
            yield from (f"{name}: {fault}" for fault in self._person(candidate))
            yield from (f"{name}: {fault}" for fault in self._campaign(candidate, placement))
            yield from (f"{name}: {fault}" for fault in self._route(candidate, placement))
            yield from (f"{name}: {fault}" for fault in self._time(candidate, placement))
        yield from self._mailbox_limits()
        yield from self._shared_limits()
        yield from self._recipient_limits()
        yield from self._reasons()

    def _books(self) -> Iterator[str]:
        decided = Counter(row["enrollment_id"] for row in self.plan["decisions"])
        if decided != Counter(list(self.candidates)):
            yield "decisions and candidates are not one to one"
        placed = Counter(row["enrollment_id"] for row in self.placements)
        if placed != Counter(row["enrollment_id"] for row in self.plan["decisions"] if row["bound_by"] is None):
            yield "placements are not the placed decisions"
        total = self.plan["breakdown"]
        if total["candidates"] != total["placed"] + sum(row["candidates"] for row in total["not_placed"]):
            yield "the breakdown does not add up"
        if (total["candidates"], total["placed"]) != (len(self.candidates), len(self.placements)):
            yield "the breakdown counts something else"
        if self.placements and self.day < self.as_of.astimezone(ZoneInfo(self.policy["zone"])).date():
            yield "a past day has placements"

    def _person(self, candidate: Row) -> Iterator[str]:
        block = candidate["block"]
        if block is not None and not (block["type"] == "Away" and self.day >= self._after(block["until"], 2)):
            yield f"placed although {block['type']}"
        if self.policy["verified_only"] and not candidate["verified"]:
            yield "not verified"
        if candidate["due_day"] > self.snapshot["day"]:
            yield "not due"
        if candidate["step"] > 1 and self._business_days(candidate["due_day"]) > self.policy["longest_follow_up_wait"]:
            yield "waited too long"

    def _works(self, day: date) -> bool:
        codes = self.policy["holiday_countries"]
        holidays = {text for code in codes if code in self.countries for text in self.countries[code]["holidays"]}
        return day.weekday() not in self.policy["weekend"] and day.isoformat() not in holidays

    def _after(self, text: str, count: int) -> date:
        day = date.fromisoformat(text)
        while count:
            day += _DAY
            count -= self._works(day)
        return day

    def _business_days(self, since: str) -> int:
        start = date.fromisoformat(since)
        return sum(self._works(start + _DAY * n) for n in range(1, (self.day - start).days + 1))

    def _campaign(self, candidate: Row, placement: Row) -> Iterator[str]:
        campaign = self.campaigns[candidate["campaign_id"]]
        if not (campaign["has_postal_address"] and campaign["has_unsubscribe"]):
            yield "no postal address or no unsubscribe"
        if campaign["state"] != "active":
            yield "campaign not active"
        if set(candidate["missing_fields"]) & set(campaign["required_fields"]):
            yield "a required field is missing"
        steps = {step["number"]: step for step in campaign["steps"]}
        if candidate["step"] not in steps:
            yield "no such step"
        elif placement["variant"] not in {variant["name"] for variant in steps[candidate["step"]]["variants"]}:
            yield "no such variant"
        if any(placement[name] != candidate[name] for name in ("lead_id", "campaign_id", "step")):
            yield "placement of something else"

    def _route(self, candidate: Row, placement: Row) -> Iterator[str]:
        mailbox = self.mailboxes[placement["mailbox_id"]]
        domain = self.domains[mailbox["domain_id"]]
        sticky, is_new = candidate["sticky_mailbox"], candidate["step"] == 1
        if mailbox["state"] not in ("active", "ramping"):
            yield f"mailbox is {mailbox['state']}"
        if mailbox["hold"] is not None and Fraction(mailbox["hold"]["factor"]) == 0:
            yield "mailbox is held"
        if sticky is not None and sticky != mailbox["id"]:
            yield "left its thread's mailbox"
        if sticky is None and not is_new:
            yield "a follow-up without a thread"
        if sticky is None and domain["pool_id"] != self.campaigns[candidate["campaign_id"]]["pool_id"]:
            yield "left its pool"
        if is_new and not mailbox["inbox_readable"]:
            yield "a new lead from a mailbox without an inbox"
        weights = {row["provider"]: row["weight"] for row in domain["health"]}
        if is_new and 0 in (mailbox["health"], weights.get(candidate["provider"], 100)):
            yield "a new lead without health"
        allowed = [a for a in mailbox["account_ids"] if self._may_send(a, domain, candidate["basis"])]
        if not placement["account_ids"] or any(a not in allowed for a in placement["account_ids"]):
            yield "no or a forbidden account"
        if placement["account_ids"] != [a for a in allowed if a in placement["account_ids"]]:
            yield "accounts in another order"

    def _may_send(self, account: int, domain: Row, basis: str) -> bool:
        ready = any(row["account_id"] == account and row["state"] == "ready" for row in domain["readiness"])
        return ready and basis in self.accounts[account]["allowed_basis"]

    def _zone(self, candidate: Row) -> ZoneInfo:
        country = self.countries.get(candidate["country"]) or {"zone": None}
        campaign = self.campaigns[candidate["campaign_id"]]
        return ZoneInfo(candidate["zone"] or country["zone"] or campaign["zone"] or self.policy["zone"])

    def _time(self, candidate: Row, placement: Row) -> Iterator[str]:
        due, start, end = (_moment(placement[name]) for name in ("due_at", "window_start", "window_end"))
        tenant = due.astimezone(ZoneInfo(self.policy["zone"]))
        if tenant.date() != self.day:
            yield f"due at {tenant}, not on the plan's day"
        if due < self.as_of:
            yield "due before as_of"
        if not start <= due < end:
            yield "due outside its own window"
        mailbox = self.mailboxes[placement["mailbox_id"]]
        own = due.astimezone(ZoneInfo(mailbox["zone"]))
        if mailbox["hours"] is not None and not _within(own.time(), mailbox["hours"]):
            yield f"outside the mailbox's hours: {own}"
        for moment in (start, due, end - timedelta(seconds=1)):
            local = moment.astimezone(self._zone(candidate))
            yield from (f"{local}: {fault}" for fault in self._closed(candidate, local))

    def _closed(self, candidate: Row, local: datetime) -> Iterator[str]:
        window = self.campaigns[candidate["campaign_id"]]["window"]
        if not _within(local.time(), window["hours"]):
            yield "outside the window"
        if _opened_on(local, window["hours"]).weekday() not in window["weekdays"]:
            yield "a window that does not open on that weekday"
        if self.policy["quiet_hours"] is not None and _within(local.time(), self.policy["quiet_hours"]):
            yield "in quiet hours"
        if local.weekday() in self.policy["weekend"]:
            yield "on a weekend"
        codes = [candidate["country"]] if candidate["country"] in self.countries else self.policy["holiday_countries"]
        if any(
            local.date().isoformat() in self.countries[code]["holidays"] for code in codes if code in self.countries
        ):
            yield "on a holiday"

    def _mailbox_limits(self) -> Iterator[str]:
        placed = defaultdict(list)
        for placement in self.placements:
            placed[placement["mailbox_id"]].append(placement)
        for mailbox_id, rows in placed.items():
            mailbox = self.mailboxes[mailbox_id]
            yield from (f"mailbox {mailbox_id}: {fault}" for fault in self._spacing(mailbox, rows))
            yield from (f"mailbox {mailbox_id}: {fault}" for fault in self._caps(mailbox, rows))

    def _spacing(self, mailbox: Row, rows: list[Row]) -> Iterator[str]:
        ours = [(_moment(row["due_at"]), True) for row in rows]
        times = sorted([*ours, *((_moment(text), False) for text in mailbox["other_sends"])])
        for (a, a_ours), (b, b_ours) in pairwise(times):
            if (a_ours or b_ours) and b - a < timedelta(seconds=mailbox["min_spacing"]):
                yield f"{b - a} between two messages"

    def _caps(self, mailbox: Row, rows: list[Row]) -> Iterator[str]:
        cap = mailbox["daily_cap"]
        if cap is None:
            return
        factor = Fraction(mailbox["hold"]["factor"]) if mailbox["hold"] is not None else Fraction(1)
        zone = ZoneInfo(mailbox["zone"])
        ours = Counter(_moment(row["due_at"]).astimezone(zone).date().isoformat() for row in rows)
        before = {row["day"]: row["count"] for row in mailbox["sends_by_day"]}
        for day, count in ours.items():
            if count + before.get(day, 0) > cap * factor:
                yield f"{count} more on {day}, above the cap"
        due = [_moment(row["due_at"]) for row in rows]
        times = sorted([*due, *map(_moment, mailbox["other_sends"])])
        for end in times:
            window = times[bisect_right(times, end - _DAY) : bisect_right(times, end)]
            if len(window) > cap * factor * Fraction(5, 4) and any(moment in window for moment in due):
                yield f"{len(window)} in the 24 hours to {end}"
        new = sum(row["step"] == 1 for row in rows)
        if new and new + mailbox["new_leads_today"] > cap * factor:
            yield "more new leads than its cap"

    def _shared_limits(self) -> Iterator[str]:
        domains = Counter(self.mailboxes[row["mailbox_id"]]["domain_id"] for row in self.placements)
        for domain_id, count in domains.items():
            domain = self.domains[domain_id]
            yield from _above(f"domain {domain_id}", count + domain["sent_today"], domain["daily_cap"])
        sent = sum(domain["sent_today"] for domain in self.snapshot["domains"])
        if self.placements:
            yield from _above("tenant", len(self.placements) + sent, self.policy["daily_cap"])
        ours = Counter(_moment(row["due_at"]).replace(second=0) for row in self.placements)
        others = Counter(_moment(t).replace(second=0) for m in self.mailboxes.values() for t in m["other_sends"])
        for minute, count in ours.items():
            yield from _above(f"minute {minute}", count + others[minute], self.policy["minute_cap"])
        for account_id, count in Counter(a for row in self.placements for a in row["account_ids"][:1]).items():
            yield from _above(f"account {account_id}", count, self.accounts[account_id]["share_left"])

    def _recipient_limits(self) -> Iterator[str]:
        rows = [self.candidates[placement["enrollment_id"]] for placement in self.placements]
        used, caps = self.snapshot["used_today"], self.policy["recipient_provider_caps"]
        providers = {row["provider"]: row["daily_cap"] for row in caps}
        limits = (
            ("recipient_domain", used["recipient_domains"], lambda _: self.policy["recipient_domain_daily_cap"]),
            ("company", used["companies"], lambda _: self.policy["company_daily_cap"]),
            ("provider", used["providers"], providers.get),
        )
        for name, uses, cap_of in limits:
            before = {use[name]: use["count"] for use in uses}
            for key, count in Counter(row[name] for row in rows if row[name] is not None).items():
                yield from _above(f"{name} {key}", count + before.get(key, 0), cap_of(key))
        pressure = self.policy["contact_pressure"]
        for person, count in Counter(row["recipient"] for row in rows).items():
            before_them = min(row["recent_contacts"] for row in rows if row["recipient"] == person)
            yield from _above(f"person {person}", count + before_them, pressure and pressure["messages"])
        messages = Counter((row["campaign_id"], row["step"], row["lead_id"], row["round"]) for row in rows)
        yield from (f"message {key} twice" for key, count in messages.items() if count > 1)

    def _reasons(self) -> Iterator[str]:
        """Reasons that the candidate's own row can prove or refute."""
        for decision in self.plan["decisions"]:
            candidate, found = self.candidates[decision["enrollment_id"]], decision["found"]
            name = f"enrollment {decision['enrollment_id']}"
            block = candidate["block"]
            for type_, reason in (("Unsubscribed", "unsubscribed"), ("Undeliverable", "undeliverable")):
                if (block is not None and block["type"] == type_) != (reason in found):
                    yield f"{name}: {reason} is wrong"
            if ("not_due" in found) != (candidate["due_day"] > self.snapshot["day"]):
                yield f"{name}: not_due is wrong"
            if decision["bound_by"] != (found[0] if found else None):
                yield f"{name}: the binding constraint is not the first found"
            if "domain_cap" in found[:1] and all(d["daily_cap"] is None for d in self.domains.values()):
                yield f"{name}: a domain's cap that no domain has"
            if "tenant_daily_cap" in found[:1] and self.policy["daily_cap"] is None:
                yield f"{name}: a cap that the tenant has not"


def _above(name: str, count: int, cap: int | None) -> Iterator[str]:
    if cap is not None and count > cap:
        yield f"{name}: {count} is above {cap}"


if __name__ == "__main__":
    found = broken_rules(*(Path(name).read_bytes() for name in sys.argv[1:3]))
    sys.exit("\n".join(found))
