"""The first day back, from what out-of-office notes say in many languages. All texts are made up here."""

from datetime import date

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from outreach_pipelines.domain.inbound.return_date import Wording, return_date, wordings
from outreach_pipelines.domain.inbound.written_dates import tokenized

SATURDAY = date(2026, 11, 21)

CASES = [
    ("I am out of the office until December 5 and will answer then.", date(2026, 12, 6)),
    ("I will be back on December 7th, 2026.", date(2026, 12, 7)),
    ("I'm away from 3 to 14 August and cannot answer", date(2027, 8, 15)),
    ("I'm on leave August 3-14.", date(2027, 8, 15)),
    ("I'm on leave from December 3 through December 14.", date(2026, 12, 15)),
    ("I will return to the office on Monday, December 7.", date(2026, 12, 7)),
    ("Back on Monday.", date(2026, 11, 23)),
    ("I am away until Wednesday", date(2026, 11, 26)),
    ("back tomorrow", date(2026, 11, 22)),
    ("returning 12/07/2026", date(2026, 12, 7)),
    ("returning 07/12/2026", date(2026, 12, 7)),
    ("until 01/02/2027", date(2027, 1, 3)),
    ("Not available from 1 Dec to 5 Dec", date(2026, 12, 6)),
    ("I will be out of the office starting 11/20/2026 and will not return until 11/30/2026.", date(2026, 12, 1)),
    ("Ich bin bis zum 5. Dezember 2026 nicht im Büro.", date(2026, 12, 6)),
    ("Ab dem 7.12. bin ich wieder erreichbar.", date(2026, 12, 7)),
    ("Ich bin ab dem 1.12. im Urlaub und ab 14.12.2026 wieder für Sie da.", date(2026, 12, 14)),
    ("Ich bin vom 3.-14.12. im Urlaub", date(2026, 12, 15)),
    ("Ich bin vom 3. bis 14. August im Urlaub", date(2027, 8, 15)),
    ("Ich bin vom 01.12.2026 bis einschließlich 14.12.2026 abwesend.", date(2026, 12, 15)),
    ("Ich bin wieder am Montag, den 7. Dezember im Büro", date(2026, 12, 7)),
    ("bis 12.30 Uhr", None),
    ("Ich bin am Montag wieder da", date(2026, 11, 23)),
    ("Je suis absente jusqu'au 5 décembre.", date(2026, 12, 6)),
    ("Je serai de retour le lundi 7 décembre.", date(2026, 12, 7)),
    ("Je suis en congés du 3 au 14 août inclus", date(2027, 8, 15)),
    ("absent du 1er décembre au 5 décembre", date(2026, 12, 6)),
    ("de retour le 1er décembre", date(2026, 12, 1)),
    ("Estoy de vacaciones hasta el 5 de diciembre de 2026.", date(2026, 12, 6)),
    ("Volveré el 7 de diciembre.", date(2026, 12, 7)),
    ("Estaré fuera del 3 al 14 de agosto", date(2027, 8, 15)),
    ("Sono in ferie fino al 5 dicembre.", date(2026, 12, 6)),
    ("Rientrerò lunedì 7 dicembre.", date(2026, 12, 7)),
    ("dal 3 al 14 agosto", date(2027, 8, 15)),
    ("Estou de férias até o dia 5 de dezembro.", date(2026, 12, 6)),
    ("Regresso no dia 7 de dezembro.", date(2026, 12, 7)),
    ("Estarei ausente de 3 a 14 de agosto", date(2027, 8, 15)),
    ("Retornarei na segunda-feira, 7 de dezembro", date(2026, 12, 7)),
    ("Ik ben niet aanwezig tot en met 5 december 2026.", date(2026, 12, 6)),
    ("Ik ben maandag 7 december weer aanwezig", date(2026, 12, 7)),
    ("休假到12月5日", date(2026, 12, 6)),
    ("Vanaf 7 december ben ik weer bereikbaar.", date(2026, 12, 7)),
    ("van 3 t/m 14 augustus", date(2027, 8, 15)),
    ("Jestem na urlopie do 5 grudnia.", date(2026, 12, 6)),
    ("Wracam 7 grudnia.", date(2026, 12, 7)),
    ("Jestem nieobecna od 3 do 14 sierpnia", date(2027, 8, 15)),
    ("Я в отпуске до 5 декабря.", date(2026, 12, 6)),
    ("Вернусь 7 декабря.", date(2026, 12, 7)),
    ("В отпуске с 3 по 14 августа", date(2027, 8, 15)),
    ("с 7 декабря буду снова на связи", date(2026, 12, 7)),
    ("Я у відпустці до 5 грудня.", date(2026, 12, 6)),
    ("Повернуся 7 грудня.", date(2026, 12, 7)),
    ("у відпустці з 3 по 14 серпня", date(2027, 8, 15)),
    ("Jag är på semester till och med den 5 december.", date(2026, 12, 6)),
    ("Jag är tillbaka måndag den 7 december.", date(2026, 12, 7)),
    ("ledig 3-14 augusti", date(2027, 8, 15)),
    ("Åter 7/12", date(2026, 12, 7)),
    ("Jeg holder ferie til og med den 5. december.", date(2026, 12, 6)),
    ("Jeg er tilbage mandag d. 7. december", date(2026, 12, 7)),
    ("ferie fra den 3. til den 14. august", date(2027, 8, 15)),
    ("Jeg har ferie frem til 5. desember.", date(2026, 12, 6)),
    ("Jeg er tilbake 7. desember", date(2026, 12, 7)),
    ("Olen lomalla 5.12.2026 saakka.", date(2026, 12, 6)),
    ("Palaan töihin 7.12.2026.", date(2026, 12, 7)),
    ("Olen lomalla 3.–14.8.", date(2027, 8, 15)),
    ("Palaan maanantaina 7. joulukuuta", date(2026, 12, 7)),
    ("Jsem na dovolené do 5. prosince.", date(2026, 12, 6)),
    ("Vrátím se 7. prosince.", date(2026, 12, 7)),
    ("od 3. do 14. srpna", date(2027, 8, 15)),
    ("opět k dispozici od 7.12.2026", date(2026, 12, 7)),
    ("5 Aralık tarihine kadar izindeyim.", date(2026, 12, 6)),
    ("7 Aralık 2026 tarihinde ofise döneceğim.", date(2026, 12, 7)),
    ("7 Aralık Pazartesi günü tekrar ofiste olacağım", date(2026, 12, 7)),
    ("12月5日まで休暇をいただいております。", date(2026, 12, 6)),
    ("12月7日(月)より出社いたします。", date(2026, 12, 7)),
    ("12月1日から12月5日まで不在", date(2026, 12, 6)),
    ("12月1日〜5日は休暇です", date(2026, 12, 6)),
    ("我正在休假，至2026年12月5日。", date(2026, 12, 6)),
    ("我将于12月7日返回办公室。", date(2026, 12, 7)),
    ("12月1日至12月5日休假", date(2026, 12, 6)),
    ("12月1日到5日", date(2026, 12, 6)),
    ("12월 5일까지 휴가입니다", date(2026, 12, 6)),
    ("12월 7일에 복귀합니다", date(2026, 12, 7)),
    ("our meeting was on 2026-12-05", None),
    ("until further notice", None),
    ("until 31 February", None),
    ("until 1 January 2099", None),
    ("until 19 November", date(2026, 11, 20)),
    ("back on 7 January", date(2027, 1, 7)),
]


