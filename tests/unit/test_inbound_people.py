"""Automatic answers, return dates, requests for no more mail, challenges, replies. All texts are made up here."""

from datetime import UTC, date, datetime

import pytest

from outreach_pipelines.domain.inbound.classify import classify
from outreach_pipelines.domain.inbound.message import (
    AutoReply,
    AutoReplyKind,
    Content,
    HumanReply,
    MessageKind,
    UnsubscribeRequest,
)
from outreach_pipelines.domain.inbound.phrases import phrase_book
from outreach_pipelines.domain.inbound.reply_text import reply_text
from outreach_pipelines.domain.inbound.return_date import return_date

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
TODAY = NOW.date()


def mail(text: str, *, subject: str = "Re: Your question", headers: str = "") -> bytes:
    extra = f"{headers}\n" if headers else ""
    head = f"From: Ann <ann@example.net>\nSubject: {subject}\n{extra}Content-Type: text/plain; charset=utf-8"
    return f"{head}\n\n{text}".encode()


def read(text: str, *, subject: str = "Re: Your question", headers: str = "") -> Content:
    return classify(mail(text, subject=subject, headers=headers), NOW).content


AWAY = {
    "en": ("I am out of the office until December 5 and will answer then.", date(2026, 12, 5)),
    "de": ("Ich bin bis zum 5. Dezember 2026 nicht im Büro.", date(2026, 12, 5)),
    "fr": ("Je suis absente jusqu'au 5 décembre.", date(2026, 12, 5)),
    "es": ("Estoy de vacaciones hasta el 5 de diciembre de 2026.", date(2026, 12, 5)),
    "it": ("Sono in ferie fino al 5 dicembre.", date(2026, 12, 5)),
    "pt": ("Estou de férias até o dia 5 de dezembro.", date(2026, 12, 5)),
    "nl": ("Ik ben niet aanwezig tot en met 5 december 2026.", date(2026, 12, 5)),
    "pl": ("Jestem na urlopie do 5 grudnia.", date(2026, 12, 5)),
    "ru": ("Я в отпуске до 5 декабря.", date(2026, 12, 5)),
    "uk": ("Я у відпустці до 5 грудня.", date(2026, 12, 5)),
    "sv": ("Jag är på semester till och med den 5 december.", date(2026, 12, 5)),
    "da": ("Jeg holder ferie til og med den 5. december.", date(2026, 12, 5)),
    "no": ("Jeg har ferie frem til 5. desember.", date(2026, 12, 5)),
    "fi": ("Olen lomalla 5.12.2026 saakka.", date(2026, 12, 5)),
    "cs": ("Jsem na dovolené do 5. prosince.", date(2026, 12, 5)),
    "tr": ("5 Aralık tarihine kadar izindeyim.", date(2026, 12, 5)),
    "ja": ("12月5日まで休暇をいただいております。", date(2026, 12, 5)),
    "zh": ("我正在休假，至2026年12月5日。", date(2026, 12, 5)),
}

STOP = {
    "en": "Please take me off your mailing list.",
    "de": "Bitte löschen Sie meine Daten und schicken Sie keine weiteren E-Mails.",
    "fr": "Merci de ne plus me contacter.",
    "es": "Quiero darme de baja de esta lista.",
    "it": "Non desidero ricevere altri messaggi.",
    "pt": "Não quero receber mais mensagens.",
    "nl": "Graag wil ik mij uitschrijven.",
    "pl": "Proszę o usunięcie z listy.",
    "ru": "Пожалуйста, удалите меня из рассылки.",
    "uk": "Будь ласка, видаліть мене зі списку.",
    "sv": "Ta bort mig från listan, tack.",
    "da": "Fjern mig fra listen, tak.",
    "no": "Jeg vil melde meg av listen.",
    "fi": "Poistakaa minut listalta.",
    "cs": "Odhlaste mě prosím z odběru.",
    "tr": "Lütfen beni listeden çıkarın.",
    "ja": "メールの配信を停止してください。",
    "zh": "请不要再发邮件给我。",
}


