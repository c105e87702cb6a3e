"""Free texts are kept for so many days and no longer; counts, dates and places stay.

Every pull empties those that became too old since the one before, batch by batch, and takes no text of older requests
over. What happens to texts happens before anything is read, so that an old request that is read again is as it was.
"""

from datetime import date, timedelta

from sqlalchemy import Engine

from connectors.days import day_start
from forewarn.settings import SourceSettings
from store import retention
from store.engine import snapshot, transaction

BATCH_ROWS = 20_000
"""Texts are emptied in transactions of about so many, so that nobody else waits long for the database."""
AHEAD = timedelta(days=2)
"""No request is from later than so many days from now on."""


def kept_from(settings: SourceSettings, today: date) -> date:
    """The first day whose texts are kept."""
    days = settings.keep_text_days
    return today - timedelta(days=days - 1) if days else today + AHEAD


def empty_old_texts(engine: Engine, name: str, settings: SourceSettings, today: date) -> date:
    """Empties what is too old; gives the first day whose texts are kept.

    Raises:
        StoreError: The store cannot be written; what was emptied until then stays so, and the next run goes on.
    """
    with snapshot(engine) as conn:
        held = retention.texts_from(conn, name)
        wanted = kept_from(settings, today)
        if held is not None and held >= wanted:
            return held
        days = retention.days_with_texts(conn, name, wanted, held)
    while days:
        batch, texts = 1, days[0][1]
        while batch < len(days) and texts + days[batch][1] <= BATCH_ROWS:
            texts += days[batch][1]
            batch += 1
        with transaction(engine) as conn:
            retention.empty_texts(conn, name, days[0][0], days[batch - 1][0])
        days = days[batch:]
    with transaction(engine) as conn:
        if held is None:
            retention.empty_texts_of_removed(conn, name)
        retention.drop_rejects(conn, name, day_start(wanted, settings.tz))
        retention.keep_texts_from(conn, name, wanted)
    return wanted
