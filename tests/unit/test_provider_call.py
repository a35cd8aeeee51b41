"""Which answers are the server's own trouble, and under which code they are counted."""

import pytest

from outreach_pipelines.domain.provider_call import CallOutcome, call_code, call_outcome
from outreach_pipelines.domain.send_answer import Accepted, NotSent, Refused, ReplyLost, SendAnswer


@pytest.mark.parametrize(
    ("answer", "outcome", "code"),
    [
        (Accepted("id", "<id@box.example>"), CallOutcome.ACCEPTED, ""),
        (Refused("550", "5.1.1", "no such user"), CallOutcome.REFUSED, "550 5.1.1"),
        (Refused("451", "4.7.650", "too many messages"), CallOutcome.REFUSED, "451 4.7.650"),
        (Refused("429", "", "too many requests"), CallOutcome.REFUSED, "429"),
        (Refused("TooManyRequestsException", "", "rate"), CallOutcome.REFUSED, "TooManyRequestsException"),
        (Refused("SendingPausedException", "", "paused"), CallOutcome.REFUSED, "SendingPausedException"),
        (Refused("421", "4.3.2", "shutting down"), CallOutcome.SERVER_ERROR, "421 4.3.2"),
        (Refused("421", "4.7.28", "unusual rate of mail"), CallOutcome.REFUSED, "421 4.7.28"),
        (Refused("ServiceUnavailable", "", "later"), CallOutcome.SERVER_ERROR, "ServiceUnavailable"),
        (ReplyLost("http 503: InternalFailure"), CallOutcome.UNANSWERED, "http 503"),
        (ReplyLost("reply lost: ReadTimeout"), CallOutcome.UNANSWERED, "reply lost"),
        (NotSent("connection: ConnectionRefusedError: [Errno 111]"), CallOutcome.UNREACHABLE, "connection"),
        (NotSent("deadline"), CallOutcome.NOT_CALLED, "deadline"),
        (NotSent("no transport: no account 7"), CallOutcome.NOT_CALLED, "no transport"),
        (NotSent("timeout: no thread was free"), CallOutcome.NOT_CALLED, "timeout"),
    ],
)
def test_an_answer_counts_against_the_server_or_not(answer: SendAnswer, outcome: CallOutcome, code: str) -> None:
    assert (call_outcome(answer), call_code(answer)) == (outcome, code)


def test_a_code_of_any_length_is_cut_to_what_can_be_counted() -> None:
    assert len(call_code(Refused("5" * 99, "", ""))) == 40
