"""How the false alarms that chance may raise are shared: over sources, over what is looked for, and over chances.

    sum over verdicts of min(alpha, what one can raise at all) = share * false_alarms_per_week / 7 / sources

gives alpha, the chance below which one verdict alarms, the verdicts being those of a day, of which a weekly one is a
seventh (alerts/rules/chances.py). All verdicts of an ordinary week together then raise no more false alarms than the
setting says: a bound on their expected number, whatever depends on what (docs/decisions/0002).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from alerts.rules.chances import Chances, chances_of
from forewarn.panel import Panel
from forewarn.settings import DetectionSettings, Settings

CLUSTERS, WORDS, HOURS = 0.25, 0.1, 0.2
"""Shares, where a source has areas or places, has texts, and is judged in hours; the rest is for days of series."""

YEAR_DAYS = 364
HOURS_A_DAY = 24
RAREST_NEWS = 0.005
"""However few series are watched: a count that a series shows twice a year is no news."""
LARGEST_OF_SOURCE = 0.05
"""However many false alarms may come: clusters or words that come every few weeks are no news."""


@dataclass(frozen=True)
class Allowance:
    """What the verdicts on one source may raise by chance.

    Args:
        false_alarms_per_week: Of all sources together.
        n_sources: That share them evenly.
        clusters, words, hours: Whether they are looked at.
        steps_a_day: Verdicts on one series in a day; 1/7 where weeks are judged.
    """

    false_alarms_per_week: float
    n_sources: int
    clusters: bool = False
    words: bool = False
    hours: bool = False
    steps_a_day: float = 1.0

    @property
    def a_day(self) -> float:
        """False alarms of this source on an ordinary day."""
        return self.false_alarms_per_week / 7 / self.n_sources

    @property
    def of_series(self) -> float:
        """Share of single series."""
        return 1 - CLUSTERS * self.clusters - WORDS * self.words - HOURS * self.hours

    def alpha(self, chances: Chances) -> float:
        """The chance below which a single count raises an alarm, given `chances_for` the panels."""
        return min(chances.tail_of(self.of_series * self.a_day), RAREST_NEWS / self.steps_a_day)

    def alpha_of_hours(self, n_series: int) -> float:
        """The chance below which some hours of a series raise an alarm; each hour is a chance."""
        return min(HOURS * self.a_day / max(n_series, 1), RAREST_NEWS) / HOURS_A_DAY

    @property
    def alpha_of_clusters(self) -> float:
        """Chance at which an ordinary day may show a cluster."""
        return min(CLUSTERS * self.a_day, LARGEST_OF_SOURCE)

    @property
    def alpha_of_words(self) -> float:
        """Chance at which an ordinary day may bring words."""
        return min(WORDS * self.a_day, LARGEST_OF_SOURCE)


def allowance_of(settings: Settings, name: str, detection: DetectionSettings, *, clusters: bool) -> Allowance:
    """What the source `name` may raise.

    Args:
        detection: The settings in force, whose false alarms are shared.
        clusters: It has areas or places to look for clusters in.
    """
    source = settings.sources[name]
    return Allowance(
        detection.false_alarms_per_week,
        len(settings.sources),
        clusters=clusters,
        words=bool(source.languages) and source.steps.days == 1,
        hours=source.step == "hour",
        steps_a_day=1 / source.steps.days,
    )


def chances_for(panels: Sequence[Panel], detection: DetectionSettings) -> Chances:
    """Chances for a false alarm a day: a surge of each series, and a drop where enough is usual, by each method."""
    return chances_of([*panels] * len(detection.detectors), detection.min_requests)
