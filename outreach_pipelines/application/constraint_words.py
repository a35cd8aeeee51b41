"""Each constraint of the planner in words, as an operator reads it: what kept a message from being placed.

Belongs here: words. Does not: what binds (`domain.send_plan`). A test holds this table against the enum.
"""

from collections.abc import Mapping

from outreach_pipelines.domain.send_plan.plan import Constraint

IN_WORDS: Mapping[Constraint, str] = {
    Constraint.PAST_DAY: "the day is over",
    Constraint.SUPPRESSED: "the person is suppressed",
    Constraint.BOUNCED: "the address has bounced",
    Constraint.REPLIED: "the person has replied",
    Constraint.UNSUBSCRIBED: "the person has unsubscribed",
    Constraint.OUT_OF_OFFICE: "the person is out of office",
    Constraint.ERASED: "the person's data were erased",
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
    Constraint.NOT_DUE: "the step is not due yet",
    Constraint.WAITED_TOO_LONG: "the follow-up has waited for too long",
    Constraint.THREAD_UNKNOWN: "the thread's first message is not known to have been accepted",
    Constraint.MAILBOX_RETIRED: "the thread's mailbox is retired",
    Constraint.MAILBOX_RESTING: "the mailbox rests",
    Constraint.MAILBOX_HELD: "the mailbox is held",
    Constraint.INBOX_UNREADABLE: "the mailbox's inbox cannot be read",
    Constraint.HEALTH: "the mailbox's health is too low",
    Constraint.ZONE_UNKNOWN: "the recipient's time zone is not known",
    Constraint.WINDOW: "the recipient's sending window is not open on that day",
    Constraint.QUIET_HOURS: "quiet hours cover the recipient's window",
    Constraint.WEEKEND: "it is the weekend where the recipient is",
    Constraint.HOLIDAY: "it is a public holiday where the recipient is",
    Constraint.MAILBOX_HOURS: "the mailbox's own hours do not meet the recipient's window",
    Constraint.MAILBOX_CAP: "the daily caps of the mailboxes are used up",
    Constraint.NEW_LEAD_BUDGET: "the room for new leads is kept for follow-ups to come",
    Constraint.ROLLING_CAP: "the caps of 24 hours of the mailboxes are used up",
    Constraint.DOMAIN_CAP: "the daily caps of the sending domains are used up",
    Constraint.TENANT_DAILY_CAP: "the tenant's daily cap is used up",
    Constraint.TENANT_MINUTE_CAP: "the tenant's cap per minute leaves no free minute",
    Constraint.ACCOUNT_SHARE: "the tenant's share of the provider accounts is used up",
    Constraint.RECIPIENT_DOMAIN_CAP: "the daily cap of the recipient's domain is used up",
    Constraint.RECIPIENT_PROVIDER_CAP: "the daily cap of the recipient's provider is used up",
    Constraint.COMPANY_CAP: "the daily cap of the recipient's company is used up",
    Constraint.CONTACT_PRESSURE: "the person was written to often enough lately",
    Constraint.SPACING: "the pace of the mailboxes leaves no free slot",
}
