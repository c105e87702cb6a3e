"""Methods that tell an unusual day from an ordinary one; forecasts are in `detectors.forecasters`."""

from detectors.allocation import keep_freed_memory
from forewarn.contracts import Detector
from forewarn.plugins import load

keep_freed_memory()

DETECTORS = {
    "scan": "detectors.scan:Scan",
    "drift": "detectors.drift:Drift",
    "farrington": "detectors.farrington:Farrington",
    "bayes": "detectors.bayes:Bayes",
    "ears-c1": "detectors.ears:EarsC1",
    "ears-c2": "detectors.ears:EarsC2",
    "ears-c3": "detectors.ears:EarsC3",
}
"""Name in the settings → class, a frozen dataclass with a field `alpha`."""

KNOW_DELAY = ("scan", "drift")
"""Those that judge what is known of a day so far by `Panel.completeness`; the others wait until a day is complete."""


def detector_for(name: str, alpha: float) -> Detector:
    """The detector listed under `name`, raising an alarm at tails below `alpha`.

    Raises:
        ConfigError: `name` is not in the table.
    """
    detector: Detector = load(DETECTORS, name, key="detection.detectors")(alpha=alpha)
    return detector
