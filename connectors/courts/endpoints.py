"""The courts' endpoints: over which channel a court is told, and where, as a TOML file lists them (docs/channels.md).

    [[endpoint]]
    court = "440106"                  # "*": every court that has no entry of its own at this level
    level = "handler"                 # who is told; a high court has province = "44" in place of court
    channel = "webhook"               # or email, sms, inbox
    url = "https://court.example/hits"
    secret_file = "440106.secret"     # or secret_env = "NAME", or secret = "whsec_…"

Entries that share court and level are tried in the file's order. A file that cannot be used is refused whole, with the entry
that is wrong.

    ValueError
    └── EndpointsError    file, entry, and what is wrong with it; never a secret, an address or a URL's query
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final, Protocol

from pydantic import ValidationError

from connectors.courts.endpoint import ANY_COURT, NATION, Channel, Endpoint
from connectors.courts.entries import Entry
from matchers.wire import reason
from stream.core.escalation import LEVELS, Level

FILE_BYTES_MAX: Final = 16 << 20


class EndpointsError(ValueError):
    """The endpoints cannot be used."""


class CourtLike(Protocol):
    """What is asked of a court."""

    @property
    def code(self) -> str: ...

    @property
    def province(self) -> str | None: ...


class Endpoints:
    """All endpoints of a deployment; immutable."""

    def __init__(self, endpoints: Iterable[Endpoint] = ()) -> None:
        """Raises EndpointsError: two of them are the same."""
        self._all: Final = tuple(endpoints)
        if len({endpoint.digest for endpoint in self._all}) < len(self._all):
            raise EndpointsError("an endpoint is listed twice")
        by_place: dict[tuple[Level, str], tuple[Endpoint, ...]] = {}
        for endpoint in self._all:
            place = endpoint.level, endpoint.court
            by_place[place] = (*by_place.get(place, ()), endpoint)
        self._by_place: Final[Mapping[tuple[Level, str], tuple[Endpoint, ...]]] = by_place

    def of(self, court: CourtLike, level: Level = "handler") -> tuple[Endpoint, ...]:
        """Where a court's people of a level are told: the first is tried first, the next are its fallbacks; empty: nowhere.

        They are the court's own entries (the high court's: its province's), else those for any court.
        """
        if level == "national_command":
            return self._by_place.get((level, NATION), ())
        own = court.province if level == "high_court" else court.code
        return self._by_place.get((level, own or ANY_COURT)) or self._by_place.get((level, ANY_COURT), ())

    def chain(self, court: CourtLike) -> tuple[Level, ...]:
        """The levels above the handler that this court has, from the nearest on."""
        return tuple(level for level in LEVELS[1:] if self.of(court, level))

    def __iter__(self) -> Iterator[Endpoint]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)

    @classmethod
    def load(
        cls,
        path: Path,
        *,
        http_hosts: frozenset[str] = frozenset(),
        channels: frozenset[Channel] = frozenset({"webhook", "inbox"}),
        environ: Mapping[str, str] = os.environ,
    ) -> Endpoints:
        """The endpoints that a TOML file lists. Relative paths of secrets start at the file's folder.

        Plain http needs ``allow_http = true`` in the entry, and a host that is loopback or among ``http_hosts``.
        ``channels`` are those that the deployment has.

        Raises:
            EndpointsError: the file or one of its entries cannot be used.
        """
        endpoints: dict[str, Endpoint] = {}
        for number, fields in enumerate(_read(path), 1):
            where = f"{path}: endpoint {number}"
            if isinstance(fields, dict) and isinstance(fields.get("court"), str):
                where += f" (court {fields['court']})"
            try:
                endpoint = Entry.model_validate(fields).endpoint(path.parent, http_hosts, channels, environ)
            except ValidationError as error:
                raise EndpointsError(f"{where}: {reason(error)}") from None
            except ValueError as error:
                raise EndpointsError(f"{where}: {error}") from None
            if endpoints.setdefault(endpoint.digest, endpoint) is not endpoint:
                raise EndpointsError(f"{where}: it is listed already")
        return cls(endpoints.values())


def _read(path: Path) -> list[object]:
    try:
        with path.open("rb") as file:
            raw = file.read(FILE_BYTES_MAX + 1)
        if len(raw) > FILE_BYTES_MAX:
            raise EndpointsError(f"{path}: longer than {FILE_BYTES_MAX} bytes")
        table = tomllib.loads(raw.decode("utf-8"))
    except OSError as error:
        raise EndpointsError(f"{path}: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise EndpointsError(f"{path}: not UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise EndpointsError(f"{path}: {error}") from None
    unknown = table.keys() - {"endpoint"}
    if unknown:
        raise EndpointsError(f"{path}: only [[endpoint]] entries are known, not {', '.join(sorted(unknown))}")
    entries = table.get("endpoint", [])
    if not isinstance(entries, list):
        raise EndpointsError(f"{path}: an endpoint is written [[endpoint]], with two brackets")
    return entries
