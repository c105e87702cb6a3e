"""Turns counts into requests as a 311 office files them: late, misfiled, twice, and closed when there is time."""

from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from forewarn.calendar import Dates, weekdays
from simulator.categories import Category
from simulator.places import Areas, addresses
from simulator.population import Bools, Floats, Ints, Population, Service

CHANNELS = ("phone", "app", "web")
DAY = 86_400  # seconds

AT_ONCE, NEXT_DAY = 0.80, 0.14  # share of requests that appear at once, on the next day; the others up to LATEST
LATEST = 10 * DAY
MISFILED, MISPLACED = 0.025, 0.015  # share filed under a wrong category or area and put right later
DUPLICATE = 0.04  # share that repeats a request of the same category and area of the last three days
NEVER_CLOSED = 0.05
_NEVER = 1 << 62

_HOURS = {  # relative frequency of the hours 0 to 23
    "office": [1, 1, 1, 1, 1, 2, 4, 8, 14, 18, 19, 18, 16, 16, 15, 14, 13, 11, 8, 6, 5, 4, 3, 2],
    "evening": [9, 6, 4, 3, 2, 2, 2, 3, 4, 4, 4, 4, 4, 4, 5, 5, 6, 8, 10, 12, 15, 18, 18, 14],
    "flat": [3, 2, 2, 2, 2, 4, 8, 12, 12, 11, 10, 10, 9, 9, 9, 9, 10, 12, 12, 11, 10, 9, 7, 5],
}


def file_requests(
    rng: np.random.Generator,
    counts: Ints,
    mean: Floats,
    categories: tuple[Category, ...],
    areas: Areas,
    dates: Dates,
    zone: ZoneInfo,
) -> Population:
    """Requests and their versions for counts (n_categories, n_areas, n_days).

    Args:
        mean: What the offices are staffed for, in the shape of `counts`; more makes a backlog.
    """
    cells = np.repeat(np.arange(counts.size), counts.ravel())
    category, area, day = np.unravel_index(cells, counts.shape)
    requested = _requested(rng, category, day, categories, dates, zone)
    order = np.argsort(requested, kind="stable")
    category, area, day, requested = category[order], area[order], day[order], requested[order]
    n = len(requested)
    appears = requested + _delays(rng, n)
    parent = _parents(rng, category, area, requested, appears)
    repeated = parent >= 0
    places = np.where(repeated, parent, np.arange(n))  # a duplicate is reported at the place of the first
    closes = appears + _closing(rng, counts, mean, category, day, repeated, categories, dates)
    first_category = np.where(rng.random(n) < MISFILED, _confused(categories)[category], category)
    first_area = np.where(rng.random(n) < MISPLACED, areas.nearest[area, 1], area)
    wrong = (first_category != category) | (first_area != area)
    mended = appears + (rng.lognormal(0.0, 0.8, n) * 0.8 * DAY).astype(np.int64) + 60
    edited = np.flatnonzero(wrong & (mended < closes))
    closed = np.flatnonzero(closes < _NEVER)
    rows = np.concatenate([np.arange(n), edited, closed])
    at = np.concatenate([appears, mended[edited], closes[closed]])
    in_order = np.lexsort((at, rows))
    years = dates[day].astype("datetime64[Y]").astype(int) + 1970
    pool = np.array(addresses())
    return Population(
        zone=zone,
        services=tuple(
            Service(f"{number:03d}", kind.name, kind.agency, kind.description)
            for number, kind in enumerate(categories, 101)
        ),
        areas=areas.names,
        channels=CHANNELS,
        ids=np.array([f"{year % 100:02d}-{serial:08d}" for serial, year in enumerate(years.tolist(), 1)]),
        requested=requested,
        channel=_channels(rng, day, len(dates)),
        parent=parent,
        latitude=(areas.latitude[area] + rng.normal(0.0, 0.003, n))[places].round(5),
        longitude=(areas.longitude[area] + rng.normal(0.0, 0.003, n))[places].round(5),
        street=pool[rng.integers(0, len(pool), n)][places],
        request=rows[in_order],
        at=at[in_order],
        service=np.concatenate([first_category, category[edited], category[closed]])[in_order],
        area=np.concatenate([first_area, area[edited], area[closed]])[in_order],
        closed=(np.arange(len(rows)) >= n + len(edited))[in_order],
    )


