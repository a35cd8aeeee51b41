"""The table of refusals, a row a test, and what every row must keep to."""

import tomllib
from importlib.resources import files
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outreach_pipelines.domain.send_answer import RefusalAction, Refused, judge_refusal

ROWS: list[dict[str, Any]] = tomllib.loads(
    files("outreach_pipelines.domain").joinpath("provider_answers.toml").read_text("utf-8")
)["rule"]


@pytest.mark.parametrize("row", ROWS, ids=[row["name"] for row in ROWS])
def test_a_rows_own_example_is_judged_by_it(row: dict[str, Any]) -> None:
    provider = "smtp" if row["provider"] == "any" else row["provider"]

    verdict = judge_refusal(provider, Refused(*row["example"]))

    assert (verdict.rule, verdict.action) == (row["name"], RefusalAction(row["action"]))


@pytest.mark.parametrize("row", ROWS, ids=[row["name"] for row in ROWS])
def test_a_row_names_its_source_and_waits_unless_it_fails(row: dict[str, Any]) -> None:
    assert row["source"]
    assert (row.get("retry_seconds", 0) > 0) is (row["action"] != "fail")


def test_names_of_rows_are_unique() -> None:
    assert len({row["name"] for row in ROWS}) == len(ROWS)


@pytest.mark.parametrize(
    ("provider", "refused", "action"),
    [
        ("smtp", Refused("450", "4.2.0", "Greylisted, see http://example.org"), RefusalAction.RETRY),
        ("smtp", Refused("421", "4.7.0", "[TSS04] Messages temporarily deferred"), RefusalAction.STOP_PATH),
        ("smtp", Refused("550", "5.7.26", "This mail is unauthenticated"), RefusalAction.STOP_PATH),
        ("smtp", Refused("550", "5.7.1", "message content rejected"), RefusalAction.FAIL),
        ("smtp", Refused("535", "5.7.8", "Authentication failed"), RefusalAction.STOP_TENANT),
        ("smtp", Refused("SMTPUTF8", "5.6.7", "no addresses beyond ASCII"), RefusalAction.FAIL),
        ("ses", Refused("MessageRejected", "", "Email address is NOT VERIFIED."), RefusalAction.STOP_PATH),
        ("ses", Refused("MessageRejected", "", "Address is not allowed"), RefusalAction.FAIL),
        ("mailgun", Refused("402", "", "Request failed"), RefusalAction.STOP_TENANT),
        ("mailgun", Refused("403", "", "Sandbox subdomains are for test purposes only."), RefusalAction.STOP_PATH),
        ("mailgun", Refused("413", "", "too large"), RefusalAction.FAIL),
        ("mailgun", Refused("SMTPUTF8", "5.6.7", "an ASCII address is wanted"), RefusalAction.FAIL),
        ("postmark", Refused("401", "", "sender signature not confirmed"), RefusalAction.STOP_PATH),
        ("postmark", Refused("413", "", "may not send"), RefusalAction.STOP_TENANT),
        ("postmark", Refused("411", "", "Forbidden attachment type"), RefusalAction.FAIL),
        ("postmark", Refused("MESSAGE", "5.6.0", "has no form in Postmark's fields"), RefusalAction.FAIL),
        ("ses", Refused("535", "", "a code of another protocol"), RefusalAction.FAIL),
        ("smtp", Refused("TooManyRequestsException", "", "a code of another provider"), RefusalAction.FAIL),
    ],
)
def test_a_refusal_asks_for(provider: str, refused: Refused, action: RefusalAction) -> None:
    assert judge_refusal(provider, refused).action is action


@given(
    st.sampled_from(["ses", "smtp", "mailgun", "postmark", ""]),
    st.text(max_size=40),
    st.text(max_size=10),
    st.text(max_size=200),
)
def test_every_refusal_of_every_provider_has_its_verdict(provider: str, code: str, enhanced: str, text: str) -> None:
    assert judge_refusal(provider, Refused(code, enhanced, text)).rule
