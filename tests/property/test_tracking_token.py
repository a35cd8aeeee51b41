"""Tokens in links: only what was sealed for this purpose, under a key that we still hold, can be read."""

import time

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from outreach_pipelines.domain.tenant import TenantId
from outreach_pipelines.domain.tracking_token import TokenKeyId, TokenKeys, TokenPurpose, UnsubscribeClaim, seal, unseal

OLD, NEW = TokenKeyId(1), TokenKeyId(2)
OLD_KEY, NEW_KEY = bytes(range(64)), bytes(range(64, 128))
KEYS = TokenKeys(NEW, {OLD: OLD_KEY, NEW: NEW_KEY})
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

claims = st.builds(
    UnsubscribeClaim,
    tenant=st.integers(1, 2**31 - 1).map(TenantId),
    recipient_hmac=st.binary(min_size=32, max_size=32),
    campaign_id=st.integers(1, 2**63 - 1),
    mailbox_id=st.integers(1, 2**63 - 1),
    reference=st.text("abcdefghijklmnopqrstuvwxyz234567", max_size=39),
)
CLAIM = UnsubscribeClaim(TenantId(3), b"\x07" * 32, 11, 13, "a" * 39)


@given(claims)
def test_a_sealed_claim_comes_back_whole(claim: UnsubscribeClaim) -> None:
    assert unseal(seal(claim, KEYS), TokenPurpose.UNSUBSCRIBE, KEYS) == claim


@given(claims)
def test_the_same_claim_gives_the_same_token_so_that_a_letter_written_twice_is_equal(claim: UnsubscribeClaim) -> None:
    assert seal(claim, KEYS) == seal(claim, KEYS)


@given(claims, st.data())
def test_a_token_with_one_other_character_is_nothing(claim: UnsubscribeClaim, data: st.DataObject) -> None:
    token = seal(claim, KEYS)
    position = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.sampled_from(ALPHABET))
    assume(other != token[position])

    assert unseal(token[:position] + other + token[position + 1 :], TokenPurpose.UNSUBSCRIBE, KEYS) is None


@given(claims, st.data())
def test_a_truncated_token_is_nothing(claim: UnsubscribeClaim, data: st.DataObject) -> None:
    token = seal(claim, KEYS)
    length = data.draw(st.integers(0, len(token) - 1))

    assert unseal(token[:length], TokenPurpose.UNSUBSCRIBE, KEYS) is None


@given(claims, st.text(min_size=1, max_size=8))
def test_a_token_with_something_after_it_is_nothing(claim: UnsubscribeClaim, more: str) -> None:
    assert unseal(seal(claim, KEYS) + more, TokenPurpose.UNSUBSCRIBE, KEYS) is None


@given(st.text())
def test_any_other_text_is_nothing_and_raises_nothing(text: str) -> None:
    assert unseal(text, TokenPurpose.UNSUBSCRIBE, KEYS) is None


@pytest.mark.parametrize("purpose", [TokenPurpose.CLICK, TokenPurpose.OPEN])
def test_a_click_or_open_token_cannot_unsubscribe(purpose: TokenPurpose) -> None:
    token = seal(CLAIM, KEYS, purpose=purpose)

    assert unseal(token, TokenPurpose.UNSUBSCRIBE, KEYS) is None
    assert unseal(token, purpose, KEYS) == CLAIM


def test_a_link_of_years_ago_works_while_its_key_is_kept() -> None:
    token = seal(CLAIM, TokenKeys(OLD, {OLD: OLD_KEY}))

    assert unseal(token, TokenPurpose.UNSUBSCRIBE, KEYS) == CLAIM


def test_a_token_of_a_retired_key_is_nothing() -> None:
    token = seal(CLAIM, TokenKeys(OLD, {OLD: OLD_KEY}))

    assert unseal(token, TokenPurpose.UNSUBSCRIBE, TokenKeys(NEW, {NEW: NEW_KEY})) is None


def test_the_same_key_under_another_id_reads_nothing() -> None:
    token = seal(CLAIM, TokenKeys(OLD, {OLD: OLD_KEY}))

    assert unseal(token, TokenPurpose.UNSUBSCRIBE, TokenKeys(OLD, {OLD: NEW_KEY, NEW: OLD_KEY})) is None


def test_a_token_of_a_megabyte_is_refused_without_work() -> None:
    text = seal(CLAIM, KEYS) * 7_000

    started = time.process_time()
    claim = unseal(text, TokenPurpose.UNSUBSCRIBE, KEYS)

    assert claim is None
    assert time.process_time() - started < 0.01


def test_a_token_shows_neither_hash_nor_reference_and_fits_a_header_line() -> None:
    token = seal(CLAIM, KEYS)

    assert CLAIM.reference not in token
    assert len(f"<https://unsubscribe.long-name.client.example/u/{token}>") < 300


def test_the_longest_claim_can_still_be_read() -> None:
    claim = UnsubscribeClaim(TenantId(2**31 - 1), b"\xff" * 32, 2**63 - 1, 2**63 - 1, "z" * 64)

    assert unseal(seal(claim, KEYS), TokenPurpose.UNSUBSCRIBE, KEYS) == claim


@pytest.mark.parametrize(
    "claim",
    [UnsubscribeClaim(TenantId(1), b"short", 1, 1, ""), UnsubscribeClaim(TenantId(1), b"\0" * 32, 1, 1, "z" * 65)],
)
def test_a_claim_that_would_not_come_back_is_not_sealed(claim: UnsubscribeClaim) -> None:
    with pytest.raises(ValueError, match="a hash has 32 octets"):
        seal(claim, KEYS)


@pytest.mark.parametrize(
    ("current", "keys"),
    [(OLD, {}), (OLD, {NEW: NEW_KEY}), (OLD, {OLD: b"short"}), (TokenKeyId(256), {TokenKeyId(256): OLD_KEY})],
)
def test_keys_that_could_not_seal_are_refused(current: TokenKeyId, keys: dict[TokenKeyId, bytes]) -> None:
    with pytest.raises(ValueError, match="key"):
        TokenKeys(current, keys)


def test_keys_do_not_show_in_a_repr() -> None:
    assert repr(KEYS) == "TokenKeys(current=2)"
