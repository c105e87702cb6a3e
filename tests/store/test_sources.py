"""State, health, runs and rejects of sources."""

from datetime import UTC, date, datetime, timedelta

from sqlalchemy import Engine

from forewarn.contracts import SourceHealth
from forewarn.request import Reject
from store.engine import transaction
from store.sources import (
    RunRow,
    SourceRow,
    commit_state,
    finish_run,
    read_health,
    read_rejects,
    read_runs,
    read_state,
    set_health,
    start_run,
    write_rejects,
)

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_state_and_health_do_not_touch_each_other(store_engine: Engine) -> None:
    with transaction(store_engine) as conn:
        assert read_state(conn, "bonn") == {}
        set_health(conn, "bonn", SourceHealth.OK, "fine", AT, date(2026, 3, 1))
        commit_state(conn, "bonn", {"watermark": "a", "open": [1]})
        commit_state(conn, "bonn", {"watermark": "b"})
        commit_state(conn, "köln", {})
        set_health(conn, "bonn", SourceHealth.OK, "still fine", AT + HOUR, None)
        assert read_state(conn, "bonn") == {"watermark": "b"}
        assert read_health(conn) == [SourceRow("bonn", SourceHealth.OK, "still fine", AT, AT + HOUR, None)]
        set_health(conn, "bonn", SourceHealth.SILENT, "no rows", AT + 2 * HOUR, None)
        assert read_health(conn)[0].changed_at == AT + 2 * HOUR


def test_runs_come_newest_first(store_engine: Engine) -> None:
    with transaction(store_engine) as conn:
        first = start_run(conn, "bonn", AT)
        second = start_run(conn, "köln", AT + HOUR)
        finish_run(conn, first, AT + HOUR, "ok", {"new": 3}, "3 new")
        ended = RunRow(first, "bonn", AT, AT + HOUR, "ok", {"new": 3}, "3 new")
        assert read_runs(conn) == [RunRow(second, "köln", AT + HOUR, None, None, {}, ""), ended]
        assert read_runs(conn, "bonn") == [ended]
        assert len(read_runs(conn, limit=1)) == 1


def test_a_reject_that_is_met_again_is_kept_once(store_engine: Engine) -> None:
    bad = Reject("bad_date", "requested_at holds 'ZZZZ'", "row 7")
    with transaction(store_engine) as conn:
        first, second = start_run(conn, "bonn", AT), start_run(conn, "bonn", AT + HOUR)
        write_rejects(conn, "bonn", first, [bad, bad, bad._replace(position="row 8")])
        write_rejects(conn, "bonn", second, [bad])
        write_rejects(conn, "bonn", second, [])
        found = read_rejects(conn, "bonn", 10)
        assert [(reject.run_id, reject.position) for reject in found] == [(second, "row 7"), (first, "row 8")]
        assert read_rejects(conn, "köln", 10) == []
