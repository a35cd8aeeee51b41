"""The DNS audit: answers in, findings out, all pure.

`audit.audit` is the door. Checks are generators that yield queries (lookups.py) and end in reports (findings.py);
readiness.py, settling.py and score.py read the reports. Asking the DNS is an adapter's work.
"""
