"""Five troubles planted in the city's last weeks. They are the ground truth; no detector is told."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from forewarn.calendar import Dates, weekdays
from simulator.categories import HEATING, MISSED_COLLECTION, NO_WATER, RATS, WATER_LEAK, Category
from simulator.places import Areas
from simulator.population import Floats

BURST_DAYS = np.array([0.6, 1.0, 0.4, 0.15, 0.05])  # share of the peak on each day
ROUND_DAYS = np.array([0.6, 1.0, 0.4])
COLD_SNAP = np.array([5.0, 9.0, 11.0, 9.0, 6.0, 3.0])  # degrees below what it would have been
EARLIEST = 80  # days before the last day; nothing is planted before


@dataclass(frozen=True)
class Trouble:
    """One planted trouble.

    Args:
        kind: `spike`, `ramp` or `silence`.
        categories, areas: Where its requests fall; empty: everywhere in the source.
        peak_day: The worst day by plan, for a silence the day on which people would notice by themselves.
    """

    name: str
    kind: str
    source: str
    categories: tuple[str, ...]
    areas: tuple[str, ...]
    first_day: date
    peak_day: date
    last_day: date
    description: str


@dataclass(frozen=True)
class Site:
    """What the troubles are planted in."""

    source: str
    categories: Sequence[Category]
    areas: Areas
    dates: Dates

    def day(self, number: int) -> date:
        """The civil day with this number."""
        found: date = self.dates[number].item()
        return found

    def category(self, name: str) -> int:
        """The number of a category."""
        return [category.name for category in self.categories].index(name)

    def around(self, centre: int, n_areas: int) -> list[int]:
        """An area and the nearest ones around it, `n_areas` in all."""
        return [int(area) for area in self.areas.nearest[centre, :n_areas]]

    def busy_area(self, rng: np.random.Generator) -> int:
        """One of the areas in the upper half by number of requests."""
        order = np.argsort(-self.areas.weights)
        return int(rng.choice(order[: len(order) // 2]))

    def trouble(
        self, name: str, kind: str, categories: tuple[str, ...], areas: list[int], days: tuple[int, int, int], text: str
    ) -> Trouble:
        """A trouble on the days numbered first, peak and last."""
        places = tuple(self.areas.names[area] for area in areas)
        first, peak, last = (self.day(number) for number in days)
        return Trouble(name, kind, self.source, categories, places, first, peak, last, f"{text} ({', '.join(places)})")


def burst_main(rng: np.random.Generator, site: Site, mean: Floats) -> Trouble:
    """A main bursts: leaks and dry taps in two or three areas, worst on the second day. Adds to `mean`."""
    first = len(site.dates) - int(rng.integers(25, 61))
    areas = site.around(site.busy_area(rng), int(rng.integers(2, 4)))
    peak = rng.uniform(36, 50)  # requests a day, both categories and all areas
    days = slice(first, first + len(BURST_DAYS))
    reach = np.array([1.0, 0.6, 0.4])[: len(areas), None]
    requests = peak * reach / reach.sum() * BURST_DAYS
    mean[site.category(WATER_LEAK), areas, days] += 0.4 * requests
    mean[site.category(NO_WATER), areas, days] += 0.6 * requests
    span = (first, first + 1, first + len(BURST_DAYS) - 1)
    return site.trouble(
        "Burst main", "spike", (WATER_LEAK, NO_WATER), areas, span, "A water main bursts and is mended in five days"
    )


def rats(rng: np.random.Generator, site: Site, mean: Floats) -> Trouble:
    """Rats multiply in one area and spread to its neighbours over five to six weeks. Adds to `mean`."""
    ramp = int(rng.integers(35, 43))
    peak_day = len(site.dates) - int(rng.integers(9, 15))
    first = peak_day - ramp
    areas = site.around(site.busy_area(rng), 4)
    after = np.arange(1, len(site.dates) - peak_day)
    growth = np.concatenate([(np.arange(ramp + 1) / ramp) ** 1.3, 0.5 ** (after / 7)])
    peak = np.array([2.2, 1.5, 1.3, 1.1])[:, None] * rng.uniform(0.9, 1.1)  # requests a day in each area
    city = mean[site.category(RATS), :, first:].sum(axis=0)
    mean[site.category(RATS), areas, first:] += peak * growth * city / city.mean()  # keeps the rhythm of the week
    span = (first, peak_day, len(site.dates) - 1)
    return site.trouble(
        "Rats", "ramp", (RATS,), areas, span, "Rats spread from one area until the bait laid at the peak takes effect"
    )


def missed_round(rng: np.random.Generator, site: Site, mean: Floats) -> Trouble:
    """A collection round fails on a Tuesday or Wednesday and is made up for two days later. Adds to `mean`."""
    first = len(site.dates) - int(rng.integers(16, 46))
    wanted = int(rng.integers(1, 3))
    first += (wanted - int(weekdays(site.dates[first : first + 1])[0])) % 7
    areas = site.around(site.busy_area(rng), 5)
    peak = rng.uniform(4.5, 6.5, (len(areas), 1))  # requests a day in each area
    mean[site.category(MISSED_COLLECTION), areas, first : first + len(ROUND_DAYS)] += peak * ROUND_DAYS
    span = (first, first + 1, first + len(ROUND_DAYS) - 1)
    return site.trouble(
        "Missed collection round", "spike", (MISSED_COLLECTION,), areas, span, "A crew's round is left out for two days"
    )


def cold_snap_day(rng: np.random.Generator, n_days: int) -> int:
    """Number of the day on which the cold snap begins."""
    return n_days - int(rng.integers(14, 25))


def heating_failure(rng: np.random.Generator, site: Site, mean: Floats, first: int) -> Trouble:
    """District heating fails in one area while it is cold everywhere: at least four times the usual. Adds to `mean`."""
    area = int(rng.choice(np.argsort(-site.areas.weights)[:5]))
    usual = mean[site.category(HEATING), area, first : first + len(COLD_SNAP)]
    extra = np.maximum(3.0 * usual, rng.uniform(14, 18) * COLD_SNAP / COLD_SNAP.max())
    usual += extra
    span = (first, first + int(np.argmax(usual)), first + len(COLD_SNAP) - 1)
    return site.trouble(
        "Heating failure", "spike", (HEATING,), [area], span, "The heating plant of one area fails in a cold snap"
    )


def silence(rng: np.random.Generator, site: Site) -> Trouble:
    """The source goes on answering, but shows nothing that is newer than its first silent day."""
    n_days = len(site.dates)
    first = n_days - int(rng.integers(7, 10))
    return Trouble(
        "Silent source",
        "silence",
        site.source,
        (),
        (),
        site.day(first),
        site.day(first + 4),
        site.day(n_days - 1),
        f"{site.source} answers in good order but brings nothing new",
    )
