import base64
import hashlib
from datetime import date
from string import printable

from hypothesis import given
from hypothesis import strategies as st

from outreach_pipelines.domain.message import MessageId
from outreach_pipelines.domain.message_tag import MessageTag, read_tag, write_tag
from outreach_pipelines.domain.tenant import TenantId

KEY = b"k" * 32
LETTERS = "abcdefghijklmnopqrstuvwxyz234567"
tags = st.builds(
    MessageTag,
    tenant=st.integers(1, 2**32 - 1).map(TenantId),
    plan_day=st.dates(date(1970, 1, 1), date(2149, 6, 6)),
    message=st.integers(1, 2**63 - 1).map(MessageId),
    attempt=st.integers(0, 2**16 - 1),
)


@given(tags)
def test_a_tag_reads_back_also_when_the_case_of_its_letters_was_changed(tag: MessageTag) -> None:
    written = write_tag(tag, KEY)

    assert read_tag(written, KEY) == tag == read_tag(written.upper(), KEY)


@given(tags)
def test_a_tag_fits_a_local_part_beside_its_prefix_and_ses_tag_values(tag: MessageTag) -> None:
    written = write_tag(tag, KEY)

    assert len("bounce+" + written) <= 64
    assert set(written) <= set(LETTERS)


@given(tags, st.sampled_from(LETTERS))
def test_a_changed_character_names_nobody_wherever_it_stands(tag: MessageTag, letter: str) -> None:
    written = write_tag(tag, KEY)

    # Not the last one, which carries three bits of padding: another letter there may stand for the same bytes.
    forged = {written[:place] + letter + written[place + 1 :] for place in range(38)} - {written}

    assert {read_tag(each, KEY) for each in forged} <= {None}


@given(tags)
def test_the_names_stand_in_the_tag_as_its_description_says(tag: MessageTag) -> None:
    raw = base64.b32decode(write_tag(tag, KEY).upper() + "=")

    fields = [int.from_bytes(raw[start:end]) for start, end in ((0, 4), (4, 6), (6, 14), (14, 16))]
    assert fields == [tag.tenant, (tag.plan_day - date(1970, 1, 1)).days, tag.message, tag.attempt]
    assert len(raw) == 24


@given(tags)
def test_what_another_use_of_the_key_has_signed_is_no_tag(tag: MessageTag) -> None:
    body = base64.b32decode(write_tag(tag, KEY).upper() + "=")[:16]
    elsewhere = body + hashlib.blake2b(body, key=KEY, digest_size=8).digest()

    assert read_tag(base64.b32encode(elsewhere).decode().rstrip("="), KEY) is None


@given(tags)
def test_another_key_reads_nothing(tag: MessageTag) -> None:
    assert read_tag(write_tag(tag, KEY), b"x" * 32) is None


@given(st.text(max_size=60) | st.text(min_size=39, max_size=39) | st.text(printable, min_size=39, max_size=39))
def test_any_text_is_read_without_an_exception(text: str) -> None:
    assert read_tag(text, KEY) is None
