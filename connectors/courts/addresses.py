"""The URL guard: no endpoint resolves to an address inside, unless the deployment allows its host or address by name.

What is checked is the address that is connected to: a name is looked up here, and only what has passed is handed on, so a name
that answers otherwise the next time gains nothing.

    OSError
    └── AddressRefusedError    nothing was connected to
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
_LOOKUPS_MAX: Final = 32

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class AddressRefusedError(OSError):
    """The host's address lies inside, and nobody allowed it."""


def is_loopback(host: str) -> bool:
    """Whether the host is this machine by its name or address alone; no name is looked up."""
    address = _address(host)
    return host == "localhost" if address is None else address.is_loopback


def is_inside(address: _Address) -> bool:
    """Whether an address is none of the public internet: private, loopback, link-local, multicast, shared (CGNAT), reserved.

    An IPv6 address that stands for an IPv4 one (mapped, 6to4, NAT64) is judged by that one.
    """
    if isinstance(address, ipaddress.IPv6Address):
        if address in _NAT64:
            return is_inside(ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF))
        if (within := address.ipv4_mapped or address.sixtofour) is not None:
            return is_inside(within)
        if address.is_site_local:
            return True
    return address.is_multicast or not address.is_global


class Guard:
    """Which hosts and addresses may be connected to."""

    def __init__(self, private_hosts: Iterable[str] = ()) -> None:
        """``private_hosts``: names and addresses that may lie inside."""
        self._allowed: Final = frozenset(map(_normal, private_hosts))

    def check(self, url: URL) -> None:
        """Check a URL's host where it is an address; a name is checked when it is looked up.

        Plain http to loopback has been allowed by its entry; https has no such entry, and needs the deployment's word.

        Raises:
            AddressRefusedError
        """
        host = url.host or ""
        if is_loopback(host) and url.scheme == "http":
            return
        address = _address(host)
        if (host == "localhost" or (address is not None and is_inside(address))) and _normal(host) not in self._allowed:
            raise AddressRefusedError("the host is not a public address: allow it in CHAKONG_COURTS_PRIVATE_HOSTS")

    def allows(self, host: str, address: str) -> bool:
        """Whether a name that was looked up may be connected to at an address."""
        if _normal(host) in self._allowed or _normal(address) in self._allowed:
            return True
        found = _address(address)
        return found is not None and (found.is_loopback if host == "localhost" else not is_inside(found))


class GuardedResolver(AbstractResolver):
    """Looks names up, in threads of its own: a name server that is silent holds up nobody else's work."""

    def __init__(self, guard: Guard) -> None:
        self._guard: Final = guard
        self._threads: Final = ThreadPoolExecutor(_LOOKUPS_MAX, "court-names")

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC) -> list[ResolveResult]:
        """The addresses of a name that may be connected to.

        Raises:
            OSError: the name is not known.
            AddressRefusedError: it is, and every one of its addresses is refused.
        """
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(self._threads, _look_up, host, port, family)
        good = [one for one in found if self._guard.allows(host, one["host"])]
        if not good:
            raise AddressRefusedError("the host has no public address: allow it in CHAKONG_COURTS_PRIVATE_HOSTS")
        return good

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


def _look_up(host: str, port: int, family: socket.AddressFamily) -> list[ResolveResult]:
    numeric = socket.AI_NUMERICSERV
    rows = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, family=family, flags=socket.AI_ADDRCONFIG)
    return [
        ResolveResult(
            hostname=host, host=str(address[0]), port=port, family=kind, proto=protocol, flags=socket.AI_NUMERICHOST | numeric
        )
        for kind, _, protocol, _, address in rows
    ]


def _address(host: str) -> _Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _normal(host: str) -> str:
    address = _address(host)
    return host.lower().rstrip(".") if address is None else str(address)