def _requested(
    rng: np.random.Generator, category: Ints, day: Ints, categories: tuple[Category, ...], dates: Dates, zone: ZoneInfo
) -> Ints:
    """Seconds in UTC; the civil day in `zone` is the one that was drawn."""
    cumulated = np.stack([np.cumsum(_HOURS[kind.hours]) / np.sum(_HOURS[kind.hours]) for kind in categories])
    hour = (rng.random((len(category), 1)) > cumulated[category]).sum(axis=1)
    second = hour * 3600 + rng.integers(0, 3600, len(category))
    local = pd.DatetimeIndex(dates[day].astype("datetime64[s]") + second.astype("timedelta64[s]"))
    zoned = local.tz_localize(zone, ambiguous=np.zeros(len(local), dtype=bool), nonexistent="shift_forward")
    return zoned.tz_convert("UTC").tz_localize(None).to_numpy().astype("datetime64[s]").astype(np.int64)


def _delays(rng: np.random.Generator, n: int) -> Ints:
    """Seconds until a request can be seen."""
    kind = rng.random(n)
    next_day = rng.uniform(0.4, 1.3, n) * DAY
    later = np.minimum((1.0 + rng.exponential(2.0, n)) * DAY, LATEST)
    delay = np.where(kind < AT_ONCE, 0.0, np.where(kind < AT_ONCE + NEXT_DAY, next_day, later))
    return delay.astype(np.int64)


def _parents(rng: np.random.Generator, category: Ints, area: Ints, requested: Ints, appears: Ints) -> Ints:
    """The request that each one repeats, -1: none. It can be seen by then, and is no repetition itself."""
    order = np.lexsort((requested, area, category))
    before, after = order[:-1], order[1:]
    eligible = (
        (category[before] == category[after])
        & (area[before] == area[after])
        & (requested[after] - requested[before] < 3 * DAY)
        & (appears[before] <= requested[after])
    )
    repeats = eligible & (rng.random(len(after)) * max(eligible.mean(), DUPLICATE) < DUPLICATE)
    repeats[1:] &= ~repeats[:-1]
    parent = np.full(len(order), -1)
    parent[after[repeats]] = before[repeats]
    return parent


def _closing(
    rng: np.random.Generator,
    counts: Ints,
    mean: Floats,
    category: Ints,
    day: Ints,
    repeated: Bools,
    categories: tuple[Category, ...],
    dates: Dates,
) -> Ints:
    """Seconds from appearing to closing. It takes longer the more is waiting, and slow work rests at weekends."""
    usual = np.array([kind.close_days for kind in categories])
    waiting = _backlog(counts.sum(axis=1), mean.sum(axis=1), dates)
    days = usual[category] * rng.lognormal(0.0, 0.7, len(category)) * (1.0 + 1.5 * waiting[category, day])
    days = np.where(repeated, 0.5 * rng.lognormal(0.0, 0.5, len(category)), days)
    ends_on = (weekdays(dates)[day] + np.floor(days).astype(np.int64)) % 7
    days += np.where((usual[category] >= 1) & (ends_on >= 5), 7 - ends_on, 0)
    seconds = (days * DAY).astype(np.int64) + 120
    never = rng.random(len(category)) < NEVER_CLOSED
    return np.where(never & ~repeated, _NEVER, seconds)


def _backlog(arrivals: Ints, mean: Floats, dates: Dates) -> Floats:
    """Requests that wait, in weeks of work; both arguments (n_categories, n_days)."""
    window = np.ones(91) / 91
    padded = np.pad(mean, ((0, 0), (45, 45)), mode="edge")
    staffed = np.stack([np.convolve(row, window, mode="valid") for row in padded])
    capacity = 1.1 * staffed * np.where(weekdays(dates) < 5, 7 / 5, 0.0)
    waiting = np.zeros(len(mean))
    weeks = np.empty_like(mean)
    for day in range(mean.shape[1]):
        waiting = np.maximum(waiting + arrivals[:, day] - capacity[:, day], 0.0)
        weeks[:, day] = waiting / (7 * staffed[:, day])
    return weeks


def _confused(categories: tuple[Category, ...]) -> Ints:
    """For each category the one it is mistaken for: the next of the same agency."""
    numbers = np.arange(len(categories))
    agencies = np.array([kind.agency for kind in categories])
    return np.array([np.roll(numbers, -1 - n)[np.argmax(np.roll(agencies, -1 - n) == agencies[n])] for n in numbers])


def _channels(rng: np.random.Generator, day: Ints, n_days: int) -> Ints:
    """Phone loses to the app over the years."""
    phone = 0.55 - 0.15 * day / n_days
    chance = rng.random(len(day))
    return np.where(chance < phone, 0, np.where(chance < 0.82, 1, 2))
