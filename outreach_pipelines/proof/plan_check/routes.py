"""From where a message may leave: thread, pool, state, health, and accounts that allow its lawful basis.

Belongs here: who carries it. Does not: when, and how many.
"""

from collections.abc import Iterator
from fractions import Fraction
from itertools import takewhile

from outreach_pipelines.proof.plan_check.candidate_document import Candidate
from outreach_pipelines.proof.plan_check.facts import Facts, Violation, path_factor
from outreach_pipelines.proof.plan_check.plan_document import Placement
from outreach_pipelines.proof.plan_check.sender_document import Mailbox


def routes(facts: Facts) -> Iterator[Violation]:
    """Every placement against its mailbox, domain and accounts."""
    for placement, candidate, mailbox in facts.sound:
        subject = f"enrollment {candidate.enrollment_id}"
        found = (
            *_state(mailbox),
            *_home(facts, candidate, mailbox),
            *_new_lead(facts, candidate, mailbox),
            *_accounts(facts, candidate, placement, mailbox),
        )
        yield from (Violation(rule, subject, sentence) for rule, sentence in found)


def _state(mailbox: Mailbox) -> Iterator[tuple[str, str]]:
    if mailbox.state not in ("active", "ramping"):
        yield f"mailbox_{mailbox.state}", f"mailbox {mailbox.id} is {mailbox.state}"
    if mailbox.hold is not None and Fraction(mailbox.hold.factor) == 0:
        yield "mailbox_held", f"mailbox {mailbox.id} is held: {mailbox.hold.reason}"


def _home(facts: Facts, candidate: Candidate, mailbox: Mailbox) -> Iterator[tuple[str, str]]:
    sticky = candidate.sticky_mailbox
    if sticky is not None and sticky != mailbox.id:
        yield "thread", f"left the mailbox of its thread, {sticky}, for {mailbox.id}"
    if sticky is None and candidate.step > 1:
        yield "thread_unknown", "a follow-up whose thread is not known"
    if sticky is None and facts.pool_of(mailbox) != facts.campaigns[candidate.campaign_id].pool_id:
        yield "pool", f"mailbox {mailbox.id} is not in the campaign's pool"


def _new_lead(facts: Facts, candidate: Candidate, mailbox: Mailbox) -> Iterator[tuple[str, str]]:
    if candidate.step > 1:
        return
    if not mailbox.inbox_readable:
        yield "inbox_unreadable", f"a new lead from mailbox {mailbox.id}, whose replies nobody can read"
    weights = {row.provider: row.weight for row in facts.domains[mailbox.domain_id].health}
    if 0 in (mailbox.health, weights.get(candidate.provider, 100)):
        yield "health", f"a new lead from mailbox {mailbox.id}, whose health is 0"


def allowed_accounts(facts: Facts, candidate: Candidate, mailbox: Mailbox) -> list[int]:
    """The mailbox's accounts, in its order, that allow the basis and for which its domain is ready, up to the first that
    a hold stops: nobody goes round it."""
    rows = facts.domains[mailbox.domain_id].readiness
    ready = {row.account_id for row in rows if row.state == "ready"}
    able = (id_ for id_ in mailbox.account_ids if id_ in ready and candidate.basis in facts.accounts[id_].allowed_basis)
    return list(takewhile(lambda id_: path_factor(facts, mailbox, id_) > 0, able))


def _accounts(facts: Facts, candidate: Candidate, placement: Placement, mailbox: Mailbox) -> Iterator[tuple[str, str]]:
    allowed = allowed_accounts(facts, candidate, mailbox)
    chosen = list(placement.account_ids)
    if not chosen:
        yield "account", "no account to leave through"
    if not set(chosen) <= set(allowed):
        yield "account", f"accounts {chosen}, of which only {allowed} are ready and allow {candidate.basis}"
    elif chosen != [id_ for id_ in allowed if id_ in chosen]:
        yield "account", f"accounts {chosen} are not in the mailbox's order"
