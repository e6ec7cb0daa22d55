"""URLs of webhooks: what is accepted, and what of one may be shown."""

from __future__ import annotations

from yarl import URL


def checked(text: str, *, http_allowed: bool = False) -> URL:
    """The URL, when it can be posted to.

    Raises:
        ValueError: not an https URL with a host, or plain http where it is not allowed. The message does not repeat it.
    """
    try:
        url = URL(text)
    except ValueError:
        raise ValueError("url: not a URL") from None
    if url.scheme not in ("https", "http") or not _can_be_asked_for(url):
        raise ValueError("url: not an https URL with a host")
    if url.scheme == "http" and not http_allowed:
        raise ValueError("url: plain http is not allowed; use https, or allow_http = true for a loopback address")
    return url


def host_of(text: str) -> str:
    """The host in a URL; empty when there is none."""
    try:
        return URL(text).host or ""
    except ValueError:
        return ""


def redacted(url: URL) -> str:
    """The URL as it may stand in receipts and logs: without user, password, query and fragment."""
    host = url.host or ""
    shown = f"[{host}]" if ":" in host else host
    return f"{url.scheme}://{shown}{'' if url.explicit_port is None else f':{url.explicit_port}'}{url.path}"


def _can_be_asked_for(url: URL) -> bool:
    """Whether host and port have a form that can be connected to; it is too late to find out at the first attempt."""
    host = url.host or ""
    try:
        host.encode("idna")
    except UnicodeError:
        return False
    return bool(host) and not any(character.isspace() for character in host) and url.port != 0
