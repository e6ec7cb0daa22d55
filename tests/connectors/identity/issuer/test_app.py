"""The local issuer over real HTTP: its tokens open the door, its pages list the samples, and it keeps to this machine."""

from __future__ import annotations

import asyncio
import base64
import datetime as dt
import hashlib
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final, NamedTuple

import aiohttp
import pytest
import uvicorn
from joserfc import jwt
from joserfc.jwk import KeySet
from yarl import URL

from connectors.door.access import Shown
from connectors.identity.access_tokens import AccessTokens
from connectors.identity.issuer.app import LocalIssuer
from connectors.identity.issuer.codes import CODE_S_MAX, Codes, Login
from connectors.identity.issuer.samples import SAMPLES, Sample, sample_of
from connectors.identity.issuer.tokens import TokenMaker
from connectors.identity.keyring import Keyring, Times
from connectors.identity.provider import DISCOVERY, Published
from connectors.identity.settings import OidcSettings
from deploy.local.ports import free_port
from stream.core.authority import Role
from tests.clock import Clock

BACK: Final = "http://127.0.0.1:9999/console?page=1"
VERIFIER: Final = "v" * 43
CHALLENGE: Final = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
ASKED: Final = {
    "response_type": "code",
    "client_id": "console",
    "redirect_uri": BACK,
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
    "state": "s-1",
    "nonce": "n-1",
}


class Running(NamedTuple):
    """An issuer that runs, a client of it, and a door's side of it."""

    url: str
    session: aiohttp.ClientSession
    keyring: Keyring
    door: AccessTokens

    async def post(self, path: str, **fields: str) -> tuple[int, Any]:
        async with self.session.post(self.url + path, data=fields, allow_redirects=False) as answer:
            if answer.status == 303:
                return 303, URL(answer.headers["location"])
            return answer.status, await (answer.json() if "json" in answer.content_type else answer.text())

    async def token(self, who: str) -> str:
        status, said = await self.post("/token", grant_type="client_credentials", client_id=who)
        assert status == 200
        return str(said["access_token"])


@asynccontextmanager
async def issuing() -> AsyncIterator[Running]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    now = lambda: dt.datetime.now(dt.UTC)  # noqa: E731
    app = LocalIssuer(TokenMaker(url, "chakong", 600, now)).app()
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="warning", access_log=False))
    served = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    settings = OidcSettings(issuer=url)
    keyring = Keyring(Published(settings), settings.algorithms.split(), Times(300.0, 0.0, 3600.0))
    try:
        async with aiohttp.ClientSession() as session:
            yield Running(url, session, keyring, AccessTokens(settings, keyring, now))
    finally:
        server.should_exit = True
        await served


@pytest.fixture
async def issuer() -> AsyncIterator[Running]:
    async with issuing() as running:
        yield running


def test_S5_1_every_role_has_a_sample_and_no_two_share_an_id() -> None:
    assert {grant.role for sample in SAMPLES for grant in sample.grants} == set(Role)
    assert len({sample.id for sample in SAMPLES}) == len(SAMPLES)
    assert {sample_of(role.value) for role in Role} <= set(SAMPLES)
    assert sample_of("nobody") is None


async def test_S5_1_the_door_knows_every_sample_by_its_token(issuer: Running) -> None:
    for sample in SAMPLES:
        known = await issuer.door.principal(await issuer.token(sample.id))
        assert (known.grants, known.name, known.machine) == (sample.grants, sample.name, sample.machine)


async def test_S5_1_keys_are_rotated_on_demand_and_old_ones_stop_counting(issuer: Running) -> None:
    first = await issuer.token("auditor")
    assert await issuer.door.of(Shown(first, {})) is not None
    assert (await issuer.post("/keys/rotate"))[0] == 200
    second = await issuer.token("auditor")
    for token in (first, second):
        assert await issuer.door.of(Shown(token, {})) is not None
    await issuer.post("/keys/rotate")
    await issuer.keyring.refresh()
    assert await issuer.door.of(Shown(first, {})) is None
    assert await issuer.door.of(Shown(second, {})) is not None


