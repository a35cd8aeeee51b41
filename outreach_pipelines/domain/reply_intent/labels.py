"""When a tenant's labels are enough to learn from.

Belongs here: the limits, and the words for what lacks. Does not: learning (an adapter).
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from outreach_pipelines.domain.inbound.message import Intent

FEWEST = 40
FEWEST_OF_EACH = 8
"""Of each intent that occurs at all: below that five parts of a cross-validation hold hardly one."""
FEWEST_INTENTS = 2


@dataclass(frozen=True, slots=True)
class LabelledReply:
    """A reply's own text, and what a person says it wants."""

    text: str
    intent: Intent


def what_lacks(labelled: Sequence[LabelledReply]) -> str | None:
    """Why nothing can be learnt from these, or None."""
    counts = Counter(each.intent for each in labelled)
    told = ", ".join(f"{intent.value} {counts[intent]}" for intent in Intent)
    if len(labelled) < FEWEST:
        return f"{len(labelled)} labels are too few: {FEWEST} are needed ({told})"
    if len(counts) < FEWEST_INTENTS:
        return f"all labels are of one intent ({told})"
    rare = [intent.value for intent in Intent if 0 < counts[intent] < FEWEST_OF_EACH]
    if rare:
        return f"too few labels of {', '.join(rare)}: {FEWEST_OF_EACH} of each intent that occurs are needed ({told})"
    return None
