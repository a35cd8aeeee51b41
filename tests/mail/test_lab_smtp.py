"""The lab's submission servers and inboxes as smtplib, aiosmtplib and imapclient see them."""

import smtplib
from email import message_from_bytes, policy
from email.message import EmailMessage

import aiosmtplib
import httpx
import imapclient
import pytest
from lab_process import RunningLab

pytest_plugins = ("lab_fixtures",)

RIGHT, INBOX_PASSWORD = "right", "secret"


@pytest.fixture(autouse=True)
def _clean(lab: RunningLab):
    lab.step()
    yield
    lab.forget()


def mail_to(to: str, *, sender: str = "bounces@sender.test", tag: str = "tag1") -> EmailMessage:
    mail = EmailMessage(policy=policy.SMTP)
    mail["From"], mail["To"], mail["Subject"] = f"Anna <{sender}>", to, "Grüße"
    mail["Message-ID"] = f"<{tag}@sender.test>"
    mail.set_content("How are you?\n")
    return mail


def connect(lab: RunningLab, *, account: str = "smtp-a", password: str = RIGHT, timeout: float = 10) -> smtplib.SMTP:
    client = smtplib.SMTP("127.0.0.1", lab.ports["smtp"], timeout=timeout)
    try:
        client.login(account, password)
    except smtplib.SMTPException:
        client.close()
        raise
    return client


def send(lab: RunningLab, mail: EmailMessage, **connection: object) -> None:
    client = connect(lab, **connection)
    try:
        client.send_message(mail, from_addr="bounces@sender.test")
        client.quit()
    finally:
        client.close()


def last_mail(lab: RunningLab, username: str = "all") -> EmailMessage:
    return message_from_bytes(lab.inbox_files(username)[-1], policy=policy.default)


def test_an_accepted_message_is_in_the_ledger_with_its_message_id_as_tag(lab: RunningLab):
    send(lab, mail_to("deliver.one@people.example", tag="abc_1"))

    (line,) = lab.accepted("deliver.one@people.example")

    assert (line["provider"], line["tag"], line["message_id"]) == ("smtp-a", "abc_1", "<abc_1@sender.test>")
    assert line["mailbox"] == "bounces@sender.test"


async def test_aiosmtplib_logs_in_and_sends(lab: RunningLab):
    _, answer = await aiosmtplib.send(
        mail_to("deliver.aio@people.example"),
        hostname="127.0.0.1",
        port=lab.ports["smtp"],
        username="smtp-a",
        password="right",
        start_tls=False,
    )

    assert answer.startswith("2.0.0 Ok: queued as")
    assert len(lab.accepted("deliver.aio@people.example")) == 1


@pytest.mark.parametrize("mechanism", ["auth_plain", "auth_login"])
def test_a_wrong_password_is_answered_by_535(lab: RunningLab, mechanism: str):
    with smtplib.SMTP("127.0.0.1", lab.ports["smtp"], timeout=5) as client:
        client.ehlo()
        client.user, client.password = "smtp-a", "wrong"

        with pytest.raises(smtplib.SMTPAuthenticationError) as caught:
            client.auth(mechanism.removeprefix("auth_").upper(), getattr(client, mechanism))

    assert caught.value.smtp_code == 535


def test_revoked_credentials_are_answered_by_535_until_they_are_valid_again(lab: RunningLab):
    lab.fault(account="smtp-a", fault="revoke_credentials")

    with pytest.raises(smtplib.SMTPAuthenticationError):
        send(lab, mail_to("deliver.revoked@people.example"))
    lab.clear_faults()
    send(lab, mail_to("deliver.revoked@people.example"))

    assert len(lab.accepted("deliver.revoked@people.example")) == 1


def test_mail_without_login_is_refused(lab: RunningLab):
    with smtplib.SMTP("127.0.0.1", lab.ports["smtp"], timeout=5) as client, pytest.raises(smtplib.SMTPSenderRefused):
        client.send_message(mail_to("deliver.nologin@people.example"))


def test_an_account_with_identities_refuses_other_senders(lab: RunningLab):
    foreign = mail_to("deliver.foreign@people.example", sender="eve@other.test")

    with pytest.raises(smtplib.SMTPDataError) as caught:
        send(lab, foreign, account="smtp-b")
    send(lab, foreign, account="smtp-a")

    assert caught.value.smtp_code == 554
    assert [line["provider"] for line in lab.accepted("deliver.foreign@people.example")] == ["smtp-a"]


