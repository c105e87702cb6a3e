"""From the distribution of an ordinary day to a verdict on the day that was observed."""

import numpy as np
from scipy import special

from detectors.limits import nb_limit, nb_lower_limit, nb_lower_tail, nb_quantile, nb_tail, normal_tail
from forewarn.panel import Floats, Panel
from forewarn.results import Detection


def count_verdict(
    detector: str,
    panel: Panel,
    *,
    observed: Floats,
    mean: Floats,
    variance: Floats,
    alpha: float,
    window_days: int = 1,
) -> Detection:
    """Verdict where an ordinary day is a negative binomial (variance <= mean: Poisson) count.

    Args:
        observed, mean, variance: (n_series, n_judged); a NaN mean is no verdict.
        alpha: An alarm is an upper tail below it, a drop a lower tail below it.
        window_days: Days that each count sums.
    """
    return Detection(
        detector=detector,
        panel=panel,
        observed=observed,
        expected=mean,
        low=nb_quantile(0.025, mean, variance),
        high=nb_quantile(0.975, mean, variance),
        limit=nb_limit(alpha, mean, variance),
        lower_limit=nb_lower_limit(alpha, mean, variance),
        upper_tail=nb_tail(observed, mean, variance),
        lower_tail=nb_lower_tail(observed, mean, variance),
        window_days=window_days,
    )


def normal_verdict(
    detector: str, panel: Panel, *, observed: Floats, mean: Floats, sd: Floats, alpha: float, lead: Floats
) -> Detection:
    """Verdict where an ordinary day is normal.

    Args:
        observed, mean, sd: (n_series, n_judged); a NaN mean is no verdict.
        alpha: An alarm is an upper tail below it, a drop a lower tail below it.
        lead: (n_series, n_judged) standard deviations by which the days before have already come up.
    """
    z = -special.ndtri(alpha)
    return Detection(
        detector=detector,
        panel=panel,
        observed=observed,
        expected=mean,
        low=np.maximum(mean - special.ndtri(0.975) * sd, 0),
        high=mean + special.ndtri(0.975) * sd,
        limit=mean + (z - lead) * sd,
        lower_limit=mean - z * sd,
        upper_tail=normal_tail(observed, mean - lead * sd, sd),
        lower_tail=normal_tail(-observed, -mean, sd),
    )
