"""Access tokens: which count, and that nothing else does. The tokens are made by an independent library (joserfc)."""

from __future__ import annotations

import asyncio
import hmac
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from joserfc import jwe
from joserfc.jwk import Key, RSAKey

from connectors.door.access import Gate
from connectors.door.app import build_api
from connectors.door.guard import Guard
from connectors.door.limits import Rates, Turns
from connectors.door.settings import DoorSettings
from connectors.identity.access_tokens import Refusal, TokenRefusedError, short_id
from stream.core.audit.record import Entry
from stream.core.authority import Grant, Principal, Role
from tests.connectors.identity.issuing import (
    EC,
    GRANTS,
    ISSUER,
    NOW,
    OKP,
    PSS,
    RSA,
    SECRET,
    STRANGER,
    Publishing,
    access_tokens,
    by_hand,
    claims,
    encoded,
    published,
    token,
)

AT = int(NOW.timestamp())
PEM = RSA.public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
UNBOUND = RSAKey.import_key({name: value for name, value in PSS.as_dict(private=True).items() if name != "alg"})
PARTS = by_hand({"alg": "HS256", "typ": "at+jwt", "kid": "rsa"}).rpartition(".")[0]
CONFUSED = f"{PARTS}.{encoded(hmac.digest(PEM, PARTS.encode(), 'sha256'))}"
"""Made by hand: the library refuses to make such a thing."""
JWE = jwe.encrypt_compact(
    {"alg": "RSA-OAEP", "enc": "A256GCM", "kid": "rsa", "typ": "at+jwt"}, json.dumps(claims()).encode(), RSA
)


@pytest.mark.parametrize(
    ("key", "alg"),
    [(RSA, "RS256"), (PSS, "PS256"), (RSA, "PS256"), (EC, "ES256"), (OKP, "EdDSA")],
    ids=lambda part: part if isinstance(part, str) else part.kid,
)
async def test_S5_1_a_good_token_says_who_somebody_is(key: Key, alg: str) -> None:
    known = await access_tokens().principal(token(key, alg))
    handler = (Grant(Role.HANDLER, court="440106"),)
    assert known == Principal(short_id(ISSUER, "u-1001"), handler, name="李法官", credential="oidc:t-1", machine=False)


