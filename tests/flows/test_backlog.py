"""A backlog that is published at once: counted on its days, said, and no surge."""

from datetime import timedelta
from pathlib import Path

from sqlalchemy import Engine

from flows.detect import detect_source
from flows.ingest import ingest_source
from forewarn.alert import Kind
from store.alerts import read_alerts
from store.counts import daily_totals
from store.engine import snapshot
from tests.flows.towns import FIRST_DAY, Town, installed, morning_after, settings_of, source_settings

LAST = FIRST_DAY + timedelta(days=90)
HELD_BACK = 5


def test_a_backlog_lands_on_its_days(engine: Engine, town: Town, tmp_path: Path) -> None:
    installation = installed(engine, settings_of(tmp_path, {"town": source_settings(town.folder)}))
    town.drop(FIRST_DAY, LAST - timedelta(days=14))
    remarks = []
    for ago in range(13, -1, -1):
        day = LAST - timedelta(days=ago)
        file = town.drop(day, day)
        lines = file.read_text(encoding="utf-8").splitlines()
        if ago < HELD_BACK:  # every fourth request is published, the others not yet
            town.write(file.name, [lines[0], *lines[1::4]])
        remarks += ingest_source(installation, "town", morning_after(day)).remarks
    assert remarks == []
    day = LAST + timedelta(days=1)
    town.drop(day, day)
    first = LAST - timedelta(days=HELD_BACK - 1)
    town.drop(first, LAST)
    (remark,) = ingest_source(installation, "town", morning_after(day)).remarks
    assert remark.endswith(f"{first} to {LAST}, were published at once; they are counted on their days")
    detect_source(installation, "town", morning_after(day))
    with snapshot(engine) as conn:
        assert not [alert for alert in read_alerts(conn) if alert.kind is Kind.SURGE]
        _, totals = daily_totals(conn, "town", first, LAST)
    assert totals.min() > 8
