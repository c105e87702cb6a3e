"""The interfaces between the parts, each with the values that only it passes on.

Connectors never see the database and detectors do no I/O; flows join the two.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol, runtime_checkable

from forewarn.alert import Finding, Notification
from forewarn.panel import Panel
from forewarn.request import NO_REQUESTS, DailyCount, Reject, Requests
from forewarn.results import Detection, Forecast


class Coverage(StrEnum):
    """What is known of one source on one civil day. Only OBSERVED and QUIET may show a zero."""

    OBSERVED = "observed"  # drained, and requests came
    QUIET = "quiet"  # drained, none came, and that is plausible or confirmed
    PARTIAL = "partial"  # not over yet, or not all of it could be read
    MISSING = "missing"  # not read, or a zero that cannot be believed


class SourceHealth(StrEnum):
    """State of a source after a run; see docs/sources.md for how it is told."""

    OK = "ok"
    QUIET = "quiet"
    LATE = "late"
    PARTIAL = "partial"
    SILENT = "silent"
    STALE = "stale"
    BROKEN = "broken"
    UNDETERMINED = "undetermined"


@dataclass(frozen=True, slots=True)
class Window:
    """A piece of a source that is read as a whole: a span of time, or a file (`name`).

    Windows of one plan are read in their order, and the first that fails ends the run: each `state` counts on
    all windows before it.
    """

    since: datetime | None = None  # included
    until: datetime | None = None  # excluded
    name: str = ""
    state: Mapping[str, Any] = field(default_factory=dict, compare=False)  # the connector's, once this is drained


@dataclass(frozen=True, slots=True)
class Everything:
    """All that a source has of some days: what is stored of them besides is gone.

    Args:
        name: What says so, such as a file.
        record_ids: Of the requests.
        counts: Instead, from sources that publish only volumes.
    """

    name: str
    record_ids: frozenset[str] = frozenset()
    counts: Sequence[DailyCount] | None = None


@dataclass(frozen=True, slots=True)
class WindowEnd:
    """Proof that a window was drained; committed in the transaction of its last page.

    Args:
        state: The connector's new state (JSON), from which the next plan starts.
        covers: First and last civil day that are now completely known; None: no day became complete.
        open_day: Civil day that has begun but is not over, if the window reaches into it.
        partial_days: Days of `covers` of which the source would not give everything.
        fresh_until: The source says that it holds everything up to here; None: it does not say.
        shape: Field of the source → type, of all that it says it has; {}: it does not say.
        everything: All that there is of the days of `covers`; None: what did not come may be there all the same.
        left_out: What of the window could not be used as a whole, and why, such as a file that was cut; '': nothing.
    """

    state: Mapping[str, Any]
    covers: tuple[date, date] | None = None
    open_day: date | None = None
    fresh_until: datetime | None = None
    partial_days: frozenset[date] = frozenset()
    shape: Mapping[str, str] = field(default_factory=dict)
    everything: Everything | None = None
    left_out: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """Rows read in one go. The last page of a window carries its `end`."""

    requests: Requests = NO_REQUESTS
    counts: Sequence[DailyCount] = ()
    rejects: Sequence[Reject] = ()
    counters: Mapping[str, int] = field(default_factory=dict)  # such as `null_island`; see also connectors/contents.py
    end: WindowEnd | None = None
    removed: Sequence[str] = ()  # record ids that the source says it has deleted
    shape: Mapping[str, str] = field(default_factory=dict)  # field → type, of those that are not empty in its rows


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a probe found out."""

    reachable: bool
    fresh_until: datetime | None = None  # the source says that it holds everything up to here
    fields: Mapping[str, str] = field(default_factory=dict)  # field of the source → type, as far as told
    rows: int | None = None
    remarks: Sequence[str] = ()  # in words, for `forewarn sources check`
    mapping: Mapping[str, Sequence[str]] = field(default_factory=dict)  # our field → its, the first that is there


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """Ids or a control total of a span, to compare with the store."""

    total: int | None = None
    record_ids: frozenset[str] | None = None
    is_all: bool = True  # false: what is not there may have been tidied away, and proves nothing


@dataclass(frozen=True, slots=True)
class ReceivedBatch:
    """Something that was pushed to us and waits to be read.

    Args:
        number: Batches that came later have higher ones.
        received_at: By our clock.
        content: As the connector of the source made it from what was sent (JSON).
    """

    number: int
    received_at: datetime
    content: Mapping[str, Any]


Received = Callable[[int], Sequence[ReceivedBatch]]
"""The next batches after the one with this number; none: all were read."""


class Connector(Protocol):
    """Reads one source. Every window is drained or an error is raised, and nothing is written."""

    @property
    def source(self) -> str: ...
    def probe(self) -> Capabilities: ...
    def plan(self, state: Mapping[str, Any], now: datetime) -> Sequence[Window]:
        """The windows to read, oldest first, given the committed `state` ({}: never read)."""
        ...

    def fetch(self, window: Window) -> Iterator[Page]: ...
    def reconcile(self, span: Window) -> Reconciliation: ...


@runtime_checkable
class ReadsSingly(Protocol):
    """A connector whose source can be asked for single requests."""

    def read_again(self, record_ids: Sequence[str], now: datetime) -> Iterator[Page]:
        """The present state of these requests; those that the source no longer has are in `Page.removed`."""
        ...


@runtime_checkable
class ForgetsOld(ReadsSingly, Protocol):
    """A connector that reads requests again only for some time, so that it learns of later changes only singly."""

    @property
    def revisited_days(self) -> int | None:
        """How old the oldest requests are that it still reads by itself; None: every change comes to it."""
        ...


@runtime_checkable
class TellsTime(Protocol):
    """A connector whose source has a clock that can be compared with ours."""

    def clock_ahead(self, now: datetime) -> timedelta:
        """By how much the moment that is taken for now was ahead of the source's clock when it last answered. Of the
        time between the two nothing can be there yet, so whoever reads up to now must mean the earlier.
        """
        ...


class Detector(Protocol):
    """Judges days. Today's count never moves today's limit, and no day sees a later one."""

    @property
    def name(self) -> str: ...
    def detect(self, panel: Panel, last: int) -> Detection:
        """Verdicts on the last `last` days of every series."""
        ...


class Forecaster(Protocol):
    """Says what the coming days should bring."""

    @property
    def name(self) -> str: ...
    def forecast(self, panel: Panel, horizon: int) -> Forecast:
        """The `horizon` days after the panel's last."""
        ...


class Rule(Protocol):
    """Turns many alarms of one day into few findings."""

    @property
    def name(self) -> str: ...
    def evaluate(self, detections: Sequence[Detection], day: date) -> list[Finding]:
        """Findings of `day`, given the detections of one source at all its levels."""
        ...


class Channel(Protocol):
    """Brings one message to people.

    Raises:
        DeliveryError: It was not accepted; `.retryable` says whether to try again.
    """

    @property
    def name(self) -> str: ...
    def send(self, notification: Notification) -> None: ...