CASES: dict[str, tuple[str, Refusal]] = {
    "HS256 with the public key as its secret": (CONFUSED, Refusal.ALGORITHM),
    "HS256 with a secret of one's own": (token(SECRET, "HS256", {"kid": "rsa"}), Refusal.ALGORITHM),
    "none": (by_hand({"alg": "none", "typ": "at+jwt", "kid": "rsa"}), Refusal.ALGORITHM),
    "none, and no signature": (by_hand({"alg": "none", "typ": "at+jwt", "kid": "rsa"}, signature=b""), Refusal.OTHER),
    "none, in other letters": (by_hand({"alg": "NoNe", "typ": "at+jwt", "kid": "rsa"}), Refusal.ALGORITHM),
    "an algorithm that its key does not take": (token(EC, "ES256", {"kid": "rsa"}), Refusal.ALGORITHM),
    "an algorithm that the key's entry excludes": (token(UNBOUND, "RS256"), Refusal.ALGORITHM),
    "another's key under a known name": (token(STRANGER), Refusal.SIGNATURE),
    "a key that is not in the set": (token(STRANGER, header={"kid": "old"}), Refusal.KEY_UNKNOWN),
    "no kid": (token(header={"kid": None}), Refusal.HEADER),
    "a kid that is no text": (by_hand({"alg": "RS256", "typ": "at+jwt", "kid": 1}), Refusal.HEADER),
    "no typ": (by_hand({"alg": "RS256", "kid": "rsa"}), Refusal.HEADER),
    "an ID token": (token(header={"typ": "JWT"}), Refusal.TYPE),
    "crit": (by_hand({"alg": "RS256", "typ": "at+jwt", "kid": "rsa", "crit": ["exp"], "exp": 1}), Refusal.HEADER),
    "b64": (by_hand({"alg": "RS256", "typ": "at+jwt", "kid": "rsa", "b64": False}), Refusal.HEADER),
    "jwk": (token(STRANGER, header={"jwk": STRANGER.as_dict(private=False)}), Refusal.HEADER),
    "jku": (token(STRANGER, header={"jku": "https://evil.example/jwks"}), Refusal.HEADER),
    "x5u": (token(STRANGER, header={"x5u": "https://evil.example/x5u"}), Refusal.HEADER),
    "x5c": (token(STRANGER, header={"x5c": ["AAAA"]}), Refusal.HEADER),
    "another issuer": (token(iss="https://id.other.example"), Refusal.ISSUER),
    "its issuer with a slash more": (token(iss=ISSUER + "/"), Refusal.ISSUER),
    "another audience": (token(aud="account"), Refusal.AUDIENCE),
    "several others' audience": (token(aud=["account", "chakong2"]), Refusal.AUDIENCE),
    "no audience": (token(aud=None), Refusal.CLAIMS),
    "an audience that is no text": (token(aud=[1]), Refusal.CLAIMS),
    "expired": (token(exp=AT - 30), Refusal.EXPIRED),
    "no expiry": (token(exp=None), Refusal.CLAIMS),
    "an expiry that is no number": (token(exp=str(AT + 300)), Refusal.CLAIMS),
    "not valid yet": (token(nbf=AT + 31), Refusal.NOT_YET),
    "issued later": (token(iat=AT + 31), Refusal.NOT_YET),
    "issued long ago, and still not expired": (token(iat=AT - 7231), Refusal.TOO_OLD),
    "an expiry beyond all time": (token(exp=10**20), Refusal.CLAIMS),
    "no time of issue": (token(iat=None), Refusal.CLAIMS),
    "no subject": (token(sub=None), Refusal.CLAIMS),
    "an empty subject": (token(sub=""), Refusal.CLAIMS),
    "no client": (token(client_id=None), Refusal.CLAIMS),
    "no id": (token(jti=None), Refusal.CLAIMS),
    "a name that is no text": (token(name=["李法官"]), Refusal.CLAIMS),
    "bound to a key that is not proved": (token(cnf={"jkt": "x"}), Refusal.BOUND),
    "no grants": (token(chakong_grants=None), Refusal.GRANTS),
    "an empty list of grants": (token(chakong_grants=[]), Refusal.GRANTS),
    "grants that are no list": (token(chakong_grants={"role": "command"}), Refusal.GRANTS),
    "a role that nobody knows, beside a good one": (token(chakong_grants=[*GRANTS, {"role": "root"}]), Refusal.GRANTS),
    "a role without its place": (token(chakong_grants=[{"role": "handler"}]), Refusal.GRANTS),
    "a role at any court": (token(chakong_grants=[{"role": "clerk", "court": "*"}]), Refusal.GRANTS),
    "a grant that is narrowed by what nobody knows": (
        token(chakong_grants=[{"role": "command", "only": "2026"}]),
        Refusal.GRANTS,
    ),
    "oversized": (token(filler="x" * 9000), Refusal.TOO_LARGE),
    "encrypted, and signed by nobody": (JWE, Refusal.OTHER),
    "claims that were changed": (
        ".".join((token().split(".")[0], encoded(json.dumps(claims(sub="u-1")).encode()), token().split(".")[2])),
        Refusal.SIGNATURE,
    ),
    "claims that are no object": (by_hand({"alg": "RS256", "typ": "at+jwt", "kid": "rsa"}, b"[]"), Refusal.SIGNATURE),
    "a header that is no JSON": (f"{encoded(b'{')}.e30.eA", Refusal.HEADER),
    "a header that is no object": (f"{encoded(b'[1]')}.e30.eA", Refusal.HEADER),
    "a header that has no UTF-8": (f"{encoded(bytes([255]))}.e30.eA", Refusal.HEADER),
    "a header nested deeply": (f"{encoded(b'[' * 3000)}.e30.eA", Refusal.HEADER),
    "two parts": ("e30.e30", Refusal.OTHER),
    "no token at all": ("perhaps", Refusal.OTHER),
    "padded": (token() + "=", Refusal.OTHER),
}


@pytest.mark.parametrize("case", CASES)
async def test_S5_1_any_other_token_is_refused_for_its_reason(case: str) -> None:
    text, reason = CASES[case]
    with pytest.raises(TokenRefusedError) as refused:
        await access_tokens().principal(text)
    assert refused.value.reason is reason


