"""What requests say comes back as it was stored, with the day from which it could be read."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import numpy as np
from sqlalchemy import Engine

from forewarn.contracts import Coverage
from forewarn.request import Requests, ServiceRequest
from store.counts import write_coverage
from store.documents import read_documents
from store.engine import snapshot, transaction
from store.requests import write_requests

ZONE = ZoneInfo("Europe/Berlin")


def request(number: int, day: date, text: str, label: str = "", *, source: str = "bonn") -> ServiceRequest:
    at = datetime(day.year, day.month, day.day, 9, tzinfo=UTC)
    return ServiceRequest(
        source, str(number), at, day, "Water", subcategory=label, area="Ward 7", lat=50.7, description=text
    )


def test_texts_come_with_the_day_from_which_on_they_were_known(store_engine: Engine) -> None:
    filled, live = date(2026, 3, 10), date(2026, 3, 11)
    old = [
        request(1, date(2026, 3, 1), "<b>brown</b>"),
        request(2, date(2026, 3, 2), ""),
        request(3, filled, "", "Leak"),
    ]
    with transaction(store_engine) as conn:
        write_requests(
            conn,
            Requests.of("bonn", old),
            seen_at=datetime(2026, 3, 10, 12, tzinfo=UTC),
            seen_day=filled,
            backfill=True,
        )
        write_coverage(conn, "bonn", {date(2026, 3, 1): Coverage.OBSERVED}, seen_day=filled, backfill=True)
        late = [request(4, date(2026, 3, 9), "late"), request(5, live, "too new")]
        seen_at = datetime(2026, 3, 10, 23, 30, tzinfo=UTC)  # the next day in Bonn
        write_requests(conn, Requests.of("bonn", late), seen_at=seen_at, seen_day=live, backfill=False)
        other = [request(6, filled, "of another source", source="koeln")]
        write_requests(conn, Requests.of("koeln", other), seen_at=seen_at, seen_day=live, backfill=False)
    with snapshot(store_engine) as conn:
        found = read_documents(conn, "bonn", date(2026, 3, 1), filled, zone=ZONE, public_delay_days=2)
        nothing = read_documents(conn, "bonn", date(2025, 1, 1), date(2025, 1, 2), zone=ZONE, public_delay_days=0)
    order = np.argsort(found.day)
    assert found.text[order].tolist() == ["<b>brown</b>", "late", ""]
    assert found.label[order].tolist() == ["", "", "Leak"]
    known = found.known_from[order].astype(str).tolist()
    assert known == ["2026-03-03", "2026-03-11", "2026-03-10"]
    assert found.lat.tolist() == [50.7] * 3
    assert np.isnan(found.lon).all()
    assert len(nothing) == 0
