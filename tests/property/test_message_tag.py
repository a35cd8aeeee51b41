from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from outreach_pipelines.domain.message import MessageId
from outreach_pipelines.domain.message_tag import MessageTag, read_tag, write_tag
from outreach_pipelines.domain.tenant import TenantId

KEY = b"k" * 32
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
    assert set(written) <= set("abcdefghijklmnopqrstuvwxyz234567")


@given(tags, st.integers(0, 38), st.sampled_from("abcdefghijklmnopqrstuvwxyz234567"))
def test_a_changed_character_names_nobody(tag: MessageTag, place: int, letter: str) -> None:
    written = write_tag(tag, KEY)
    forged = written[:place] + letter + written[place + 1 :]

    # The last character carries two bits of padding, so another letter there may stand for the same bytes.
    assert read_tag(forged, KEY) in (({tag, None}) if forged == written or place == 38 else {None})


@given(tags)
def test_another_key_reads_nothing(tag: MessageTag) -> None:
    assert read_tag(write_tag(tag, KEY), b"x" * 32) is None


@given(st.text(max_size=60))
def test_any_text_is_read_without_an_exception(text: str) -> None:
    assert read_tag(text, KEY) is None