def test_half_of_the_unknown_users_are_refused_at_rcpt_and_the_others_bounce(lab: RunningLab):
    people = [f"hard.p{i}@people.example" for i in range(40)]

    refused = {person for person in people if is_refused(lab, person)}
    lab.step(minutes=6)

    bounced = {person for person in people if "bounced_unknown_user" in lab.deeds(person)}
    assert refused | bounced == set(people)
    assert not refused & bounced
    assert 8 <= len(refused) <= 32


def is_refused(lab: RunningLab, person: str) -> bool:
    try:
        send(lab, mail_to(person))
    except smtplib.SMTPRecipientsRefused as error:
        return error.recipients[person][0] == 550
    return False


def test_a_bounce_is_a_delivery_report_to_the_envelope_sender_with_the_original_headers(lab: RunningLab):
    send(lab, mail_to("full.dora@people.example", tag="dora1"))

    lab.step(minutes=6)

    report = last_mail(lab)
    assert report.get_content_type() == "multipart/report"
    assert report["Delivered-To"] == "bounces@sender.test"
    assert report["Return-Path"] == "<>"
    _, status, headers = report.iter_parts()
    facts = status.get_payload()[1]
    assert (facts["Action"], facts["Status"]) == ("failed", "4.2.2")
    assert facts["Final-Recipient"] == "rfc822; full.dora@people.example"
    assert "Message-ID: <dora1@sender.test>" in headers.get_payload(decode=True).decode().replace("\r", "")


def test_a_slow_message_is_reported_as_delayed_and_arrives(lab: RunningLab):
    send(lab, mail_to("slow.emil@people.example"))

    lab.step(hours=9)

    assert lab.deeds("slow.emil@people.example") == ["delayed", "delivered"]
    assert last_mail(lab).get_payload()[1].get_payload()[1]["Action"] == "delayed"


def test_a_complaint_is_a_feedback_report_with_the_message(lab: RunningLab):
    send(lab, mail_to("complain.fritz@people.example", tag="fritz1"))

    lab.step(hours=5)

    _, facts, original = last_mail(lab).iter_parts()
    assert facts.get_payload()[0]["Feedback-Type"] == "abuse"
    assert original.get_payload()[0]["Message-ID"] == "<fritz1@sender.test>"


def test_an_absence_note_says_that_a_machine_wrote_it(lab: RunningLab):
    send(lab, mail_to("ooo.gerd@people.example", sender="anna@sender.test", tag="gerd1"))

    lab.step(minutes=5)

    note = last_mail(lab, "anna")
    assert (note["Auto-Submitted"], note["In-Reply-To"]) == ("auto-replied", "<gerd1@sender.test>")
    assert note["Return-Path"] == "<>"


def test_an_answer_to_plus_addressing_reaches_the_inbox_of_the_plain_address(lab: RunningLab):
    send(lab, mail_to("optout.hans@people.example", sender="anna+t42@sender.test"))

    lab.step(hours=4)

    assert last_mail(lab, "anna")["Delivered-To"] == "anna+t42@sender.test"


def test_a_letter_that_no_inbox_receives_is_told(lab: RunningLab):
    send(lab, mail_to("reply.ida@people.example", sender="eve@other.test"))

    lab.step(hours=4)

    assert lab.deeds("reply.ida@people.example") == ["delivered", "replied"]
    assert b"no inbox receives eve@other.test" in (lab.data_dir / "reactions.jsonl").read_bytes()


def test_a_message_to_an_own_address_arrives_in_its_inbox(lab: RunningLab):
    send(lab, mail_to("hard.own@sender.test", tag="own1"))

    lab.step(minutes=1)

    assert last_mail(lab)["Message-ID"] == "<own1@sender.test>"


