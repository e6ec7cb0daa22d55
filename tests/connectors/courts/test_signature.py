"""Signatures are those of Standard Webhooks, by the judgement of its own package."""

import base64
import datetime as dt

import pytest
import standardwebhooks
from hypothesis import given
from hypothesis import strategies as st

from connectors.courts.signature import new_secret, secret_key, signed_headers

keys = st.binary(min_size=24, max_size=64)
ids = st.uuids().map(str) | st.uuids().map(lambda value: f"{value}.12")


@given(key=keys, event_id=ids, body=st.text().map(str.encode))
def test_the_reference_package_verifies_what_is_signed(key: bytes, event_id: str, body: bytes) -> None:
    headers = signed_headers(key, event_id, int(dt.datetime.now(dt.UTC).timestamp()), body)
    standardwebhooks.Webhook(new_secret(key)).verify(body, headers, json_parse=False)


@given(key=keys, other=keys, event_id=ids)
def test_the_reference_package_refuses_another_key(key: bytes, other: bytes, event_id: str) -> None:
    headers = signed_headers(key, event_id, int(dt.datetime.now(dt.UTC).timestamp()), b"{}")
    if key != other:
        with pytest.raises(standardwebhooks.WebhookVerificationError):
            standardwebhooks.Webhook(new_secret(other)).verify(b"{}", headers)


@given(keys)
def test_a_secret_gives_back_its_key_with_and_without_padding(key: bytes) -> None:
    assert secret_key(new_secret(key)) == key
    assert secret_key(new_secret(key).rstrip("=")) == key


@pytest.mark.parametrize(
    ("secret", "said"),
    [
        ("", "starts with whsec_"),
        (base64.b64encode(b"x" * 32).decode(), "starts with whsec_"),
        ("whsec_!!!!", "not base64"),
        ("whsec_a", "not base64"),
        ("whsec_", "this one has 0"),
        (new_secret(b"x" * 23), "this one has 23"),
        (new_secret(b"x" * 65), "this one has 65"),
    ],
)
def test_what_is_no_secret_is_refused(secret: str, said: str) -> None:
    with pytest.raises(ValueError, match=said) as refused:
        secret_key(secret)
    assert len(secret) < 8 or secret[6:] not in str(refused.value)
