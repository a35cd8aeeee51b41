"""The environment of an installation that is nobody's: all that has no default."""

import base64

KEY = base64.b64encode(b"k" * 32).decode()
TOKEN_KEY = base64.b64encode(b"t" * 64).decode()
RIGHT = {
    "OUTREACH_DATABASE_URL": "postgresql+psycopg://app:canary-password@127.0.0.1:5432/outreach",
    "OUTREACH_OPS_URL": "postgresql+psycopg://ops:canary-password@127.0.0.1:5432/outreach",
    "OUTREACH_INGEST_URL": "postgresql://ingest:canary-password@127.0.0.1:5432/outreach",
    "OUTREACH_FILES": "var/files",
    "OUTREACH_TAG_KEY": KEY,
    "OUTREACH_ADDRESS_KEY": KEY,
    "OUTREACH_TOKEN_KEYS": f"1:{TOKEN_KEY}, 0:{TOKEN_KEY}",
}
