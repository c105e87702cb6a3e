"""Single requests by their ids, from servers that may not know lists of ids, or invent what they do not know.

Several ids are asked for at once; what does not come is asked for by itself, as some servers take only the first of
a list. A server that answers for an id that cannot exist makes its answers up: what differs from that answer in
nothing but id and times is not believed.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from connectors.georeport import FIELDS, Row, id_of
from connectors.http import Answer, counters_of
from connectors.normalise import add_up

AT_ONCE = 50  # ids in one question, so that addresses stay below 2000 characters
INVENTED_ID = "no-such-request"
_OWN_KEYS = {*FIELDS["source_record_id"], "requested_datetime", "updated_datetime", "token"}


@dataclass(frozen=True, slots=True)
class Found:
    """What became of some ids: the rows of those that are there, and the ids of the others."""

    rows: Sequence[Row]
    missing: Sequence[str]
    counters: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Lookup:
    """Asks one server.

    Args:
        ask_many: The rows of several ids.
        ask_one: The row of one id; no document if the server says that there is none.
    """

    ask_many: Callable[[Sequence[str]], Answer]
    ask_one: Callable[[str], Answer]

    def of(self, record_ids: Sequence[str]) -> Iterator[Found]:
        """What the server has of these, some at a time."""
        if not record_ids:
            return
        invented = self.ask_many([INVENTED_ID])
        counters = [counters_of(invented)]
        made_up = [_content(row) for row in invented.document]
        for start in range(0, len(record_ids), AT_ONCE):
            ids = list(record_ids[start : start + AT_ONCE])
            answer = self.ask_many(ids)
            counters.append(counters_of(answer))
            rows = {id_of(row): row for row in answer.document if id_of(row) in ids}
            for record_id in ids:
                if record_id not in rows:
                    answer = self.ask_one(record_id)
                    counters.append(counters_of(answer))
                    rows |= {id_of(row): row for row in answer.document or () if id_of(row) == record_id}
            real = {record_id: row for record_id, row in rows.items() if _content(row) not in made_up}
            missing = [record_id for record_id in ids if record_id not in real]
            yield Found(list(real.values()), missing, add_up([*counters, {"made_up": len(rows) - len(real)}]))
            counters.clear()


def _content(row: Row) -> Row:
    return {key: value for key, value in row.items() if key not in _OWN_KEYS}
