"""What is not the public's doing comes back as it was written, the latest first."""

from dataclasses import replace
from datetime import date

from sqlalchemy import Engine

from forewarn.irregularity import Cause, Irregularity
from store.engine import transaction
from store.irregularities import read_irregularities, write_irregularities

LIST = Irregularity(
    Cause.BATCH, date(2026, 3, 2), {"category": "Straßen"}, 40, usual=0.25, others=3, who={"agency": "Office 26"}
)
BEGUN = Irregularity(Cause.BEGUN, date(2026, 3, 4), {"category": "Rats"}, 12, since=date(2026, 3, 1))


def test_a_later_run_replaces_what_an_earlier_one_saw(store_engine: Engine) -> None:
    with transaction(store_engine) as conn:
        assert read_irregularities(conn, "bonn") == []
        write_irregularities(conn, "bonn", [LIST, replace(LIST, count=50), BEGUN])
        write_irregularities(conn, "ulm", [LIST])
        assert read_irregularities(conn, "bonn") == [BEGUN, replace(LIST, count=50), LIST]
        write_irregularities(conn, "bonn", [BEGUN])
        assert read_irregularities(conn, "bonn") == [BEGUN]
        write_irregularities(conn, "bonn", [])
        assert (read_irregularities(conn, "bonn"), read_irregularities(conn, "ulm")) == ([], [LIST])