@pytest.mark.parametrize("language", AWAY)
def test_an_out_of_office_is_known_with_its_date_in_each_language(language: str) -> None:
    text, until = AWAY[language]

    content = read(text, headers="Auto-Submitted: auto-replied")

    assert isinstance(content, AutoReply)
    assert (content.reply, content.until, content.language) == (AutoReplyKind.OUT_OF_OFFICE, until, language)


@pytest.mark.parametrize("language", STOP)
def test_a_request_for_no_more_mail_is_known_in_each_language(language: str) -> None:
    content = read(STOP[language])

    assert isinstance(content, UnsubscribeRequest)
    assert (content.text, content.language) == (STOP[language], language)


def test_the_cases_cover_every_language_of_the_phrase_table() -> None:
    table = {str(language) for language, _ in phrase_book().unsubscribe.patterns}

    assert table == set(AWAY) == set(STOP)


@pytest.mark.parametrize(
    "headers",
    [
        "Auto-Submitted: auto-generated",
        "Precedence: bulk",
        "X-Auto-Response-Suppress: All",
        "List-Id: <news.example.net>",
    ],
)
def test_a_header_that_says_machine_does_not_say_out_of_office(headers: str) -> None:
    content = read("Our shop has new opening hours.", headers=headers)

    assert isinstance(content, AutoReply)
    assert content.reply is AutoReplyKind.OTHER


def test_auto_submitted_no_is_honoured() -> None:
    content = read("I am out of the office this week, call me.", headers="Auto-Submitted: no\nPrecedence: bulk")

    assert isinstance(content, HumanReply)


def test_a_person_who_writes_of_a_holiday_is_a_person() -> None:
    content = read("I will be out next week. Let us talk after that.")

    assert isinstance(content, HumanReply)


def test_a_subject_of_an_automatic_answer_is_enough() -> None:
    content = read("I am away. Back on 7 January.", subject="Automatic reply: Your question")

    assert isinstance(content, AutoReply)
    assert (content.reply, content.until) == (AutoReplyKind.OUT_OF_OFFICE, date(2027, 1, 7))


def test_who_left_the_company_is_not_out_of_office() -> None:
    content = read("Ann is no longer with us in this office and has left the company.", headers="X-Autoreply: yes")

    assert isinstance(content, AutoReply)
    assert (content.reply, content.until) == (AutoReplyKind.LEFT_COMPANY, None)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("back on 2026-12-05", date(2026, 12, 5)),
        ("until 05/12/2026", date(2026, 12, 5)),
        ("until 12/25/2026", date(2026, 12, 25)),
        ("until 5.1.", date(2027, 1, 5)),
        ("until January 5th, 2027", date(2027, 1, 5)),
        ("until the 5th of January", date(2027, 1, 5)),
        ("from 1 December until 5 December, returning 7 December", date(2026, 12, 7)),
        ("until 19 November", date(2026, 11, 19)),
        ("our meeting was on 2026-12-05", None),
        ("until 31 February", None),
        ("until 1 January 2099", None),
        ("until further notice", None),
    ],
)
def test_a_date_of_return_is_read_only_beside_its_word(text: str, day: date | None) -> None:
    assert return_date(text, received=TODAY) == day


def test_a_day_without_a_year_is_the_nearest_one() -> None:
    assert return_date("bis 28.12.", received=date(2027, 1, 4)) == date(2026, 12, 28)


@pytest.mark.parametrize("subject", ["unsubscribe", "Unsubscribe.", "ABMELDEN", "退订"])
def test_a_subject_that_is_only_a_command_is_a_request(subject: str) -> None:
    content = read("Sent by a mail client.", subject=subject, headers="Auto-Submitted: auto-replied")

    assert isinstance(content, UnsubscribeRequest)


@pytest.mark.parametrize(
    "text",
    [
        "Yes, let us talk on Monday.\n\nOn Sat, 21 Nov 2026, App <app@example.com> wrote:\n> To unsubscribe: here",
        "Please do not unsubscribe me, I like these.",
        "Our users can unsubscribe. " + "We talked about it at length. " * 40,
    ],
    ids=["quoted footer", "negated", "long text"],
)
def test_what_only_mentions_unsubscribing_is_a_reply(text: str) -> None:
    assert isinstance(read(text), HumanReply)


