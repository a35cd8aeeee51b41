"""Reports of mail systems that write no delivery-status fields: one of each known form, with reserved names."""

from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from outreach_pipelines.domain.inbound.classify import classify
from outreach_pipelines.domain.inbound.message import DeliveryReport, MessageKind

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Form:
    """How one system reports; `says` gives address, class and cause of each recipient."""

    name: str
    sender: str
    subject: str
    body: str
    says: tuple[tuple[str | None, str, str | None], ...]
    headers: str = ""

    @property
    def raw(self) -> bytes:
        return (
            f"{self.headers}From: {self.sender}\nTo: app@example.com\nSubject: {self.subject}\n\n{self.body}".encode()
        )


FORMS = [
    Form(
        "exchange-5.5",
        "System Administrator <postmaster@example.net>",
        "Undeliverable: Offer",
        """Your message

  To:      ann@example.net
  Subject: Offer
  Sent:    Thu, 29 Apr 2004 23:34:45 +0900

did not reach the following recipient(s):

ann@example.net on Thu, 29 Apr 2004 23:34:50 +0900
    The recipient name is not recognized
    The MTS-ID of the original message is: c=us;a= ;p=example;l=EX0404291434JJT51501
    MSEXCH:IMS:Example:EX:MAIL 0 (000C05A6) Unknown Recipient
""",
        (("ann@example.net", "hard", "unknown_user"),),
        headers="X-Mailer: Internet Mail Service (5.5.2657.72)\n",
    ),
    Form(
        "exchange-2000",
        "postmaster@example.net",
        "Delivery Status Notification (Failure)",
        """Your message did not reach some or all of the intended recipients.

      Subject:    Offer
      Sent:    4/29/2004 3:48 PM

The following recipient(s) could not be reached:

      ann@example.net on 4/29/2004 3:48 PM
            The e-mail account does not exist at the organization this message was sent to.  Check the e-mail address, or contact the recipient directly to find out the correct address.
            <mail.example.net #5.1.1>
""",
        (("ann@example.net", "hard", "unknown_user"),),
    ),
    Form(
        "exchange-2007-text",
        "Microsoft Exchange <postmaster@example.net>",
        "Undeliverable: Offer",
        """Delivery has failed to these recipients or distribution lists:

ann@example.net<mailto:ann@example.net>
The recipient's mailbox is full. Microsoft Exchange will not try to redeliver this message for you. Please try resending this message later.

Diagnostic information for administrators:

Generating server: mail.example.net

ann@example.net
#550 5.2.2 STOREDRV.Deliver; mailbox full. The following information should help identify the cause ##
""",
        (("ann@example.net", "full", None),),
    ),
    Form(
        "exchange-de",
        "Microsoft Outlook <postmaster@example.net>",
        "Unzustellbar: Angebot",
        """Fehler bei der Nachrichtenzustellung an folgende Empfänger oder Gruppen:

ann@example.net
Die von Ihnen eingegebene E-Mail-Adresse konnte nicht gefunden werden. Überprüfen Sie die E-Mail-Adresse des Empfängers.

Diagnoseinformationen für Administratoren:

Generierender Server: mail.example.net

ann@example.net
Remote Server returned '550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup'
""",
        (("ann@example.net", "hard", "unknown_user"),),
    ),
    Form(
        "domino",
        "postmaster@example.net",
        "DELIVERY FAILURE: User ann (ann@example.net) not listed in Domino Directory",
        """Your message

  Subject: Offer

was not delivered to:

  ann@example.net

because:

  User ann (ann@example.net) not listed in Domino Directory

""",
        (("ann@example.net", "hard", "unknown_user"),),
    ),
    Form(
        "sendmail-8.6",
        "MAILER-DAEMON@example.net (Mail Delivery Subsystem)",
        "Returned mail: User unknown",
        """The original message was received at Thu, 29 Apr 1999 23:34:45 +0900
from app@example.com [192.0.2.1]

   ----- The following addresses had delivery problems -----
<ann@example.net>  (unrecoverable error)

   ----- Transcript of session follows -----
... while talking to mx.example.net.:
>>> RCPT To:<ann@example.net>
<<< 550 no account here
550 <ann@example.net>... User unknown

   ----- Original message follows -----
Return-Path: app@example.com
To: ann@example.net
""",
        (("ann@example.net", "hard", "unknown_user"),),
    ),
    Form(
        "courier",
        '"Courier mail server at mx.example.net" <@>',
        "NOTICE: mail delivery status.",
        """This is a delivery status notification from mx.example.net,
running the Courier mail server, version 0.65.2.

The original message was received on Sat, 11 Dec 2010 12:19:57 +0900
from localhost

---------------------------------------------------------------------------

                           UNDELIVERABLE MAIL

Your message to the following recipients cannot be delivered:

<ann@example.net>:
    mx.example.net [192.0.2.25]:
>>> RCPT TO:<ann@example.net>
<<< 550 No such mailbox

---------------------------------------------------------------------------

If your message was also sent to additional recipients, their delivery
status is not included in this report.
""",
        (("ann@example.net", "hard", "unknown_user"),),
    ),
    Form(
        "groupwise",
        "Mailer-Daemon@example.net",
        "Message status - undeliverable",
        """The message that you sent was undeliverable to the following:
    ann@example.net (550 5.1.1 User unknown)

Possibly truncated original message follows:

Received: from mail.example.com
""",
        (("ann@example.net", "hard", "unknown_user"),),
    ),
    Form(
        "mailmarshal",
        '"MailMarshal" <postmaster@example.net>',
        'Undeliverable Mail: "Offer"',
        """Your message:
   From:    app@example.com
   Subject: Offer

Could not be delivered because of

550 5.1.1 User unknown

The following recipients were affected:
    ann@example.net

Additional Information
======================

Original Sender:    <app@example.com>
Sender-MTA:         <10.11.12.13>
""",
        (("ann@example.net", "hard", "unknown_user"),),
    ),
    Form(
        "mailfoundry",
        "<MAILER-DAEMON@mx.example.net>",
        "Message delivery has failed",
        """This is the MailFoundry Email Firewall.
Unable to deliver message to: <ann@example.net>
Delivery failed for the following reason:
Server mx22.example.org[192.0.2.222] failed with: 550 <ann@example.net> No such user here

This has been a permanent failure.  No further delivery attempts will be made.

Message headers follow:
""",
        (("ann@example.net", "block", "content"),),
    ),
    Form(
        "interscan",
        '"InterScan MSS" <interscan@example.net>',
        "Mail could not be delivered",
        """Sent <<< RCPT TO:<ann@example.net>
Received >>> 550 5.1.1 <ann@example.net>... user unknown

Unable to deliver message to <ann@example.net>

************************    BEGIN ATTACHED MESSAGE    ************************
To: <ann@example.net>
""",
        (("ann@example.net", "hard", "unknown_user"),),
    ),
    Form(
        "surfcontrol",
        '"SurfControl Email Filter" <mailer-daemon@example.net>',
        "SurfControl Email Filter Non-Delivery Report",
        """Your message could not be sent.
A transcript of the attempts to send the message follows.
The number of attempts made: 1
Addressed To: ann@example.net

Thu 29 Apr 2010 23:34:45 +0900
Failed to send to identified host,
ann@example.net: [192.0.2.5], 550 ann@example.net: Recipient address rejected: User unknown in relay recipient table, [192.0.2.5]
--- Message non-deliverable.
""",
        (("ann@example.net", "block", "content"),),
    ),
    Form(
        "imail",
        "Postmaster@example.net",
        "Undeliverable Mail",
        """Unknown user: ann@example.net

Original message follows.

Received: from mail.example.com
To: ann@example.net
""",
        (("ann@example.net", "block", "content"),),
        headers="X-Mailer: <SMTP32 v8.22>\n",
    ),
    Form(
        "kddi",
        "no-reply@app.auone-net.jp",
        "Mail System Error - Returned Mail",
        """Your mail sent on: Thu, 29 Apr 2010 11:04:47 +0900
  Could not be delivered to: <ann@example.net>
  As their mailbox is full.
""",
        (("ann@example.net", "full", None),),
    ),
    Form(
        "yahoo",
        "MAILER-DAEMON@yahoo.example",
        "Failure Notice",
        """Sorry, we were unable to deliver your message to the following address.

<ann@example.net>:
Remote host said:
550 5.1.1 <ann@example.net>... User Unknown
 [RCPT_TO]

--- Below this line is a copy of the message.
""",
        (("ann@example.net", "hard", "unknown_user"),),
    ),
    Form(
        "zoho",
        "mailer-daemon@mail.zoho.example",
        "Undelivered Mail Returned to Sender",
        """This message was created automatically by mail delivery software.
A message that you sent could not be delivered to one or more of its recipients. This is a permanent error.

ann@example.net Invalid Address, ERROR_CODE :550, ERROR_CODE :5.1.1 <ann@example.net>... User Unknown
""",
        (("ann@example.net", "hard", "unknown_user"),),
    ),
    Form(
        "james",
        "PostMaster@example.net",
        "Re: Offer",
        """Hi. This is the James mail server at mx.example.net.
I'm afraid I wasn't able to deliver your message to the following addresses.
This is a permanent error; I've given up. Sorry it didn't work out.  Below
I include the list of recipients and the reason why I was unable to deliver
your message.

Failed recipient(s):
ann@example.net

Error message:
Error while delivering message:
550 5.1.1 <ann@example.net>... User unknown

Message details:
  Subject: Offer
  To: ann@example.net
""",
        (("ann@example.net", "hard", "unknown_user"),),
        headers="Return-Path: <>\n",
    ),
    Form(
        "mdaemon",
        "MDaemon@example.net",
        "Permanent Delivery Failure",
        """The attached message had PERMANENT fatal delivery errors!

After one or more unsuccessful delivery attempts the attached message has
been removed from the mail queue on this server.

Failed address: ann@example.net

--- Session Transcript ---
 Mon 2012-12-03 13:58:45: Parsing message
 Mon 2012-12-03 13:58:46: --> RCPT To:<ann@example.net>
 Mon 2012-12-03 13:58:46: <-- 550 5.1.1 User unknown
 Mon 2012-12-03 13:58:46: --> QUIT
--- End Transcript ---
""",
        (("ann@example.net", "hard", "unknown_user"),),
    ),
    Form(
        "communigate",
        "MAILER-DAEMON@mx.example.net",
        "Undeliverable mail: Offer",
        """Failed to deliver to 'ann@example.net'
SMTP module(domain example.net) reports:
 host mx.example.net says:
 550 5.1.1 unknown user account
""",
        (("ann@example.net", "hard", "unknown_user"),),
    ),
    Form(
        "aol",
        "Mail Delivery Subsystem <MAILER-DAEMON@aol.example>",
        "Returned mail: User unknown",
        """The original message was received at Thu, 29 Apr 2004 23:34:45 -0400 (EDT)
from root@localhost

   ----- The following addresses had permanent fatal errors -----
<ann@aol.example>

   ----- Transcript of session follows -----
... while talking to air-xh03.mail.aol.example.:
>>> RCPT To:<ann@aol.example>
<<< 550 MAILBOX NOT FOUND
550 <ann@aol.example>... User unknown
""",
        (("ann@aol.example", "hard", "unknown_user"),),
    ),
    Form(
        "verizon",
        "post_master@vtext.example",
        "Undeliverable Message",
        """Error: Invalid user address

Error message below:
550 - Requested action not taken: no such user here

Message details:
  Subject: Offer
  Sent date: Thu Apr 29 23:34:45 GMT 2012
  RCPT TO: 2025550101@vtext.example
  From: app@example.com
""",
        (("2025550101@vtext.example", "block", "content"),),
    ),
    Form(
        "biglobe",
        "postmaster@biglobe.example",
        "Returned mail: mailbox full",
        """This is an automatically generated notification.

   ----- The following addresses had delivery problems -----
ann@biglobe.example

   ----- Non-delivered information -----
The number of messages in recipient's mailbox exceeded the local limit.
""",
        (("ann@biglobe.example", "full", None),),
    ),
    Form(
        "mimecast-html-less",
        "Postmaster@example.net",
        "[Postmaster] Email Delivery Failure",
        """Your email was not able to be delivered

Your email to the following recipient could not be delivered: ann@example.net

Reason: Recipient server unavailable or busy, or host unreachable: connection timed out
""",
        (("ann@example.net", "soft", "network"),),
    ),
    Form(
        "ezmlm",
        "news-return-@example.net",
        "ezmlm response",
        """Hi! This is the ezmlm program. I'm managing the
news@example.net mailing list.

Sorry, only subscribers may post. If you are a subscriber, please forward this message to
news-owner@example.net to get your new address included (#5.7.2)
""",
        ((None, "block", "policy"),),
        headers="Return-Path: <>\n",
    ),
    Form(
        "fml",
        "news-admin@example.net",
        "You app@example.com are not member (news ML)",
        """You are not a member of this mailing list <news@example.net>.

If you know the general guide of this list, please send mail with
the mail body
""",
        ((None, "block", "policy"),),
        headers="X-MLServer: fml [fml 4.0.3 release (20011202/4.0.3)]\n",
    ),
    Form(
        "qmail-two",
        "MAILER-DAEMON@example.net",
        "failure notice",
        """Hi. This is the qmail-send program at example.net.
I'm afraid I wasn't able to deliver your message to the following addresses.
This is a permanent error; I've given up. Sorry it didn't work out.

<ann@example.net>:
192.0.2.5 does not like recipient.
Remote host said: 550 no one called that
Giving up on 192.0.2.5.

<bob@example.org>:
192.0.2.6 failed after I sent the message.
Remote host said: 550 User unknown

--- Below this line is a copy of the message.
""",
        (
            ("ann@example.net", "unknown", None),
            ("bob@example.org", "block", "content"),
        ),
    ),
    Form(
        "smtp-relay-refused-yandex",
        "mailer-daemon@yandex.example",
        "Недоставленное сообщение",
        """Это письмо отправлено почтовым сервером yandex.example.

К сожалению, мы вынуждены сообщить Вам о том, что Ваше письмо не может
быть отправлено одному или нескольким адресатам. Технические подробности можно найти ниже.

<ann@example.net>: host mx.example.net[192.0.2.25] said: 550 5.1.1 User unknown
    (in reply to RCPT TO command)
""",
        (("ann@example.net", "hard", "unknown_user"),),
    ),
    Form(
        "notes-ja",
        "postmaster@example.net",
        "配信不能: 件名",
        """ann@example.net

ユーザー ann (ann@example.net) は Domino ディレクトリには見つかりません。
""",
        (("ann@example.net", "hard", "unknown_user"),),
        headers="Content-Type: text/plain; charset=utf-8\nReturn-Path: <>\n",
    ),
    Form(
        "opensmtpd",
        "Mailer Daemon <MAILER-DAEMON@example.net>",
        "Delivery status notification: error",
        """    Hi!

    This is the MAILER-DAEMON, please DO NOT REPLY to this email.

    An error has occurred while attempting to deliver a message for
    the following list of recipients:

ann@example.net: 550 5.2.2 <ann@example.net>: Mailbox Full

    Below is a copy of the original message:
""",
        (("ann@example.net", "full", None),),
    ),
    Form(
        "mailer-attempt",
        "Mail Administrator <Postmaster@example.net>",
        "Mail System Error - Returned Mail",
        """This Message was undeliverable due to the following reason:

Each of the following recipients was rejected by a remote mail server.
The reasons given by the server are included to help you determine why
each recipient was rejected.

    Recipient: <ann@example.net>
    Reason:    User unknown

""",
        (("ann@example.net", "block", "content"),),
    ),
    Form(
        "v5sendmail",
        "Mail Delivery Subsystem <MAILER-DAEMON@example.net>",
        "Returned mail: Host unknown",
        """   ----- Transcript of session follows -----
550 <ann@nowhere.example>... Host unknown (Authoritative answer from name server)

   ----- Unsent message follows -----
To: ann@nowhere.example
""",
        (("ann@nowhere.example", "hard", "unknown_host"),),
    ),
    Form(
        "x400",
        "postmaster@x400.example",
        "Non-Delivery Notification",
        """This report relates to your message: Offer
    of Thu, 29 Apr 2004

Your message was not delivered to   ann@example.net
    for the following reason:
    Recipient's Mailbox unavailable
    MTA 'mail.example.net' gives error message  <ann@example.net> User unknown

The Original Message follows:
""",
        (("ann@example.net", "block", "content"),),
    ),
]


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_the_form_of_a_known_system_is_read(form: Form) -> None:
    content = classify(form.raw, NOW).content

    assert isinstance(content, DeliveryReport)
    assert form.says == tuple(
        (each.address, each.verdict.bounce_class.value, each.verdict.cause.value if each.verdict.cause else None)
        for each in content.recipients
    )


