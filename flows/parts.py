"""Which parts of a source are silent while the rest of it comes."""

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import Connection

from detectors.strata import PATIENCE, find_silences, silent_on
from flows.pull import LOOK_BACK, Pull
from forewarn.irregularity import Irregularity
from store import sources
from store.counts import read_entries

SHOWN = 5


def silent_parts(
    conn: Connection, pull: Pull, known: tuple[date, date] | None, history_days: int
) -> list[Irregularity]:
    """The source's parts that are silent, as far as is known, but for those that a person has accepted since.

    Args:
        known: First and last day with numbers.
        history_days: Days that detection looks at.
    """
    if known is None:
        return []
    accepted = sources.read_shape(conn, pull.name).get("accepted")
    until = datetime.fromisoformat(accepted).astimezone(pull.settings.tz).date() if accepted else date.min
    found: list[Irregularity] = []
    for days in (LOOK_BACK.days, history_days):  # that of a whole history none is silent, its last weeks mostly tell
        entries = read_entries(conn, pull.name, last_day=known[1], history_days=days, as_of=pull.today)
        found = silent_on(find_silences(entries, pull.calendar.is_off(entries.dates)).irregularities, known[1])
        if not found:
            break
    return [one for one in found if one.day > until and pull.today < (one.since or one.day) + PATIENCE]


def silence_text(silent: Sequence[Irregularity]) -> str:
    """In words for people; '' if nothing is silent."""
    told = [
        f"{name} {value!r} (usually {one.usual:g} a day) since {one.since or one.day:%A %Y-%m-%d}"
        for one in silent[:SHOWN]
        for name, value in one.labels.items()
    ]
    if not told:
        return ""
    more = f", and {len(silent) - SHOWN} more" if len(silent) > SHOWN else ""
    return f"Nothing comes from {'; '.join(told)}{more}, though the rest comes as usual."
