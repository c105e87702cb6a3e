"""Which alerts keep silent for now, and why."""

from collections.abc import Iterable

from forewarn.alert import Alert, Kind, State
from forewarn.contracts import SourceHealth


def source_in_trouble(alerts: Iterable[Alert]) -> bool:
    """Whether an alert about the source itself is open, among the `alerts` of one source.

    Its surges and drops are then recorded, but not told: they may be nothing but the trouble. They are told when
    the source is well again and they are still there. A source that is only late mutes nothing: its days are complete.
    Nor does one of which a part is silent: of that part there are no numbers, and drops of sums over it are not told.
    """
    troubles = [alert for alert in alerts if alert.kind is Kind.SOURCE and alert.state is not State.RESOLVED]
    return any(
        alert.evidence.get("health") != SourceHealth.LATE and not alert.evidence.get("silent") for alert in troubles
    )
