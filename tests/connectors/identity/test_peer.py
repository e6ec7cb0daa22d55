"""Client certificates over real TLS, and the word of a proxy over real HTTP, down to who the door takes somebody for."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import ssl
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from yarl import URL

from connectors.identity.certificates import Certificates
from connectors.identity.peer import BYTES_TOGETHER_MAX, OneWrite
from connectors.identity.settings import ClientSettings
from tests.connectors.door.running import Door, opened
from tests.connectors.identity.certifying import DAY, Issued, issued

NOW = dt.datetime.now(dt.UTC)
CA, OTHER_CA = issued("ca"), issued("another ca")
SERVER = issued("127.0.0.1", CA)
COURT = issued("court", CA)


def certificates(folder: Path, *proxies: str) -> Certificates:
    path = folder / "certificates.toml"
    path.write_text(f'[[certificate]]\nsha256 = "{COURT.fingerprint}"\nrole = "court_system"\ncourt = "440106"\n')
    return Certificates.load(path, proxies, lambda: dt.datetime.now(dt.UTC))


def tls(folder: Path, *, required: bool) -> dict[str, Any]:
    certificate, key = SERVER.write(folder, "server")
    authority, _ = CA.write(folder, "ca")
    asked = ClientSettings(certificates=folder / "certificates.toml", ca_file=authority, required=required)
    return {"certificate": certificate, "certificate_key": key, "clients": asked}


async def me(door: Door, folder: Path, shown: Issued | None, **headers: str) -> tuple[int, str | None]:
    """Status, and who the door takes this one for; status 0 where TLS refuses."""
    context = ssl.create_default_context(cafile=folder / "ca.pem")
    if shown is not None:
        context.load_cert_chain(*shown.write(folder, "client"))
    try:
        async with aiohttp.ClientSession() as session, session.get(f"{door.url}/v1/me", ssl=context, headers=headers) as answer:
            return answer.status, (await answer.json(content_type=None)).get("id")
    except aiohttp.ClientError:
        return 0, None


async def test_S5_1_a_client_certificate_is_who_its_entry_says(kafka: str, topic_prefix: str, tmp_path: Path) -> None:
    known = certificates(tmp_path)
    async with opened(kafka, topic_prefix, identities=known, **tls(tmp_path, required=False)) as door:
        assert await me(door, tmp_path, COURT) == (200, "440106")
        assert await me(door, tmp_path, None) == (401, None)
        assert await me(door, tmp_path, issued("unknown", CA)) == (401, None)
        assert await me(door, tmp_path, issued("expired", CA, since=NOW - 2 * DAY, until=NOW - DAY)) == (0, None)
        assert await me(door, tmp_path, issued("court", OTHER_CA)) == (0, None)
        assert await me(door, tmp_path, None, **{"Client-Cert": COURT.header}) == (401, None)
        assert await me(door, tmp_path, COURT, Authorization="Bearer " + "a" * 40) == (401, None)
        entries = [(one.who.kind, one.who.credential) for one in door.audited() if one.outcome == "done"]
    assert entries == [("court", f"sha256:{COURT.fingerprint[:16]}")]


async def test_S5_1_where_a_certificate_is_required_nobody_connects_without(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    known = certificates(tmp_path)
    async with opened(kafka, topic_prefix, identities=known, **tls(tmp_path, required=True)) as door:
        assert await me(door, tmp_path, COURT) == (200, "440106")
        assert await me(door, tmp_path, None) == (0, None)


@pytest.mark.parametrize(("proxy", "status"), [("127.0.0.1", 200), ("10.0.0.9", 401)])
async def test_S5_1_a_proxys_word_counts_by_where_it_connects_from(
    kafka: str, topic_prefix: str, tmp_path: Path, proxy: str, status: int
) -> None:
    async with opened(kafka, topic_prefix, identities=certificates(tmp_path, proxy)) as door:
        said = {"Client-Cert": COURT.header, "X-Forwarded-For": "10.0.0.9"}
        assert (await door.get("/v1/me", None, **said)).status == status


async def said_to(door: Door, *parts: bytes) -> bytes:
    """What the door answers to bytes as they are."""
    reader, writer = await asyncio.open_connection("127.0.0.1", URL(door.url).port)
    async with asyncio.timeout(20):
        with contextlib.suppress(ConnectionError):
            for part in parts:
                writer.write(part)
                await writer.drain()
        answer = await reader.read(1 << 16)
    writer.close()
    return answer


async def test_S5_1_what_comes_behind_a_body_is_no_header(kafka: str, topic_prefix: str, tmp_path: Path) -> None:
    known = certificates(tmp_path, "127.0.0.1")
    line = f"Client-Cert: {COURT.header}\r\n".encode()
    chunked = b"GET /v1/me HTTP/1.1\r\nhost: door\r\ntransfer-encoding: chunked\r\n"
    async with opened(kafka, topic_prefix, identities=known) as door:
        assert b" 200 " in await said_to(door, chunked + line + b"\r\n0\r\n\r\n")
        assert b" 401 " in await said_to(door, chunked + b"\r\n0\r\n" + line + b"\r\n")


@pytest.mark.parametrize(
    "parts",
    [
        [b"GET /v1/me HTTP/1.1\r\nhost: door\r\n", *[b"x-more: " + b"a" * 1000 + b"\r\n"] * 100],
        [b"GET /v1/" + b"m" * (1 << 17)],
        [b"GET /v1/me\xff HTTP/1.1\r\nhost: door\r\n\r\n"],
        [b"\x16\x03\x01\x02\x00"],
    ],
    ids=["headers without an end", "a path without an end", "a path that is not ASCII", "not HTTP"],
)
async def test_what_is_no_request_or_has_no_end_is_refused(
    kafka: str, topic_prefix: str, tmp_path: Path, parts: list[bytes]
) -> None:
    async with opened(kafka, topic_prefix, identities=certificates(tmp_path)) as door:
        assert (await said_to(door, *parts)).startswith(b"HTTP/1.1 400 ")


class Sent(asyncio.Transport):
    """A transport that remembers what it was given, piece by piece."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[bytes] = []
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert not self.closed
        self.pieces.append(bytes(data))

    def close(self) -> None:
        self.closed = True


async def test_what_is_written_in_one_turn_leaves_as_one_in_the_order_in_which_it_came() -> None:
    sent = Sent()
    together = OneWrite(sent, asyncio.get_running_loop())
    together.write(b"head ")
    together.write(b"body ")
    assert sent.pieces == []
    await asyncio.sleep(0)
    large = bytes(BYTES_TOGETHER_MAX)
    together.write(b"head ")
    together.write(large)
    together.write(b"end")
    await asyncio.sleep(0)
    assert sent.pieces == [b"head body ", b"head ", large, b"end"]


async def test_what_is_written_before_closing_leaves_first() -> None:
    sent = Sent()
    together = OneWrite(sent, asyncio.get_running_loop())
    together.write(b"last")
    together.close()
    await asyncio.sleep(0)
    assert (sent.pieces, sent.closed) == ([b"last"], True)
