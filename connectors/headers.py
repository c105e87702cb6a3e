"""What HTTP headers say, and what of an address may be shown."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit


def retry_after(told: str, now: datetime) -> float | None:
    """Seconds to wait, whether the server gave seconds or a date."""
    if told.strip().isdigit():
        return float(told)
    until = http_date(told)
    return None if until is None else max(0.0, (until - now).total_seconds())


def http_date(told: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(told)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def shown(url: str) -> str:
    """`url` without user name, password and query."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}{parts.path}"
