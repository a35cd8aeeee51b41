"""What the process of a run loads before it sends: each hour starts one for each tenant, and each loads it anew.

By names of modules, since those are the same on every machine and seconds are not.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

LOADED = """
import json, sys
from outreach_pipelines.definitions import defs
from outreach_pipelines.adapters.secrets import SecretSource
from outreach_pipelines.adapters.postgres.account_reader import AccountRow
from outreach_pipelines.domain.ids import AccountId
from outreach_pipelines.domain.provider_account import PostmarkConnection, SesConnection, SmtpConnection, Tls
from outreach_pipelines.domain.reference import Fixed, SecretRef, SecretScheme
from outreach_pipelines.settings import SendingMode
from resources.accounts import AccountBook
from resources.mail import AccountTransports

def accounts():
    key, here = SecretRef(SecretScheme.ENVIRONMENT, "KEY"), Fixed("127.0.0.1")
    yield "smtp", SmtpConnection(here, Fixed("25"), Tls.NONE, Fixed("bo"), key)
    yield "ses", SesConnection("eu-west-1", Fixed("http://127.0.0.1:1"), key, key)
    yield "postmark", PostmarkConnection(key, "outreach", Fixed("http://127.0.0.1:1"))

kind = sys.argv[1]
defs.resolve_job_def("send_hour")
transports = AccountTransports(AccountBook(SecretSource({"KEY": "secret"}), SendingMode.LAB))
transports.make(AccountRow(AccountId(1), "main", kind, dict(accounts())[kind], None))
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules} | {name for name in sys.modules if "adapters" in name})))
"""

#: Of a provider's own library, one run loads that of its accounts.
LIBRARY_OF = {"smtp": "aiosmtplib", "ses": "boto3", "postmark": "httpx"}
#: For plans, scores, inboxes, DNS, the demo: no batch asks for any.
NEVER = {
    "scipy", "numpy", "pandas", "holidays", "imapclient", "typer", "starlette", "uvicorn",
    "outreach_pipelines.adapters.inventory_files", "outreach_pipelines.adapters.csv_file",
    "outreach_pipelines.adapters.imap", "outreach_pipelines.adapters.dns", "outreach_pipelines.adapters.sqs",
    "outreach_pipelines.adapters.s3_objects", "outreach_pipelines.adapters.postgres.story_reader",
}  # fmt: skip


@pytest.mark.parametrize("kind", sorted(LIBRARY_OF))
def test_a_batch_loads_the_library_of_its_account_and_none_that_it_has_no_use_for(kind: str) -> None:
    others = {library for other, library in LIBRARY_OF.items() if other != kind}

    loaded = set(json.loads(said(LOADED, kind)))

    assert LIBRARY_OF[kind] in loaded
    assert loaded & (NEVER | others) == set()


COLLECTED = """
import gc
from outreach_pipelines.definitions import defs
print(gc.isenabled(), gc.get_freeze_count() > 10 * len(gc.get_objects()))
"""
UNCOLLECTED = "import gc; gc.disable(); import outreach_pipelines.definitions; print(gc.isenabled())"


def test_what_was_loaded_is_no_longer_looked_through_for_garbage() -> None:
    assert said(COLLECTED) == "True True\n"


def test_a_process_that_collects_no_garbage_is_left_so() -> None:
    assert said(UNCOLLECTED) == "False\n"


def said(program: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