@pytest.mark.parametrize(
    ("fault", "code"), [("throttle", 454), ("pause_sending", 550), ("error_500_after_accept", 451)]
)
def test_an_answer_on_demand_to_data(lab: RunningLab, fault: str, code: int):
    recipient = f"deliver.{fault}@people.example"
    lab.fault(recipient=recipient, fault=fault, count=1)

    with pytest.raises(smtplib.SMTPDataError) as caught:
        send(lab, mail_to(recipient))

    assert caught.value.smtp_code == code
    assert len(lab.accepted(recipient)) == (1 if fault == "error_500_after_accept" else 0)


def test_a_temporary_refusal_on_demand_is_given_at_rcpt(lab: RunningLab):
    lab.fault(recipient="deliver.grey@people.example", fault="refuse_temporary", count=1)

    with pytest.raises(smtplib.SMTPRecipientsRefused) as caught:
        send(lab, mail_to("deliver.grey@people.example"))

    assert caught.value.recipients["deliver.grey@people.example"][0] == 451


def test_a_lost_answer_leaves_one_accepted_message(lab: RunningLab):
    lab.fault(account="smtp-a", fault="accept_then_close", count=1)

    with pytest.raises((smtplib.SMTPServerDisconnected, ConnectionResetError)):
        send(lab, mail_to("deliver.lost@people.example"))

    assert len(lab.accepted("deliver.lost@people.example")) == 1


@pytest.mark.parametrize(("fault", "held"), [("hang", 0), ("accept_then_hang", 1)])
def test_a_hanging_server_answers_nothing(lab: RunningLab, fault: str, held: int):
    recipient = f"deliver.{fault}@people.example"
    lab.fault(recipient=recipient, fault=fault, count=1)

    with pytest.raises(smtplib.SMTPServerDisconnected, match="timed out"):
        send(lab, mail_to(recipient), timeout=0.5)

    assert len(lab.accepted(recipient)) == held


def inbox_of(lab: RunningLab, username: str = "all", password: str = INBOX_PASSWORD) -> imapclient.IMAPClient:
    client = imapclient.IMAPClient("127.0.0.1", lab.ports["imap"], ssl=False, timeout=10)
    try:
        client.login(username, password)
    except imapclient.exceptions.LoginError:
        client.shutdown()
        raise
    return client


def test_imap_shows_what_arrives_while_a_client_is_connected(lab: RunningLab):
    client = inbox_of(lab)
    before = client.select_folder("INBOX", readonly=True)
    send(lab, mail_to("full.karl@people.example"))

    lab.step(minutes=6)
    client.noop()
    found = client.search(["UID", f"{before[b'UIDNEXT']}:*"])
    fetched = client.fetch(found, ["BODY.PEEK[]", "INTERNALDATE"])

    assert len(found) == 1
    assert fetched[found[0]][b"BODY[]"] == lab.inbox_files("all")[-1]
    client.logout()


def test_the_uids_stay_valid_over_connections(lab: RunningLab):
    first, second = inbox_of(lab), inbox_of(lab)

    validities = {client.select_folder("INBOX")[b"UIDVALIDITY"] for client in (first, second)}

    assert len(validities) == 1
    first.logout()
    second.logout()


def test_an_inbox_shows_only_its_own_mail(lab: RunningLab):
    send(lab, mail_to("optout.lena@people.example", sender="anna@sender.test"))
    lab.step(hours=4)
    client = inbox_of(lab, "anna")

    count = client.select_folder("INBOX")[b"EXISTS"]

    assert count == len(lab.inbox_files("anna")) < count + len(lab.inbox_files("all"))
    client.logout()


def test_a_wrong_imap_password_and_a_revoked_one_fail(lab: RunningLab):
    with pytest.raises(imapclient.exceptions.LoginError):
        inbox_of(lab, password="wrong")
    lab.fault(account="all", fault="revoke_credentials", count=1)
    with pytest.raises(imapclient.exceptions.LoginError):
        inbox_of(lab)

    inbox_of(lab).logout()


def test_the_accounts_tell_what_they_accepted(lab: RunningLab):
    before = accepted_by(lab, "smtp-b")

    send(lab, mail_to("deliver.count@people.example"), account="smtp-b")

    assert accepted_by(lab, "smtp-b") == before + 1


def accepted_by(lab: RunningLab, name: str) -> int:
    accounts = httpx.get(f"{lab.control}/accounts").json()["accounts"]
    return next(account["accepted"] for account in accounts if account["name"] == name)
