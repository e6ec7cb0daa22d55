"""Settings that cannot be meant are refused at the start."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from connectors.identity.settings import ClientSettings, OidcSettings


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"issuer": "http://id.court.example"}, "https URL"),
        ({"issuer": "https://u:p@id.court.example"}, "no user"),
        ({"issuer": "https://id.court.example/#x"}, "no user, query or fragment"),
        ({"issuer": "no url"}, "https URL"),
        ({"issuer": "https://id.example", "algorithms": "HS256"}, "algorithms are some of"),
        ({"issuer": "https://id.example", "algorithms": "RS256 none"}, "algorithms are some of"),
        ({"issuer": "https://id.example", "algorithms": " "}, "algorithms are some of"),
        ({"jwks_url": "https://id.example/keys"}, "CHAKONG_API_OIDC_ISSUER is needed"),
        ({"issuer": "https://id.example", "jwks_url": "https://id.example", "jwks_file": "x"}, "give one of"),
        ({"issuer": "https://id.example", "away_s_max": 10}, "no less than"),
    ],
)
def test_S5_1_a_provider_that_cannot_be_trusted_is_refused(given: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        OidcSettings(**given)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"certificates": "c.toml"}, "needs CHAKONG_API_CLIENT_CA_FILE or CHAKONG_API_CLIENT_PROXIES"),
        ({"ca_file": "ca.pem"}, "it is needed"),
        ({"proxies": "10.0.0.1"}, "it is needed"),
        ({"certificates": "c.toml", "proxies": "proxy.example"}, "proxy.example is no address"),
        ({"certificates": "c.toml", "proxies": "10.0.0.1", "required": True}, "REQUIRED needs"),
    ],
)
def test_S5_1_certificates_that_nobody_could_check_are_refused(given: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        ClientSettings(**given)


def test_S5_1_authorities_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    for name in ("ca.pem", "none.pem"):
        with pytest.raises(ValueError, match=name):
            ClientSettings(certificates=Path("c.toml"), ca_file=tmp_path / name).check()


def test_S5_1_proxies_are_told_apart_by_commas() -> None:
    given = ClientSettings(certificates=Path("c.toml"), proxies="10.0.0.1, ::1")
    assert given.trusted_proxies() == {"10.0.0.1", "::1"}
