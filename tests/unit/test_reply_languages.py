"""In which language a reply is written. All texts are made up here."""

import pytest

from outreach_pipelines.domain.inbound.language import language_of

SAID = {
    "en": ["Sounds good, let us talk next week.", "Thanks!", "We are not interested, please do not write again."],
    "de": ["Danke, kein Interesse.", "Können wir am Montag sprechen?", "Bitte schicken Sie mir ein Angebot."],
    "fr": ["Merci, mais cela ne nous intéresse pas.", "Oui, avec plaisir.", "Pouvez-vous m'envoyer votre offre ?"],
    "es": ["Gracias, no nos interesa.", "¿Podemos hablar el lunes?", "Estoy de vacaciones hasta el 5 de diciembre."],
    "it": ["Grazie, non siamo interessati.", "Possiamo sentirci lunedì?", "Vorrei ricevere la vostra offerta."],
    "pt": ["Obrigado, não temos interesse.", "Podemos falar na segunda-feira?", "Gostaria de receber a sua proposta."],
    "nl": ["Bedankt, maar we hebben geen interesse.", "Kunnen we maandag bellen?", "Stuur mij uw voorstel graag toe."],
    "pl": ["Dziękuję, nie jesteśmy zainteresowani.", "Możemy porozmawiać w poniedziałek?", "Proszę o ofertę."],
    "ru": [
        "Спасибо, нам это не интересно.",
        "Можем поговорить в понедельник?",
        "Пришлите мне, пожалуйста, предложение.",
    ],
    "uk": ["Дякую, нам це не цікаво.", "Чи можемо поговорити в понеділок?", "Надішліть мені, будь ласка, пропозицію."],
    "sv": ["Tack, men vi är inte intresserade.", "Kan vi prata på måndag?", "Skicka gärna ett förslag till mig."],
    "da": ["Tak, men vi er ikke interesserede.", "Kan vi tale sammen i næste uge?", "Hvornår vil du tale med os?"],
    "no": [
        "Takk, men vi er ikke interessert.",
        "Kan vi snakkes neste uke?",
        "Jeg er ikke på kontoret, men tilbake i neste uke.",
    ],
    "fi": ["Kiitos, emme ole kiinnostuneita.", "Olen lomalla ja palaan takaisin toimistolle.", "Kyllä, se on hyvä."],
    "cs": ["Děkuji, nemáme zájem.", "Můžeme si promluvit v pondělí?", "Prosím, pošlete mi nabídku."],
    "tr": [
        "Teşekkürler, ilgilenmiyoruz.",
        "Lütfen bana daha fazla bilgi gönderin.",
        "Pazartesi günü görüşebiliriz, teşekkür ederim.",
    ],
    "ja": ["ありがとうございます。検討いたします。", "不要です。配信を停止してください。"],
    "zh": ["谢谢，我们不感兴趣。", "請不要再發郵件給我。"],
    "ko": ["감사합니다. 관심 없습니다."],
    "el": ["Ευχαριστώ, δεν μας ενδιαφέρει."],
    "he": ["תודה, לא מעוניינים."],
    "ar": ["شكرا، لسنا مهتمين."],
}


@pytest.mark.parametrize(("language", "text"), [(language, text) for language, texts in SAID.items() for text in texts])
def test_the_language_of_a_short_reply_is_named(language: str, text: str) -> None:
    assert language_of(text) == language


@pytest.mark.parametrize(
    "text", ["", "12345", "OK", "Xyz qwrt plok brum", "https://example.com/de/die/und", "ann@example.de", "Ja."]
)
def test_what_several_languages_say_alike_is_left_open(text: str) -> None:
    assert language_of(text) is None


def test_an_address_and_a_link_name_no_language() -> None:
    assert language_of("Bitte an ann@and.example oder https://www.example.com/the/and/you schreiben, danke.") == "de"
