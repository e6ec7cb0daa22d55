"""What is configured is put together, and what cannot be used is said at the start."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.door.access import Shown
from connectors.identity.known import Known, who_is_known
from connectors.identity.settings import ClientSettings, OidcSettings
from tests.connectors.identity.certifying import issued
from tests.connectors.identity.issuing import ISSUER, NOW, SET, token

CA = issued("ca")


def known(folder: Path, oidc: OidcSettings, clients: ClientSettings, *, tls: bool = True, tokens: str = "") -> Known:
    (folder / "tokens.toml").write_text(tokens)
    return who_is_known([folder / "tokens.toml"], oidc, clients, lambda: NOW, tls=tls)


async def test_S5_1_tokens_of_a_provider_count_while_its_keys_are_kept(tmp_path: Path) -> None:
    (tmp_path / "jwks.json").write_bytes(SET)
    made = known(tmp_path, OidcSettings(issuer=ISSUER, jwks_file=tmp_path / "jwks.json"), ClientSettings())
    async with made.kept():
        person = await made.identities.of(Shown(token(), {}))
    assert person is not None
    assert person.name == "李法官"


async def test_S5_1_a_door_with_static_tokens_alone_keeps_nothing(tmp_path: Path) -> None:
    (tmp_path / "1.token").write_text("a" * 40)
    made = known(tmp_path, OidcSettings(), ClientSettings(), tokens='[[token]]\nrole = "operator"\ntoken_file = "1.token"\n')
    async with made.kept():
        assert await made.identities.of(Shown("a" * 40, {})) is not None


def test_S5_1_a_door_that_would_know_nobody_does_not_open(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="nobody has a token"):
        known(tmp_path, OidcSettings(), ClientSettings())


def test_S5_1_client_certificates_need_tls_or_a_proxy(tmp_path: Path) -> None:
    authority, _ = CA.write(tmp_path, "ca")
    (tmp_path / "c.toml").write_text(f'[[certificate]]\nsha256 = "{CA.fingerprint}"\nrole = "operator"\n')
    direct = ClientSettings(certificates=tmp_path / "c.toml", ca_file=authority)
    with pytest.raises(ValueError, match="client certificates need TLS"):
        known(tmp_path, OidcSettings(), direct, tls=False)
    assert known(tmp_path, OidcSettings(), direct).keyring is None
    proxied = ClientSettings(certificates=tmp_path / "c.toml", proxies="10.0.0.9")
    assert known(tmp_path, OidcSettings(), proxied, tls=False).keyring is None


def test_S5_1_a_file_of_authorities_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"CHAKONG_API_OIDC_CA_FILE: .*none\.pem"):
        known(tmp_path, OidcSettings(issuer=ISSUER, ca_file=tmp_path / "none.pem"), ClientSettings())
