"""`outreach replies label|train|tend`: a person's word on what a reply wants, the model learnt from it, and one look now.

Belongs here: options and layout. Does not: deciding (`application.decide_intents`), learning (`application.train_intent`).
"""

import json
from dataclasses import asdict
from typing import Annotated

import typer
from rich.table import Table

from outreach_pipelines.application.inbox_mail import InboundId
from outreach_pipelines.application.reply_words import reply_document
from outreach_pipelines.application.tend_replies import tend_replies
from outreach_pipelines.application.train_intent import Figures, KeptModel, label_reply, train_intent
from outreach_pipelines.cli.by_hand import ActorName, OneTenant, actor_of, console, say
from outreach_pipelines.cli.reply_options import AsJson, ReplyNumber, print_json, tenant_and_reply
from outreach_pipelines.cli.wiring import tenant_rows
from outreach_pipelines.domain.inbound.message import Intent
from outreach_pipelines.errors import Refused
from resources import files, replies


def label(
    number: ReplyNumber,
    intent: Annotated[str, typer.Argument(help=", ".join(each.value for each in Intent))],
    tenant: OneTenant = None,
    actor: ActorName = None,
    as_json: AsJson = False,
) -> None:
    """Say what a reply wants. It wins over every guess, and `train` learns from it; no send or stop depends on it."""
    if intent not in [each.value for each in Intent]:
        message = f"there is no intent {intent!r}; there are {', '.join(each.value for each in Intent)}"
        raise Refused(message)
    row, reply = tenant_and_reply(number, tenant)
    label_reply(replies.intent_book(), row.ref.id, InboundId(reply.inbound), Intent(intent), actor_of(actor))
    if as_json:
        print_json(reply_document(row.ref.slug, tenant_and_reply(number, tenant)[1]))
        return
    say(f"reply {number}: {intent}")


def train(tenant: OneTenant = None, as_json: AsJson = False) -> None:
    """Learn from a tenant's labels and put the model into use. Needs the extra `intent`; using the model does not."""
    rows = tenant_rows(tenant)
    if len(rows) > 1:
        message = f"name one tenant by --tenant; there are {', '.join(row.ref.slug for row in rows)}"
        raise Refused(message)
    kept = train_intent(replies.intent_book(), files.object_store(), replies.trainer(), tenant=rows[0].ref.id)
    if as_json:
        print_json(_document(kept))
        return
    say(f"model {kept.stored.sha256} is in use: {kept.stored.key}")
    _print_figures(kept.figures)


def tend(
    again: Annotated[bool, typer.Option("--again", help="also replies of which no intent was found before")] = False,
    tenant: OneTenant = None,
    as_json: AsJson = False,
) -> None:
    """Decide intents and send notices now, as the sensor `reply_watch` does every minute."""
    desk = replies.reply_desk()
    for row in tenant_rows(tenant):
        done = tend_replies(desk, tenant=row.ref, again=again)
        told = {"tenant": row.ref.slug, "intents": dict(done.decided.by_intent), **asdict(done.notified)}
        if as_json:
            print_json(told | {"model_fault": done.decided.model_fault or None})
            continue
        say(
            f"{row.ref.slug}: {json.dumps(told['intents'])}, told {done.notified.told}, not told {done.notified.not_told}"
        )
        if done.decided.model_fault:
            say(f"{row.ref.slug}: {done.decided.model_fault}: guessed without it")


def _print_figures(figures: Figures) -> None:
    say(
        f"{figures.labels} labels, {figures.folds}-fold cross-validation: {figures.accuracy:.1%} right "
        f"(always the commonest: {figures.commonest:.1%}), macro F1 {figures.macro_f1:.2f}"
    )
    table = Table("intent", "labels", "precision", "recall")
    for intent, each in figures.by_intent.items():
        table.add_row(intent.value, str(each.labels), f"{each.precision:.2f}", f"{each.recall:.2f}")
    console.print(table)


def _document(kept: KeptModel) -> dict[str, object]:
    by_intent = {intent.value: asdict(each) for intent, each in kept.figures.by_intent.items()}
    return {"model": kept.stored.sha256, "file": kept.stored.key, **asdict(kept.figures), "by_intent": by_intent}
