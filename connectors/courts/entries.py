"""An ``[[endpoint]]`` as it is written, and the endpoint that it means."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Self

from pydantic import BaseModel, ConfigDict, SecretStr, model_validator

from connectors.courts.addresses import is_loopback
from connectors.courts.endpoint import ANY_COURT, NATION, Channel, Endpoint
from connectors.courts.sources import from_environment, from_file
from connectors.courts.urls import host_of
from matchers.wire import NonEmpty
from stream.core.authority import NATION as NATIONS_CODE
from stream.core.escalation import AnyLevel, Level, PoliceLevel

_EMAIL: Final = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
_PROVINCE: Final = re.compile("[0-9]{2}")
_PHONE: Final = re.compile(r"\+[1-9][0-9]{6,14}")
_FIELDS: Final[Mapping[Channel, frozenset[str]]] = {
    "webhook": frozenset({"url", "secret", "secret_file", "secret_env", "allow_http"}),
    "email": frozenset({"to"}),
    "sms": frozenset({"phone"}),
    "inbox": frozenset({"token_file", "token_env"}),
}
_NEEDED: Final[Mapping[Channel, str]] = {"webhook": "url", "email": "to", "sms": "phone"}
_SETTING: Final[Mapping[Channel, str]] = {"email": "CHAKONG_SMTP_HOST", "sms": "CHAKONG_SMS_URL"}


class Entry(BaseModel):
    """One entry of the file; only the fields of its channel may be given."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    court: NonEmpty | None = None
    province: NonEmpty | None = None
    police: NonEmpty | None = None
    level: Level = "handler"
    channel: Channel = "webhook"
    url: SecretStr | None = None
    secret: SecretStr | None = None
    secret_file: Path | None = None
    secret_env: NonEmpty | None = None
    allow_http: bool = False
    to: SecretStr | None = None
    phone: SecretStr | None = None
    token_file: Path | None = None
    token_env: NonEmpty | None = None

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        wanted = {"high_court": "province", "national_command": None}.get(self.level, "court")
        given = {name for name in ("court", "province", "police") if getattr(self, name) is not None}
        if "police" in given:
            if self.channel == "inbox":
                raise ValueError("the police have no inbox: they ask for their incidents at the door")
            if "level" in self.model_fields_set:
                raise ValueError("the level of the police follows from their code: leave it out")
            if given != {"police"}:
                raise ValueError("an entry of the police is of no court and no province")
            wanted = "police"
        if given != ({wanted} if wanted else set()):
            raise ValueError(
                f"level {self.level} is of " + (f"a {wanted}, and of nothing else" if wanted else "no court or province")
            )
        others = set().union(*_FIELDS.values()) - _FIELDS[self.channel]
        if wrong := sorted(others & self.model_fields_set):
            raise ValueError(f"channel {self.channel} has no {', '.join(wrong)}")
        needed = _NEEDED.get(self.channel)
        if needed is not None and getattr(self, needed) is None:
            raise ValueError(f"channel {self.channel} needs {needed}")
        if self.channel == "webhook" and sum(map(bool, (self.secret, self.secret_file, self.secret_env))) != 1:
            raise ValueError("exactly one of secret, secret_file and secret_env is needed")
        if self.channel == "inbox" and (self.token_file is None) == (self.token_env is None):
            raise ValueError("exactly one of token_file and token_env is needed")
        if self.channel == "inbox" and (self.court in (None, ANY_COURT)):
            raise ValueError("an inbox is one court's own: name the court")
        return self

    @property
    def _told_level(self) -> AnyLevel:
        return self.level if self.police is None else _police_level(self.police)

    def endpoint(
        self, folder: Path, http_hosts: frozenset[str], channels: frozenset[Channel], environ: Mapping[str, str]
    ) -> Endpoint:
        """The endpoint that is meant. Raises ValueError."""
        if self.channel not in channels:
            raise ValueError(f"channel {self.channel} needs {_SETTING.get(self.channel, 'another deployment')}")
        court = self.police or self.court or self.province or NATION
        match self.channel:
            case "webhook":
                return self._webhook(court, folder, http_hosts, environ)
            case "email":
                return self._at(court, "mailto", "to", self.to, _EMAIL)
            case "sms":
                return self._at(court, "tel", "phone", self.phone, _PHONE)
            case "inbox":  # its token is the door's to read: who sends has no need of it
                return Endpoint(court=court, level=self._told_level, channel="inbox", url=SecretStr(f"inbox:{court}"))

    def _webhook(self, court: str, folder: Path, http_hosts: frozenset[str], environ: Mapping[str, str]) -> Endpoint:
        url = _told(self.url)
        host = host_of(url)
        if self.allow_http and not (is_loopback(host) or host in http_hosts):
            raise ValueError(f"allow_http: plain http to {host} must be allowed by name in CHAKONG_COURTS_HTTP_HOSTS")
        return Endpoint.of(court, url, self._secret(folder, environ), level=self._told_level, http_allowed=self.allow_http)

    def _secret(self, folder: Path, environ: Mapping[str, str]) -> str:
        if self.secret_env is not None:
            return from_environment(self.secret_env, "secret_env", environ)
        if self.secret_file is not None:
            return from_file(self.secret_file, folder, "secret_file")
        return _told(self.secret)

    def _at(self, court: str, scheme: str, field: str, given: SecretStr | None, form: re.Pattern[str]) -> Endpoint:
        address = _told(given)
        if not form.fullmatch(address):
            raise ValueError(f"{field}: not " + ("one e-mail address" if field == "to" else "a phone number as +8613800000000"))
        return Endpoint(court=court, level=self._told_level, channel=self.channel, url=SecretStr(f"{scheme}:{address}"))


def _told(given: SecretStr | None) -> str:
    if given is None:  # Entry refuses it
        raise AssertionError
    return given.get_secret_value()


def _police_level(code: str) -> PoliceLevel:
    """Two digits are a province, and 00 the nation (GB/T 2260); any other code is a station's."""
    if code == NATIONS_CODE:
        return "national_police"
    return "province_police" if _PROVINCE.fullmatch(code) else "station"