@pytest.mark.parametrize(
    ("sender", "subject", "text"),
    [
        ("Parcels <no-reply@parcels.example>", "Delivery failed: nobody at home", "Your parcel could not be delivered."),
        ("Shop <noreply@shop.example>", "Your order was rejected", "The payment of ann@example.net was rejected."),
        ("Ann <ann@example.net>", "Undeliverable: our letter", "The post office returned our letter, user unknown."),
        ("News <news@example.net>", "Mailbox full of offers", "Undelivered presents for everybody!"),
        ("Ann <ann@example.net>", "Re: members", "You are not a member of this mailing list, I was told."),
    ],
)  # fmt: skip
def test_mail_that_speaks_of_failures_without_being_a_report_is_none(sender: str, subject: str, text: str) -> None:
    raw = f"Return-Path: <x@example.net>\nFrom: {sender}\nTo: app@example.com\nSubject: {subject}\n\n{text}".encode()

    assert classify(raw, NOW).kind is not MessageKind.DELIVERY_REPORT


def test_a_message_that_a_list_only_holds_has_not_failed() -> None:
    raw = (
        b"From: news-bounces@example.net\nX-Mailman-Version: 2.1\n"
        b"Subject: Your message to News awaits moderator approval\n\n"
        b"Is being held until the list moderator can review it for approval.\n"
        b"The reason: Post by non-member to a members-only list\n"
    )

    assert classify(raw, NOW).kind is not MessageKind.DELIVERY_REPORT


def test_a_report_that_a_gateway_wraps_is_read() -> None:
    inner = (
        b"From: MAILER-DAEMON@inner.example\nContent-Type: multipart/report; report-type=delivery-status; boundary=i\n\n"
        b"--i\nContent-Type: text/plain\n\nfailed\n--i\nContent-Type: message/delivery-status\n\n"
        b"Final-Recipient: rfc822; ann@example.net\nAction: failed\nStatus: 5.1.1\n--i--\n"
    )
    raw = (
        b"From: Mail Delivery Subsystem <MAILER-DAEMON@gateway.example>\nSubject: Returned mail: User unknown\n"
        b"Content-Type: multipart/mixed; boundary=o\n\n--o\nContent-Type: text/plain\n\n"
        b"----- The following addresses had permanent delivery errors -----\n\n"
        b"--o\nContent-Type: message/rfc822\n\n" + inner + b"\n--o--\n"
    )

    content = classify(raw, NOW).content

    assert isinstance(content, DeliveryReport)
    assert [(each.address, each.verdict.bounce_class.value) for each in content.recipients] == [
        ("ann@example.net", "hard")
    ]
