"""Client certificates: whose is whose, and from whom a word about one is believed."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from connectors.door.access import Shown
from connectors.identity.certificates import Certificates, CertificatesError, Entry
from connectors.identity.peer import PEER, TLS
from stream.core.authority import Grant, Principal, Role
from tests.connectors.identity.certifying import DAY, Issued, issued

NOW = dt.datetime.now(dt.UTC)
CA = issued("ca")
COURT = issued("court", CA)
POLICE = issued("police", CA, organization=("NTRCN-11440000",))
PROXY = "10.0.0.9"


def listed(folder: Path, text: str, *, proxies: tuple[str, ...] = (PROXY,), now: dt.datetime = NOW) -> Certificates:
    path = folder / "certificates.toml"
    path.write_text(text, "utf-8")
    return Certificates.load(path, proxies, lambda: now)


@pytest.fixture
def known(tmp_path: Path) -> Certificates:
    colons = ":".join(COURT.fingerprint[at : at + 2] for at in range(0, 64, 2)).upper()
    return listed(
        tmp_path,
        f'[[certificate]]\nsha256 = "{colons}"\nrole = "court_system"\ncourt = "440106"\n'
        '[[certificate]]\norganization_identifier = "NTRCN-11440000"\nrole = "police"\nprovince = "44"\n',
    )


def by_tls(one: Issued, token: str | None = None) -> Shown:
    return Shown(token, {"headers": [], "extensions": {TLS: {"client_cert_chain": [one.pem]}, PEER: {"address": "10.0.0.1"}}})


def by_header(*values: str, peer: str | None = PROXY, **more: Any) -> Shown:
    headers = [(b"client-cert", value.encode()) for value in values]
    return Shown(None, {"headers": headers, "extensions": {PEER: {"address": peer}}, **more})


@pytest.mark.parametrize("show", [by_tls, lambda one: by_header(one.header)], ids=["tls", "proxy"])
async def test_S5_1_a_certificate_says_which_machine_it_is(known: Certificates, show: Any) -> None:
    court, police = await known.of(show(COURT)), await known.of(show(POLICE))
    shown = f"sha256:{COURT.fingerprint[:16]}"
    assert court == Principal("440106", (Grant(Role.COURT_SYSTEM, court="440106"),), credential=shown)
    assert police is not None
    assert (police.id, police.grants) == ("44", (Grant(Role.POLICE, province="44"),))
    assert len(known) == 2


@pytest.mark.parametrize(
    "one",
    [
        issued("unknown", CA),
        issued("other", CA, organization=("NTRCN-11000000",)),
        issued("two at once", CA, organization=("NTRCN-11440000", "NTRCN-11000000")),
        issued("expired", CA, organization=("NTRCN-11440000",), since=NOW - 2 * DAY, until=NOW - DAY),
        issued("later", CA, organization=("NTRCN-11440000",), since=NOW + DAY, until=NOW + 2 * DAY),
    ],
    ids=lambda one: one.certificate.subject.rfc4514_string(),
)
async def test_S5_1_unknown_expired_and_later_ones_are_strangers(known: Certificates, one: Issued) -> None:
    assert await known.of(by_tls(one)) is None
    assert await known.of(by_header(one.header)) is None


@pytest.mark.parametrize("peer", ["10.0.0.1", "127.0.0.1", "", None])
async def test_S5_1_the_header_counts_from_trusted_proxies_alone(known: Certificates, peer: str | None) -> None:
    assert await known.of(by_header(COURT.header, peer=peer)) is None


async def test_S5_1_whom_a_proxy_speaks_for_is_no_proxy(known: Certificates) -> None:
    forwarded = by_header(COURT.header, peer="10.0.0.1", client=(PROXY, 1))
    assert await known.of(forwarded) is None
    assert await known.of(Shown(None, {"headers": [(b"client-cert", COURT.header.encode())], "client": (PROXY, 1)})) is None
    assert await known.of(by_header(COURT.header, peer=f"::ffff:{PROXY}")) is not None


@pytest.mark.parametrize(
    "values",
    [
        (),
        (COURT.header, COURT.header),
        (COURT.header.strip(":"),),
        (COURT.header + ";a=1",),
        (COURT.header.replace(":", "", 1),),
        (":AAAA:",),
        (":A:",),
        ("::",),
        (":" + "A" * 20_000 + ":",),
        (COURT.pem.replace("\n", " "),),
    ],
)
async def test_S5_1_a_header_that_holds_no_certificate_is_nobody(known: Certificates, values: tuple[str, ...]) -> None:
    assert await known.of(by_header(*values)) is None


async def test_S5_1_a_token_speaks_louder(known: Certificates) -> None:
    assert await known.of(by_tls(COURT, "a-token")) is None


async def test_S5_1_a_certificate_stops_counting_while_its_connection_lasts(tmp_path: Path) -> None:
    entry = f'[[certificate]]\nsha256 = "{COURT.fingerprint}"\nrole = "operator"\n'
    assert await listed(tmp_path, entry).of(by_tls(COURT)) is not None
    assert await listed(tmp_path, entry, now=NOW + 2 * DAY).of(by_tls(COURT)) is None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[[certificate]]\nrole = "operator"', "exactly one of sha256 and organization_identifier"),
        ('[[certificate]]\nsha256 = "ab"\nrole = "operator"', "64 hexadecimal digits"),
        (f'[[certificate]]\nsha256 = "{"a" * 64}"\nrole = "judge"', "certificate 1: role"),
        (f'[[certificate]]\nsha256 = "{"a" * 64}"\nrole = "clerk"', "the role clerk names its court"),
        (f'[[certificate]]\nsha256 = "{"a" * 64}"\nrole = "clerk"\ncourt = "*"', "one court's own"),
        (f'[[certificate]]\nsha256 = "{"a" * 64}"\nrole = "operator"\nonly = 1', "certificate 1: only"),
        ('[certificate]\nrole = "operator"', "two brackets"),
        ("[[token]]", r"only \[\[certificate\]\]"),
        ("= 1", "Invalid"),
    ],
)
def test_S5_1_a_list_that_cannot_be_used_says_which_entry(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(CertificatesError, match=says):
        listed(tmp_path, text)


def test_S5_1_a_list_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CertificatesError, match=r"none\.toml: No such file"):
        Certificates.load(tmp_path / "none.toml", (), lambda: NOW)


def test_S5_1_two_cannot_share_one_but_one_may_have_several_roles() -> None:
    clerk, operator = Principal("1", (Grant(Role.CLERK, "1"),)), Principal("1", (Grant(Role.OPERATOR),))
    both = Certificates([Entry("a", clerk), Entry("a", operator), Entry("a", clerk)], (), lambda: NOW)
    assert len(both) == 1
    with pytest.raises(CertificatesError, match="somebody else"):
        Certificates([Entry("a", clerk), Entry("a", operator._replace(id="2"))], (), lambda: NOW)
