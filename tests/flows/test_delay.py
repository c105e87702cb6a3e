"""A day that is not complete is judged by what is known of such days by then."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import Engine

from dashboards.desk import Desk
from dashboards.history import read_history
from detectors.forecasters.seasonal_naive import SeasonalNaive
from detectors.scan import Scan
from flows.allowance import Allowance
from flows.detect import days_to_recheck, days_to_wait, detect_source, judge
from flows.forecast import forecast_source
from flows.installation import Installation
from flows.reading import read_ordinary
from forewarn.contracts import Coverage
from forewarn.panel import Floats, Panel
from forewarn.request import DailyCount
from simulator.city import MAIN_LINE, City, simulate
from store.counts import write_counts, write_coverage
from store.detections import read_forecast
from store.engine import open_store, snapshot, transaction
from store.sources import finish_run, start_run
from tests.flows.towns import installed

LAST_DAY = date(2026, 3, 1)
LIVE_DAYS = 70
JUDGED = 40
LEVELS = [[], ["category"]]


def read_after_midnight(city: City, engine: Engine, until: date = LAST_DAY) -> None:
    """Fills the store of one who reads the main line at half past midnight, from `LIVE_DAYS` ago to the night after
    `until`."""
    line = city.sources[MAIN_LINE].population
    first = np.concatenate([[True], np.diff(line.request) > 0])  # versions; later ones only move or close a request
    made = pd.to_datetime(line.requested[line.request[first]], unit="s", utc=True).tz_convert(line.zone)
    shown = pd.to_datetime(line.at[first], unit="s", utc=True).tz_convert(line.zone)
    found = pd.DataFrame(
        {
            "day": made.date,
            "category": np.array([service.name for service in line.services])[line.service[first]],
            "seen": (shown + pd.Timedelta(hours=23, minutes=30)).date,
        }
    )
    begin = LAST_DAY - timedelta(days=LIVE_DAYS)
    found["seen"] = found["seen"].clip(lower=begin)
    found = found[found["seen"] <= until + timedelta(days=1)]
    news = found.groupby(["seen", "day", "category"]).size().rename("n").reset_index()
    news["known"] = news.groupby(["day", "category"])["n"].cumsum()
    for seen, rows in news.groupby("seen"):
        at = datetime.combine(seen, datetime.min.time(), line.zone).replace(minute=30).astimezone(UTC)
        backfill = seen == begin
        counts = [
            DailyCount(row.day, row.category, "", "", "", "", int(row.known), 0) for row in rows.itertuples(index=False)
        ]
        with transaction(engine) as conn:
            run = start_run(conn, MAIN_LINE, at)
            write_counts(conn, MAIN_LINE, counts, seen_day=seen, backfill=backfill)
            covered = sorted({row.day for row in counts if row.day < seen}) if backfill else [seen - timedelta(days=1)]
            write_coverage(conn, MAIN_LINE, dict.fromkeys(covered, Coverage.OBSERVED), seen_day=seen, backfill=backfill)
            finish_run(conn, run, at, "ok", {}, "")


def city_of(seed: int) -> City:
    return simulate(seed, LAST_DAY, n_days=420, n_categories=8, n_areas=6, requests_per_day=1500.0)


@contextmanager
def watched(city: City, folder: Path) -> Iterator[Installation]:
    """An installation that has read the city night after night."""
    engine = open_store(f"sqlite:///{folder / 'forewarn.db'}")
    read_after_midnight(city, engine)
    source = {"kind": "files", "path": ".", "levels": LEVELS, "zone": "America/New_York", "country": "US"}
    yield installed(engine, {"sources": {MAIN_LINE: source}, "forecast": {"forecasters": ["seasonal-naive"]}})
    engine.dispose()


@pytest.fixture(scope="module")
def city() -> City:
    return city_of(3)


@pytest.fixture(scope="module")
def watching(city: City, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with watched(city, tmp_path_factory.mktemp("city")) as installation:
        yield installation


def panels_on(watching: Installation, day: date) -> list[Panel]:
    """As known in the night after `day`."""
    with snapshot(watching.engine) as conn:
        detection, as_of = watching.settings.detection, day + timedelta(days=1)
        return list(read_ordinary(conn, watching, MAIN_LINE, detection, day, as_of).panels)


def false_alarms(city: City, watching: Installation) -> tuple[Floats, Floats, int]:
    """Drops and surges of calm categories, each with days taken as complete and with completeness; and chances."""
    troubled = (city.expected != city.usual)[:, :, -JUDGED - 7 :].any(axis=(1, 2))
    calm = {category.name for category, trouble in zip(city.categories, troubled, strict=True) if not trouble}
    drops, surges, cells = np.zeros(2), np.zeros(2), 0
    for ago in range(JUDGED):
        (_, panel) = panels_on(watching, LAST_DAY - timedelta(days=ago))
        rows = panel.labels["category"].isin(calm).to_numpy()
        for place, judged in enumerate((replace(panel, completeness=None), panel)):
            verdict = Scan(alpha=0.05).detect(judged, 1)
            drops[place] += verdict.drops()[rows].sum()
            surges[place] += verdict.alarms()[rows].sum()
        cells += int(rows.sum())
    return drops, surges, cells


def test_false_drops_vanish_and_the_limit_is_that_of_what_is_known(tmp_path: Path) -> None:
    """Three cities: spans overlap, so that false alarms of one come in runs."""
    drops, surges, cells = np.zeros(2), np.zeros(2), 0
    for seed in (3, 4, 5):
        city, folder = city_of(seed), tmp_path / str(seed)
        folder.mkdir()
        with watched(city, folder) as watching:
            found = false_alarms(city, watching)
        drops, surges, cells = drops + found[0], surges + found[1], cells + found[2]
    assert cells >= 500
    assert drops[0] > 0.1 * cells  # twice what was asked: four fifths of a day are known in the night after it
    assert drops[1] <= 0.07 * cells
    assert 0 < surges[1] <= 0.09 * cells
    assert surges[0] < surges[1]


def test_a_surge_is_seen_in_the_night_after_its_first_day(watching: Installation) -> None:
    day = LAST_DAY - timedelta(days=3)
    (_, panel) = panels_on(watching, day)
    usual = Scan(alpha=1e-3).detect(replace(panel, completeness=None), 1)
    row = int(np.argmax(usual.expected[:, 0]))
    counts = panel.counts.copy()
    counts[row, -1] = np.ceil(usual.limit[row, 0])  # so far, and more is to come
    surge = replace(panel, counts=counts)
    assert not Scan(alpha=1e-3).detect(replace(surge, completeness=None), 1).alarms()[row, 0]
    verdict = Scan(alpha=1e-3).detect(surge, 1)
    assert verdict.alarms()[row, 0]
    assert verdict.known_share[row, 0] == pytest.approx(0.82, abs=0.06)


def test_completeness_rises_from_day_to_day_and_days_are_judged_until_it_is_whole(watching: Installation) -> None:
    whole, by_category = panels_on(watching, LAST_DAY)
    assert whole.completeness is not None
    assert by_category.completeness is not None
    share = whole.completeness.mean[0]
    assert 0.75 < share[-1] < share[-2] < share[-4] < 0.995 < share[0]
    assert whole.completeness.open_days in (3, 4, 5)
    often = watching.settings.detection.model_copy(update={"recheck_days": 1})
    assert days_to_recheck([whole, by_category], often) == whole.completeness.open_days
    assert days_to_recheck([whole, by_category], often.model_copy(update={"recheck_days": 20})) == 20
    assert days_to_recheck([replace(whole, completeness=None)], often) == 1


def test_what_was_known_then_never_knows_later_reports(city: City, watching: Installation, tmp_path: Path) -> None:
    """A store that was read no further gives the same."""
    day = LAST_DAY - timedelta(days=10)
    engine = open_store(f"sqlite:///{tmp_path / 'forewarn.db'}")
    read_after_midnight(city, engine, until=day)
    for then, now in zip(panels_on(replace(watching, engine=engine), day), panels_on(watching, day), strict=True):
        np.testing.assert_array_equal(then.counts, now.counts)
        assert then.completeness is not None
        assert now.completeness is not None
        np.testing.assert_array_equal(then.completeness.mean, now.completeness.mean)
        np.testing.assert_array_equal(then.completeness.variance, now.completeness.variance)
    engine.dispose()


def test_methods_that_know_of_no_delay_wait_until_a_day_is_complete(watching: Installation) -> None:
    panels = panels_on(watching, LAST_DAY)
    detection = watching.settings.detection.model_copy(update={"detectors": ("scan", "ears-c2")})
    verdicts = {
        (v.detector, v.panel.level): v
        for v in judge(panels, detection, Allowance(detection.false_alarms_per_week, 1), 20)
    }
    scan, ears = verdicts["scan", ()], verdicts["ears-c2", ()]
    assert not np.isnan(scan.upper_tail).any()
    settled = ears.known_share[0] >= 0.98
    assert 3 <= (~settled).sum() <= 5
    np.testing.assert_array_equal(np.isnan(ears.upper_tail[0]), ~settled)
    assert not np.isnan(ears.panel.counts[0, -1])


def test_where_delays_are_not_known_a_day_waits_for_the_declared_delay(watching: Installation) -> None:
    source = watching.source(MAIN_LINE).model_copy(update={"public_delay_days": 4})
    with snapshot(watching.engine) as conn:
        started = LAST_DAY - timedelta(days=LIVE_DAYS)
        assert days_to_wait(conn, MAIN_LINE, source, started + timedelta(days=15)) == 4
        assert days_to_wait(conn, MAIN_LINE, source, started + timedelta(days=40)) == 0


def test_detect_judges_again_until_complete_and_the_chart_shows_the_same(city: City, tmp_path: Path) -> None:
    engine = open_store(f"sqlite:///{tmp_path / 'forewarn.db'}")
    read_after_midnight(city, engine)
    source = {"kind": "files", "path": ".", "levels": LEVELS, "zone": "America/New_York", "country": "US"}
    watching = installed(engine, {"sources": {MAIN_LINE: source}, "detection": {"recheck_days": 1}})
    now = datetime.combine(LAST_DAY + timedelta(days=1), datetime.min.time(), city.sources[MAIN_LINE].population.zone)
    detect_source(watching, MAIN_LINE, now.replace(minute=40))
    again = detect_source(watching, MAIN_LINE, now.replace(hour=2))
    whole, by_category = panels_on(watching, LAST_DAY)
    assert whole.completeness is not None
    assert by_category.completeness is not None
    assert again.days == whole.completeness.open_days
    labels = {"category": by_category.labels["category"].iloc[0]}
    desk = Desk(engine, watching.settings, now=lambda: now)
    with snapshot(engine) as conn:
        history = read_history(conn, desk, MAIN_LINE, labels, LAST_DAY - timedelta(days=20), LAST_DAY)
    assert history.known_share is not None
    np.testing.assert_allclose(history.known_share, by_category.completeness.last(21).mean[0])
    assert history.expected[-1] < 0.9 * history.expected[-8]  # the same weekday, a week before
    engine.dispose()


def test_a_forecast_starts_from_what_the_last_days_will_come_to(watching: Installation) -> None:
    forecast_source(watching, MAIN_LINE, datetime.combine(LAST_DAY + timedelta(days=1), time(6), UTC))
    (whole, _) = panels_on(watching, LAST_DAY)
    with snapshot(watching.engine) as conn:
        stored = read_forecast(conn, MAIN_LINE, {})
    assert stored is not None
    weeks_before = SeasonalNaive().forecast(whole.whole, 7).mean[0]
    as_is = SeasonalNaive().forecast(replace(whole, completeness=None), 7).mean[0]
    np.testing.assert_allclose(stored.mean[:7], weeks_before, rtol=0.01)
    assert weeks_before[6] > as_is[6]  # the weekday of the last day, of which a fifth was missing
