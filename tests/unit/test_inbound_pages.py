"""Pages and hosts that a refusal points to: their names are no words of the server."""

import pytest

from outreach_pipelines.domain.inbound.bounce_rules import classify_refusal, take_apart
from outreach_pipelines.domain.inbound.part_text import without_pages
from outreach_pipelines.domain.inbound.verdict import BlockCause, BounceClass, Verdict


def judge(line: str) -> Verdict:
    refusal = take_apart(line)
    return classify_refusal(refusal.code, refusal.enhanced, refusal.text, refusal.stage)


@pytest.mark.parametrize(
    "page",
    [
        "http://help.example.net/spam/reputation.html",
        "https://antispam.example.net/",
        "www.example.net/virus",
        "(see https://example.net/help?id=help_spam_16)",
        "spamfilter.mx.example.net",
        "greylist.example.net/too-fast",
    ],
)
def test_words_in_an_address_of_a_page_or_host_decide_nothing(page: str) -> None:
    with_page = judge(f"550 5.1.1 User unknown {page} (in reply to RCPT TO command)")
    alone = judge(f"550 {page}")

    assert with_page.bounce_class is BounceClass.HARD
    assert alone.bounce_class is BounceClass.UNKNOWN


@pytest.mark.parametrize(
    "line",
    [
        "550 5.7.1 See https://www.spamhaus.org/query/ip/192.0.2.7",
        "553 5.1.3 http://www.spamhaus.org/query/bl?ip=192.0.2.7",
    ],
)
def test_the_page_of_a_blocklist_names_the_blocklist(line: str) -> None:
    assert (judge(line).bounce_class, judge(line).cause) == (BounceClass.BLOCK, BlockCause.BLOCKLIST)


def test_a_reason_that_google_puts_into_its_page_is_kept() -> None:
    verdict = judge("550 https://support.google.com/mail/?p=NoSuchUser - gsmtp (in reply to RCPT TO command)")

    assert verdict.bounce_class is BounceClass.HARD


def test_codes_versions_and_numbers_are_no_hosts() -> None:
    text = "550 5.7.1 as of 1.2.3 from 192.0.2.7: storedrv.deliver.exception"

    assert without_pages(text) == text


def test_an_address_between_the_words_of_a_phrase_does_not_part_them() -> None:
    assert judge("mailbox ann@example.net is full: retry timeout exceeded").bounce_class is BounceClass.FULL
