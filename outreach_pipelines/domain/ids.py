"""Numbers of stored rows, each of a type of its own, so that none is taken for another.

Belongs here: ids that several rooms of the domain speak of. Does not: names and keys with rules (`tenant`, `send_key`).
"""

from typing import NewType

MailboxId = NewType("MailboxId", int)
DomainId = NewType("DomainId", int)
CampaignId = NewType("CampaignId", int)
EnrollmentId = NewType("EnrollmentId", int)
LeadId = NewType("LeadId", int)
AccountId = NewType("AccountId", int)
PoolId = NewType("PoolId", int)
