"""When was it, on the clock of the source and in UTC? Whole columns at once.

A time that names its zone is taken at its word. One that does not is read on the source's clock: of the hour
that comes twice in autumn the first is meant, and a time in the hour that spring skips moves to the end of the
gap. A date without a time stays that civil day and is never spread over its hours. A week of ISO 8601, such as
2026-W05, is its Monday.
"""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from connectors.texts import as_text

Instants = npt.NDArray[np.datetime64]
Mask = npt.NDArray[np.bool_]

_ENDS_WITH_ZONE = r":\d{2}(\.\d+)?\s?([Zz]|[+-]\d{2}(:?\d{2})?)$"
# Tried in this order where a time is not ISO 8601. A slash means month first, as portals of the USA write it.
_OTHER_FORMATS = (
    "%m/%d/%Y %I:%M:%S %p",
    "%m/%d/%Y %H:%M:%S",
    "%m/%d/%Y %H:%M",
    "%m/%d/%Y",
    "%d.%m.%Y %H:%M:%S",
    "%d.%m.%Y %H:%M",
    "%d.%m.%Y",
)
_ISO_WEEK, _MONDAY = r"^\d{4}-?W\d{2}$", "%G-W%V-%u"
_EARLIEST, _LATEST = np.datetime64("1971-01-01"), np.datetime64("2100-01-01")  # outside: stands for "unknown"


@dataclass(frozen=True, slots=True)
class Times:
    """One column of times; every array has one entry per row."""

    utc: Instants  # datetime64[us]; NaT: none, unreadable or a sentinel
    day: Instants  # datetime64[D], civil day in the source's zone
    written: Mask  # something stood there
    sentinel: Mask  # a date that means "unknown", such as 1900-01-01 or 9999-12-31
    day_only: Mask  # only a date was given
    ambiguous: int  # rows in the hour that comes twice
    skipped: int  # rows in the hour that does not exist


def parse_times(values: pa.Array, zone: ZoneInfo, clock: ZoneInfo, *, time_format: str = "") -> Times:
    """Times of one column of texts, timestamps or dates.

    Args:
        zone: Where civil days are counted.
        clock: Where times that name no zone were written.
        time_format: The format of `strptime` in which all texts are; '': ISO 8601 and a few others are tried.
    """
    naive, utc, written, day_only = _read(values, time_format)
    dated = ~np.isnat(naive)
    if clock == zone and dated.any() and (naive[dated] == naive[dated].astype("datetime64[D]")).all():
        day_only = dated  # a column in which it is always midnight states days
    local = pd.DatetimeIndex(naive)
    on_clock, ambiguous, skipped = _localize(local, clock)
    from_dates = on_clock if clock == zone else _localize(local, zone)[0]
    utc = np.where(np.isnat(utc), np.where(day_only, from_dates, on_clock), utc)
    sentinel = (utc < _EARLIEST) | (utc >= _LATEST)
    utc[sentinel] = np.datetime64("NaT")
    day = civil_days(utc, zone)
    day[day_only & ~sentinel] = naive[day_only & ~sentinel].astype("datetime64[D]")
    in_time = ~day_only & ~sentinel
    return Times(
        utc, day, written, sentinel, day_only, int((ambiguous & in_time).sum()), int((skipped & in_time).sum())
    )


def never(rows: int) -> Times:
    """A column in which nothing was written."""
    nothing, no = np.full(rows, "NaT", dtype="datetime64[us]"), np.zeros(rows, dtype=np.bool_)
    return Times(nothing, nothing.astype("datetime64[D]"), no, no, no, 0, 0)


def civil_days(utc: Instants, zone: ZoneInfo) -> Instants:
    """The civil day in `zone` of each instant, as datetime64[D]."""
    local = pd.DatetimeIndex(utc).tz_localize("UTC").tz_convert(zone).tz_localize(None)
    return local.to_numpy().astype("datetime64[D]")