async def test_S5_1_of_two_keys_of_one_name_neither_counts() -> None:
    twice = access_tokens(Publishing(published(RSA, STRANGER)))
    for key in (RSA, STRANGER):
        with pytest.raises(TokenRefusedError, match="key_unknown"):
            await twice.principal(token(key))


@pytest.mark.parametrize(
    "changes",
    [{"exp": AT - 29}, {"nbf": AT + 30}, {"iat": AT + 30}, {"iat": AT - 7230}, {"exp": AT + 0.5}, {"aud": ["x", "chakong"]}],
    ids=str,
)
async def test_S5_1_clocks_may_differ_by_the_skew(changes: dict[str, Any]) -> None:
    assert (await access_tokens().principal(token(**changes))).name == "李法官"


async def test_S5_1_a_client_that_is_its_own_subject_is_a_machine_and_a_deployment_names_its_claims() -> None:
    machine = await access_tokens().principal(token(sub="console", name=None))
    assert (machine.machine, machine.name) == (True, None)
    other = access_tokens(grants_claim="rights", name_claim="display_name", types="JWT at+jwt", required="jti")
    text = token(header={"typ": "JWT"}, client_id=None, chakong_grants=None, rights=GRANTS, display_name="陈法官")
    assert (await other.principal(text)).name == "陈法官"
    with pytest.raises(TokenRefusedError, match="algorithm"):
        await access_tokens(algorithms="ES256").principal(token())


@pytest.mark.parametrize("subject", ["u-1001", "3f1c2b6e-0000-4000-8000-000000000001", "google-oauth2|1"])
def test_S5_1_a_plain_subject_stays_readable(subject: str) -> None:
    assert short_id(ISSUER, subject).startswith(f"{subject}@")


@pytest.mark.parametrize("subject", ["li@court.example", "李法官", "x" * 65, "a b", "\ud800"])
def test_S5_1_any_other_is_told_by_its_digest(subject: str) -> None:
    told = short_id(ISSUER, subject)
    assert told.startswith("~")
    assert told.isascii()
    assert len(told) < 100
    assert subject not in told


def test_S5_1_the_same_subject_of_another_issuer_is_somebody_else() -> None:
    assert short_id(ISSUER, "u-1") != short_id("https://id.other.example", "u-1")


class Listed:
    """An audit log that is a list."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    async def write(self, entry: Entry) -> None:
        self.entries.append(entry)


API = build_api()


def status_of(text: bytes) -> int:
    """What the door answers to whoever shows this as a bearer token."""
    sent = list[dict[str, Any]]()
    turns = Turns(1000.0, 1000)
    API.state.gate = Gate(access_tokens(), Listed(), Rates(turns, {}), turns)

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "GET",
        "path": "/v1/me",
        "query_string": b"",
        "headers": [(b"authorization", b"Bearer " + text)],
    }
    asyncio.run(Guard(API, DoorSettings(), lambda _told: None, Listed())(scope, receive, send))
    return int(sent[0]["status"])


def test_S5_1_the_door_answers_401_to_every_bad_token_and_200_to_a_good_one() -> None:
    assert {case: status_of(text.encode()) for case, (text, _) in CASES.items()} == dict.fromkeys(CASES, 401)
    assert status_of(token().encode()) == 200


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "alg": st.sampled_from(["RS256", "PS256", "ES256", "EdDSA", "HS256", "none"]) | JSON,
        "kid": st.sampled_from(["rsa", "pss", "ec", "okp", "shared"]) | JSON,
        "typ": st.sampled_from(["at+jwt", "JWT"]) | JSON,
        "crit": JSON,
    },
)
SIGNED = st.dictionaries(st.sampled_from(sorted(claims())) | st.just("nbf") | st.just("cnf"), JSON, min_size=1, max_size=3)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.binary(max_size=60)
    | st.builds(
        lambda header, body, end: by_hand(header, json.dumps(body).encode(), end).encode(),
        HEADERS,
        JSON,
        st.binary(max_size=70),
    )
    | SIGNED.map(lambda changes: token(OKP, "EdDSA", **changes).encode())
)
def test_S5_1_no_token_whatever_breaks_the_door(text: bytes) -> None:
    assert status_of(text) in (200, 401)
