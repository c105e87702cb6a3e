"""Keeps secrets out of what is said: addresses without their queries, answers without what they repeat, quiet logs."""

import logging
import re
from base64 import b64decode
from collections.abc import Iterable, Mapping
from urllib.parse import quote_plus, unquote, urlsplit

_QUERY = re.compile(r"\?[^\s\"'()]+")
_TALKATIVE = ("connection", "connectionpool", "poolmanager", "response", "util.retry")


def shown(url: str) -> str:
    """`url` without user name, password and query."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}{parts.path}"


def secrets_of(url: str, headers: Mapping[str, str], more: Iterable[str] = ()) -> list[str]:
    """What a server may repeat of what it was sent, the longest first: user name and password of the address, headers
    and what they hold, and whatever else is secret, also as it stands in a query.
    """
    parts = urlsplit(url)
    found = [secret for secret in (parts.username, parts.password, *more) if secret]
    for value in headers.values():
        found += [value, value.rpartition(" ")[2]]
        if value.startswith("Basic "):
            user, _, password = b64decode(value.removeprefix("Basic ")).decode(errors="replace").partition(":")
            found += [user, password]
    forms = {form for secret in found for form in (secret, unquote(secret), quote_plus(secret)) if form}
    return sorted(forms, key=lambda secret: (-len(secret), secret))


def masked(text: str, secrets: Iterable[str]) -> str:
    """`text` with a sign in place of each of the secrets."""
    for secret in secrets:
        text = text.replace(secret, "…")
    return text


def leave_queries_out_of_logs() -> None:
    """What urllib3 notes of an address comes without its query, which may hold a key."""
    for name in _TALKATIVE:
        logging.getLogger(f"urllib3.{name}").addFilter(_without_queries)


def _without_queries(record: logging.LogRecord) -> bool:
    record.msg, record.args = _QUERY.sub("?…", record.getMessage()), ()
    return True
