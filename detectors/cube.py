"""Counts of one panel arranged for a scan: by topic, area and day, in an order of their own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from detectors.zones import Integers
from forewarn.calendar import Dates
from forewarn.panel import Panel


@dataclass(frozen=True)
class Cube:
    """What a panel with areas counts.

    Args:
        topics: What is told apart besides the area, such as `{"category": "Rats"}`; sorted.
        areas: Names.
        counts: (n_topics, n_areas, n_days); 0 on days that were not observed, which `observed` tells.
        observed: (n_topics, n_days); `dates` are the days.
    """

    topics: Sequence[Mapping[str, str]]
    areas: Sequence[str]
    counts: npt.NDArray[np.int64]
    observed: npt.NDArray[np.bool_]
    dates: Dates

    @classmethod
    def of(cls, panel: Panel, areas: Sequence[str], n_days: int) -> "Cube":
        """The last `n_days` days of a panel whose level has the area. Series with an unknown label are left out.

        Args:
            areas: All the panel's areas; there may be more.

        A day that some series of a topic lack was not observed for the topic: a total without them would be no total.
        """
        known = _known(panel)
        labels = panel.labels[known]
        counts = panel.counts[known][:, -n_days:]
        names = [name for name in panel.level if name != "area"]
        keys = list(labels[names].itertuples(index=False, name=None))
        distinct = sorted(set(keys))
        topic_of, area_of = ({key: place for place, key in enumerate(some)} for some in (distinct, areas))
        rows: tuple[Integers, Integers] = (
            np.array([topic_of[key] for key in keys], dtype=np.int64),
            np.array([area_of[area] for area in labels["area"]], dtype=np.int64),
        )
        cube = np.zeros((len(distinct), len(areas), counts.shape[1]), dtype=np.int64)
        missing = np.zeros((len(distinct), counts.shape[1]), dtype=bool)
        np.logical_or.at(missing, rows[0], np.isnan(counts))
        cube[rows] = np.where(missing[rows[0]], 0.0, np.nan_to_num(counts))
        topics = [dict(zip(names, key, strict=True)) for key in distinct]
        return cls(topics, areas, cube, ~missing, panel.dates[-n_days:])

    def prints(self) -> Integers:
        """(n_days,) a fingerprint of each day's counts: days with the same one have the same counts."""
        n_topics, n_areas, n_days = self.counts.shape
        weight = np.random.default_rng(0).integers(np.iinfo(np.int64).max, size=n_topics * n_areas)
        return np.asarray(weight @ self.counts.reshape(-1, n_days))  # modulo 2 ** 64


def areas_of(panel: Panel) -> list[str]:
    """Names of the areas of a panel whose level has them, sorted; an unknown area is none."""
    return sorted(set(panel.labels["area"][_known(panel)]))


def _known(panel: Panel) -> npt.NDArray[np.bool_]:
    return np.asarray((panel.labels != "").all(axis=1).to_numpy(dtype=bool))
