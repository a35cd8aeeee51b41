"""What servers say, in ways that RFC 9051 allows and real ones use, taken apart from a scripted connection."""

import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress

import pytest
from imapclient.imap_utf7 import decode
from imapclient.response_parser import parse_fetch_response, parse_response

from outreach_pipelines.adapters.imap_line import (
    LARGEST_LITERAL,
    LONGEST_LINE,
    Answers,
    ImapFault,
    ImapLine,
    ImapRefused,
    Untagged,
)
from outreach_pipelines.adapters.imap_session import (
    FolderState,
    ImapSession,
    ListedFolder,
    fetched_in,
    folders_in,
    states_in,
    status,
)

GREETING = b"* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] ready\r\n"


@contextmanager
def scripted(*answers: bytes, greeting: bytes = GREETING, asked: list[bytes] | None = None) -> Iterator[ImapSession]:
    """A session with a server that answers each packet with the next of `answers`; what it was asked goes into `asked`."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        theirs, _ = server.accept()
        with theirs, suppress(OSError):  # who was told enough leaves
            theirs.sendall(greeting)
            for answer in answers:
                packet = theirs.recv(65_536)
                if asked is not None:
                    asked.append(packet)
                theirs.sendall(answer)

    thread = threading.Thread(target=serve)
    thread.start()
    ours = socket.create_connection(server.getsockname(), timeout=10)
    try:
        with closing(ImapLine(ours)) as line:
            yield ImapSession(line)
    finally:
        ours.close()
        thread.join()
        server.close()


def test_commands_of_one_packet_are_answered_in_any_order() -> None:
    answers = b'* STATUS Junk (MESSAGES 0 UIDNEXT 9 UIDVALIDITY 4)\r\nA2 OK\r\n* STATUS "inbox" (UIDVALIDITY 3 MESSAGES 2)\r\nA1 OK\r\n'
    asked: list[bytes] = []

    with scripted(answers, asked=asked) as session:
        states = states_in(session.line.ask(status("INBOX"), status("Junk")))

    assert states == {"INBOX": FolderState(3, None, 2), "Junk": FolderState(4, 9, 0)}
    assert len(asked) == 1


def test_a_command_that_is_refused_beside_others_is_told_by_its_place() -> None:
    with scripted(b"A2 NO [NONEXISTENT] no such folder\r\nA1 OK\r\n") as session:
        answers = session.line.ask(status("INBOX"), status("Gone"))

    assert (answers.refusal(0), answers.refusal(1)) == (None, b"NO [NONEXISTENT] no such folder")


def test_names_of_folders_come_quoted_bare_as_literals_and_as_numbers() -> None:
    answer = (
        b'* LIST (\\HasNoChildren) "/" INBOX\r\n* LIST (\\Junk) "." {9}\r\nINBOX.S&A\r\n'
        b'* LIST () NIL 2024\r\n* LIST (\\Sent) "/" "Entw&APw-rfe"\r\nA1 OK done\r\n'
    ).replace(b"S&A", b"Sp ")

    with scripted(answer) as session:
        folders = session.folders()

    assert folders == [
        ListedFolder("INBOX", frozenset({b"\\HasNoChildren"})),
        ListedFolder("INBOX.Sp ", frozenset({b"\\Junk"})),
        ListedFolder("2024", frozenset()),
        ListedFolder("Entw\u00fcrfe", frozenset({b"\\Sent"})),
    ]


def test_facts_of_a_mail_belong_to_its_uid_whatever_number_it_has_meanwhile() -> None:
    answer = (
        b"* 2 FETCH (UID 7 RFC822.SIZE 5 BODY[]<0> {5}\r\nA1 OK)\r\n"
        b"* 1 EXPUNGE\r\n"
        b'* 2 FETCH (UID 8 BODY[]<0> "he\\"")\r\n* 2 FETCH (FLAGS (\\Seen))\r\n* 2 FETCH (RFC822.SIZE 3 UID 8)\r\nA1 OK\r\n'
    )

    with scripted(answer) as session:
        found = session.fetch([7, 8], ["RFC822.SIZE", "BODY.PEEK[]<0.10>"])

    assert {uid: (facts[b"RFC822.SIZE"], facts[b"BODY[]<0>"]) for uid, facts in found.items()} == {
        7: (5, b"A1 OK"),
        8: (3, b'he"'),
    }


def test_uids_are_asked_for_in_runs() -> None:
    asked: list[bytes] = []

    with scripted(b"A1 OK\r\n", asked=asked) as session:
        assert session.fetch([1, 2, 3, 7, 9, 10], ["RFC822.SIZE"]) == {}

    assert asked == [b"A1 UID FETCH 1:3,7,9:10 (RFC822.SIZE)\r\n"]


@pytest.mark.parametrize(
    ("answer", "uids"),
    [(b"* SEARCH 9 2 4\r\n", [2, 4, 9]), (b"* SEARCH\r\n", []), (b"", []), (b"* SEARCH 3 (MODSEQ 917)\r\n", [3])],
)
def test_a_search_finds_uids_in_rising_order(answer: bytes, uids: Sequence[int]) -> None:
    with scripted(answer + b"A1 OK\r\n") as session:
        assert session.search("UID", "1:9") == uids


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"* BYE overloaded\r\n", "ended the connection BYE overloaded"),
        (b"* OK\r\n* LIST () NIL {10}\r\nabc", "ended the connection"),
        (b"* LIST", "ended the connection"),
        (b"B7 OK\r\n", "answer to nothing"),
        (b"* LIST () NIL {%d}\r\n" % (LARGEST_LITERAL + 1), "literal of"),
        (b"x" * (LONGEST_LINE + 3), "line of more"),
    ],
)
def test_what_is_no_whole_answer_is_a_fault_and_no_empty_one(answer: bytes, why: str) -> None:
    with scripted(answer) as session, pytest.raises(ImapFault, match=why):
        session.folders()


@pytest.mark.parametrize("greeting", [b"* BYE no room\r\n", b"* PREAUTH\r\n", b"220 ready\r\n", b""])
def test_a_server_that_does_not_greet_is_not_talked_to(greeting: bytes) -> None:
    with pytest.raises(ImapFault), scripted(greeting=greeting):
        pass


def test_what_login_says_is_quoted() -> None:
    asked: list[bytes] = []

    with scripted(b"A1 OK\r\n", asked=asked) as session:
        session.ask_capabilities()
        session.log_in("ada@people.example", 'a "b" \\c')

    assert asked == [b'A1 LOGIN "ada@people.example" "a \\"b\\" \\\\c"\r\n']


def test_a_password_with_a_line_break_is_no_second_command() -> None:
    asked: list[bytes] = []

    with scripted(b"A1 OK\r\n", asked=asked) as session, pytest.raises(ImapFault, match="cannot say"):
        session.log_in("ada", "x\r\nA2 DELETE INBOX")

    assert asked == [b""]


def test_a_password_beyond_ascii_goes_by_plain_in_one_packet() -> None:
    asked: list[bytes] = []

    with scripted(b"A1 OK\r\n", asked=asked) as session:
        session.ask_capabilities()
        session.log_in("ada", "p\u00e4ss")

    assert asked == [b"A1 AUTHENTICATE PLAIN AGFkYQBww6Rzcw==\r\n"]


def test_a_server_without_initial_responses_is_told_when_it_asks() -> None:
    asked: list[bytes] = []
    capabilities = b"* CAPABILITY IMAP4rev1 LOGINDISABLED AUTH=PLAIN\r\nA1 OK\r\n"

    with scripted(capabilities, b"+ \r\n", b"A2 OK\r\n", greeting=b"* OK hello\r\n", asked=asked) as session:
        session.ask_capabilities()
        session.log_in("ada", "x")

    assert asked == [b"A1 CAPABILITY\r\n", b"A2 AUTHENTICATE PLAIN\r\n", b"AGFkYQB4\r\n"]


def test_a_refusal_that_comes_as_a_challenge_is_answered_by_an_empty_line() -> None:
    asked: list[bytes] = []

    with scripted(b"+ eyJzdGF0dXMiOiI0MDAifQ==\r\n", b"A1 NO invalid token\r\n", asked=asked) as session:
        session.ask_capabilities()
        with pytest.raises(ImapRefused, match="NO invalid token"):
            session.authenticate(b"XOAUTH2", "user=ada")

    assert asked[1:] == [b"\r\n"]


@pytest.mark.parametrize(
    "name", [b"INBOX", b'"INBOX"', b'"Junk E-Mail"', b"Junk/2026", b'"&ANw-ber"', b"{5}\r\nInbox", b'"a\\"b"', b"2026"]
)
def test_states_and_lists_in_plain_form_are_what_the_parser_makes_of_them(name: bytes) -> None:
    raw = name.rpartition(b"\r\n")[2] if name.startswith(b"{") else name
    lines: list[Untagged] = [
        [b'LIST (\\HasNoChildren \\Junk) "/" ' + name] if raw is name else [(b'LIST (\\HasNoChildren \\Junk) "/" {5}', raw), b""],
        [b"STATUS " + name + b" (MESSAGES 3 UIDNEXT 9 UIDVALIDITY 7)"] if raw is name
        else [(b"STATUS {5}", raw), b" (MESSAGES 3 UIDNEXT 9 UIDVALIDITY 7)"],
    ]  # fmt: skip
    answers = Answers(data=lines)

    (folder,), states = folders_in(answers), states_in(answers)

    parsed = parse_response(answers.told(b"LIST")[0])[2]
    expected = str(parsed) if isinstance(parsed, int) else decode(parsed)
    assert folder.name == ("INBOX" if expected.upper() == "INBOX" else expected)
    assert folder.flags == {b"\\HasNoChildren", b"\\Junk"}
    assert states == {folder.name: FolderState(7, 9, 3)}


@pytest.mark.parametrize(
    "facts",
    [
        b'UID 9 RFC822.SIZE 5 INTERNALDATE "21-Nov-2026 12:00:00 +0100" BODY[]<0> {5}',
        b'RFC822.SIZE 5 INTERNALDATE " 1-Nov-2026 12:00:00 -0330" UID 9 BODY[]<0> {5}',
        b'UID 9 FLAGS (\\Seen) RFC822.SIZE 5 INTERNALDATE "21-Nov-2026 12:00:00 +0100" BODY[]<0> {5}',
        b"UID 9 RFC822.SIZE 5 RFC822.SIZE 5 BODY[]<0> {5}",
    ],
)
def test_a_mail_in_plain_form_is_what_the_parser_makes_of_it(facts: bytes) -> None:
    told: Untagged = [(b"3 (" + facts, b"Hello"), b")"]
    answers = Answers(data=[[(b"3 FETCH (" + facts, b"Hello"), b")"]])

    found = fetched_in(answers)

    (parsed,) = parse_fetch_response(told, normalise_times=False, uid_is_key=False).values()
    wanted = (b"UID", b"RFC822.SIZE", b"INTERNALDATE", b"BODY[]<0>")
    assert {key: found[9].get(key) for key in wanted} == {key: parsed.get(key) for key in wanted}
