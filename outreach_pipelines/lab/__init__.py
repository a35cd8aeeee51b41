"""The lab: a small mail internet on loopback that keeps its own truth.

Providers that accept mail (SES over HTTP, submission over SMTP), people who bounce, answer and complain, the inboxes
that their answers reach (IMAP), the DNS that describes the domains, and faults on demand. It imports nothing of the
other packages, so that its ledger is a witness of what was really accepted. Nothing here knows leads, plans or tenants.

`python -m outreach_pipelines.lab CONFIG.json` runs it as a process of its own.
"""
