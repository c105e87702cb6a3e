"""Everything forewarn raises on purpose.

    ForewarnError
    ├── ConfigError            a setting is wrong: names the key, the value and what is allowed
    ├── StoreError             the database cannot be used: says what to do
    ├── SourceError
    │   ├── SourceUnavailable  try again later: network, overload, half an answer
    │   └── SourceChanged      do not try again: a person must look (schema, address, permission)
    └── DeliveryError          a notification was not accepted; `.retryable` says whether to try again

A caller's mistake in code is a ValueError. Messages hold no secrets; details are attributes, so that nobody
has to parse a message.
"""

from collections.abc import Iterable

from forewarn.likeness import nearest

MOST_LISTED = 40
"""More allowed values than these help nobody; of them the nearest is told, or a few where none is near."""
FEW = 3


class ForewarnError(Exception):
    """Something went wrong that forewarn can explain."""


class ConfigError(ForewarnError):
    """A setting is wrong.

    Args:
        key: The setting as written, such as `sources.bonn.kind`.
        problem: What is wrong with it, in words.
        allowed: The values or keys that would be right, if they can be listed.
        value: The value that was found; never pass a secret.
    """

    def __init__(self, key: str, problem: str, *, allowed: Iterable[str] = (), value: object = None) -> None:
        self.key = key
        self.problem = problem
        self.allowed = tuple(allowed)
        self.value = value
        self.nearest = nearest(str(value or key).rsplit(".", 1)[-1], self.allowed)
        super().__init__(str(self))

    def __str__(self) -> str:
        text = f"{self.key}: {self.problem}"
        if self.nearest:
            text += f"; did you mean {self.nearest!r}?"
        if 0 < len(self.allowed) <= MOST_LISTED:
            text += f"{'' if self.nearest else '.'} Allowed: {', '.join(sorted(self.allowed))}."
        elif self.allowed and not self.nearest:
            text += f". {len(self.allowed)} are allowed, such as {', '.join(sorted(self.allowed)[:FEW])}."
        return text


class StoreError(ForewarnError):
    """The database cannot be reached, read or written; the message says what to do."""


class SourceError(ForewarnError):
    """One source failed. The others go on, and what was stored stays.

    Args:
        source: The source's name in the settings.
        problem: What happened, in words, without secrets.
    """

    def __init__(self, source: str, problem: str) -> None:
        self.source = source
        self.problem = problem
        super().__init__(f"source {source!r}: {problem}")


class SourceUnavailable(SourceError):
    """The source did not answer properly; trying again later may help.

    Args:
        status: The HTTP status with which it failed, if that was it.
    """

    def __init__(self, source: str, problem: str, *, status: int | None = None) -> None:
        self.status = status
        super().__init__(source, problem)


class SourceChanged(SourceError):
    """The source is not what it was: a field, an address or a permission changed. A person must look."""


class DeliveryError(ForewarnError):
    """A channel did not accept a notification."""

    def __init__(self, channel: str, problem: str, *, retryable: bool) -> None:
        self.channel = channel
        self.problem = problem
        self.retryable = retryable
        super().__init__(f"channel {channel!r}: {problem}")
