"""Is this week far above the mean of a few comparable weeks? The rules RKI 1 to 3.

    limit = mean + 2 sd                                   where the mean is above 20
    limit = upper end of Crow and Gardner's 95 % interval of the rounded-down mean    otherwise

Quick rules of thumb of the Robert Koch Institute: no trend, no over-dispersion below a mean of 20, no tail
probability. They are here to compare with; `bayes` answers the same question on the same weeks exactly.

References:
    Höhle (2007), Comput Stat 22, 571-582 (the R package `surveillance`).
    Crow & Gardner (1959), Biometrika 46, 441-453, table 1.
"""

import numpy as np

from detectors.windows import Comparable, comparable_steps
from forewarn.panel import Floats

NORMAL_ABOVE = 20.0

CROW_GARDNER_95 = (
    *(3.285, 5.323, 6.686, 8.102, 9.598, 11.177, 12.817, 13.765, 14.921, 16.768, 17.633),
    *(19.050, 20.335, 21.364, 22.945, 23.762, 25.400, 26.306, 27.735, 28.966, 30.017),
)
"""Upper end of the interval for a mean of 0, 1 … 20."""


def rki_limit(counts: Floats, compared: Comparable, *, last: int) -> Floats:
    """(n_series, last) limits of the last `last` of the counts (n_series, n_weeks); NaN: too little history."""
    baseline = comparable_steps(counts, compared, last=last)
    mean = baseline.mean(axis=2)
    small = np.array(CROW_GARDNER_95)[np.nan_to_num(np.minimum(mean, NORMAL_ABOVE)).astype(np.int64)]
    limit = np.where(mean > NORMAL_ABOVE, mean + 2 * baseline.std(axis=2, ddof=1), small)
    return np.where(np.isnan(mean), np.nan, limit)
