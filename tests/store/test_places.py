"""Where and when single requests were made."""

from datetime import UTC, date, datetime

from sqlalchemy import Engine

from forewarn.request import Requests, ServiceRequest
from store.engine import transaction
from store.places import read_places
from store.requests import write_requests

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
DAY = NOON.date()
REQUESTS = [
    ServiceRequest("bonn", "1", NOON, DAY, "Rats", lat=50.7, lon=7.1),
    ServiceRequest("bonn", "2", NOON, DAY, "Rats"),
    ServiceRequest("bonn", "3", NOON, date(2026, 3, 3), "Rats", lat=50.7, lon=7.1),
]


def test_only_these_days_and_only_requests_with_a_place(store_engine: Engine) -> None:
    with transaction(store_engine) as conn:
        write_requests(conn, Requests.of("bonn", REQUESTS), seen_at=NOON, seen_day=DAY, backfill=False)
        placed = read_places(conn, "bonn", [DAY])
        assert (placed.lat.tolist(), placed.lon.tolist()) == ([50.7], [7.1])
        assert (placed.hour * 3600).tolist() == [NOON.timestamp()]
        assert placed.day.tolist() == [(DAY - date(1970, 1, 1)).days]
        assert len(read_places(conn, "bonn", []).hour) == len(read_places(conn, "cologne", [DAY]).hour) == 0