@pytest.mark.parametrize(("text", "day"), CASES)
def test_the_first_day_back_is_read_from_a_note(text: str, day: date | None) -> None:
    assert return_date(text, received=SATURDAY) == day


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("from 1 December until 5 December, returning 7 December", date(2026, 12, 7)),
        ("Back on 7 December. Ich bin bis zum 6. Dezember nicht im Büro.", date(2026, 12, 7)),
        ("bis 5.12., wieder da am 9.12.", date(2026, 12, 9)),
    ],
)
def test_a_day_of_return_says_more_than_the_last_day_away(text: str, day: date) -> None:
    assert return_date(text, received=SATURDAY) == day


def test_a_day_just_gone_is_of_an_answer_that_was_left_on() -> None:
    assert return_date("bis 28.12.", received=date(2027, 1, 4)) == date(2026, 12, 29)


def test_a_day_long_gone_comes_again() -> None:
    assert return_date("back on 3 March", received=SATURDAY) == date(2027, 3, 3)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("back on 05/12/2026", date(2026, 12, 5)),  # the fifth of December: May is long gone
        ("back on 12/05/2026", date(2026, 12, 5)),
        ("back on 01/02/2027", date(2027, 1, 2)),
        ("de retour le 01/02/2027", date(2027, 2, 1)),
        ("zurück am 1.2.2027", date(2027, 2, 1)),
        ("back on 1.2.2027", date(2027, 2, 1)),
    ],
)
def test_the_order_of_day_and_month_is_that_of_the_language(text: str, day: date) -> None:
    assert return_date(text, received=SATURDAY) == day


def test_a_weekday_is_the_next_one_and_never_the_day_of_the_message() -> None:
    assert return_date("back on Saturday", received=SATURDAY) == date(2026, 11, 28)


def test_a_text_that_holds_our_own_brackets_names_no_date() -> None:
    numbered, dates = tokenized("until ⟦0⟧")

    assert (numbered, dates) == ("until [0]", [])


@pytest.mark.parametrize("wording", wordings(), ids=lambda wording: wording.language)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(data=st.data())
def test_whatever_names_a_return_holds_one_of_the_words_it_is_said_to_need(
    wording: Wording, data: st.DataObject
) -> None:
    row = data.draw(st.sampled_from(wording.back)).replace("@", "⟦0⟧").replace("~", " .{0,9} ")

    assert wording.speaks_of_return(data.draw(st.from_regex(row, fullmatch=True)))
