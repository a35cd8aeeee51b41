"""What fuzzing starts from: one small message of each kind."""

HEAD = b"From: Ann <ann@example.net>\nTo: app@example.com\nSubject: Re: Hello\nDate: Sat, 21 Nov 2026 10:00:00 +0100\n"

SEEDS = (
    HEAD + b"\nYes, please.\n\nOn Sat, 21 Nov 2026 at 10:00, App <app@example.com> wrote:\n> Shall we talk?\n",
    HEAD + b"\n> Monday?\n\nYes.\n\n-- \nAnn\n",
    HEAD
    + b"\nYes.\n\n-----Original Message-----\nFrom: App\nSent: Saturday\nTo: Ann\nSubject: Hello\n\nShall we talk?\n",
    HEAD
    + b"Auto-Submitted: auto-replied\n\nI am out of the office from 3 to 14 August, back on Monday 17 August 2027.\n",
    HEAD + b"X-Autoreply: yes\n\nAnn has left the company. Please contact Bob Stone at bob@example.net.\n",
    HEAD + b"\nPlease remove me from your list.\n",
    HEAD + b"\nTo complete delivery of your message click https://filter.example.net/1\n",
    HEAD
    + b"Content-Type: text/html; charset=utf-8\n\n<div>Yes</div><div class=gmail_quote><div class=gmail_attr>On 1 wrote:</div>"
    b"<blockquote>Hello</blockquote></div><pre>a\nb</pre><hr id=stopSpelling><div id=x_Signature>&amp;&#x41;</div>",
    b"From: mailer-daemon@example.net\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\n\n"
    b"not delivered\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example.net\n\n"
    b"Final-Recipient: rfc822; ann@example.net\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 5.1.1 user unknown\n\n"
    b"--b\nContent-Type: message/rfc822\n\nMessage-ID: <a@example.com>\nTo: ann@example.net\n\nhello\n--b--\n",
    b"From: fbl@example.net\nContent-Type: multipart/report; report-type=feedback-report; boundary=b\n\n--b\n\ncomplaint\n--b\n"
    b"Content-Type: message/feedback-report\n\nFeedback-Type: abuse\nVersion: 1\nOriginal-Rcpt-To: ann@example.net\n\n--b--\n",
    b"From: mailer-daemon@example.net\nSubject: failure notice\n\nHi. This is the qmail-send program.\n\n<ann@example.net>:\n"
    b"550 5.2.2 mailbox full\n\n--- Below this line is a copy of the message.\n\nMessage-ID: <a@example.com>\n",
    b"From a@example.net Sat Nov 21 12:00:00 2026\nSubject: =?utf-8?B?R3LDvMOfZQ==?= =?iso-8859-1?Q?=FC?=\n"
    b"Content-Transfer-Encoding: base64\nContent-Type: text/plain; charset=iso-2022-jp\n\nSGVsbG8=\n",
    "Subject: Автоответ\nContent-Type: text/plain; charset=utf-8\n\nЯ в отпуске до 5 декабря. 12月5日まで休暇、至2026年12月5日".encode(),
)
