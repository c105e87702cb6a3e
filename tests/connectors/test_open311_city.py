"""A simulated city that lives on while it is read: late reports, edits, closures, reopenings."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal
from wsgiref.types import WSGIApplication

import pytest

from connectors import connector_for
from forewarn.request import ServiceRequest
from forewarn.settings import SourceSettings
from simulator.city import MAIN_LINE, simulate
from simulator.georeport import request_records
from simulator.open311 import Clock, open311_app
from tests.servers import faults
from tests.servers.faults import Faulty

LAST_DAY = date(2026, 11, 21)


@pytest.mark.parametrize("form", ["json", "xml"])
def test_what_was_read_equals_the_servers_truth(
    serving: Callable[[WSGIApplication], str], form: Literal["json", "xml"]
) -> None:
    city = simulate(7, LAST_DAY, n_days=130, n_categories=6, n_areas=8, requests_per_day=15)
    population = city.sources[MAIN_LINE].population
    clock = Clock(datetime(2026, 11, 10, 12, tzinfo=UTC))
    server = Faulty(open311_app(population, clock, max_page_size=200))
    settings = SourceSettings(
        kind="open311",
        zone=str(population.zone),
        first_day="2026-07-10",
        url=serving(server),
        form=form,
        dialect="extended",
        fields={"area": "extended_attributes.area", "channel": "extended_attributes.channel"},
        allow_http=True,
        allow_private_hosts=True,
        lag_minutes=0,
    )
    source = connector_for("city", settings)
    stored: dict[str, ServiceRequest] = {}
    state: dict[str, Any] = {}
    for hours in (0, 1, 30, 31, 200):
        clock.now = datetime(2026, 11, 10, 12, tzinfo=UTC) + timedelta(hours=hours)
        server.queue.extend([None, faults.web_page, faults.cut, None, faults.status("429 Too Many Requests")])
        for window in source.plan(state, clock.now):
            for page in source.fetch(window):
                assert not page.rejects
                stored |= {request.source_record_id: request for request in page.requests}
                if page.end is not None:
                    state = dict(page.end.state)
    truth = request_records(population, population.visible(clock.now), extensions=True)
    assert len(truth) > 500
    assert set(stored) == {record["service_request_id"] for record in truth}
    for record in truth:
        mine = stored[record["service_request_id"]]
        assert mine.requested_at == datetime.fromisoformat(record["requested_datetime"])
        assert mine.updated_at == datetime.fromisoformat(record["updated_datetime"])
        status = "duplicate" if "parent_service_request_id" in record["extended_attributes"] else record["status"]
        assert (mine.category, mine.status) == (record["service_name"], status)
        assert mine.area == record["extended_attributes"]["area"]
