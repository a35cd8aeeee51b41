"""What the answers of known mail systems mean: a line each, in the systems' own wording with reserved names."""

import pytest

from outreach_pipelines.domain.inbound.bounce_rules import classify_refusal, take_apart

RCPT = " (in reply to RCPT TO command)"
DATA = " (in reply to end of DATA command)"

ANSWERS = [
    # Google
    ("550-5.1.1 The email account that you tried to reach does not exist. Please try double-checking the recipient's email address for typos. https://support.google.com/mail/?p=NoSuchUser - gsmtp", "hard unknown_user"),
    ("550 5.2.1 The email account that you tried to reach is disabled. https://support.google.com/mail/?p=DisabledUser - gsmtp", "hard disabled"),
    ("552-5.2.2 The email account that you tried to reach is over quota. https://support.google.com/mail/?p=OverQuotaPerm - gsmtp", "full"),
    ("452-4.2.2 The recipient's inbox is out of storage space. https://support.google.com/mail/?p=OverQuotaTemp", "full"),
    ("550-5.7.1 [192.0.2.7] Our system has detected that this message is likely unsolicited mail. To reduce the amount of spam sent to Gmail, this message has been blocked. https://support.google.com/mail/?p=UnsolicitedMessageError", "block content"),
    ("550-5.7.1 [192.0.2.7 12] Our system has detected that this message is likely suspicious due to the very low reputation of the sending IP address.", "block ip_reputation"),
    ("550-5.7.1 likely suspicious due to the very low reputation of the sending domain. To best protect our users from spam, the message has been blocked.", "block domain_reputation"),
    ("421-4.7.0 [192.0.2.7 15] Our system has detected an unusual rate of unsolicited mail originating from your IP address.", "rate_limited"),
    ("550-5.7.26 This mail has been blocked because the sender is unauthenticated. Gmail requires all senders to authenticate with either SPF or DKIM.", "block authentication"),
    ("550 5.7.1 The user or domain that you are sending to (or from) has a policy that prohibited the mail that you sent. https://support.google.com/mail/answer/172179", "block policy"),
    ("552-5.7.0 This message was blocked because its content presents a potential security issue. https://support.google.com/mail/?p=BlockedMessage", "block content"),
    # Microsoft
    ("550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient ann@example.net not found by SMTP address lookup", "hard unknown_user"),
    ("550 5.1.1 RESOLVER.ADR.RecipNotFound; not found", "hard unknown_user"),
    ("550 5.4.1 Recipient address rejected: Access denied. AS(201806281) [EXAMPLE.eop-nam12.prod.protection.outlook.com]", "hard unknown_user"),
    ("550 5.5.0 Requested action not taken: mailbox unavailable (S2017062302). [EXAMPLE.eop-eur02.prod.protection.outlook.com]", "hard unknown_user"),
    ("550 5.7.1 Unfortunately, messages from [192.0.2.7] weren't sent. Please contact your Internet service provider since part of their network is on our block list (S3140).", "block ip_reputation"),
    ("451 4.7.650 The mail server [192.0.2.7] has been temporarily rate limited due to IP reputation. (S775)", "rate_limited"),
    ("550 5.7.606 Access denied, banned sending IP [192.0.2.7]. To request removal from this list please visit https://sender.office.com/", "block ip_reputation"),
    ("550 5.7.515 Access denied, sending domain EXAMPLE.COM does not meet the required authentication level.", "block authentication"),
    ("550 5.7.509 Access denied, sending domain example.com does not pass DMARC verification and has a DMARC policy of reject.", "block authentication"),
    ("554 5.2.2 mailbox full; STOREDRV.Deliver.Exception:QuotaExceededException.MapiExceptionShutoffQuotaExceeded", "full"),
    ("550 5.7.133 RESOLVER.RST.SenderNotAuthenticatedForGroup; authentication required; Delivery restriction check failed because the sender was not authenticated", "block policy"),
    ("550 5.7.1 RESOLVER.RST.NotAuthorized; not authorized", "block policy"),
    ("550 5.7.1 Service unavailable; Client host [192.0.2.7] blocked using Spamhaus.", "block blocklist"),
    ("550 5.4.310 DNS domain nowhere.example does not exist [Message=InfoDomainNonexistent]", "hard unknown_host"),
    ("550 5.4.316 Message expired, connection refused(Socket error code 10061)", "soft network|soft expired"),
    ("550 5.0.350 Remote server returned an error -> 550 5.7.1 Message rejected as spam by Content Filtering.", "block content"),
    ("550 5.1.8 Access denied, bad outbound sender AS(4810)", "block policy"),
    ("552 5.3.4 Message size exceeds fixed maximum message size", "soft message_too_large"),
    ("550 5.1.20 Multiple From addresses are not allowed without Sender address", "block policy|block content"),
    # Yahoo, AOL, Verizon Media
    ("554 5.7.9 Message not accepted for policy reasons. See https://senders.yahooinc.com/error-codes", "block policy"),
    ("421 4.7.0 [TSS04] Messages from 192.0.2.7 temporarily deferred due to unexpected volume or user complaints - 4.16.55.1", "rate_limited"),
    ("553 5.7.1 [BL21] Connections will not be accepted from 192.0.2.7, because the ip is in Spamhaus's list", "block blocklist"),
    ("554 30 Sorry, your message to ann@yahoo.example cannot be delivered. This mailbox is disabled (554.30)." + RCPT, "hard disabled"),
    ("552 1 Requested mail action aborted, mailbox not found" + RCPT, "hard unknown_user"),
    ("554 delivery error: dd Not a valid recipient - atlas117.mail.example" + RCPT, "hard unknown_user"),
    ("554 delivery error: dd Requested mail action aborted - quota exceeded", "full"),
    # Apple
    ("550 5.1.1 <ann@icloud.example>: user does not exist", "hard unknown_user"),
    ("552 5.2.2 <ann@icloud.example>: user is over quota", "full"),
    ("550 5.7.1 [CS01] Message rejected due to local policy. Please visit https://support.apple.com/en-us/HT204137", "block policy"),
    ("554 5.7.1 [HM08] Message rejected due to local policy.", "block policy"),
    # GMX, Web.de, IONOS, T-Online
    ("550 Requested action not taken: mailbox unavailable" + RCPT, "hard unknown_user"),
    ("554-Transaction failed 554-Reject due to policy restrictions. 554 For explanation visit https://postmaster.gmx.net/en/case?c=r0103", "block policy"),
    ("550-Requested action not taken: mailbox unavailable 550 Sender address is not allowed", "block policy"),
    ("554-No SMTP service 554-Bad DNS PTR resource record.", "block authentication"),
    ("550-5.7.1 Refused by t-online.de policy: The IP address 192.0.2.7 does not have a PTR record", "block authentication"),
    ("550 5.1.1 <ann@t-online.example>: unknown user" + RCPT, "hard unknown_user"),
    ("554 IP=192.0.2.7 - A problem occurred. Ask your postmaster for help or to contact tosa@rx.t-online.example to clarify. (BL)", "block ip_reputation|block policy|unknown -"),
    # Orange, Free, LaPoste, SFR, OVH
    ("550 5.1.1 Adresse d au moins un destinataire invalide. Invalid recipient. OFR_416 [416]", "hard unknown_user"),
    ("552 5.1.1 Boite du destinataire pleine. Recipient overquota. OFR_417 [417]", "full"),
    ("550 5.2.0 Boite du destinataire archivee. Archived recipient. OFR_415 [415]", "hard disabled"),
    ("421 4.2.0 Service refuse. Veuillez essayer plus tard. Service refused, please try later. OFR_999", "soft receiving_system"),
    ("421 mwinf5c04 ME Trop de connexions, veuillez verifier votre configuration. Too many connections, slow down. OFR004_104", "rate_limited"),
    ("550 5.2.0 Mail rejete. Mail rejected. ofr_506 [506]", "block content"),
    ("550 mwinf5c04 ME Adresse IP source bloquee pour incident de spam. Client host blocked for spamming issues. OFR006_102", "block ip_reputation|block blocklist"),
    ("550 spam detected" + DATA, "block content"),
    ("451 too many errors detected from your IP (192.0.2.7), please visit http://postmaster.free.fr/", "rate_limited|block ip_reputation"),
    # Comcast, Cox, AT&T, Charter, CenturyLink
    ("550 5.1.1 Not our Customer", "hard unknown_user"),
    ("554 imta17.emeryville.ca.mail.comcast.example comcast 192.0.2.7 found on one or more DNSBLs, see http://postmaster.comcast.net/smtp-error-codes.php#BL000001", "block blocklist"),
    ("421 4.1.0 imp11 cox 192.0.2.7 is not accepting mail at this time. Too many sessions opened. CXSNDR", "rate_limited"),
    ("554 cox cmgw 192.0.2.7 rejected - no rDNS found", "block authentication"),
    ("553 5.3.0 flpd575 DNSBL:RBL 521< 192.0.2.7 >_is_blocked.For assistance forward this error to abuse_rbl@abuse-att.example", "block blocklist"),
    ("550 5.2.1 <ann@comcast.example> Account not available" , "hard disabled|hard unknown_user"),
    ("452 4.2.2 <ann@charter.example>... Mailbox full", "full"),
    # Mail.ru, Yandex, Rambler
    ("550 Message was not accepted -- invalid mailbox. Local mailbox ann@mail.example is unavailable: user not found" + RCPT, "hard unknown_user"),
    ("550 Message was not accepted -- invalid mailbox. Local mailbox ann@mail.example is unavailable: account is disabled", "hard disabled"),
    ("550 spam message rejected. Please visit http://help.mail.ru/notspam-support/id?c=abc or report details to abuse", "block content"),
    ("550 5.7.1 No such user!" + RCPT, "block *"),
    ("550 5.7.1 Policy rejection on the target address", "block policy"),
    ("554 5.7.1 Message rejected under suspicion of SPAM; https://ya.cc/1IrBc", "block content"),
    ("552 5.2.2 Mailbox size limit exceeded" , "full"),
    # Tencent, NetEase, Sina, Naver
    ("550 Mailbox not found. http://service.mail.qq.com/cgi-bin/help?subtype=1&&no=1000728" + RCPT, "hard unknown_user"),
    ("550 Ip frequency limited. http://service.mail.qq.com/cgi-bin/help?subtype=1&&id=20022", "rate_limited"),
    ("550 Mail content denied. http://service.mail.qq.com/cgi-bin/help?subtype=1&&id=20022&&no=1000726", "block content"),
    ("550 Domain may not exist or DNS check failed", "block *|hard unknown_host|soft network|unknown -"),
    ("554 DT:SPM 163 mx10,PsCowEDZ,please see http://mail.163.com/help/help_spam_16.htm", "block content"),
    ("550 User not found: ann@163.example" + RCPT, "hard unknown_user"),
    ("550 5.1.1 recipient is not exist", "hard unknown_user"),
    ("552 Quota exceeded or service disabled. http://service.mail.qq.com/", "full"),
    ("451 DT:SPM 126 smtp5 Requested mail action not taken: too much fail authentication", "*"),
    # Gateways
    ("550 Invalid Recipient - https://community.mimecast.com/docs/DOC-1369#550 [abc.us123]" + RCPT, "hard unknown_user"),
    ("550 csi.mimecast.org Poor Reputation Sender. - https://community.mimecast.com/docs/DOC-1369#550", "block ip_reputation|block policy"),
    ("554 Email rejected due to security policies - MCSpamSignature.x.x", "block content|block policy"),
    ("451 Internal resource temporarily unavailable - https://community.mimecast.com/docs/DOC-1369#451", "soft receiving_system|greylisted"),
    ("550 5.7.1 Message contains spam or virus or sender is blocked", "block *"),
    ("554 Blocked - see https://ipcheck.proofpoint.com/?ip=192.0.2.7", "block blocklist|block ip_reputation"),
    ("550 5.1.1 <ann@example.net>: Email address could not be found, or was misspelled (G8)", "hard unknown_user"),
    ("550 5.1.0 Sender denied. - psmtp", "block policy"),
    ("550 permanent failure for one or more recipients (ann@example.net:blocked)", "block *|unknown -"),
    ("550 permanent failure for one or more recipients (ann@example.net:550 5.1.1 unknown user)", "hard unknown_user"),
    ("554 Service unavailable; Client host [example.com] blocked using Barracuda Reputation; http://www.barracudanetworks.com/reputation/?r=1&ip=192.0.2.7", "block blocklist"),
    ("550 #5.1.0 Address rejected." + RCPT, "hard unknown_user"),
    ("550 #5.7.1 Your access to submit messages to this e-mail system has been rejected.", "block ip_reputation"),
    ("554-mx.example.net 554 Your access to this mail system has been rejected due to the sending MTA's poor reputation.", "block ip_reputation"),
    ("553 sorry, your mail was administratively denied. (#5.7.1)", "block policy"),
    ("550 Blocked by Sophos: spam score too high", "block content"),
    ("501 Connection rejected by policy [7.7] 28805, please visit www.messagelabs.com/support", "block ip_reputation|block policy"),
    # Classic servers
    ("550 5.1.1 <ann@example.net>: Recipient address rejected: User unknown in local recipient table" + RCPT, "hard unknown_user"),
    ("550 <ann@example.net>: Recipient address rejected: User unknown in virtual mailbox table" + RCPT, "hard unknown_user"),
    ("450 4.1.1 <ann@example.net>: Recipient address rejected: unverified address: connect to mx: timed out", "soft *"),
    ("450 4.1.8 <app@example.com>: Sender address rejected: Domain not found", "block policy"),
    ("550 5.1.8 <app@example.com>: Sender address rejected: Domain not found", "block policy"),
    ("504 5.5.2 <localhost>: Helo command rejected: need fully-qualified hostname", "soft protocol|block *"),
    ("454 4.7.1 <ann@example.net>: Relay access denied", "block policy"),
    ("550 relay not permitted" + RCPT, "block policy"),
    ("550 No such user here" + RCPT, "hard unknown_user"),
    ("550 Unrouteable address" + RCPT, "hard unknown_user|hard unknown_host"),
    ("550-Verification failed for <app@example.com> 550-No Such User Here 550 Sender verify failed" + RCPT, "block policy"),
    ("550-Callback setup failed while verifying <app@example.com> 550 Sender verify failed" + RCPT, "block policy"),
    ("511 sorry, no mailbox here by that name (#5.1.1 - chkuser)", "hard unknown_user"),
    ("553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)", "block policy"),
    ("552 sorry, that message size exceeds my databytes limit (#5.3.4)", "soft message_too_large"),
    ("451 qq temporary problem (#4.3.0)", "soft receiving_system"),
    ("550 Mailbox quota exceeded", "full"),
    ("451 4.7.1 Greylisting in action, please come back in 00:05:00", "greylisted"),
    ("554 5.4.14 Hop count exceeded - possible mail loop", "soft network"),
    ("550 5.7.1 Unable to relay for ann@example.net", "block policy"),
    ("554 Message rejected: Email address is not verified. The following identities failed the check in region EU-WEST-1: app@example.com", "block policy"),
    ("454 Throttling failure: Daily message quota exceeded.", "rate_limited"),
    ("550 5.1.1 Amazon SES did not send the message to this address because it is on the suppression list", "hard *"),
    ("550 Unauthenticated senders not allowed", "block *"),
    ("556 5.1.10 Recipient domain nowhere.example has a null MX", "hard unknown_host"),
    ("521 5.3.2 host example.net does not accept mail", "hard unknown_host"),
    ("550 5.7.25 The IP address sending this message does not have a PTR record setup", "block authentication"),
    ("550 5.7.29 ARC validation failed", "block authentication"),
    ("530 5.7.0 Must issue a STARTTLS command first", "block policy"),
    ("550 User unknown" + DATA, "block content"),
    ("550 Unknown user ann@docomo.example" + DATA, "block content"),
    ("550 User unknown", "block content"),
    ("550 5.2.0 User unknown", "block content"),
    ("550 Account has been suspended by the recipient's provider", "hard disabled"),
    ("550 5.7.1 Your account has been suspended from sending", "block policy"),
    ("501 5.1.3 Bad recipient address syntax", "hard unknown_user"),
    ("550 5.6.0 Invalid header found", "block content"),
    ("550 5.7.1 Message rejected because SPF check failed", "block authentication"),
    ("421 Service not available, closing transmission channel", "soft *"),
    ("432 4.3.2 STOREDRV.Deliver; recipient thread limit exceeded", "rate_limited"),
    ("431 The recipient's mail server is experiencing a Disk Full condition", "soft receiving_system|full"),
    ("550 5.1.1 The recipient's address contains a virus-infected domain", "*"),
]  # fmt: skip


@pytest.mark.parametrize(("answer", "meaning"), ANSWERS, ids=lambda text: text[:60])
def test_the_answer_of_a_known_system_means_what_its_postmaster_says(answer: str, meaning: str) -> None:
    refusal = take_apart(answer)

    verdict = classify_refusal(refusal.code, refusal.enhanced, refusal.text, refusal.stage)

    said = f"{verdict.bounce_class.value} {verdict.cause.value if verdict.cause else '-'}"
    right = [each if " " in each or each == "*" else f"{each} -" for each in meaning.split("|")]
    assert any(each == "*" or said == each or (each.endswith(" *") and said.startswith(each[:-1])) for each in right), (
        said
    )
