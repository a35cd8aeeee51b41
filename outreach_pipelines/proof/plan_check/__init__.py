"""An independent judge of plans: reads a snapshot and a plan as JSON and names every rule that the plan breaks.

Shares no code with the planner, not even the form of the documents: it has its own reading of them, which is also what
`docs/schemas/` says. Times are compared on the wall clock of the zone in question, never as spans.

    snapshot_document, plan_document   the two documents, field by field; of a snapshot's large parts,
    sender_document, candidate_document, and `form` what all are made of
    schemas                            the same as JSON Schema
    reading                            bytes to documents, every fault named
    facts                              the documents by their ids, and the tenant's business days
    books, persons, routes, hours      rules of a single message, and that the books are complete
    holds                              what is stopped or slowed by campaign, lead file, provider, account
    mailbox_limits, shared_limits      rules of many messages together
    fairness, open_time                priorities, shares of campaigns, evenness of the rotation
    reasons, used_up                   whether the reasons given can be true, and the limits they name are used up
    check                              all of them
"""
