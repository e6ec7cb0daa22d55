"""The courts' endpoints: over which channel a court is told, and where, as a TOML file lists them (docs/channels.md).

    [[endpoint]]
    court = "440106"                  # "*": every court that has no entry of its own at this level
    level = "handler"                 # who is told; a high court has province = "44" in place of court
    channel = "webhook"               # or email, sms, inbox
    url = "https://court.example/hits"
    secret_file = "440106.secret"     # or secret_env = "NAME", or secret = "whsec_…"

    [[endpoint]]
    police = "44"                     # a province's police platform; "00": the nation's; any other code: a station
    channel = "email"
    to = "duty@police.example"

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
from typing import Final, NamedTuple, Protocol

from pydantic import ValidationError

from connectors.courts.endpoint import ANY_COURT, NATION, Channel, Endpoint
from connectors.courts.entries import Entry
from matchers.wire import reason
from stream.core.escalation import LEVELS, AnyLevel, Level, PoliceLevel

FILE_BYTES_MAX: Final = 16 << 20
_PROVINCE_DIGITS: Final = 2


class EndpointsError(ValueError):
    """The endpoints cannot be used."""


class CourtLike(Protocol):
    """What is asked of a court."""

    @property
    def code(self) -> str: ...

    @property
    def province(self) -> str | None: ...


class _Whose(NamedTuple):
    """A court, as far as its endpoints are asked for."""

    code: str
    province: str | None


class Endpoints:
    """All endpoints of a deployment; immutable."""

    def __init__(self, endpoints: Iterable[Endpoint] = ()) -> None:
        """Raises EndpointsError: two of them are the same."""
        self._all: Final = tuple(endpoints)
        self._by_digest: Final = {endpoint.digest: endpoint for endpoint in self._all}
        if len(self._by_digest) < len(self._all):
            raise EndpointsError("an endpoint is listed twice")
        by_place: dict[tuple[AnyLevel, str], tuple[Endpoint, ...]] = {}
        for endpoint in self._all:
            place = endpoint.level, endpoint.court
            by_place[place] = (*by_place.get(place, ()), endpoint)
        self._by_place: Final[Mapping[tuple[AnyLevel, str], tuple[Endpoint, ...]]] = by_place

    def of(self, court: CourtLike, level: Level = "handler") -> tuple[Endpoint, ...]:
        """Where a court's people of a level are told: the first is tried first, the next are its fallbacks; empty: nowhere.

        They are the court's own entries (the high court's: its province's), else those for any court.
        """
        if level == "national_command":
            return self._by_place.get((level, NATION), ())
        own = court.province if level == "high_court" else court.code
        return self._by_place.get((level, own or ANY_COURT)) or self._by_place.get((level, ANY_COURT), ())

    def of_police(self, code: str, level: PoliceLevel) -> tuple[Endpoint, ...]:
        """Where the police are told: a station by its code, a province by its own, the nation as ``00``."""
        return self._by_place.get((level, code), ())

    def beside(self, endpoint: Endpoint) -> tuple[Endpoint, ...]:
        """Where else an endpoint's court is told, from the handler's on and up its chain; of the police, by the same code.

        The entries for any court count where the court has none of its own. A high court is that of the court's province, which
        the first two digits of the court's code name (GB/T 2260).
        """
        if endpoint.is_police:
            there = self._by_place[endpoint.level, endpoint.court]
            return tuple(other for other in there if other.digest != endpoint.digest)
        if endpoint.level == "national_command":
            levels: tuple[Level, ...] = ("national_command",)
        elif endpoint.level == "high_court":
            levels = ("high_court", "national_command")
        else:
            levels = LEVELS
        code = endpoint.court
        whose = _Whose(code, code if endpoint.level == "high_court" or code == ANY_COURT else code[:_PROVINCE_DIGITS])
        return tuple(other for level in levels for other in self.of(whose, level) if other.digest != endpoint.digest)

    def named(self, digest: str) -> Endpoint | None:
        """The endpoint of that digest."""
        return self._by_digest.get(digest)

    def __iter__(self) -> Iterator[Endpoint]:
        return iter(self._all)

    def of_courts(self) -> Iterator[Endpoint]:
        """The courts' endpoints, without the police's."""
        return (endpoint for endpoint in self._all if not endpoint.is_police)

    def chain(self, court: CourtLike) -> tuple[Level, ...]:
        """The levels above the handler that this court has, from the nearest on."""
        return tuple(level for level in LEVELS[1:] if self.of(court, level))

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
            named = [name for name in ("court", "police") if isinstance(fields, dict) and isinstance(fields.get(name), str)]
            if isinstance(fields, dict) and named:
                where += f" ({named[0]} {fields[named[0]]})"
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
