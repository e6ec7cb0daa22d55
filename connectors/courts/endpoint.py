"""One endpoint: over which channel, and where, the people of one level are told."""

from __future__ import annotations

import hashlib
import json
from functools import cached_property
from typing import Final, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, SecretBytes, SecretStr
from yarl import URL

from connectors.courts import urls
from connectors.courts.signature import secret_key
from matchers.wire import NonEmpty
from stream.core.escalation import POLICE_LEVELS, AnyLevel

Channel = Literal["webhook", "email", "sms", "inbox"]
CHANNELS: Final[frozenset[Channel]] = frozenset(get_args(Channel))

ANY_COURT: Final = "*"
NATION: Final = "nation"
_PHONE_SHOWN: Final = 2


class Endpoint(BaseModel):
    """Where one court, or one place of the police, is told.

    Its text form holds no secret, no user, no query, and nobody's address or number.
    """

    model_config = ConfigDict(frozen=True)

    court: NonEmpty = Field(
        description="a court's code, of a high court its province, of the national command `nation`; * for any; of the"
        " police a province, `00` or a station's code, as the level says"
    )
    level: AnyLevel = "handler"
    channel: Channel = "webhook"
    url: SecretStr = Field(description="https:, mailto:, tel:, or inbox:")
    key: SecretBytes = Field(default=SecretBytes(b""), description="signs what a webhook is sent")

    @classmethod
    def of(cls, court: str, url: str, secret: str, *, level: AnyLevel = "handler", http_allowed: bool = False) -> Endpoint:
        """A webhook, checked. Raises ValueError: a wrong URL or secret, or plain http where it is not allowed."""
        urls.checked(url, http_allowed=http_allowed)
        return cls(court=court, level=level, url=SecretStr(url), key=SecretBytes(secret_key(secret)))

    @property
    def is_police(self) -> bool:
        """Whether it is the police's, who are told of incidents and of nothing else."""
        return self.level in POLICE_LEVELS

    @property
    def address(self) -> str:
        """The e-mail address or phone number, of the channels that have one."""
        return self.url.get_secret_value().partition(":")[2]

    @property
    def redacted(self) -> str:
        """The URL as it may stand in receipts and logs: whole but for what is secret or somebody's own."""
        match self.channel:
            case "webhook":
                return urls.redacted(URL(self.url.get_secret_value()))
            case "email":
                return f"mailto:…@{self.address.rpartition('@')[2]}"
            case "sms":
                return f"tel:…{self.address[-_PHONE_SHOWN:]}"
            case "inbox":
                return self.url.get_secret_value()

    @cached_property
    def digest(self) -> str:
        """A name for the endpoint that tells nothing of it; an entry with another court, level, channel or URL has another."""
        what = json.dumps([self.court, self.level, self.channel, self.url.get_secret_value()])
        return hashlib.blake2b(what.encode(), digest_size=16).hexdigest()

    def __str__(self) -> str:
        return f"{self.court} {self.redacted}"
