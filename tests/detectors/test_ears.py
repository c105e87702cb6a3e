import numpy as np
import pandas as pd
import pytest
from scipy import stats

from detectors.ears import Ears
from tests.detectors.panels import panel_of


def r_output(reference, name: str) -> pd.DataFrame:
    return pd.read_csv(reference / "outputs" / f"{name}.csv.gz")


def inputs(reference) -> dict[str, np.ndarray]:
    rows = pd.concat(pd.read_csv(reference / "inputs" / f"{name}.csv.gz") for name in ("weekly", "daily"))
    return {name: group["observed"].to_numpy(float) for name, group in rows.groupby("series")}


@pytest.mark.parametrize(
    ("output", "ears"),
    [
        ("earsC_c1", Ears("c1", 0.001, min_sd=0)),
        ("earsC_c2", Ears("c2", 0.001, min_sd=0)),
        ("earsC_c1_b28", Ears("c1", 0.01, baseline_days=28, min_sd=0)),
        ("earsC_c2_b28_minsigma1", Ears("c2", 0.01, baseline_days=28, min_sd=1)),
    ],
)
def test_agrees_with_surveillance(reference, output: str, ears: Ears) -> None:
    counts = inputs(reference)
    for series, rows in r_output(reference, output).groupby("series"):
        judged = rows["t"].to_numpy() - 1
        panel = panel_of(counts[series][None, : judged[-1] + 1])
        detection = ears.detect(panel, len(panel.dates))
        np.testing.assert_allclose(detection.limit[0, judged], rows["upperbound"], rtol=1e-8, atol=1e-8)
        np.testing.assert_array_equal(detection.alarms()[0, judged], rows["alarm"] == 1)


def surveillance_c3(y: np.ndarray, alpha: float, min_sd: float, *, as_coded: bool) -> np.ndarray:
    """C3's limit, day by day. R's code puts today's count where its manual has the mean of the baseline."""
    z = stats.norm.isf(alpha)
    limit = np.full(len(y), np.nan)
    c2 = np.full(len(y), np.nan)
    for t in range(9, len(y)):
        baseline = y[t - 9 : t - 2]
        mean, sd = baseline.mean(), max(baseline.std(ddof=1), min_sd)
        c2[t] = (y[t] - mean) / sd if sd > 0 else np.nan
        if t >= 11:
            lead = sum(max(0.0, c2[t - k] - 1) for k in (1, 2))
            limit[t] = (y[t] if as_coded else mean) + sd * (z - lead)
    return np.maximum(limit, 0)


def test_c3_follows_the_manual_and_r_does_not(reference) -> None:
    counts = inputs(reference)
    different = 0
    for series, rows in r_output(reference, "earsC_c3_minsigma05").groupby("series"):
        y, judged = counts[series], rows["t"].to_numpy() - 1
        coded = surveillance_c3(y, 0.01, 0.5, as_coded=True)[judged]
        np.testing.assert_allclose(coded, rows["upperbound"], rtol=1e-8, atol=1e-8)
        detection = Ears("c3", 0.01, min_sd=0.5).detect(panel_of(y[None, :]), len(y))
        manual = surveillance_c3(y, 0.01, 0.5, as_coded=False)[judged]
        np.testing.assert_allclose(detection.limit[0, judged], manual, rtol=1e-8, atol=1e-6)
        different += (detection.alarms()[0, judged] != (rows["alarm"] == 1)).sum()
    assert different > 0


def test_c3_as_coded_cannot_alarm_on_the_first_day_of_a_surge() -> None:
    y = np.tile([3.0, 5, 4, 6, 2, 4, 5], 4)
    y[20] = 500
    coded = surveillance_c3(y, 0.025, 0.5, as_coded=True)
    assert y[20] < coded[20]
    assert Ears("c3", 0.025).detect(panel_of(y[None, :]), 8).alarms()[0].tolist()[:3] == [True, True, True]


def test_missing_days_leave_the_baseline_and_too_many_leave_no_verdict() -> None:
    y = np.array([[4.0, 5, np.nan, 6, 3, 4, 5, 9], [4.0, np.nan, np.nan, 6, 3, 4, 5, 9]])
    detection = Ears("c1", 0.01).detect(panel_of(y), 1)
    seen = np.array([4.0, 5, 6, 3, 4, 5])
    assert detection.expected[0, 0] == pytest.approx(seen.mean())
    assert detection.limit[0, 0] == pytest.approx(seen.mean() + stats.norm.isf(0.01) * seen.std(ddof=1))
    assert np.isnan(detection.limit[1, 0])


def test_a_baseline_of_two_days_is_refused() -> None:
    with pytest.raises(ValueError, match="baseline_days"):
        Ears(baseline_days=2)
