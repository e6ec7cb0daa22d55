"""Whom a door knows: by tokens that a file lists, by a provider's access tokens, by client certificates, in that order."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from connectors.door.access import Identities
from connectors.door.tokens import Tokens
from connectors.identity.access_tokens import AccessTokens
from connectors.identity.certificates import Certificates
from connectors.identity.keyring import Keyring, Times
from connectors.identity.provider import Published
from connectors.identity.settings import ClientSettings, OidcSettings
from connectors.identity.several import Several


class Known(NamedTuple):
    """The ways to know somebody, and what must be kept for them while the door is open."""

    identities: Several
    keyring: Keyring | None
    clients: ClientSettings

    def kept(self) -> contextlib.AbstractAsyncContextManager[None]:
        """Keep the provider's keys fresh for as long as this is open."""
        return contextlib.nullcontext() if self.keyring is None else self.keyring.kept()


def who_is_known(
    token_files: Iterable[Path], oidc: OidcSettings, clients: ClientSettings, clock: Callable[[], dt.datetime], *, tls: bool
) -> Known:
    """Put together what is configured. ``tls``: the door speaks TLS itself.

    Raises:
        ValueError: a file or a setting cannot be used, or nobody at all would be known.
    """
    tokens = Tokens.load(*token_files)
    ways: list[Identities] = [tokens] if len(tokens) else []
    keyring = None
    if oidc.issuer is not None:
        keyring = Keyring(Published(oidc), oidc.algorithms.split(), Times(oidc.refresh_s, oidc.refetch_s, oidc.away_s_max))
        ways.append(AccessTokens(oidc, keyring, clock))
    if clients.certificates is not None:
        if clients.ca_file is not None and not tls:
            raise ValueError("CHAKONG_API_CLIENT_CA_FILE: client certificates need TLS, and CHAKONG_API_CERTIFICATE for it")
        clients.check()
        ways.append(Certificates.load(clients.certificates, clients.trusted_proxies(), clock))
    if not ways:
        raise ValueError(
            "nobody has a token: list some in CHAKONG_API_TOKENS, or as inboxes in CHAKONG_COURTS_ENDPOINTS; or name a provider"
            " in CHAKONG_API_OIDC_ISSUER, or certificates in CHAKONG_API_CLIENT_CERTIFICATES"
        )
    return Known(Several(*ways), keyring, clients)
