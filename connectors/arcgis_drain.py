"""All rows of a layer for which a condition holds, with the proof that they are all.

Pages begin behind the highest number so far. The rows must be as many as the server counts, before and after. What is
missing then, because a server does not sort, stumbles over one row or says nothing instead, is asked for by its
numbers, in halves down to the single row that cannot be read.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from connectors.arcgis_layer import Layer, Refused, Rows, Service
from forewarn.errors import SourceUnavailable

RESTARTS = 3
MOST_UNREADABLE = 20  # more than so many rows that cannot be read are no bad rows but a bad server


class _Moved(Exception):
    """The layer changed meanwhile."""


@dataclass
class Drain:
    """One condition on one layer.

    Args:
        fields: Those that are wanted.
        places: Whether points are.
        unreadable: Numbers of the rows that cannot be read, once all is drained.
    """

    service: Service
    layer: Layer
    where: str
    fields: Sequence[str]
    places: bool
    page_rows: int
    unreadable: list[int] = field(default_factory=list)

    def pages(self, expected: int) -> Iterator[Rows]:
        """Every row at least once.

        Args:
            expected: How many the server counted before.

        Raises:
            SourceUnavailable: The rows do not come to what the server counts.
        """
        for _ in range(1 + RESTARTS):
            try:
                yield from self._once(expected)
            except _Moved:
                expected = self._count()
            else:
                return
        problem = "its rows do not come to the number that it counts; it may be changing"
        raise SourceUnavailable(self.service.source, problem)

    def _once(self, expected: int) -> Iterator[Rows]:
        seen: set[int] = set()
        self.unreadable.clear()
        if self.layer.sorts:
            yield from self._by_number(seen, expected)
        counted = self._count() if seen or expected else 0
        if counted != len(seen):
            yield from self._missing(seen, counted)
            counted = self._count()
        if counted != len(seen) + len(self.unreadable):
            raise _Moved

    def _by_number(self, seen: set[int], expected: int) -> Iterator[Rows]:
        """Page after page, until they are as many as expected or nothing more comes."""
        last = None
        while len(seen) < expected or last is None:
            behind = "" if last is None else f" AND {self.layer.object_id} > {last}"
            try:
                found = self._rows(self.where + behind)
            except Refused:
                return
            numbers = self._numbers(found)
            if not numbers or (last is not None and min(numbers) <= last):  # nothing, or it does not heed the question
                return
            seen.update(numbers)
            yield found
            last = max(numbers)

    def _missing(self, seen: set[int], counted: int) -> Iterator[Rows]:
        """The rows that did not come by themselves."""
        try:
            numbers = self.service.ids(self.layer, self.where)
        except Refused as refused:
            raise SourceUnavailable(
                self.service.source, f"it does not list the numbers of its rows: {refused}"
            ) from None
        if len(numbers) != counted:
            raise _Moved
        left = [number for number in numbers if number not in seen]
        parts = [left[at : at + self.page_rows] for at in range(0, len(left), self.page_rows)][::-1]
        while parts:
            part = parts.pop()
            number = self.layer.object_id
            where = f"{self.where} AND {number} >= {part[0]} AND {number} <= {part[-1]}"
            try:
                found = self._rows(where, tries=1)
            except Refused:
                found = Rows((), {})
            before = len(seen)
            seen.update(self._numbers(found))
            if found.rows:
                yield found
            still = [number for number in part if number not in seen]
            if len(still) == 1 and len(part) == 1:
                self.unreadable.append(part[0])
                if len(self.unreadable) > MOST_UNREADABLE:
                    raise SourceUnavailable(self.service.source, "it answers for none of many single rows")
            elif len(seen) > before and still:
                parts.append(still)
            elif still:
                middle = len(still) // 2
                parts += [part for part in (still[middle:], still[:middle]) if part]

    def _count(self) -> int:
        try:
            return self.service.count(self.layer, self.where)
        except Refused as refused:
            raise SourceUnavailable(self.service.source, f"it does not count its rows: {refused}") from None

    def _rows(self, where: str, **more: Any) -> Rows:
        return self.service.rows(self.layer, where, self.fields, places=self.places, page_rows=self.page_rows, **more)

    def _numbers(self, found: Rows) -> list[int]:
        numbers = [row.get(self.layer.object_id) for row in found.rows]
        return [int(number) for number in numbers if isinstance(number, int | float)]
