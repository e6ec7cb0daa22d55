"""A provider's published keys: which of them count."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from joserfc.jwk import ECKey, Key, OctKey, OKPKey

from connectors.identity.keyset import ALGORITHMS, KeySetError, read_keys
from tests.connectors.identity.issuing import EC, OKP, PSS, RSA, SET, encoded


def shown(key: Key, **changes: Any) -> bytes:
    return json.dumps({"keys": [{**key.as_dict(private=False), **changes}]}).encode()


def test_S5_1_each_key_has_the_algorithms_of_its_kind() -> None:
    found = {name: set(key.algorithms) for name, key in read_keys(SET, ALGORITHMS).items()}
    assert found == {"rsa": {"RS256", "PS256"}, "pss": {"PS256"}, "ec": {"ES256"}, "okp": {"EdDSA"}}
    assert read_keys(SET, {"ES256"}).keys() == {"ec"}


@pytest.mark.parametrize(
    "published",
    [
        shown(RSA, kid=None),
        shown(RSA, kid=7),
        shown(RSA, kid="k" * 257),
        shown(RSA, use="enc"),
        shown(RSA, key_ops=["encrypt"]),
        shown(RSA, alg="RS512"),
        shown(RSA, alg="HS256"),
        shown(RSA, n="AQAB"),
        shown(RSA, n=None),
        shown(RSA, n="*"),
        shown(EC, crv="P-384"),
        shown(EC, x=EC.as_dict(private=False)["y"]),
        shown(OKP, crv="X25519"),
        shown(PSS, kty="oct"),
        json.dumps({"keys": [RSA.as_dict(private=True)]}).encode(),
        json.dumps({"keys": [OctKey.generate_key(256, {"kid": "k"}).as_dict(private=True)]}).encode(),
        shown(RSA, n=encoded(b"\xff" * 128)),
        shown(ECKey.generate_key("P-521", {"kid": "k"})),
        shown(OKPKey.generate_key("Ed448", {"kid": "k"})),
        json.dumps({"keys": [RSA.as_dict(private=False), RSA.as_dict(private=False)]}).encode(),
        b'{"keys": ["rsa", null, [], {}]}',
    ],
    ids=itertools.count(),
)
def test_S5_1_any_other_is_passed_over(published: bytes) -> None:
    assert read_keys(published, ALGORITHMS) == {}


@pytest.mark.parametrize(
    "published", [b"", b"{", b"\xff", b"[]", b"{}", b'{"keys": {}}', json.dumps({"keys": [{}] * 65}).encode(), b" " * 300_000]
)
def test_S5_1_what_is_no_set_is_refused(published: bytes) -> None:
    with pytest.raises(KeySetError):
        read_keys(published, ALGORITHMS)