async def test_S5_1_somebody_logs_in_as_a_sample_and_the_client_gets_their_tokens(issuer: Running) -> None:
    async with issuer.session.get(f"{issuer.url}/authorize", params=ASKED) as answer:
        page = await answer.text()
    assert page.index("选择用户") < page.index("Who are you?")
    assert {sample.id for sample in SAMPLES} == set(re.findall(r'name="sample" value="([^"]+)"', page))
    hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', page))
    assert hidden == ASKED
    status, back = await issuer.post("/authorize", **hidden, sample="clerk")
    assert (status, back.query["page"], back.query["state"], str(back.origin())) == (303, "1", "s-1", "http://127.0.0.1:9999")
    proof = {"grant_type": "authorization_code", "client_id": "console", "redirect_uri": BACK, "code": back.query["code"]}
    status, said = await issuer.post("/token", **proof, code_verifier=VERIFIER)
    assert status == 200
    assert (await issuer.door.principal(said["access_token"])).name == "陈书记员"
    async with issuer.session.get(f"{issuer.url}/jwks") as answer:
        keys = KeySet.import_key_set(await answer.json())
    id_token = jwt.decode(said["id_token"], keys, algorithms=["RS256"])
    told = {name: id_token.claims[name] for name in ("iss", "sub", "aud", "nonce", "name")}
    assert told == {"iss": issuer.url, "sub": "clerk", "aud": "console", "nonce": "n-1", "name": "陈书记员"}
    assert await issuer.door.of(Shown(said["id_token"], {})) is None
    assert (await issuer.post("/token", **proof, code_verifier=VERIFIER))[0] == 400


async def test_S5_1_a_code_is_given_only_to_whom_the_login_was_for(issuer: Running) -> None:
    proof = {"grant_type": "authorization_code", "client_id": "console", "redirect_uri": BACK, "code_verifier": VERIFIER}
    for wrong in ({"code_verifier": "w" * 43}, {"client_id": "other"}, {"redirect_uri": "http://127.0.0.1:1/"}):
        _, back = await issuer.post("/authorize", **ASKED, sample="clerk")
        assert await issuer.post("/token", **{**proof, **wrong, "code": back.query["code"]}) == (
            400,
            {"error": "invalid_grant"},
        )


@pytest.mark.parametrize(
    "change",
    [
        {"redirect_uri": "https://evil.example/"},
        {"redirect_uri": "http://evil.example/"},
        {"redirect_uri": "http://127.0.0.1@evil.example/"},
        {"redirect_uri": "javascript:alert(1)"},
        {"code_challenge": ""},
        {"code_challenge_method": "plain"},
        {"response_type": "token"},
        {"client_id": ""},
        {"sample": "nobody"},
    ],
    ids=str,
)
async def test_S5_1_nobody_is_sent_beyond_this_machine_nor_without_proof(issuer: Running, change: dict[str, str]) -> None:
    assert (await issuer.post("/authorize", **{**ASKED, "sample": "clerk", **change}))[0] == 400


async def test_S5_1_a_page_shows_a_token_to_copy(issuer: Running) -> None:
    async with issuer.session.get(f"{issuer.url}/") as answer:
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert "李法官" in await answer.text()
    status, page = await issuer.post("/", sample="handler")
    shown = re.search(r"<textarea[^>]*>([^<]+)<", page)
    assert status == 200
    assert shown is not None
    assert (await issuer.door.principal(shown[1])).name == "李法官"


async def test_S5_1_what_is_not_asked_for_as_it_must_be_is_refused(issuer: Running) -> None:
    assert (await issuer.post("/token", grant_type="client_credentials", client_id="nobody"))[0] == 401
    assert (await issuer.post("/token", grant_type="password"))[0] == 400
    assert (await issuer.post("/token", grant_type="client_credentials", client_id="x" * 20_000))[0] == 400
    assert (await issuer.post("/", sample="nobody"))[0] == 400
    async with issuer.session.get(f"{issuer.url}{DISCOVERY}", headers={"Host": "evil.example"}) as answer:
        assert answer.status == 400
    async with issuer.session.post(f"{issuer.url}/token", data=b"\xff") as answer:
        assert answer.status == 400


def test_S5_1_a_code_is_used_once_and_soon() -> None:
    clock = Clock()
    codes = Codes(lambda: clock.at.timestamp())
    login = Login.of(ASKED)
    clerk: Sample | None = sample_of("clerk")
    assert login is not None
    assert clerk is not None
    proof = {"client_id": "console", "redirect_uri": BACK, "code_verifier": VERIFIER}
    soon, late = codes.give(login, clerk), codes.give(login, clerk)
    assert codes.take({**proof, "code": soon}) == (login, clerk)
    clock.forward(CODE_S_MAX + 1)
    assert codes.take({**proof, "code": late}) is None
    assert codes.take(proof) is None
