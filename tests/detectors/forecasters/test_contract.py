"""What every forecaster of the table must do."""

from dataclasses import FrozenInstanceError, fields
from datetime import date, timedelta

import numpy as np
import pytest

from detectors.forecasters import FORECASTERS, forecaster_for
from forewarn.calendar import Calendar, Event, EventKind
from forewarn.contracts import Forecaster
from forewarn.errors import ConfigError
from forewarn.panel import Panel
from forewarn.results import Forecast
from tests.detectors.forecasters.series import weekly_counts
from tests.detectors.panels import panel_of

HORIZON = 10


@pytest.fixture(scope="module", params=sorted(FORECASTERS))
def forecaster(request: pytest.FixtureRequest) -> Forecaster:
    return forecaster_for(request.param)


@pytest.fixture(scope="module")
def panel() -> Panel:
    rng = np.random.default_rng(1)
    counts = np.concatenate((weekly_counts(rng, 2, 280), weekly_counts(rng, 1, 280, level=0.5)))
    return panel_of(counts, calendar=Calendar("US", "NY"))


@pytest.fixture(scope="module")
def forecast(forecaster: Forecaster, panel: Panel) -> Forecast:
    return forecaster.forecast(panel, HORIZON)


def assert_same(one: Forecast, other: Forecast) -> None:
    for name in ("mean", "variance", "low", "high"):
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), rtol=1e-9, err_msg=name)


def test_covers_the_days_after_the_last(forecaster: Forecaster, forecast: Forecast, panel: Panel) -> None:
    assert forecast.dates[0] == panel.dates[-1] + 1
    assert len(forecast.dates) == HORIZON
    assert (forecast.forecaster == forecaster.name).all()
    assert forecast.labels is panel.labels
    assert np.isfinite(forecast.mean).all()


def test_numbers_are_those_of_counts(forecast: Forecast) -> None:
    assert (forecast.mean > 0).all()
    assert (forecast.variance >= forecast.mean).all()
    assert (forecast.low >= 0).all()
    assert (forecast.high >= forecast.low).all()
    assert (forecast.low <= forecast.mean).all()


def test_is_near_the_truth(forecast: Forecast, panel: Panel) -> None:
    same_weekdays = panel.counts[0, -56:].reshape(8, 7).mean(axis=0)
    np.testing.assert_allclose(forecast.mean[0, :7], same_weekdays, rtol=0.25)


def test_the_same_again(forecaster: Forecaster, forecast: Forecast, panel: Panel) -> None:
    assert_same(forecaster.forecast(panel, HORIZON), forecast)


def test_a_longer_horizon_begins_the_same(forecaster: Forecaster, forecast: Forecast, panel: Panel) -> None:
    longer = forecaster.forecast(panel, HORIZON + 4)
    np.testing.assert_allclose(longer.mean[:, :HORIZON], forecast.mean, rtol=1e-9)


def test_never_sees_the_future(forecaster: Forecaster, panel: Panel) -> None:
    changed = panel.counts.copy()
    changed[:, 250:] = 1000
    cut = forecaster.forecast(panel.until(250), HORIZON)
    assert_same(forecaster.forecast(panel_of(changed, calendar=panel.calendar).until(250), HORIZON), cut)


def test_rows_are_independent(forecaster: Forecaster, forecast: Forecast, panel: Panel) -> None:
    order = np.array([2, 0])
    alone = forecaster.forecast(panel.rows(order), HORIZON)
    np.testing.assert_allclose(alone.mean, forecast.mean[order], rtol=1e-9)
    np.testing.assert_allclose(alone.variance, forecast.variance[order], rtol=1e-9)


def test_missing_is_not_zero(forecaster: Forecaster, forecast: Forecast, panel: Panel) -> None:
    gap = np.arange(len(panel.dates)) >= len(panel.dates) - 20
    missing, zero = (
        forecaster.forecast(panel_of(np.where(gap, value, panel.counts[:1]), calendar=panel.calendar), HORIZON)
        for value in (np.nan, 0.0)
    )
    assert missing.mean.sum() == pytest.approx(forecast.mean[0].sum(), rel=0.1)
    assert zero.mean.sum() < missing.mean.sum()


def test_a_short_history_has_no_forecast(forecaster: Forecaster) -> None:
    counts = np.full((2, 60), np.nan)
    counts[1, -14:] = 5
    forecast = forecaster.forecast(panel_of(counts), HORIZON)
    assert np.isnan(forecast.mean).all()
    assert np.isnan(forecast.high).all()


def test_no_request_so_far_is_not_none_for_ever(forecaster: Forecaster) -> None:
    forecast = forecaster.forecast(panel_of(np.zeros((1, 100))), HORIZON)
    assert (forecast.mean > 0).all()
    assert (forecast.mean < 0.2).all()


def test_a_holiday_is_not_taken_for_a_drop(forecaster: Forecaster) -> None:
    calendar = Calendar("US", "NY")
    days = np.arange("2022-01-01", "2023-12-26", dtype="datetime64[D]")
    counts = np.where(calendar.holiday_names(days) == "", 40.0, 4.0)[np.newaxis]
    panel = panel_of(counts, first="2022-01-01", calendar=calendar)
    forecast = forecaster.forecast(panel, 7)  # from the day after Christmas to New Year's Day
    np.testing.assert_allclose(forecast.mean[0, :6], 40, rtol=0.1)
    assert forecast.mean[0, 6] < 20


@pytest.mark.parametrize("kind", [EventKind.CLOSURE, EventKind.EVENT])
def test_a_planned_day_is_put_back(forecaster: Forecaster, kind: EventKind) -> None:
    """Twelve of them each tripled the requests, or emptied the office; the thirteenth is on the third coming day."""
    days = np.arange("2022-01-01", "2023-12-26", dtype="datetime64[D]")
    planned = [date(2022, 2, 5) + timedelta(days=56 * n) for n in range(12)] + [date(2023, 12, 28)]
    calendar = Calendar(events=tuple(Event(kind, day, day, "Fair") for day in planned))
    on = calendar.event_names(days, kind) != ""
    counts = np.where(on, 12.0 if kind is EventKind.CLOSURE else 120.0, 40.0)[np.newaxis]
    forecast = forecaster.forecast(panel_of(counts, first="2022-01-01", calendar=calendar), 7)
    np.testing.assert_allclose(np.delete(forecast.mean[0], 2), 40, rtol=0.15)
    assert forecast.mean[0, 2] == pytest.approx(12 if kind is EventKind.CLOSURE else 120, rel=0.3)


def test_a_horizon_below_one_is_a_mistake(forecaster: Forecaster, panel: Panel) -> None:
    with pytest.raises(ValueError, match="horizon"):
        forecaster.forecast(panel, 0)


def test_is_a_frozen_dataclass(forecaster: Forecaster) -> None:
    name = fields(forecaster)[0].name  # type: ignore[arg-type]
    with pytest.raises(FrozenInstanceError):
        setattr(forecaster, name, 1)


def test_an_unknown_name_is_told_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="prophet") as error:
        forecaster_for("profet")
    assert error.value.nearest == "prophet"
