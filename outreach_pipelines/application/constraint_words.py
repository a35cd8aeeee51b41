"""Each constraint of the planner and each reason of a hold in words, as an operator reads it.

Belongs here: words. Does not: what binds (`domain.send_plan`) or holds (`domain.back_off`). Tests hold the tables
against the enums.
"""

from collections.abc import Mapping

from outreach_pipelines.domain.back_off import HoldReason
from outreach_pipelines.domain.send_plan.plan import Constraint

HOLDS_IN_WORDS: Mapping[HoldReason, str] = {
    HoldReason.HARD_BOUNCE_RATE: "too many addresses do not exist",
    HoldReason.HARD_BOUNCES_IN_A_ROW: "several addresses in a row do not exist",
    HoldReason.HARD_BOUNCE_JUMP: "suddenly more addresses do not exist",
    HoldReason.COMPLAINT_RATE: "too many people complain",
    HoldReason.COMPLAINTS_WITHIN_A_DAY: "several people complained within a day",
    HoldReason.SOFT_BOUNCES_RISING: "temporary bounces rise",
    HoldReason.REPUTATION_ANSWER: "a receiver refuses mail for its sender's reputation",
    HoldReason.REPUTATION_OF_SEVERAL_MAILBOXES: "receivers refuse several mailboxes for their reputation",
    HoldReason.ERRORS_IN_A_ROW: "several calls in a row failed",
    HoldReason.MANUAL: "a person holds it",
}


def hold_in_words(reason: str) -> str:
    """What the database says a hold is for: a reason by its name, or a person's own words, which stay as they are."""
    known = {each.value: words for each, words in HOLDS_IN_WORDS.items()}
    return known.get(reason, reason)


def intent_reason_in_words(reason: str) -> str:
    """Why an intent was refused, as the database names it (`held: complaint_rate`), for people."""
    kind, held, hold = reason.partition("held: ")
    if not kind and held and hold_in_words(hold) != hold:
        return f"held: {hold_in_words(hold)}"
    return reason.replace("_", " ")


def name_of(constraint: Constraint) -> str:
    """The constraint's name as a heading: `mailbox_cap` is "mailbox cap"."""
    return constraint.replace("_", " ")


IN_WORDS: Mapping[Constraint, str] = {
    Constraint.PAST_DAY: "the day is over",
    Constraint.SUPPRESSED: "the person is suppressed",
    Constraint.BOUNCED: "the address has bounced",
    Constraint.REPLIED: "the person has replied",
    Constraint.COMPANY_REPLIED: "somebody else of the company has replied",
    Constraint.UNSUBSCRIBED: "the person has unsubscribed",
    Constraint.OUT_OF_OFFICE: "the person is out of office",
    Constraint.ERASED: "the person's data were erased",
    Constraint.UNDELIVERABLE: "the recipient's domain takes no mail",
    Constraint.UNVERIFIED: "the address is not verified, and the policy asks for that",
    Constraint.NO_MAILBOX: "the campaign's pool has no mailbox",
    Constraint.BASIS_NOT_COVERED: "no usable account allows the lead's lawful basis",
    Constraint.DOMAIN_NOT_READY: "no sending domain is ready: DNS records are wrong or missing",
    Constraint.DOMAIN_UNKNOWN: "it is not known whether a sending domain is ready",
    Constraint.NO_POSTAL_ADDRESS: "the tenant has no postal address",
    Constraint.NO_UNSUBSCRIBE: "there is no unsubscribe host",
    Constraint.FIELD_MISSING: "a field that the template needs is missing",
    Constraint.NO_SUCH_STEP: "the campaign has no such step",
    Constraint.SAME_MESSAGE_TWICE: "the same message is in the plan already",
    Constraint.CAMPAIGN_NOT_ACTIVE: "the campaign is not active",
    Constraint.CAMPAIGN_HELD: "the campaign is held",
    Constraint.LEAD_FILE_HELD: "the lead file that the person came with is held",
    Constraint.NOT_DUE: "the step is not due yet",
    Constraint.WAITED_TOO_LONG: "the follow-up has waited for too long",
    Constraint.THREAD_UNKNOWN: "the thread's first message is not known to have been accepted",
    Constraint.MAILBOX_RETIRED: "the thread's mailbox is retired",
    Constraint.MAILBOX_RESTING: "the mailbox rests",
    Constraint.MAILBOX_HELD: "the mailbox is held",
    Constraint.PROVIDER_HELD: "the mailbox is held towards the recipient's provider",
    Constraint.PATH_HELD: "the account that the mailbox would send through is held",
    Constraint.INBOX_UNREADABLE: "the mailbox's inbox cannot be read",
    Constraint.HEALTH: "the mailbox's health is too low",
    Constraint.ZONE_UNKNOWN: "the recipient's time zone is not known",
    Constraint.WINDOW: "the recipient's sending window is not open on that day",
    Constraint.QUIET_HOURS: "quiet hours cover the recipient's window",
    Constraint.WEEKEND: "it is the weekend where the recipient is",
    Constraint.HOLIDAY: "it is a public holiday where the recipient is",
    Constraint.MAILBOX_HOURS: "the mailbox's own hours do not meet the recipient's window",
    Constraint.MAILBOX_CAP: "the daily caps of the mailboxes leave no room",
    Constraint.NEW_LEAD_BUDGET: "the room for new leads is kept for follow-ups to come",
    Constraint.SLOWED: "a hold on campaign, lead file, provider or account leaves only an early part of the mailboxes' caps",
    Constraint.ROLLING_CAP: "the caps of 24 hours of the mailboxes leave no room",
    Constraint.DOMAIN_CAP: "the daily caps of the sending domains leave no room",
    Constraint.TENANT_DAILY_CAP: "the tenant's daily cap leaves no room",
    Constraint.TENANT_MINUTE_CAP: "the tenant's cap per minute leaves no free minute",
    Constraint.ACCOUNT_SHARE: "the tenant's share of the provider accounts leaves no room",
    Constraint.RECIPIENT_DOMAIN_CAP: "the daily cap of the recipient's domain leaves no room",
    Constraint.RECIPIENT_PROVIDER_CAP: "the daily cap of the recipient's provider leaves no room",
    Constraint.COMPANY_CAP: "the daily cap of the recipient's company leaves no room",
    Constraint.CONTACT_PRESSURE: "the person was written to often enough lately",
    Constraint.SPACING: "the pace of the mailboxes leaves no free slot",
}
