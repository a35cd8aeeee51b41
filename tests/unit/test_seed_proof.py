"""Seeds as large providers' inboxes show them: what they prove, what they refute, and what they leave open."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dkim_verification import DkimResult, DkimVerdict
from outreach_pipelines.domain.seed_proof import (
    ArrivedSeed,
    Passed,
    SeedCheck,
    SeedFolder,
    SeedJudgement,
    SeedVerdict,
    judge_seed,
    seed_of,
)

BOTH = "from:to:subject:list-unsubscribe:list-unsubscribe-post"
RESULTS = (
    "mx.inbox.example; dkim=pass header.i=@desk.example header.s=s2026 header.b=abc (good; really);"
    " spf=pass (mx.inbox.example: domain of b@bounce.desk.example designates 192.0.2.1) smtp.mailfrom=b@bounce.desk.example;"
    " dmarc=pass (p=NONE) header.from=desk.example"
)
HOP = "from out.provider.example (out.provider.example [192.0.2.1]) by mx.inbox.example with ESMTPS id 1 (version=TLS1_3 cipher=X)"


def seed(
    *,
    results: str | None = RESULTS,
    hops: tuple[str, ...] = ("by 2002:a05:6000 with SMTP id 2", HOP),
    signed: str = BOTH,
    signature: bool = True,
    sender: str = "Ann <ann@desk.example>",
    unsubscribe: bool = True,
    folder: SeedFolder = SeedFolder.INBOX,
    verdicts: tuple[DkimVerdict, ...] | None = None,
    ids: frozenset[str] = frozenset(),
) -> SeedJudgement:
    lines = ["Return-Path: <b@bounce.desk.example>", *(f"Received: {hop}" for hop in hops)]
    lines += [f"Authentication-Results: {results}"] if results is not None else []
    lines += (
        [f"DKIM-Signature: v=1; a=rsa-sha256; d=desk.example; s=s2026;\r\n h={signed};\r\n bh=x; b=y"]
        if signature
        else []
    )
    lines += [f"From: {sender}", "To: bea@other.example", "X-Outreach-Seed: 0123"]
    lines += (
        ["List-Unsubscribe: <https://u.desk.example/x>", "List-Unsubscribe-Post: List-Unsubscribe=One-Click"]
        if unsubscribe
        else []
    )
    raw = "\r\n".join([*lines, "", "hello", ""]).encode()
    return judge_seed(ArrivedSeed(raw=raw, folder=folder, verdicts=verdicts, authserv_ids=ids))


def verdict(result: DkimResult, signed: str = BOTH, domain: str = "desk.example") -> DkimVerdict:
    return DkimVerdict(
        domain=DomainName(domain),
        selector="s2026",
        result=result,
        reason="as the test says",
        signed=frozenset(signed.split(":")),
    )


def test_a_seed_as_it_should_be_passes_every_check() -> None:
    judged = seed()

    assert {each.check: each.passed for each in judged.findings} == dict.fromkeys(SeedCheck, Passed.YES)
    assert judged.verdict is SeedVerdict.PASSED


def test_a_signature_that_the_inbox_refuses_fails_whatever_we_think_of_it() -> None:
    judged = seed(results="mx.inbox.example; dkim=fail header.d=desk.example", verdicts=(verdict(DkimResult.PASS),))

    assert judged.of(SeedCheck.DKIM) is Passed.NO
    assert judged.verdict is SeedVerdict.FAILED


def test_our_own_verification_speaks_where_the_inbox_is_silent() -> None:
    judged = seed(results=None, verdicts=(verdict(DkimResult.PASS),))

    assert (judged.of(SeedCheck.DKIM), judged.of(SeedCheck.DKIM_ALIGNED)) == (Passed.YES, Passed.YES)
    assert judged.of(SeedCheck.SPF_ALIGNED) is Passed.UNKNOWN


@pytest.mark.parametrize("verdicts", [None, (verdict(DkimResult.TEMPERROR),)])
def test_what_nobody_could_verify_is_unknown_and_fails_nothing(verdicts: tuple[DkimVerdict, ...] | None) -> None:
    judged = seed(results=None, verdicts=verdicts)

    assert {judged.of(check) for check in (SeedCheck.DKIM, SeedCheck.DKIM_ALIGNED, SeedCheck.UNSUBSCRIBE_SIGNED)} == {
        Passed.UNKNOWN
    }
    assert judged.verdict is SeedVerdict.PASSED


def test_a_refusal_by_the_inbox_is_certain_also_where_we_cannot_read_the_key() -> None:
    judged = seed(
        results="mx.inbox.example; dkim=fail header.d=desk.example", verdicts=(verdict(DkimResult.TEMPERROR),)
    )

    assert judged.of(SeedCheck.DKIM) is Passed.NO


@pytest.mark.parametrize("signer", ["header.d=desk.example", ""])
def test_a_server_that_changes_what_it_has_verified_makes_no_fault_of_it(signer: str) -> None:
    judged = seed(results=f"mx.inbox.example; dkim=pass {signer}", verdicts=(verdict(DkimResult.FAIL),))

    found = {judged.of(check) for check in (SeedCheck.DKIM_ALIGNED, SeedCheck.UNSUBSCRIBE_SIGNED)}
    assert (judged.of(SeedCheck.DKIM), found) == (Passed.YES, {Passed.YES if signer else Passed.UNKNOWN})


def test_a_signature_that_was_taken_off_after_it_passed_leaves_open_what_it_covered() -> None:
    judged = seed(results=RESULTS.replace("=@desk", "=@sub.desk"), signature=False, verdicts=())

    assert (judged.of(SeedCheck.DKIM), judged.of(SeedCheck.UNSUBSCRIBE_SIGNED)) == (Passed.YES, Passed.UNKNOWN)


def test_an_agent_below_the_signing_domain_is_that_domains_signature() -> None:
    judged = seed(results=RESULTS.replace("=@desk", "=@sub.desk"), verdicts=(verdict(DkimResult.FAIL),))

    assert judged.of(SeedCheck.UNSUBSCRIBE_SIGNED) is Passed.YES


def test_what_no_signature_names_is_unsigned_also_where_its_key_cannot_be_read() -> None:
    judged = seed(results=None, signed="from:to", verdicts=(verdict(DkimResult.TEMPERROR, "from:to"),))

    assert judged.of(SeedCheck.UNSUBSCRIBE_SIGNED) is Passed.NO


@pytest.mark.parametrize(("ours", "passed"), [(DkimResult.PASS, Passed.YES), (DkimResult.FAIL, Passed.NO)])
def test_a_server_that_does_not_look_says_none_and_is_silent_by_that(ours: DkimResult, passed: Passed) -> None:
    judged = seed(results="mx.inbox.example; dkim=none (message not signed)", verdicts=(verdict(ours),))

    assert judged.of(SeedCheck.DKIM) is passed


@pytest.mark.parametrize("signed", ["from:to", "from:list-unsubscribe", "from:list-unsubscribe-post"])
def test_one_click_fields_outside_of_the_signature_fail(signed: str) -> None:
    assert seed(signed=signed).of(SeedCheck.UNSUBSCRIBE_SIGNED) is Passed.NO
    assert (
        seed(signed=signed, verdicts=(verdict(DkimResult.PASS, signed),)).of(SeedCheck.UNSUBSCRIBE_SIGNED) is Passed.NO
    )


def test_one_click_fields_that_got_lost_fail() -> None:
    assert seed(unsubscribe=False).of(SeedCheck.UNSUBSCRIBE_SIGNED) is Passed.NO


def test_a_signature_of_the_provider_alone_is_not_aligned() -> None:
    judged = seed(results=RESULTS.replace("header.i=@desk.example", "header.i=@provider.example"))

    assert (judged.of(SeedCheck.DKIM), judged.of(SeedCheck.DKIM_ALIGNED)) == (Passed.YES, Passed.NO)


def test_an_envelope_sender_of_the_provider_is_not_aligned() -> None:
    judged = seed(results=RESULTS.replace("b@bounce.desk.example;", "b@provider.example;"))

    assert judged.of(SeedCheck.SPF_ALIGNED) is Passed.NO


@pytest.mark.parametrize(
    ("word", "passed"), [("softfail", Passed.NO), ("none", Passed.NO), ("temperror", Passed.UNKNOWN)]
)
def test_spf_that_does_not_pass_is_said(word: str, passed: Passed) -> None:
    assert seed(results=RESULTS.replace("spf=pass", f"spf={word}")).of(SeedCheck.SPF_ALIGNED) is passed


def test_the_hop_between_two_sites_tells_of_tls_and_inner_hops_do_not() -> None:
    inner = "from a.inbox.example by b.inbox.example with SMTP"
    plain = HOP.replace("ESMTPS", "ESMTP").partition(" (version")[0]

    assert seed(hops=(inner, HOP)).of(SeedCheck.TLS) is Passed.YES
    assert seed(hops=(inner, plain, HOP.replace("mx.inbox", "x.provider2"))).of(SeedCheck.TLS) is Passed.NO
    assert seed(hops=(inner,)).of(SeedCheck.TLS) is Passed.UNKNOWN


def test_tls_written_in_words_of_other_servers_is_seen() -> None:
    postfix = (
        "from out.provider.example (out.provider.example [192.0.2.1]) (using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits))"
        " by mx.inbox.example (Postfix) with ESMTPS id 4"
    )
    microsoft = "from out.provider.example (192.0.2.1) by mx.inbox.example (10.0.0.1) with Microsoft SMTP Server (version=TLS1_2, cipher=X)"

    assert seed(hops=(postfix,)).of(SeedCheck.TLS) is Passed.YES
    assert seed(hops=(microsoft,)).of(SeedCheck.TLS) is Passed.YES


@pytest.mark.parametrize(("folder", "passed"), [(SeedFolder.JUNK, Passed.NO), (SeedFolder.OTHER, Passed.UNKNOWN)])
def test_junk_is_a_fault_and_another_folder_is_nothing_known(folder: SeedFolder, passed: Passed) -> None:
    assert seed(folder=folder).of(SeedCheck.FOLDER) is passed


def test_results_without_a_name_of_the_server_are_read() -> None:
    judged = seed(
        results="spf=pass (sender IP is 192.0.2.1) smtp.mailfrom=bounce.desk.example; dkim=pass header.d=desk.example;dmarc=pass"
    )

    assert judged.verdict is SeedVerdict.PASSED
    assert judged.of(SeedCheck.SPF_ALIGNED) is Passed.YES


def test_results_of_a_server_that_is_not_ours_count_for_nothing() -> None:
    judged = seed(ids=frozenset({"mx.ours.example"}))

    assert judged.of(SeedCheck.DKIM) is Passed.UNKNOWN


def test_a_seed_is_known_by_its_mark() -> None:
    assert seed_of(b"From: a@desk.example\nX-Outreach-Seed: abc\n\nbody") == "abc"
    assert seed_of(b"From: a@desk.example\n\nX-Outreach-Seed: abc\n") is None


@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.too_slow])
@given(
    raw=st.one_of(
        st.binary(max_size=300),
        st.lists(
            st.sampled_from(
                [
                    "Authentication-Results: ; dkim",
                    "Authentication-Results: ((((;dkim=pass",
                    "Authentication-Results:",
                    "Received: from",
                    "Received: from . by .. with ESMTPS",
                    "From: @",
                    "From: a@-.example",
                    "DKIM-Signature: h;d==;",
                    "List-Unsubscribe:",
                    "List-Unsubscribe-Post: x",
                ]
            )
        ).map(lambda lines: "\r\n".join([*lines, "", ""]).encode()),
    )
)
def test_any_message_is_judged(raw: bytes) -> None:
    judged = judge_seed(ArrivedSeed(raw=raw, folder=SeedFolder.INBOX))

    assert {each.check for each in judged.findings} == set(SeedCheck)
