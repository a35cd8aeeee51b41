"""Logins, each once a day: a password that was changed is found before a send needs it."""

from collections import Counter

import dagster as dg

from outreach_pipelines.application.check_logins import LoginBook, LoginDoors, LoginOutcome, check_logins
from outreach_pipelines.application.tenants import TenantDirectory
from sensors.watching import watching


@watching(seconds=300)
def login_checks(
    context: dg.SensorEvaluationContext,
    login_book: dg.ResourceParam[LoginBook],
    login_doors: dg.ResourceParam[LoginDoors],
    tenants: dg.ResourceParam[TenantDirectory],
) -> dg.SkipReason:
    """Logs in and out where mail is read and handed in, each login at its own quarter of an hour of the day."""
    outcomes = Counter[LoginOutcome]()
    for row in tenants.all():
        checked = check_logins(login_book, login_doors, tenant=row.ref.id)
        outcomes += checked.outcomes
        for sentence in checked.faults:
            context.log.warning("%s: %s", row.ref.slug, sentence)
    told = ", ".join(f"{outcome}: {outcomes[outcome]}" for outcome in LoginOutcome)
    return dg.SkipReason(f"logins checked: {outcomes.total()} ({told})")
