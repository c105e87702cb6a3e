"""Is this week's total far above the same weeks of earlier years? Farrington 1996, the original.

    log mean_t = level + trend * t,   variance = dispersion * mean
    limit      = (mean^p + z se)^(1/p),   se² = p² mean^(2p-1) (dispersion + var(log mean) * mean)

Only the weeks within `half_window` of this week of the year count, of five years; past outbreaks (Anscombe
residual above 1) count for less in a second fit; the trend stays if significant and no leap. The power p makes
the prediction nearly normal. `farrington` is its successor, with fewer false alarms; this one is here to compare
with.

References:
    Farrington, Andrews, Beale & Catchpole (1996), J R Stat Soc A 159, 547-563.
    Checked against `algo.farrington` of the R package `surveillance` 1.20.3.
"""

import numpy as np
from scipy import special

from detectors.farrington import Fit, Model
from forewarn.panel import Floats

MODEL = Model(blocks=1, left_out=3, reweight_above=1.0, trend_p=0.05, errors_of_refit=True)
"""To be fitted by `detectors.farrington.fit_step`."""


def power_limit(fit: Fit, alpha: float, power: float = 2 / 3) -> Floats:
    """(n_series,) upper end of the two-sided 1 - `alpha` interval of a count.

    Args:
        fit: What the past leads to expect.
        alpha: Chance that an ordinary count lies outside, half of it above.
        power: Of the count that is taken as normal: 2/3, 1/2, or 1 for none.
    """
    se = power * np.sqrt(fit.mean ** (2 * power - 1) * (fit.dispersion + fit.log_se**2 * fit.mean))
    return np.asarray((fit.mean**power - special.ndtri(alpha / 2) * se) ** (1 / power))
