"""Intent by phrases: a table of self-made replies in several languages, precedence, and texts that would be slow."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outreach_pipelines.domain.inbound.message import Intent
from outreach_pipelines.domain.reply_intent.decided import MOST_JUDGED, IntentSource
from outreach_pipelines.domain.reply_intent.rules import intent_by_rules, intent_rules

CASES = """
positive | Sounds great, tell me more.
positive | Yes, gladly.
positive | Yes please send over a deck
positive | I'd love to learn more
positive | Why not, sounds interesting!
positive | Klingt spannend, gern mehr Details
positive | Wir hätten grundsätzlich Interesse.
positive | Pourquoi pas, dites-m'en plus.
positive | Oui, cela m'intéresse.
positive | Suena bien, adelante
positive | Me interesa, envíeme más información.
positive | Sono interessato, mi mandi più informazioni.
positive | Klinkt goed, stuur maar meer info
positive | Tenho interesse, pode enviar mais detalhes
negative | Not interested, thanks.
negative | We are not really interested in this at the moment
negative | Thanks, but we already have a provider.
negative | I'll have to pass on this one.
negative | This isn't a priority for us right now.
negative | We don't have budget this year.
negative | Kein Interesse.
negative | Vielen Dank, aber wir haben derzeit keinen Bedarf.
negative | Leider passt das für uns nicht.
negative | Non merci, nous avons déjà un prestataire.
negative | Cela ne nous intéresse pas.
negative | No me interesa, gracias.
negative | Por ahora no, gracias
negative | Non siamo interessati
negative | Nee bedankt, geen interesse
negative | Não temos interesse
meeting  | Could we schedule a short call?
meeting  | Happy to chat next Tuesday at 10, does that work?
meeting  | Can you do Thursday 3pm?
meeting  | Können wir nächste Woche kurz telefonieren?
meeting  | Rufen Sie mich gerne am Donnerstag an.
meeting  | Passt Ihnen Mittwoch 14 Uhr?
meeting  | Pouvons-nous fixer un rendez-vous mardi ?
meeting  | Je suis disponible jeudi matin.
meeting  | Podemos agendar una llamada el martes?
meeting  | Fissiamo una chiamata per giovedì
meeting  | Zullen we dinsdag om 10 uur bellen?
meeting  | Vamos marcar uma reunião
referral | I'm not the right person; please contact my colleague Bob.
referral | I am not the right person, please contact my colleague Bob.
referral | Looping in Maria who handles this.
referral | Jane Doe is responsible for this, jane@example.com
referral | Bitte wenden Sie sich an meinen Kollegen Herrn Beispiel.
referral | Dafür ist Frau Muster zuständig.
referral | Je transmets votre message à mon collègue.
referral | La bonne personne est Marie Exemple.
referral | Por favor contacte a mi compañera Ana.
referral | Ho girato la mail al mio collega
question | How much does it cost?
question | Does it work with SAP?
question | Where did you get my address?
question | Woher haben Sie meine Adresse?
question | Quel est le prix ?
question | Est-ce compatible avec SAP ?
question | ¿De dónde sacó mi correo?
question | Quanto costa?
question | Wat kost dit?
none     | Thanks.
none     | I will read it and get back to you.
none     | Danke für Ihre Nachricht.
none     | Merci pour votre message.
none     | Gracias por su correo.
none     | We do not want to schedule a call.
none     | Ich habe keine Zeit für ein Telefonat.
negative | Absolutely not.
negative | No.
negative | Nope
negative | Nein.
negative | Non.
negative | No, no me interesa.
negative | We're good, thanks.
negative | Thanks for reaching out, but this is not something we're looking for.
negative | I appreciate the offer, however we are happy with our current supplier.
negative | We have just signed with a competitor.
negative | Please don't follow up.
negative | I don't think this is a fit for us.
negative | Not interested
negative | Danke, aber wir sind mit unserem Anbieter zufrieden.
negative | Wir haben das intern gelöst.
negative | Das ist für uns kein Thema.
negative | Aktuell nicht.
negative | Nous sommes satisfaits de notre prestataire actuel.
negative | Je ne suis pas intéressé.
negative | Estamos contentos con nuestro proveedor.
negative | En este momento no lo necesitamos.
positive | Interested. Can you send pricing?
positive | Yes!
positive | I'm interested
positive | This looks interesting, could you share a demo video?
positive | Please send me more details
positive | Hi, thanks for reaching out. I would love to hear more about it.
positive | Ja, das interessiert mich.
positive | Das klingt interessant, bitte schicken Sie mir ein Angebot.
positive | Gerne!
positive | Merci, je serais intéressé par une démonstration.
positive | Ça m'intéresse, envoyez-moi votre brochure.
positive | Sí, me gustaría saber más.
positive | Me parece muy interesante.
meeting  | Are you free tomorrow at 3pm?
meeting  | Sure, how about Wednesday at 2?
meeting  | You can book time here: https://calendly.com/x
meeting  | Can we hop on a quick call this week?
meeting  | I can do 10am on Friday
meeting  | Gerne, wie wäre es am Montag um 10 Uhr?
meeting  | Rufen Sie mich an: 030 12345
meeting  | Hätten Sie nächste Woche Zeit für ein kurzes Gespräch?
meeting  | On peut se parler mardi à 14h ?
meeting  | Seriez-vous disponible jeudi pour un appel ?
meeting  | ¿Podemos hablar el jueves a las 10?
meeting  | Me viene bien el martes a las 11
referral | You should contact Bob Smith at bob@example.com
referral | I no longer handle this. Please reach out to Anna Lee (anna@example.com).
referral | Adding Tom to this thread, he's in charge of procurement.
referral | Forwarding this to our marketing team.
referral | Please speak to our IT manager, Jane.
referral | Bitte kontaktieren Sie Frau Müller aus dem Einkauf.
referral | Ich leite Ihre Anfrage an meinen Kollegen weiter.
referral | Merci de contacter mon collègue Paul.
referral | Vous pouvez vous adresser à notre responsable achats.
referral | Debe hablar con el departamento de compras.
question | What is this about?
question | How did you get my email address?
question | Do you offer a free trial?
question | Is this GDPR compliant?
question | Can you explain what you do?
question | Was genau bieten Sie an?
question | Wie funktioniert das?
question | C'est quoi exactement ?
question | Quels sont vos tarifs ?
question | ¿Qué ofrecen exactamente?
question | ¿Tiene integración con SAP?
none     | I know what is needed here.
none     | Received, thanks.
none     | I'll get back to you next week.
none     | Ich melde mich bei Ihnen.
none     | Ok merci
negative | Hi, thanks but we're not looking for new vendors at the moment.
negative | This is not relevant to us.
negative | Sorry, we don't use external agencies.
negative | Not at the moment, maybe next year.
negative | I must decline your offer.
negative | We have no need for this service.
negative | It's a no from us.
negative | Besten Dank, aber wir haben kein Interesse an Ihrem Angebot.
negative | Wir benötigen das nicht.
negative | Leider nein.
negative | Nous n'avons pas de besoin actuellement.
negative | Désolé, pas intéressé.
negative | Gracias, pero no estamos interesados.
negative | No tenemos presupuesto.
negative | Al momento non siamo interessati, grazie.
negative | Wij hebben hier geen behoefte aan.
negative | Obrigado, mas não temos interesse no momento.
positive | That sounds good to me.
positive | Great, please share more information.
positive | We'd be happy to learn more.
positive | I'm open to it, send me the deck.
positive | Definitely interested!
positive | Let's do it.
positive | Ja, bitte senden Sie mir weitere Unterlagen.
positive | Wir sind interessiert.
positive | Hört sich gut an!
positive | Oui, pourquoi pas.
positive | Bonjour, je suis intéressée par votre offre.
positive | Claro, envíame la información.
positive | Nos interesa la propuesta.
positive | Sì, mi interessa, mandatemi un'offerta.
positive | Ja, klinkt interessant.
positive | Sim, tenho interesse.
meeting  | Let's set up a call for next week.
meeting  | Feel free to call me on +44 20 7946 0000.
meeting  | I'm free Thursday after 2pm.
meeting  | Could you do a Zoom on Monday?
meeting  | Please book a slot in my calendar.
meeting  | Schlagen Sie gerne einen Termin vor.
meeting  | Melden Sie sich gern telefonisch.
meeting  | Passt Ihnen Dienstag um 14 Uhr?
meeting  | Quand seriez-vous disponible pour un échange ?
meeting  | Appelez-moi au 01 23 45 67 89.
meeting  | Podemos hacer una videollamada mañana.
meeting  | Ci sentiamo giovedì alle 15?
meeting  | Kun je me morgen bellen?
meeting  | Podemos marcar uma chamada amanhã?
referral | The best person to talk to is our CFO, Linda.
referral | I've cc'd my colleague Mark who looks after this.
referral | Please direct this to procurement@example.com.
referral | I've passed your details on to our HR team.
referral | Zuständig ist bei uns Herr Schmidt.
referral | Ich habe Ihre Nachricht an Frau Klein weitergeleitet.
referral | Bitte wenden Sie sich direkt an einkauf@example.com.
referral | Je vous invite à contacter Mme Martin.
referral | J'ai transmis votre demande au service concerné.
referral | Le paso tu correo a mi jefe.
referral | La persona responsable es María.
referral | Ti metto in contatto con il responsabile.
referral | Ik heb je mail doorgestuurd naar mijn collega.
referral | Encaminhei o seu e-mail ao meu colega.
question | What's the difference to other tools?
question | Who else uses this?
question | Could you tell me the price?
question | Are you based in the UK?
question | Was kostet das Ganze?
question | Gibt es eine Testversion?
question | Combien ça coûte ?
question | Travaillez-vous avec des PME ?
question | ¿Cuál es el precio?
question | Come funziona?
question | Hoe werkt het?
question | Como funciona?
none     | Thank you for your email.
none     | Noted.
none     | Happy holidays to you too!
none     | I am forwarding an invoice.
none     | Vielen Dank.
none     | Je reviens vers vous.
none     |
"""
TABLE = [tuple(part.strip() for part in line.split("|")) for line in CASES.strip().splitlines()]


@pytest.mark.parametrize(("wanted", "text"), TABLE)
def test_a_reply_is_told_by_its_phrases(wanted: str, text: str) -> None:
    decided = intent_by_rules(text)

    assert (decided.intent.value if decided.intent else "none") == wanted, decided.decided_by


def test_every_intent_has_phrases_in_four_languages_at_least() -> None:
    known = {intent: {each.language for each in intent_rules().phrases if each.intent is intent} for intent in Intent}

    assert all({"en", "de", "fr", "es"} <= languages for languages in known.values())


def test_the_rule_and_the_words_it_found_are_told() -> None:
    decided = intent_by_rules("Hello. Kein Interesse, danke.")

    assert (decided.source, decided.decided_by) == (IntentSource.RULE, "negative:de: kein interesse")


def test_a_refusal_beside_interest_is_left_to_a_person() -> None:
    decided = intent_by_rules("Not interested for me, but it sounds great in general.")

    assert (decided.intent, decided.ask_again) == (None, False)
    assert "contradict" in decided.decided_by


def test_who_declines_and_points_to_somebody_refers() -> None:
    assert intent_by_rules("No need here. Please contact my colleague in Lyon.").intent is Intent.REFERRAL


@pytest.mark.parametrize("text", ["YES PLEASE, tell me more", "I’d love to hear more", "tell\n  me more"])
def test_case_apostrophes_and_line_ends_do_not_matter(text: str) -> None:
    assert intent_by_rules(text).intent is Intent.POSITIVE


def test_only_the_beginning_is_looked_at() -> None:
    assert intent_by_rules("a " * MOST_JUDGED + "not interested").intent is None


@pytest.mark.parametrize("unit", ["a ", "not ", "what a ", "¿", "please contact a.", "termin ", "ist das ", "je suis "])
def test_no_text_takes_long(unit: str) -> None:
    began = time.process_time()

    intent_by_rules(unit * 3_000)

    assert time.process_time() - began < 1


@given(st.text(max_size=300))
def test_any_text_has_an_answer(text: str) -> None:
    decided = intent_by_rules(text)

    assert (decided.intent is None) == (decided.source is IntentSource.NONE)
    assert decided.decided_by
