"""What brings news in: the event queue, inboxes, DNS.

Every run loads this module, most to use none of it: adapters are imported where they are made.
"""

import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from outreach_pipelines.application.access_tokens import MailboxTokens
from outreach_pipelines.application.ask_everywhere import AskEverywhere, MailCaller, PolicySource
from outreach_pipelines.application.audit_domains import DnsResolver
from outreach_pipelines.application.ingest_events import NoFeed
from outreach_pipelines.application.read_mail import OpenReading
from outreach_pipelines.application.resolve_doubt import CountedFeed
from outreach_pipelines.domain.loopback import is_loopback
from outreach_pipelines.domain.provider_account import MailTokens
from outreach_pipelines.domain.secret import Secret
from outreach_pipelines.errors import Refused
from outreach_pipelines.settings import SendingMode, load_settings
from resources.accounts import account_book, secret_source
from resources.fences import refuse_a_copy

if TYPE_CHECKING:
    from outreach_pipelines.adapters.imap import ImapInboxReader
    from outreach_pipelines.adapters.kept_tokens import KeptTokens

OpenResolver = Callable[[], AbstractAsyncContextManager[DnsResolver]]


def event_feed() -> CountedFeed:
    """The SQS queue of provider events; a feed that holds nothing where no account reports by one.

    What is read from a queue is gone from it: raises `Refused` for a lab at a real queue, and as `refuse_a_copy` does.
    """
    settings = load_settings()
    if settings.event_queue_url is None:
        return NoFeed()
    if settings.sending is SendingMode.LAB and not is_loopback(
        urlsplit(settings.aws_endpoint_url or "").hostname or ""
    ):
        message = "OUTREACH_SENDING=lab reaches loopback only, and OUTREACH_EVENT_QUEUE_URL is read elsewhere"
        raise Refused(message)
    refuse_a_copy()
    import boto3

    from outreach_pipelines.adapters.sqs import SqsEventFeed

    client = boto3.client("sqs", region_name=settings.aws_region, endpoint_url=settings.aws_endpoint_url)
    return SqsEventFeed(client, settings.event_queue_url)


def inbox_reader() -> "ImapInboxReader":
    """IMAP logins by secret reference, or by access tokens that are kept for as long as this process lives."""
    from outreach_pipelines.adapters.imap import ImapInboxReader

    return ImapInboxReader(secret_source(load_settings()), _tokens)


def open_reading() -> OpenReading:
    """Mail is read in processes beside, where there is much of it; they end with the tick that started them."""
    from outreach_pipelines.adapters.reading_children import ReadingChildren

    return ReadingChildren()


def _tokens(issuer: MailTokens, username: str, secret: Secret) -> MailboxTokens:
    return _kept_tokens()(issuer, username, secret)


@cache
def _kept_tokens() -> "KeptTokens":
    """Raises `Refused` for a token that a lab would ask for beyond this machine."""
    from outreach_pipelines.adapters.kept_tokens import KeptTokens

    return KeptTokens(allow=account_book(load_settings()).only_lab)


def open_resolver() -> OpenResolver:
    """Opens a resolver on the running loop; its answers are shared for as long as it is open."""
    from outreach_pipelines.adapters.dns import NameServerAddress, ResolverConfig, UdpResolver

    nameserver = load_settings().nameserver
    servers = (NameServerAddress(*_server(nameserver)),) if nameserver else ()
    return lambda: UdpResolver(ResolverConfig(servers=servers))


def open_auditor() -> OpenResolver:
    """Opens whom an audit may ask: DNS, web servers of policies, mail servers. A lab asks the DNS alone."""
    open_dns = open_resolver()
    if load_settings().sending is SendingMode.LAB:
        return lambda: _auditor(open_dns, None, None)
    from outreach_pipelines.adapters.mail_greeting import SmtpCaller
    from outreach_pipelines.adapters.policy_fetch import HttpsPolicies

    return lambda: _auditor(open_dns, HttpsPolicies(), SmtpCaller(helo=socket.getfqdn()))


@asynccontextmanager
async def _auditor(
    open_dns: OpenResolver, policies: PolicySource | None, mail: MailCaller | None
) -> AsyncIterator[DnsResolver]:
    async with open_dns() as resolver:
        yield AskEverywhere(dns=resolver, policies=policies, mail=mail)


def _server(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host or text, int(port) if host else 53
