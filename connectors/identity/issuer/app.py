"""A small OpenID provider for one machine, whose users are samples without passwords. No deployment that matters has it.

It listens on loopback only, answers to loopback's names only, so that no web page reaches it under a name of its own, and sends
nobody beyond this machine.
"""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from connectors.identity.issuer import page
from connectors.identity.issuer.codes import TEXT_MAX, Codes, Login
from connectors.identity.issuer.samples import BY_ID, Sample, sample_of
from connectors.identity.issuer.tokens import ALGORITHM, TokenMaker
from connectors.identity.provider import DISCOVERY

HOSTS: Final = ("127.0.0.1", "localhost")
FORM_BYTES_MAX: Final = 16_384
OWN_CLIENT: Final = "chakong-sample-login"
_HEADERS: Final = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


class LocalIssuer:
    """The provider's pages and endpoints."""

    def __init__(self, tokens: TokenMaker) -> None:
        self._tokens, self._codes = tokens, Codes()

    def app(self) -> Starlette:
        routes = [
            Route(DISCOVERY, self.discovery),
            Route("/jwks", self.keys),
            Route("/token", self.token, methods=["POST"]),
            Route("/authorize", self.ask_who, methods=["GET"]),
            Route("/authorize", self.log_in, methods=["POST"]),
            Route("/keys/rotate", self.rotate, methods=["POST"]),
            Route("/", self.ask_who_for_a_token, methods=["GET"]),
            Route("/", self.show_a_token, methods=["POST"]),
        ]
        return Starlette(routes=routes, middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=HOSTS, www_redirect=False)])

    async def discovery(self, _request: Request) -> Response:
        at = self._tokens.issuer
        return JSONResponse(
            {
                "issuer": at,
                "authorization_endpoint": f"{at}/authorize",
                "token_endpoint": f"{at}/token",
                "jwks_uri": f"{at}/jwks",
                "response_types_supported": ["code"],
                "grant_types_supported": ["authorization_code", "client_credentials"],
                "code_challenge_methods_supported": ["S256"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": [ALGORITHM],
                "token_endpoint_auth_methods_supported": ["none"],
                "scopes_supported": ["openid", "profile"],
            }
        )

    async def keys(self, _request: Request) -> Response:
        return JSONResponse(self._tokens.published(), headers={"cache-control": "no-store"})

    async def rotate(self, _request: Request) -> Response:
        return JSONResponse({"kid": self._tokens.rotate()})

    async def token(self, request: Request) -> Response:
        """A token for a sample user, who is named as the client, or for whoever has logged in."""
        asked = await _form(request)
        match asked.get("grant_type"):
            case "client_credentials":
                sample = sample_of(asked.get("client_id", ""))
                return _refused("invalid_client", 401) if sample is None else JSONResponse(self._granted(sample, OWN_CLIENT))
            case "authorization_code":
                taken = self._codes.take(asked)
                if taken is None:
                    return _refused("invalid_grant", 400)
                login, sample = taken
                id_token = self._tokens.id_token(sample, login.client, login.nonce)
                return JSONResponse({**self._granted(sample, login.client), "id_token": id_token})
        return _refused("unsupported_grant_type", 400)

    async def ask_who(self, request: Request) -> Response:
        asked = dict(request.query_params)
        return _refused("invalid_request", 400) if Login.of(asked) is None else _page(page.choice(asked))

    async def log_in(self, request: Request) -> Response:
        asked = await _form(request)
        login, sample = Login.of(asked), BY_ID.get(asked.get("sample", ""))
        if login is None or sample is None:
            return _refused("invalid_request", 400)
        return RedirectResponse(login.back(self._codes.give(login, sample)), 303, _HEADERS)

    async def ask_who_for_a_token(self, _request: Request) -> Response:
        return _page(page.choice({}))

    async def show_a_token(self, request: Request) -> Response:
        sample = BY_ID.get((await _form(request)).get("sample", ""))
        if sample is None:
            return _refused("invalid_request", 400)
        return _page(page.token(sample, self._tokens.access_token(sample, OWN_CLIENT)))

    def _granted(self, sample: Sample, client: str) -> dict[str, Any]:
        token = self._tokens.access_token(sample, client)
        return {"access_token": token, "token_type": "Bearer", "expires_in": self._tokens.lifetime_s}


async def _form(request: Request) -> dict[str, str]:
    """The fields of a form; those of one that is too long, or said twice, are none."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > FORM_BYTES_MAX:
            return {}
    try:
        fields = parse_qs(body.decode(), max_num_fields=20)
    except ValueError:
        return {}
    return {name: values[0] for name, values in fields.items() if len(values) == 1 and len(values[0]) <= TEXT_MAX}


def _page(text: str) -> Response:
    return HTMLResponse(text, headers=_HEADERS)


def _refused(error: str, status: int) -> Response:
    return JSONResponse({"error": error}, status, {"cache-control": "no-store"})
