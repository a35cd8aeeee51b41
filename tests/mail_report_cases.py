"""Reports as receivers write them, made here with reserved names, for tests of reading and storing."""

import gzip
import json
import zipfile
from collections.abc import Iterable, Mapping
from email.message import EmailMessage
from io import BytesIO

DAY_BEGIN, DAY_END = 1_795_305_600, 1_795_391_999
"""2026-11-22, UTC, to its last second."""
NEW, OLD = "urn:ietf:params:xml:ns:dmarc-2.0", "http://dmarc.org/dmarc-xml/0.1"


def signature(domain: str = "desk.example", selector: str = "s2026", result: str = "pass") -> str:
    return f"<dkim><domain>{domain}</domain><selector>{selector}</selector><result>{result}</result></dkim>"


def spf(domain: str = "bounce.desk.example", result: str = "pass", scope: str = "mfrom") -> str:
    return f"<spf><domain>{domain}</domain><scope>{scope}</scope><result>{result}</result></spf>"


def record(
    source: str = "192.0.2.10",
    count: object = 1,
    *,
    dkim: str = "pass",
    spf_word: str = "pass",
    disposition: str = "none",
    header_from: str = "desk.example",
    results: str = signature() + spf(),
    reason: str = "",
) -> str:
    """One record; `results` and `reason` are XML."""
    return (
        f"<record><row><source_ip>{source}</source_ip><count>{count}</count><policy_evaluated><disposition>{disposition}</disposition>"
        f"<dkim>{dkim}</dkim><spf>{spf_word}</spf>{reason}</policy_evaluated></row>"
        f"<identifiers><envelope_from>bounce.desk.example</envelope_from><header_from>{header_from}</header_from></identifiers>"
        f"<auth_results>{results}</auth_results></record>"
    )


def dmarc(
    records: Iterable[str] = (record(),),
    *,
    domain: str = "desk.example",
    ref: str = "2026-11-22.1",
    reporter: str = "Receiver Example",
    namespace: str = NEW,
    begin: object = DAY_BEGIN,
    end: object = DAY_END,
    head: str = '<?xml version="1.0" encoding="UTF-8"?>\n',
) -> str:
    """A whole report of either schema: RFC 9990's namespace, RFC 7489's, or none."""
    root = f'<feedback xmlns="{namespace}">' if namespace else "<feedback>"
    return (
        f"{head}{root}<version>1.0</version><report_metadata><org_name>{reporter}</org_name><email>dmarc@receiver.example</email>"
        f"<report_id>{ref}</report_id><date_range><begin>{begin}</begin><end>{end}</end></date_range></report_metadata>"
        f"<policy_published><domain>{domain}</domain><adkim>r</adkim><p>none</p></policy_published>"
        f"{''.join(records)}</feedback>"
    )


def tls(**changes: object) -> dict[str, object]:
    """A TLS report as RFC 8460 section 4.4 shows it."""
    whole: dict[str, object] = {
        "organization-name": "Receiver Example",
        "date-range": {"start-datetime": "2026-11-22T00:00:00Z", "end-datetime": "2026-11-22T23:59:59Z"},
        "contact-info": "tls@receiver.example",
        "report-id": "tls-2026-11-22",
        "policies": [
            {
                "policy": {
                    "policy-type": "sts",
                    "policy-string": ["version: STSv1"],
                    "policy-domain": "desk.example",
                    "mx-host": ["mx.desk.example"],
                },
                "summary": {"total-successful-session-count": 5326, "total-failure-session-count": 303},
                "failure-details": [
                    {
                        "result-type": "certificate-expired",
                        "sending-mta-ip": "2001:db8::71",
                        "receiving-mx-hostname": "mx.desk.example",
                        "failed-session-count": 303,
                    }
                ],
            }
        ],
    }
    return whole | {name.replace("_", "-"): value for name, value in changes.items()}


def tls_json(**changes: object) -> bytes:
    return json.dumps(tls(**changes)).encode()


def zipped(files: Mapping[str, bytes]) -> bytes:
    content = BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, octets in files.items():
            archive.writestr(name, octets)
    return content.getvalue()


def mail(*attachments: tuple[str, str, bytes]) -> bytes:
    """A receiver's message: media type, file name (empty for none) and content of each attachment."""
    message = EmailMessage()
    message["From"] = "dmarc@receiver.example"
    message["To"] = "reports@desk.example"
    message["Subject"] = "Report Domain: desk.example Submitter: receiver.example"
    message.set_content("This is an aggregate report.")
    for media_type, name, content in attachments:
        main, sub = media_type.split("/")
        message.add_attachment(content, maintype=main, subtype=sub, **({"filename": name} if name else {}))
    return message.as_bytes()


def gzipped(text: str) -> bytes:
    return gzip.compress(text.encode(), mtime=0)
