"""Items of a list that is read again and again: the first time each was seen is the report.

A page shows its latest 40 reports, and a scraper writes down all of them every hour. Rows that say the same, but for
the time, within some days of each other are one report, which came when the first of them was seen.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from hashlib import blake2b

import numpy as np

from forewarn.panel import LABELS
from forewarn.request import Requests

DAY_SECONDS = 86_400


@dataclass
class Relisted:
    """What was seen lately; holds one entry an item.

    Args:
        days: An item that comes again later than so many days after it was last seen is a new report.
        seen: Digest of an item → when it was last seen, in seconds since 1970.
    """

    days: int
    seen: dict[str, int] = field(default_factory=dict)

    def first_of_each(self, requests: Requests) -> Requests:
        """Without the rows that were seen before; ids say what the item is and when it was first seen."""
        digests = list(_digests(requests))
        times = requests.requested_at.astype("datetime64[s]").astype(np.int64).tolist()
        new = np.zeros(len(requests), dtype=np.bool_)
        ids = requests.source_record_id.copy()
        for place in np.argsort(requests.requested_at, kind="stable").tolist():
            digest, at = digests[place], times[place]
            last = self.seen.get(digest)
            if last is None or abs(at - last) > self.days * DAY_SECONDS:
                new[place] = True
                ids[place] = f"{digest}-{at}"
            self.seen[digest] = at if last is None else max(at, last)
        return replace(requests, source_record_id=ids).where(new)

    def still_listed(self) -> dict[str, int]:
        """What the next run must know."""
        since = max(self.seen.values(), default=0) - self.days * DAY_SECONDS
        return {digest: last for digest, last in self.seen.items() if last >= since}


def _digests(requests: Requests) -> Iterator[str]:
    """What each row says, but for its times and status, which change."""
    columns = [getattr(requests, name).tolist() for name in (*LABELS, "lat", "lon", "description")]
    for row in zip(*columns, strict=True):
        yield blake2b("\x1f".join(map(str, row)).encode(), digest_size=8).hexdigest()
