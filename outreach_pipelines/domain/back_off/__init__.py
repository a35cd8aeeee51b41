"""When sending slows down or stops by itself, on which scope, why, until when, and how it comes back."""

from outreach_pipelines.domain.back_off.evidence import AnswerStrength, ErrorRun, Evidence, ReputationAnswer, SendFate
from outreach_pipelines.domain.back_off.hold import (
    EvidenceNumbers,
    HoldDecision,
    HoldLevel,
    HoldReason,
    Probation,
    Signal,
    effective_factor,
    manual_hold,
    release,
)
from outreach_pipelines.domain.back_off.judgement import judge
from outreach_pipelines.domain.back_off.policy import Policy, tenant_policy
from outreach_pipelines.domain.back_off.scope import (
    AccountScope,
    CampaignScope,
    DomainScope,
    LeadFileId,
    LeadFileScope,
    MailboxScope,
    PathScope,
    RecipientProviderScope,
    Scope,
    TenantAccountScope,
    TenantScope,
)
from outreach_pipelines.domain.back_off.verdict import CountsAgainst, counts_against, reputation_strength

__all__ = [
    "AccountScope",
    "AnswerStrength",
    "CampaignScope",
    "CountsAgainst",
    "DomainScope",
    "ErrorRun",
    "Evidence",
    "EvidenceNumbers",
    "HoldDecision",
    "HoldLevel",
    "HoldReason",
    "LeadFileId",
    "LeadFileScope",
    "MailboxScope",
    "PathScope",
    "Policy",
    "Probation",
    "RecipientProviderScope",
    "ReputationAnswer",
    "Scope",
    "SendFate",
    "Signal",
    "TenantAccountScope",
    "TenantScope",
    "counts_against",
    "effective_factor",
    "judge",
    "manual_hold",
    "release",
    "reputation_strength",
    "tenant_policy",
]
