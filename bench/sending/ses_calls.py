"""One sender process without bookkeeping: letters through the production SES adapter, or through boto3 as it comes.

Reads one line of JSON with its orders, says `ready` when all is imported and built, waits for a line, works, and prints what
it used as JSON. `way` is `adapter` (as many calls at once as a batch has) or `boto3` (`send_email` in 8 threads).

Source: Amazon SES API v2 Reference, SendEmail; Boto3 documentation, "Low-level clients" (clients are made for threads).
"""

import asyncio
import json
import resource
import sys
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from email.message import EmailMessage
from email.policy import SMTP
from typing import TYPE_CHECKING

from botocore.config import Config
from sending.lab import KEY, REGION, SECRET

from outreach_pipelines.adapters.ses import SesPath, SesTransport
from outreach_pipelines.adapters.ses_client import SesAccess, ses_clients
from outreach_pipelines.application.boot_clock import boot_seconds
from outreach_pipelines.application.send_batch import BatchLimits
from outreach_pipelines.domain.message_tag import WireTag
from outreach_pipelines.domain.secret import Secret
from outreach_pipelines.domain.send_answer import Accepted
from outreach_pipelines.domain.wire_message import WireMessage

if TYPE_CHECKING:
    from mypy_boto3_sesv2 import SESV2Client

THREADS = 8


def access(port: int) -> SesAccess:
    """The lab's SES."""
    return SesAccess(REGION, f"http://127.0.0.1:{port}", Secret(KEY), Secret(SECRET))


def letters(count: int, content: bytes) -> list[WireMessage]:
    """Letters that differ in their recipients and ids alone."""
    return [_letter(number, content) for number in range(count)]


def _letter(number: int, content: bytes) -> WireMessage:
    sender, to, message_id = "box1@sender.example", f"person{number}@c{number // 10}.test", f"<{number}@sender.example>"
    head = f"From: Grace Example <{sender}>\r\nTo: {to}\r\nSubject: A question\r\nMessage-ID: {message_id}\r\n"
    return WireMessage(WireTag(f"t{number}"), sender, sender, to, "A question", message_id, head.encode() + content)


def content_of(text: str, html: str, headers: Mapping[str, str]) -> bytes:
    """What all letters have in common, in lines that end in CRLF."""
    message = EmailMessage(policy=SMTP)
    for name, value in headers.items():
        message[name] = value
    message.set_content(text)
    message.add_alternative(html, subtype="html")
    return message.as_bytes()


async def through_adapter(port: int, messages: list[WireMessage]) -> int:
    """How many were accepted, with as many under way as a batch has."""
    transport = SesTransport(ses_clients(access(port)), region=REGION, path=SesPath(None))
    room = asyncio.Semaphore(BatchLimits().under_way)

    async def send(message: WireMessage) -> bool:
        async with room:
            return isinstance(await transport.send(message, deadline=boot_seconds() + 30), Accepted)

    try:
        return sum(await asyncio.gather(*(send(each) for each in messages)))
    finally:
        await transport.close()


def through_boto3(client: "SESV2Client", messages: list[WireMessage]) -> int:
    """How many were accepted."""

    def send(message: WireMessage) -> bool:
        answer = client.send_email(
            FromEmailAddress=message.sender,
            Destination={"ToAddresses": [message.recipient]},
            Content={"Raw": {"Data": message.body}},
        )
        return bool(answer["MessageId"])

    with ThreadPoolExecutor(THREADS) as pool:
        return sum(pool.map(send, messages))


def main() -> None:
    orders = json.loads(sys.stdin.readline())
    content = content_of(orders["text"], orders["html"], orders["headers"])
    port, messages = orders["port"], letters(orders["messages"], content)
    client = ses_clients(access(port))(Config(max_pool_connections=THREADS))
    print("ready", flush=True)
    sys.stdin.readline()
    cpu = time.process_time()
    boto3 = orders["way"] == "boto3"
    sent = through_boto3(client, messages) if boto3 else asyncio.run(through_adapter(port, messages))
    used = time.process_time() - cpu
    rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(json.dumps({"sent": sent, "cpu_seconds": used, "rss_mb": rss, "outcomes": {}}), flush=True)


if __name__ == "__main__":
    main()
