"""Completeness and nowcasts: against published numbers, and by counting on simulated delays."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from detectors import nowcast
from detectors.limits import nb_tail
from forewarn.panel import Completeness, Floats, Panel
from forewarn.triangle import Triangle
from tests.detectors.panels import panel_of

N_DELAYS = 29
WINDOW = 112
PRIOR_MEAN, PRIOR_VARIANCE = 50.0, 3000.0  # of the reference
HUS_DELAY = 14
HUS_KAPPA = 0.1


def hus_triangle(reference: Path, now: pd.Timestamp) -> tuple[pd.DatetimeIndex, Floats]:
    """(n_days,) and (n_days, HUS_DELAY + 1) cases by day that were known after each delay, as known on `now`."""
    cases = pd.read_csv(reference / "inputs" / "nowcast_linelist.csv.gz", parse_dates=["event", "report"])
    days = pd.date_range(cases["event"].min(), now)
    cases = cases[(cases["report"] <= now) & cases["event"].notna()]
    day = (cases["event"] - days[0]).dt.days
    delay = (cases["report"] - cases["event"]).dt.days
    late = np.zeros((len(days), HUS_DELAY + 1))
    np.add.at(late, (day, np.minimum(delay, HUS_DELAY)), 1)
    known = np.cumsum(late, axis=1)
    known[np.arange(len(days))[:, None] + np.arange(HUS_DELAY + 1) > len(days) - 1] = np.nan
    return days, known


def hus_rows(reference: Path, method: str) -> pd.DataFrame:
    rows = pd.read_csv(reference / "outputs" / "nowcast_husO104.csv.gz", parse_dates=["now", "day"])
    return rows[rows["method"] == method]


def test_agrees_with_lawless(reference: Path) -> None:
    """The published limits are quantiles of a normal distribution cut off below what is known, of which the package
    divides the distribution function by the remaining mass without moving it; it takes the variance of what is still
    to come, without that of the delays."""
    for now, rows in hus_rows(reference, "lawless").groupby("now"):
        days, known = hus_triangle(reference, now)
        late, reached = nowcast.development(known)
        share = nowcast.completeness_of(nowcast.reverse_hazard(late, reached, np.ones(len(days))))
        place = days.get_indexer(rows["day"])
        p = share[len(days) - 1 - place]
        so_far = rows["reported"].to_numpy(float)
        np.testing.assert_array_equal(so_far, known[place, len(days) - 1 - place])
        mean, sd = so_far / p, np.sqrt(so_far * (1 - p)) / p
        counts = np.arange(301)[:, None]
        cdf = np.where(counts < so_far, 0.0, stats.norm.cdf(counts, mean, sd) / stats.norm.sf(so_far, mean, sd))
        for column, level in (("lower", 0.025), ("nowcast", 0.5), ("upper", 0.975)):
            np.testing.assert_array_equal((cdf < level).sum(axis=0), rows[column], err_msg=f"{now} {column}")


@pytest.mark.parametrize("method", ["bayes.trunc", "bayes.notrunc"])
def test_agrees_with_the_bayesian_nowcasts(reference: Path, method: str) -> None:
    """Theirs is an average over 1,000 draws of the delay distribution; ours takes its first two moments."""
    shape = PRIOR_MEAN**2 / (PRIOR_VARIANCE - PRIOR_MEAN)
    rate = shape / PRIOR_MEAN
    differences = []
    for now, rows in hus_rows(reference, method).groupby("now"):
        days, known = hus_triangle(reference, now)
        late, reached = (part.sum(axis=0) for part in nowcast.development(known))
        if method == "bayes.notrunc":  # takes the delays of the cases so far for those of all cases
            first = np.nansum(known[:, 0])
            reached = first + np.cumsum(late)
        steps = np.arange(HUS_DELAY)
        a, b = HUS_KAPPA + late, HUS_KAPPA * (steps + 1) + reached - late  # h_j ~ Beta(a, b)
        place = days.get_indexer(rows["day"])
        delay = len(days) - 1 - place
        once, twice = b / (a + b), b * (b + 1) / (a + b) / (a + b + 1)
        share = np.array([np.prod(once[d:]) for d in delay])
        variance = np.array([np.prod(twice[d:]) for d in delay]) - share**2
        so_far = rows["reported"].to_numpy(float)
        p = nowcast.share_quantiles(share, variance)
        ahead = stats.nbinom.cdf(
            np.arange(-1, 301)[:, None, None] - so_far[:, None],
            (shape + so_far)[:, None],
            (rate + p) / (rate + 1),
        ).mean(axis=-1)[1:]
        for column, level in (("lower", 0.025), ("nowcast", 0.5), ("upper", 0.975)):
            theirs = rows[column].to_numpy(float)
            ours = (ahead < level).sum(axis=0)
            differences.append(np.abs(ours - theirs) / np.maximum(theirs, 20))
        mean, var = nowcast.nowcast(so_far, share, variance, shape=shape, rate=rate)
        counts = np.arange(4000)[:, None, None]
        pmf = stats.nbinom.pmf(counts, (shape + so_far)[:, None], (rate + p) / (rate + 1)).mean(axis=-1)
        ours_mean = so_far + (counts[:, :, 0] * pmf).sum(axis=0)
        np.testing.assert_allclose(mean, ours_mean, rtol=1e-3)
        second = ((so_far + counts[:, :, 0]) ** 2 * pmf).sum(axis=0)
        np.testing.assert_allclose(var, second - ours_mean**2, rtol=0.02)
    off = np.concatenate(differences)
    assert off.max() <= 0.1
    assert off.mean() < 0.01


class Reports:
    """Simulated requests and when they are reported, (n_series, n_days, N_DELAYS) known after each delay.

    Reports due at a weekend mostly come on the Monday after. `concentration`: how alike the days are in delay;
    `factors`: (n_series,) of the chance to come late; `first_share`: (n_days,) share that comes at once.
    """

    def __init__(
        self,
        seed: int,
        *,
        n_series: int = 20,
        n_days: int = 200,
        concentration: float = 0.0,
        factors: Floats | None = None,
        first_share: Floats | None = None,
    ) -> None:
        rng = np.random.default_rng(seed)
        self.mean = np.geomspace(0.5, 80.0, n_series)
        self.variance = 1.3 * self.mean
        self.dates = np.datetime64("2025-01-06") + np.arange(n_days)  # a Monday
        self.counts = rng.poisson(rng.gamma(self.mean[:, None] / 0.3, 0.3, (n_series, n_days))).astype(float)
        self.known = np.zeros((n_series, n_days, N_DELAYS))
        for day in range(n_days):
            delays = _delays(day, 0.7 if first_share is None else float(first_share[day]))
            if concentration:
                delays = rng.dirichlet(delays * concentration + 1e-9)
            for row in range(n_series):
                own = delays.copy()
                own[1:] *= 1.0 if factors is None else factors[row]
                self.known[row, day] = np.cumsum(rng.multinomial(int(self.counts[row, day]), own / own.sum()))

    def triangle(self, now: int) -> Triangle:
        """As known at the end of day `now`."""
        days = slice(now - WINDOW + 1, now + 1)
        known = self.known[:, days].astype(np.float32)
        known[:, np.arange(WINDOW)[:, None] + np.arange(N_DELAYS) > WINDOW - 1] = np.nan
        return Triangle(known, self.dates[days], self.panel(now).labels)

    def panel(self, now: int, days: int = 40) -> Panel:
        """Counts so far of the days before `now`."""
        delay = np.minimum(np.arange(days, 0, -1), N_DELAYS - 1)
        known = self.known[:, np.arange(now - days, now), delay]
        return panel_of(known, first=str(self.dates[now - days]))


def _delays(day: int, first: float) -> Floats:
    share = np.zeros(N_DELAYS)
    share[:10] = [first, 0.55 * (1 - first), 0.2 * (1 - first), *[0.25 * (1 - first) / 7] * 7]
    waiting = 0.0
    for delay in range(1, N_DELAYS):
        if (day + delay) % 7 >= 5:  # a weekend
            waiting += 0.9 * share[delay]
            share[delay] *= 0.1
        else:
            share[delay] += waiting
            waiting = 0.0
    share[0] += waiting
    return share


def known_share(reports: Reports, now: int) -> tuple[Floats, Floats]:
    found = nowcast.completeness(reports.triangle(now), reports.panel(now))
    assert found is not None
    return found.mean, found.variance


@pytest.mark.parametrize("concentration", [0.0, 30.0])
def test_limits_and_nowcasts_hold_as_often_as_they_should(concentration: float) -> None:
    reports = Reports(5, concentration=concentration, factors=np.random.default_rng(1).gamma(5, 0.2, 20))
    upper, off = [], []
    for now in range(130, 200):
        share, doubt = known_share(reports, now)
        for delay in (1, 2, 4):
            so_far = reports.known[:, now - delay, delay]
            p, s2 = share[:, -delay], doubt[:, -delay]
            mean, variance = nowcast.thinned(
                reports.mean[:, None], reports.variance[:, None], Completeness(p[:, None], s2[:, None])
            )
            upper.append(nb_tail(so_far, mean[:, 0], variance[:, 0], mid=True))
            cast, cast_variance = nowcast.nowcast(so_far, p, s2)
            inside = np.abs(reports.counts[:, now - delay] - cast) <= 1.645 * np.sqrt(cast_variance)
            off.append(inside[reports.mean > 8])
    tails = np.concatenate(upper)  # 4,200
    for edge in (0.01, 0.1, 0.5, 0.9, 0.99):
        assert np.mean(tails < edge) == pytest.approx(edge, abs=0.006 + 0.08 * min(edge, 1 - edge) ** 0.5)
    assert np.mean(np.concatenate(off)) == pytest.approx(0.9, abs=0.04)


def test_reports_that_wait_for_monday_are_expected_on_monday() -> None:
    reports = Reports(6)
    friday, tuesday = 130 + np.array([5, 2]) - 130 % 7  # the day after is Saturday, Wednesday
    truth = {now: _delays(now - 1, 0.7).cumsum()[1] for now in (friday, tuesday)}
    assert truth[tuesday] - truth[friday] > 0.1
    for now, due in truth.items():
        share, _ = known_share(reports, now)
        np.testing.assert_allclose(share[-1, -1], due, atol=0.02)


def test_a_slow_category_is_told_apart_and_a_rare_one_follows_the_rest() -> None:
    factors = np.ones(20)
    factors[[0, 19]] = 3.0
    share, _ = known_share(Reports(7, factors=factors), 150)
    assert share[19, -1] < share[18, -1] - 0.08  # 80 a day
    assert share[0, -1] == pytest.approx(share[1, -1], abs=0.05)  # one in two days


def test_delays_that_change_are_followed_within_weeks() -> None:
    change = np.where(np.arange(200) < 110, 0.9, 0.6)
    reports = Reports(8, first_share=change)
    before, _ = known_share(reports, 112)
    after, _ = known_share(reports, 182)
    assert before[-1, -2] > 0.9
    truth = _delays(180, 0.6).cumsum()[2]
    assert after[-1, -2] == pytest.approx(truth, abs=0.03)


def test_withdrawn_requests_make_more_than_whole() -> None:
    reports = Reports(9, first_share=np.full(200, 1.0))
    reports.known[:, :, 0] = np.ceil(reports.known[:, :, 0] * 1.2)
    reports.known[:, :, 1] = reports.known[:, :, 0]
    share, doubt = known_share(reports, 150)
    assert 1.1 < share[-1, -1] < 1.3
    assert (doubt >= 0).all()


def test_a_panel_finer_than_the_triangle_takes_the_delays_of_its_category() -> None:
    factors = np.ones(20)
    factors[19] = 3.0
    reports = Reports(10, factors=factors)
    panel = reports.panel(150)
    labels = pd.DataFrame({"category": ["c0019", "c0018", "new"], "area": ["Ward 1", "Ward 1", "Ward 2"]})
    finer = Panel(panel.counts[:3], panel.dates, labels, panel.as_of)
    found = nowcast.completeness(reports.triangle(150), finer)
    whole, _ = known_share(reports, 150)
    assert found is not None
    np.testing.assert_allclose(found.mean[:2], whole[[19, 18]])
    assert whole[19, -1] < found.mean[2, -1] < whole[18, -1] + 0.02  # what all have in common


def test_between_two_pulls_completeness_lies_between_the_two_evenings() -> None:
    reports = Reports(11)
    evening, midnight, noon = (
        nowcast.completeness(Triangle(t.known, t.dates, t.labels, day_share=part), reports.panel(150))
        for t, part in ((reports.triangle(150), part) for part in (1.0, 0.0, 0.5))
    )
    assert evening is not None
    assert midnight is not None
    assert noon is not None
    np.testing.assert_allclose(noon.mean, (evening.mean + midnight.mean) / 2)
    first = _delays(149, 0.7)[0]
    assert midnight.mean[-1, -1] == pytest.approx(first, abs=0.03)
    assert noon.variance[-1, -1] > max(evening.variance[-1, -1], midnight.variance[-1, -1])


def test_days_without_a_reading_do_not_look_like_long_delays() -> None:
    reports = Reports(12)
    whole = reports.triangle(160)
    holes = whole.known.copy()
    for outage in range(60, 110, 9):  # read on no three days in a row
        on = np.arange(WINDOW)[:, None] + np.arange(N_DELAYS)
        holes[:, (on >= outage) & (on < outage + 3)] = np.nan
    found = nowcast.completeness(Triangle(holes, whole.dates, whole.labels), reports.panel(160))
    share, _ = known_share(reports, 160)
    assert found is not None
    np.testing.assert_allclose(found.mean[10:, -4:], share[10:, -4:], atol=0.03)


@pytest.mark.parametrize("cut", [slice(0, -20), slice(-20, None)])
def test_too_little_history_says_nothing(cut: slice) -> None:
    reports = Reports(14)
    triangle = reports.triangle(150)
    known = triangle.known.copy()
    if cut.start is None:
        known *= 0
    else:
        known[:, :-20] = np.nan
    assert nowcast.completeness(Triangle(known, triangle.dates, triangle.labels), reports.panel(150)) is None


def test_a_day_of_which_next_to_nothing_is_known_is_not_judged() -> None:
    reports = Reports(15, first_share=np.full(200, 0.0))
    reports.known[:, :, 1] = 0
    share, doubt = known_share(reports, 150)
    assert np.isnan(share[:, -1]).all()
    assert np.isnan(doubt[:, -1]).all()
    assert (share[:, -12] > 0.9).all()


def test_thinned_moments_are_those_of_a_simulation() -> None:
    rng = np.random.default_rng(16)
    mean, variance, share, doubt = 40.0, 90.0, 0.7, 0.01
    size = mean**2 / (variance - mean)
    counts = rng.negative_binomial(size, size / (size + mean), 400_000)
    strength = share * (1 - share) / doubt - 1
    known = rng.binomial(counts, rng.beta(share * strength, (1 - share) * strength, len(counts)))
    m, v = np.array([[mean]]), np.array([[variance]])
    ours = nowcast.thinned(m, v, Completeness(np.array([[share]]), np.array([[doubt]])))
    np.testing.assert_allclose(np.ravel(ours), [known.mean(), known.var()], rtol=0.01)
    for complete in (None, Completeness(np.ones((1, 1)), np.zeros((1, 1)))):
        np.testing.assert_allclose(nowcast.thinned(m, v, complete), [m, v])


def test_the_order_of_series_does_not_matter() -> None:
    reports = Reports(17)
    triangle, panel = reports.triangle(150), reports.panel(150)
    order = np.random.default_rng(0).permutation(20)
    one = nowcast.completeness(triangle, panel)
    other = nowcast.completeness(Triangle(triangle.known[order], triangle.dates, triangle.labels.iloc[order]), panel)
    assert one is not None
    assert other is not None
    np.testing.assert_allclose(one.mean, other.mean, rtol=1e-6)
