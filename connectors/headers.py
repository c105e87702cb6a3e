"""What HTTP headers say, and say of us, and what is wrong with an address."""

import re
from base64 import b64encode
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from urllib3.util import parse_url

Place = tuple[str, int | None]
"""Host and port; None: the usual one."""


def authorization(user: str, password: str, bearer: str) -> dict[str, str]:
    """The header that says who asks: with a bearer token, else with user name and password, else none."""
    if bearer:
        return {"Authorization": f"Bearer {bearer}"}
    return {"Authorization": f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"} if password else {}


def retry_after(told: str, now: datetime) -> float | None:
    """Seconds to wait, whether the server gave seconds or a date."""
    if (told := told.strip()).isascii() and told.isdigit():
        return float(told)
    until = http_date(told)
    return None if until is None else max(0.0, (until - now).total_seconds())


def wait_in_words(body: bytes) -> float | None:
    """Seconds to wait where a server says so only in its answer, as "available in 12 seconds"."""
    found = re.search(rb"available in (\d{1,9}) second", body[:1000])
    return float(found[1]) if found else None


def http_date(told: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(told)
    except (ValueError, OverflowError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def fault_of(url: str) -> str:
    """What is wrong with a source's address, in words that repeat nothing of it; '': nothing."""
    try:
        parts = urlsplit(url.strip())
        hostname, _, _ = parts.hostname, parts.port, place_of(url.strip())
    except ValueError:
        return "is not a web address: its host or its port cannot be read"
    if parts.scheme not in ("http", "https") or not hostname:
        return "is not a web address such as https://city.example.org/open311"
    if parts.query or parts.fragment:
        return "must end before its ? or #: what follows is added for each request"
    return ""


def place_of(url: str) -> Place:
    """Where an address lies, as the library reads it that opens the connection.

    Raises:
        ValueError: It is no address.
    """
    parts = parse_url(url)
    usual = {"http": 80, "https": 443}.get(parts.scheme or "")
    return (parts.hostname or "").casefold(), None if parts.port == usual else parts.port
