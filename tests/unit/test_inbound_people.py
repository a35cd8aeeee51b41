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

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def mail(text: str, *, subject: str = "Re: Your question", headers: str = "") -> bytes:
    extra = f"{headers}\n" if headers else ""
    head = f"From: Ann <ann@example.net>\nSubject: {subject}\n{extra}Content-Type: text/plain; charset=utf-8"
    return f"{head}\n\n{text}".encode()


def read(text: str, *, subject: str = "Re: Your question", headers: str = "") -> Content:
    return classify(mail(text, subject=subject, headers=headers), NOW).content


AWAY = {
    "en": ("I am out of the office until December 5 and will answer then.", date(2026, 12, 6)),
    "de": ("Ich bin bis zum 5. Dezember 2026 nicht im Büro.", date(2026, 12, 6)),
    "fr": ("Je suis absente jusqu'au 5 décembre.", date(2026, 12, 6)),
    "es": ("Estoy de vacaciones hasta el 5 de diciembre de 2026.", date(2026, 12, 6)),
    "it": ("Sono in ferie fino al 5 dicembre.", date(2026, 12, 6)),
    "pt": ("Estou de férias até o dia 5 de dezembro.", date(2026, 12, 6)),
    "nl": ("Ik ben niet aanwezig tot en met 5 december 2026.", date(2026, 12, 6)),
    "pl": ("Jestem na urlopie do 5 grudnia.", date(2026, 12, 6)),
    "ru": ("Я в отпуске до 5 декабря.", date(2026, 12, 6)),
    "uk": ("Я у відпустці до 5 грудня.", date(2026, 12, 6)),
    "sv": ("Jag är på semester till och med den 5 december.", date(2026, 12, 6)),
    "da": ("Jeg holder ferie til og med den 5. december.", date(2026, 12, 6)),
    "no": ("Jeg har ferie frem til 5. desember.", date(2026, 12, 6)),
    "fi": ("Olen lomalla 5.12.2026 saakka.", date(2026, 12, 6)),
    "cs": ("Jsem na dovolené do 5. prosince.", date(2026, 12, 6)),
    "tr": ("5 Aralık tarihine kadar izindeyim.", date(2026, 12, 6)),
    "ja": ("12月5日まで休暇をいただいております。", date(2026, 12, 6)),
    "zh": ("我正在休假，至2026年12月5日。", date(2026, 12, 6)),
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
    table = {str(language) for language, _ in phrase_book().unsubscribe.phrases}

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
    "attribution",
    ["On Sat, 21 Nov 2026, App <app@example.com> wrote:", "2026-11-21 10:00 GMT+01:00 App <app@example.com>:"],
)
def test_history_without_quote_marks_ends_at_its_attribution(attribution: str) -> None:
    assert reply_text(f"That suits me.\n\n{attribution}\n\nShall we talk?\nApp") == "That suits me."


def test_a_reply_that_names_a_day_and_a_sender_is_not_cut() -> None:
    text = "On Monday I can talk.\nFrom: noon.\nWrite to bob@example.org at 10:00 too."

    assert reply_text(text) == text


def test_a_reply_in_html_is_cut_like_any_other() -> None:
    raw = (
        "From: ann@example.net\nContent-Type: text/html; charset=utf-8\n\n"
        '<div>Yes, please.</div><div class="gmail_quote">On Sat, 21 Nov 2026 App &lt;app@example.com&gt; wrote:<br>'
        "<blockquote>Shall we talk?</blockquote></div>"
    )

    content = classify(raw.encode(), NOW).content

    assert isinstance(content, HumanReply)
    assert (content.text, content.language, content.evidence.line) == ("Yes, please.", "en", "Yes, please.")


@pytest.mark.parametrize(
    "subject", ["Please remove me", "UNSUBSCRIBE ME NOW!", "Bitte keine weiteren E-Mails", "Take me off the list"]
)
def test_a_short_subject_of_the_persons_own_asks(subject: str) -> None:
    assert isinstance(read("Thanks", subject=subject), UnsubscribeRequest)


@pytest.mark.parametrize("subject", ["Re: Unsubscribe rates in your shop", "AW: keine Werbung"])
def test_a_subject_that_repeats_ours_asks_for_nothing(subject: str) -> None:
    assert isinstance(read("Let us talk.", subject=subject), HumanReply)


def test_a_click_in_a_mail_client_asks() -> None:
    text = "Apple Mail sent this email to unsubscribe from the message list example."

    assert isinstance(read(text, subject="unsubscribe"), UnsubscribeRequest)


@pytest.mark.parametrize(
    "text",
    [
        "I use a filter. Please confirm your message here: https://filter.example.net/1",
        "Bitte bestätigen Sie Ihre Nachricht: https://filter.example.net/1",
        "Votre message est protégé par MailInBlack : https://filter.example.net/1",
    ],
)
def test_soft_wording_beside_a_link_is_a_challenge(text: str) -> None:
    assert classify(mail(text), NOW).kind is MessageKind.CHALLENGE


def test_soft_wording_without_a_link_is_a_person() -> None:
    assert isinstance(read("Please confirm your message of yesterday."), HumanReply)


@pytest.mark.parametrize(
    "text",
    [
        "Please stop sending me these emails.",
        "Bitte nehmen Sie mich aus Ihrem Verteiler.",
        "Nein danke, kein Interesse. Bitte keine weiteren Mails.",
        "Merci de me désinscrire de votre liste.",
        "No me interesa, no me escriba más.",
        "Non sono interessato, non mi scriva più.",
        "Por favor, remova o meu email da sua lista.",
        "Graag geen mail meer van jullie.",
        "Proszę usunąć mój adres z bazy.",
        "Не пишите мне больше.",
        "Будь ласка, не пишіть мені більше.",
        "Vänligen ta bort min adress.",
        "Slet venligst min adresse.",
        "Vennligst slett min e-post.",
        "Poistakaa osoitteeni.",
        "Smažte prosím můj e-mail.",
        "Lütfen bana bir daha yazmayın.",
        "今後のメールは不要です。",
        "请把我从名单中移除。",
        "Remove me please",
        "I'd like to opt out of further communication",
        "Who gave you my address? Delete my data under GDPR.",
        "wie kann ich mich abmelden?",
    ],
)
def test_everyday_wording_of_a_request_is_known(text: str) -> None:
    assert isinstance(read(text), UnsubscribeRequest)


@pytest.mark.parametrize(
    "text",
    [
        "Please stop by our office on Monday.",
        "Which item from your list do you mean?",
        "Not interested, thank you.",
        "Inga fler frågor, vi kan börja.",
        "Wir nehmen das zweite Angebot aus der Liste.",
        "今後のメールは田中さんへお願いします。",
    ],
)
def test_wording_that_comes_near_a_request_is_a_reply(text: str) -> None:
    assert isinstance(read(text), HumanReply)
