"""Who is told of an alert?"""

from collections.abc import Iterator, Mapping

from forewarn.alert import Alert, Kind, Severity
from forewarn.settings import ChannelSettings


def wants(settings: ChannelSettings, alert: Alert) -> bool:
    """Whether a channel asked for alerts of this severity, source, category and area.

    An alert that spans several categories or areas is wanted for any of them. Trouble of a source touches all of
    its categories and areas.
    """
    if alert.severity < Severity[settings.min_severity.upper()]:
        return False
    if settings.sources and alert.source not in settings.sources:
        return False
    if alert.kind is Kind.SOURCE:
        return True
    return _any_of(settings.categories, alert, "category") and _any_of(settings.areas, alert, "area")


def _any_of(wanted: tuple[str, ...], alert: Alert, label: str) -> bool:
    return not wanted or any(scope.get(label) in wanted for scope in _scopes(alert))


def _scopes(alert: Alert) -> Iterator[Mapping[str, str]]:
    yield alert.labels
    for entry in (entry for key in ("related", "parts", "scopes") for entry in alert.evidence.get(key, ())):
        yield entry["labels"]
    yield alert.evidence.get("head", {})
