"""What machines answer: absences, successors, receipts, and mail that only comes from a machine. All texts are made up here."""

from datetime import UTC, date, datetime

import pytest

from outreach_pipelines.domain.inbound.classify import classify
from outreach_pipelines.domain.inbound.message import AutoReply, AutoReplyKind, Contact, Content, HumanReply
from outreach_pipelines.domain.inbound.verdict import ReportedAddress

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def read(text: str, *, subject: str = "Re: Your question", headers: str = "") -> Content:
    extra = f"{headers}\n" if headers else ""
    head = f"From: Ann <ann@example.net>\nSubject: {subject}\n{extra}Content-Type: text/plain; charset=utf-8"
    return classify(f"{head}\n\n{text}".encode(), NOW).content


@pytest.mark.parametrize(
    "headers",
    ["Precedence: bulk", "X-Auto-Response-Suppress: All", "Auto-Submitted: auto-generated"],
)
def test_what_some_machine_sent_speaks_of_an_absence_only_in_its_first_words(headers: str) -> None:
    news = "Our shop has new opening hours. " * 20 + "The staff is on vacation in August."

    content = read(news, subject="News", headers=headers)

    assert isinstance(content, AutoReply)
    assert content.reply is AutoReplyKind.OTHER


def test_a_mailing_list_is_nobodys_absence() -> None:
    content = read("I am out of the office.", subject="Digest", headers="List-Id: <news.example.net>")

    assert isinstance(content, AutoReply)
    assert content.reply is AutoReplyKind.OTHER


LEFT = {
    "en": ("Ann no longer works here. Please contact Bob Stone at bob@example.net.", "Bob Stone"),
    "de": ("Ann ist nicht mehr im Unternehmen. Bitte wenden Sie sich an Frau Eva Kühn (bob@example.net).", "Eva Kühn"),
    "fr": ("Ann a quitté l'entreprise. Merci de contacter Luc Petit : bob@example.net", "Luc Petit"),
    "es": ("Ann ya no trabaja aquí. Póngase en contacto con Luis Gil (bob@example.net).", "Luis Gil"),
    "it": ("Ann non lavora più qui. Si prega di contattare Ugo Neri <bob@example.net>.", "Ugo Neri"),
    "pt": ("A Ann já não trabalha aqui. Por favor contacte Rui Costa através de bob@example.net.", "Rui Costa"),
    "nl": ("Ann is niet meer werkzaam bij ons. Neem contact op met Jan de Vries via bob@example.net.", "Jan de Vries"),
    "pl": ("Ann już nie pracuje w firmie. Proszę o kontakt z Jan Lis, bob@example.net.", "Jan Lis"),
    "ru": ("Анна больше не работает в компании. Обращайтесь к Ивану Орлову: bob@example.net", "Ивану Орлову"),
    "uk": ("Анна більше не працює в компанії. Звертайтеся до Івана Лиса: bob@example.net", "Івана Лиса"),
    "sv": ("Ann har slutat hos oss. Vänligen kontakta Bo Ek på bob@example.net.", "Bo Ek"),
    "da": ("Ann er fratrådt. Kontakt venligst Bo Holm på bob@example.net.", "Bo Holm"),
    "no": ("Ann har sluttet hos oss. Vennligst kontakt Bo Berg på bob@example.net.", "Bo Berg"),
    "fi": ("Ann ei enää työskentele meillä. Ota yhteyttä: Bo Salo, bob@example.net.", "Bo Salo"),
    "cs": ("Ann u nás již nepracuje. Kontaktujte prosím Jan Novák, bob@example.net.", "Jan Novák"),
    "tr": ("Ann artık çalışmıyor. Can Demir (bob@example.net) ile iletişime geçiniz.", "Can Demir"),
    "ja": ("アンは退職いたしました。後任は bob@example.net です。", ""),
    "zh": ("安已离职，请联系 bob@example.net。", ""),
}


@pytest.mark.parametrize("language", LEFT)
def test_who_left_names_the_successor_in_each_language(language: str) -> None:
    text, name = LEFT[language]

    content = read(text, headers="Auto-Submitted: auto-replied")

    assert isinstance(content, AutoReply)
    assert (content.reply, content.contact) == (
        AutoReplyKind.LEFT_COMPANY,
        Contact(ReportedAddress("bob@example.net"), name),
    )


def test_the_sender_of_a_note_is_not_the_successor() -> None:
    content = read("I have left the company. This address, ann@example.net, is not read.", headers="X-Autoreply: yes")

    assert isinstance(content, AutoReply)
    assert (content.reply, content.contact) == (AutoReplyKind.LEFT_COMPANY, None)


RECEIPTS = [
    ("[Ticket #4711] We have received your request", "Thank you for contacting us. Our team will get back to you."),
    ("Re: Your question", "Your request has been received. Ticket number: 4711"),
    ("Ihre Anfrage", "Vielen Dank für Ihre Anfrage. Ihre Ticketnummer lautet Ticket #20261121"),
    ("Votre demande [#4711]", "Nous avons bien reçu votre message."),
    ("Re: Hallo [zaak 4711] [#20261121]", "Wij hebben uw bericht ontvangen."),
]


@pytest.mark.parametrize(("subject", "text"), RECEIPTS)
def test_a_receipt_with_its_number_is_a_machines(subject: str, text: str) -> None:
    content = read(text, subject=subject)

    assert isinstance(content, AutoReply)
    assert content.reply is AutoReplyKind.OTHER