def _read(values: pa.Array, time_format: str) -> tuple[Instants, Instants, Mask, Mask]:
    """Naive times and instants as written (NaT where the other or nothing was), what was written, what is a date."""
    written = values.is_valid().to_numpy(zero_copy_only=False)
    nothing = np.full(len(values), "NaT", dtype="datetime64[us]")
    if pa.types.is_date(values.type):
        return _instants(values.cast(pa.timestamp("us"))), nothing, written, written
    if pa.types.is_timestamp(values.type):
        found = _instants(values.cast(pa.timestamp("us", values.type.tz), safe=False))
        no_date = np.zeros(len(values), dtype=np.bool_)
        return (found, nothing, written, no_date) if values.type.tz is None else (nothing, found, written, no_date)

    texts = as_text(values)
    written = pc.not_equal(texts, "").to_numpy(zero_copy_only=False)
    timed = pc.match_substring(texts, ":").to_numpy(zero_copy_only=False) | ("%H" in time_format or "%I" in time_format)
    zoned = pc.match_substring_regex(texts, _ENDS_WITH_ZONE).to_numpy(zero_copy_only=False)
    naive = _parse_naive(texts, written & ~zoned, time_format)
    utc = _parse_zoned(texts, zoned) if zoned.any() else nothing
    return naive, utc, written, ~timed & ~np.isnat(naive)


def _parse_zoned(texts: pa.Array, wanted: Mask) -> Instants:
    chosen = pc.if_else(pa.array(wanted), texts, None)
    try:
        return _instants(chosen.cast(pa.timestamp("us", "UTC")))  # many times as fast as what follows
    except pa.ArrowInvalid:
        found = pd.to_datetime(chosen.to_pandas(), format="ISO8601", errors="coerce", utc=True)
        instants: Instants = found.dt.tz_localize(None).to_numpy().astype("datetime64[us]")
        return instants


def _parse_naive(texts: pa.Array, wanted: Mask, time_format: str) -> Instants:
    if not time_format:
        try:
            return _instants(pc.if_else(pa.array(wanted), texts, None).cast(pa.timestamp("us")))
        except pa.ArrowInvalid:
            pass
    found = np.full(len(texts), "NaT", dtype="datetime64[us]")
    for layout in (time_format,) if time_format else ("ISO8601", *_OTHER_FORMATS, _MONDAY):
        left = wanted & np.isnat(found)
        if not left.any():
            break
        chosen = texts.filter(pa.array(left)).to_pandas()
        if layout == "ISO8601":
            chosen = chosen.where((chosen.str.len() >= 8) & ~chosen.str.contains("W"))  # a bare number is no date
        elif layout == _MONDAY:
            chosen = chosen.where(chosen.str.contains(_ISO_WEEK)).str.replace(r"-?W(\d+)", r"-W\1-1", regex=True)
        found[left] = pd.to_datetime(chosen, format=layout, errors="coerce").to_numpy().astype("datetime64[us]")
    return found


def _localize(naive: pd.DatetimeIndex, zone: ZoneInfo) -> tuple[Instants, Mask, Mask]:
    """UTC of naive times on the clock of `zone`; which come twice, and which do not exist."""
    first = _to_utc(naive, zone, summer=True)
    second = _to_utc(naive, zone, summer=False)
    shown = first.tz_localize("UTC").tz_convert(zone).tz_localize(None)
    known = naive.notna()
    return first.to_numpy(), np.asarray((first != second) & known), np.asarray((shown != naive) & known)


def _to_utc(naive: pd.DatetimeIndex, zone: ZoneInfo, *, summer: bool) -> pd.DatetimeIndex:
    choice = np.full(len(naive), summer)
    return naive.tz_localize(zone, ambiguous=choice, nonexistent="shift_forward").tz_convert("UTC").tz_localize(None)


def _instants(values: pa.Array) -> Instants:
    found: Instants = values.to_numpy(zero_copy_only=False).astype("datetime64[us]")
    return found