def test_a_filter_that_wants_proof_of_a_person_is_a_challenge() -> None:
    raw = mail("To complete delivery of your message, please verify that you are human: https://filter.example.net/1")

    assert classify(raw, NOW).kind is MessageKind.CHALLENGE


@pytest.mark.parametrize(
    "history",
    [
        "On Sat, 21 Nov 2026 at 10:00, App <app@example.com> wrote:\n> Hello Ann",
        "On Sat, 21 Nov 2026 at 10:00, A Rather Long Name Of A Sender <\napp@example.com> wrote:\n\n> Hello Ann",
        "Am Sa., 21. Nov. 2026 um 10:00 Uhr schrieb App <app@example.com>:\n> Hallo",
        "Le sam. 21 nov. 2026 à 10:00, App <app@example.com> a écrit :\n> Bonjour",
        "El sáb, 21 nov 2026 a las 10:00, App (<app@example.com>) escribió:\n> Hola",
        "Il giorno sab 21 nov 2026 alle 10:00 App <app@example.com> ha scritto:\n> Ciao",
        "Em sáb., 21 de nov. de 2026 às 10:00, App <app@example.com> escreveu:\n> Olá",
        "Op za 21 nov 2026 om 10:00 schreef App <app@example.com>:\n> Hallo",
        "W dniu 21.11.2026 o 10:00 App <app@example.com> napisał(a):\n> Cześć",
        "21.11.2026 10:00, App <app@example.com> пишет:\n> Привет",
        "Den lör 21 nov. 2026 kl 10:00 skrev App <app@example.com>:\n> Hej",
        "-----Original Message-----\nFrom: App\nHello Ann",
        "-----Ursprüngliche Nachricht-----\nVon: App\nHallo",
        "From: App <app@example.com>\nSent: Saturday\nTo: Ann\nSubject: Question\n\nHello Ann",
        "________________________\nVon: App <app@example.com>\nGesendet: Samstag\nAn: Ann\nBetreff: Frage\n\nHallo",
        "*From:* App\n*Sent:* Saturday\n*To:* Ann\n\nHello Ann",
        "-- \nAnn Example\nExample Ltd",
        "Sent from my iPhone",
        "Von meinem iPhone gesendet",
        "Envoyé de mon iPhone",
    ],
)
def test_history_and_signature_are_cut(history: str) -> None:
    assert reply_text(f"That suits me.\nSee you then.\n\n{history}\n") == "That suits me.\nSee you then."


@pytest.mark.parametrize(
    "attribution",
    ["On Sat, 21 Nov 2026, App <app@example.com> wrote:", "2026-11-21 10:00 GMT+01:00 App <app@example.com>:"],
)
def test_history_without_quote_marks_ends_at_its_attribution(attribution: str) -> None:
    assert reply_text(f"That suits me.\n\n{attribution}\n\nShall we talk?\nApp") == "That suits me."


def test_answers_between_quoted_lines_are_kept() -> None:
    text = "On Sat, 21 Nov 2026, App <app@example.com> wrote:\n> Monday?\n\nYes.\n\n> At ten?\n\nNo, eleven."

    assert reply_text(text).split() == ["Yes.", "No,", "eleven."]


def test_a_reply_that_names_a_day_and_a_sender_is_not_cut() -> None:
    text = "On Monday I can talk.\nFrom: noon.\nWrite to bob@example.org at 10:00 too."

    assert reply_text(text) == text


def test_a_reply_in_html_is_cut_like_any_other() -> None:
    raw = (
        "From: ann@example.net\nContent-Type: text/html; charset=utf-8\n\n"
        '<div>Yes, please.</div><div class="gmail_quote">On Sat, 21 Nov 2026 App &lt;app@example.com&gt; wrote:<br>'
        "<blockquote>Shall we talk?</blockquote></div>"
    )

    assert classify(raw.encode(), NOW).content == HumanReply("Yes, please.")