@pytest.mark.parametrize(
    "text",
    [
        "We have received your offer, thank you. Can we talk on Monday?",
        "We have received your offer (2026 edition) and like it.",
        "Thanks for contacting us. Our request for 20 seats still stands.",
    ],
)
def test_a_person_who_has_received_something_is_a_person(text: str) -> None:
    assert isinstance(read(text), HumanReply)


@pytest.mark.parametrize(
    "headers", ["List-Id: <sales.example.com>", "Precedence: list", "List-Id: <a.example>\nPrecedence: list"]
)
def test_a_persons_answer_that_a_list_hands_on_is_a_persons(headers: str) -> None:
    content = read("Yes, please.", headers=f"In-Reply-To: <one@app.example.com>\n{headers}")

    assert isinstance(content, HumanReply)


@pytest.mark.parametrize("headers", ["Precedence: bulk", "Precedence: junk", "X-Auto-Response-Suppress: OOF"])
def test_a_responder_that_answers_our_message_stays_a_machine(headers: str) -> None:
    content = read("Your message has arrived.", headers=f"In-Reply-To: <one@app.example.com>\n{headers}")

    assert isinstance(content, AutoReply)
    assert content.reply is AutoReplyKind.OTHER


NOTES = [
    (
        "en",
        "Thank you for your email. I am currently out of the office with no access to email. I will return on Monday, November 30th. For urgent matters contact Bob.",
        date(2026, 11, 30),
    ),
    (
        "de",
        "Danke für Ihre Nachricht. Ich bin vom 23.11. bis 27.11. nicht im Büro. Ihre E-Mail wird nicht weitergeleitet.",
        date(2026, 11, 28),
    ),
    (
        "de",
        "Vielen Dank für Ihre E-Mail. Ich bin bis auf Weiteres in Elternzeit. Bitte wenden Sie sich an max@example.net.",
        None,
    ),
    (
        "fr",
        "Bonjour, je suis absente du bureau du 23 au 27 novembre inclus. En cas d'urgence, contactez Luc.",
        date(2026, 11, 28),
    ),
    ("es", "Hola, estaré fuera de la oficina del 23 al 27 de noviembre. Volveré el lunes 30.", date(2026, 11, 30)),
    ("it", "Gentile mittente, sono fuori ufficio e rientrerò il giorno 30/11.", date(2026, 11, 30)),
    ("pt", "Olá, encontro-me de férias, regressando a 30 de novembro.", date(2026, 11, 30)),
    ("nl", "Bedankt voor uw bericht. Ik ben van 23 november tot en met 27 november met vakantie.", date(2026, 11, 28)),
    ("pl", "Dzień dobry, w dniach 23-27 listopada przebywam na urlopie.", date(2026, 11, 28)),
    ("ru", "Здравствуйте! С 23 по 27 ноября я в отпуске. Буду на связи с 30 ноября.", date(2026, 11, 30)),
    ("sv", "Hej! Jag är på semester v. 48 och åter på kontoret måndag 30/11.", date(2026, 11, 30)),
    ("da", "Hej, jeg holder ferie i uge 48 og er tilbage mandag den 30. november.", date(2026, 11, 30)),
    ("fi", "Hei, olen lomalla 23.-27.11. Palaan töihin maanantaina 30.11.", date(2026, 11, 30)),
    ("cs", "Dobrý den, od 23. 11. do 27. 11. čerpám dovolenou.", date(2026, 11, 28)),
    (
        "tr",
        "Merhaba, 23 Kasım - 27 Kasım tarihleri arasında yıllık izindeyim. 30 Kasım'da ofiste olacağım.",
        date(2026, 11, 30),
    ),
    ("ja", "11/23(月)～11/27(金)まで休暇をいただいております。11/30より出社いたします。", date(2026, 11, 30)),
    ("zh", "您好，我于11月23日至27日休假，11月30日返岗。", date(2026, 11, 30)),
    ("zh", "您好，我目前正在出差，将于11月30日（周一）回到办公室。", date(2026, 11, 30)),
]


@pytest.mark.parametrize(("language", "text", "until"), NOTES)
def test_a_whole_note_is_read_with_its_language_and_its_day(language: str, text: str, until: date | None) -> None:
    content = read(text, headers="Auto-Submitted: auto-replied")

    assert isinstance(content, AutoReply)
    assert (content.reply, content.language, content.until) == (AutoReplyKind.OUT_OF_OFFICE, language, until)


@pytest.mark.parametrize(
    "subject",
    ["AW: Urlaub auf dem Land", "Re: Out of office furniture", "Re: Vacation plans", "SV: Semester vid havet"],
)
def test_our_own_subject_speaks_of_nobodys_absence(subject: str) -> None:
    assert isinstance(read("Yes, please.", subject=subject), HumanReply)


@pytest.mark.parametrize("subject", ["Automatische Antwort: Urlaub auf dem Land", "AW: Urlaub auf dem Land"])
def test_a_receipt_under_our_own_subject_is_no_absence(subject: str) -> None:
    content = read("Ihre Nachricht ist angekommen.", subject=subject, headers="Auto-Submitted: auto-replied")

    assert isinstance(content, AutoReply)
    assert content.reply is AutoReplyKind.OTHER
