"""Alarms, forecasts and breaches come back as they were written."""

import math
from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import Engine

from forewarn.alert import Alarm, Kind
from forewarn.results import Breach, Forecast
from store.detections import (
    BreachRow,
    judged_until,
    read_alarms,
    read_breaches,
    read_forecast,
    set_judged,
    write_alarms,
    write_breaches,
    write_forecasts,
)
from store.engine import transaction

DAY, NEXT = date(2026, 3, 2), date(2026, 3, 3)
ALARM = Alarm("bonn", {"category": "Rats", "area": "Süd"}, DAY, Kind.SURGE, "ears-c1", 9, 3, 1, 6, 7.5, 1e-6)
BREACH = Breach("bonn", {}, 70, 7, np.datetime64("2026-03-09"), 0.8, 75, 60, 90, "ets")


def test_alarms_of_a_day_are_replaced(store_engine: Engine) -> None:
    other = replace(ALARM, labels={}, kind=Kind.DROP)
    with transaction(store_engine) as conn:
        write_alarms(conn, "bonn", DAY, [ALARM, other], "1")
        write_alarms(conn, "bonn", NEXT, [replace(ALARM, day=NEXT)], "1")
        assert read_alarms(conn, "bonn", DAY, DAY) == [ALARM, other]
        assert read_alarms(conn, "bonn", DAY, NEXT, {"area": "Süd", "category": "Rats"}) == [
            ALARM,
            replace(ALARM, day=NEXT),
        ]
        assert read_alarms(conn, "bonn", DAY, NEXT, {}) == [other]
        write_alarms(conn, "bonn", DAY, [], "2")
        assert read_alarms(conn, "bonn", DAY, DAY) == []
        with pytest.raises(ValueError, match="cannot be written"):
            write_alarms(conn, "bonn", NEXT, [ALARM], "1")


def test_a_number_that_is_not_known_stays_unknown(store_engine: Engine) -> None:
    with transaction(store_engine) as conn:
        write_alarms(conn, "bonn", DAY, [replace(ALARM, low=math.nan, limit=math.inf)], "1")
        (found,) = read_alarms(conn, "bonn", DAY, DAY)
    assert math.isnan(found.low)
    assert found.limit == math.inf


def test_judged(store_engine: Engine) -> None:
    with transaction(store_engine) as conn:
        assert judged_until(conn, "bonn") is None
        set_judged(conn, "bonn", DAY)
        set_judged(conn, "bonn", NEXT)
        assert judged_until(conn, "bonn") == NEXT


def forecast(mean: float) -> Forecast:
    means = np.array([[mean, mean + 1], [np.nan, np.nan]])
    labels = pd.DataFrame({"category": ["Rats", "Noise"]})
    dates = np.array(["2026-03-03", "2026-03-04"], dtype="datetime64[D]")
    return Forecast(np.array(["ets", ""]), dates, labels, means, means, means - 1, means + 1)


def test_the_latest_forecast_is_read(store_engine: Engine) -> None:
    with transaction(store_engine) as conn:
        write_forecasts(conn, "bonn", DAY, forecast(5), "1")
        write_forecasts(conn, "bonn", DAY, forecast(6), "1")
        found = read_forecast(conn, "bonn", {"category": "Rats"})
        assert found is not None
        assert (found.made_on, found.forecaster) == (DAY, "ets")
        np.testing.assert_array_equal(found.dates, forecast(6).dates)
        np.testing.assert_array_equal([found.mean, found.low, found.high], [[6, 7], [5, 6], [7, 8]])
        write_forecasts(conn, "bonn", NEXT, forecast(7), "1")
        found = read_forecast(conn, "bonn", {"category": "Rats"})
        assert found is not None
        assert found.made_on == NEXT
        assert read_forecast(conn, "bonn", {"category": "Noise"}) is None


def test_a_look_ahead_that_foresees_nothing_ends_the_breaches(store_engine: Engine) -> None:
    later = replace(BREACH, day=np.datetime64("2026-03-12"), labels={"category": "Rats"})
    with transaction(store_engine) as conn:
        write_breaches(conn, "bonn", DAY, [later, BREACH])
        write_breaches(conn, "bonn", DAY, [later, BREACH])
        write_breaches(conn, "köln", DAY, [replace(BREACH, source="köln")])
        assert read_breaches(conn, "bonn") == [BreachRow(DAY, BREACH), BreachRow(DAY, later)]
        write_breaches(conn, "bonn", NEXT, [])
        assert read_breaches(conn, "bonn") == []
        assert [row.breach.source for row in read_breaches(conn)] == ["köln"]
