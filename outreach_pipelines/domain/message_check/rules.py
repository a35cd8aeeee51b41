"""The named rules and what a check says of each.

Here: the values. Not here: how each is found out (check.py, form_rules.py).
"""

from dataclasses import dataclass
from enum import StrEnum


class Rule(StrEnum):
    """What large receivers ask of a bulk message."""

    SPF_PASSES = "spf_passes"
    DKIM_PASSES = "dkim_passes"
    DKIM_KEY_LENGTH = "dkim_key_length"
    DMARC_PUBLISHED = "dmarc_published"
    FROM_ALIGNED = "from_aligned"
    REVERSE_DNS = "reverse_dns"
    TLS_IN_TRANSIT = "tls_in_transit"
    ONE_FROM = "one_from"
    FROM_NOT_FREE_MAIL = "from_not_free_mail"
    FROM_TAKES_MAIL = "from_takes_mail"
    REPLY_TO_TAKES_MAIL = "reply_to_takes_mail"
    HEADER_FORM = "header_form"
    LINE_FORM = "line_form"
    SUBJECT_HONEST = "subject_honest"
    ONE_CLICK = "one_click"
    ONE_CLICK_SIGNED = "one_click_signed"
    VISIBLE_UNSUBSCRIBE = "visible_unsubscribe"
    LINKS_SOUND = "links_sound"
    DOMAINS_UNLISTED = "domains_unlisted"


class Outcome(StrEnum):
    """How a message stands to a rule. `UNKNOWN` where nobody could say; `NOT_APPLICABLE` where there is nothing to hold."""

    HOLDS = "holds"
    BROKEN = "broken"
    WEAK = "weak"
    UNKNOWN = "unknown"
    NOT_APPLICABLE = "not_applicable"


@dataclass(frozen=True, slots=True)
class RuleReport:
    """One rule, with the evidence."""

    rule: Rule
    outcome: Outcome
    evidence: str
