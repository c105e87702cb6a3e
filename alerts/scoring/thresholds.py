"""Verdicts as they would be at another threshold, without judging again."""

from dataclasses import replace

import numpy as np
from scipy import special

from forewarn.results import Detection


def at_alpha(detection: Detection, alpha: float, *, judged_at: float) -> Detection:
    """`detection`, which was judged at the tail probability `judged_at`, as if it had been judged at `alpha`.

    Which cells alarm is exact, but for methods with a memory such as EARS C3: those whose tail is below `alpha`. Where
    their limits lie is not known without the distribution; tails of counts lie between a normal and an exponential one,
    so limits are moved by the geometric mean of what the two would need, and never across the observed count.
    """
    normal, exponential = special.ndtri(alpha) / special.ndtri(judged_at), np.log(alpha) / np.log(judged_at)
    stretch = np.sqrt(normal * exponential)
    observed, expected = detection.observed, detection.expected
    limit = expected + stretch * (detection.limit - expected)
    lower = expected + stretch * (detection.lower_limit - expected)
    return replace(
        detection,
        limit=np.where(detection.upper_tail < alpha, np.minimum(limit, observed - 1), np.maximum(limit, observed)),
        lower_limit=np.where(
            detection.lower_tail < alpha, np.maximum(lower, observed + 1), np.minimum(lower, observed)
        ),
    )
