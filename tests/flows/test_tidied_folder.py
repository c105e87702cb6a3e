from datetime import date, timedelta

from sqlalchemy import Engine

from flows.ingest import ingest_source
from forewarn.contracts import SourceHealth
from store.counts import daily_totals
from store.engine import snapshot
from tests.flows.towns import Town, installed, morning_after, settings_of, source_settings

FIRST_DAY, N_DAYS = date(2026, 1, 1), 40


def test_files_that_are_tidied_away_take_no_requests_with_them(engine: Engine, town: Town) -> None:
    installation = installed(engine, settings_of(town.folder, {"town": source_settings(town.folder)}))
    new, told = 0, set()
    for day in (FIRST_DAY + timedelta(days=n) for n in range(N_DAYS)):
        file = town.drop(day, day)
        report = ingest_source(installation, "town", morning_after(day))
        new, told = new + report.new, told | {report.health}
        file.unlink()
    with snapshot(engine) as conn:
        _, totals = daily_totals(conn, "town", FIRST_DAY, FIRST_DAY + timedelta(days=N_DAYS))
    assert totals.sum() == new > 15 * N_DAYS
    assert told == {SourceHealth.OK}
