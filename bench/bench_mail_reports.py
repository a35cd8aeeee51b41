"""CPU seconds and memory of reading a DMARC report of 600,000 records, packed as receivers send it.

.venv/bin/python bench/bench_mail_reports.py [RECORDS]
"""

import gzip
import random
import resource
import sys
import time
from io import BytesIO

from outreach_pipelines.domain.mail_reports.reading import read_reports
from outreach_pipelines.domain.mail_reports.report import DmarcReport

HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<feedback xmlns="urn:ietf:params:xml:ns:dmarc-2.0">
<report_metadata><org_name>Receiver Example</org_name><email>dmarc@receiver.example</email><report_id>1</report_id>
<date_range><begin>1795305600</begin><end>1795391999</end></date_range></report_metadata>
<policy_published><domain>desk.example</domain><p>none</p></policy_published>
"""
RECORD = """  <record>
    <row>
      <source_ip>{source}</source_ip>
      <count>{count}</count>
      <policy_evaluated><disposition>none</disposition><dkim>{word}</dkim><spf>{word}</spf></policy_evaluated>
    </row>
    <identifiers><envelope_from>bounce.desk.example</envelope_from><header_from>desk.example</header_from></identifiers>
    <auth_results>
      <dkim><domain>desk.example</domain><selector>s{selector}</selector><result>{word}</result></dkim>
      <spf><domain>bounce.desk.example</domain><scope>mfrom</scope><result>pass</result></spf>
    </auth_results>
  </record>
"""


def packed(records: int) -> tuple[bytes, int, int]:
    """The report as gzip, its unpacked size, and the messages in it."""
    drawn, content, size, messages = random.Random(1), BytesIO(), len(HEAD), 0  # noqa: S311 - a bench
    with gzip.GzipFile(fileobj=content, mode="wb", mtime=0) as file:
        file.write(HEAD.encode())
        for _ in range(records):
            count = drawn.randrange(1, 50)
            text = RECORD.format(
                source=f"2001:db8::{drawn.randrange(1 << 16):x}:1"
                if drawn.random() < 0.3
                else f"198.51.100.{drawn.randrange(256)}",
                count=count,
                word="pass" if drawn.random() < 0.9 else "fail",
                selector=drawn.randrange(20),
            )
            file.write(text.encode())
            size, messages = size + len(text), messages + count
        file.write(b"</feedback>\n")
    return content.getvalue(), size, messages


def main() -> None:
    records = int(sys.argv[1]) if len(sys.argv) > 1 else 600_000
    content, size, messages = packed(records)
    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    (report,) = read_reports("report.xml.gz", content)
    seconds = time.process_time() - began
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert isinstance(report, DmarcReport)
    assert report.messages == messages
    print(f"{records} records, {size >> 20} MiB of XML in {len(content) >> 20} MiB of gzip")
    print(
        f"{seconds:.1f} CPU seconds, {grown:.0f} MiB more memory, {len(report.rows)} rows, remarks: {list(report.remarks)}"
    )


if __name__ == "__main__":
    main()
