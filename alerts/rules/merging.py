"""Which alarms of one day are one issue?

1. A part and its whole (Rats in Ward 7, Rats): the part heads the issue if it explains at least half of the
   whole's excess; otherwise the whole heads it, and its parts are contributions.
2. The same category in several areas is one issue of the category.
3. Several categories in the same area are one issue of the area: a burst main is "water leak" and "no water".
4. Two scopes that overlap, neither containing the other (Rats: Burrow, Rats in Ward 7), are one issue if one explains
   at least half of the other: the same requests are likely counted in both. The larger heads it.
5. The alarm of the whole source joins the largest issue if the issues that stand out by themselves explain
   at least half of its excess; otherwise it is an issue of its own.
6. As an issue of its own it takes in only what the general rise explains: issues that would be within their
   limit if that were raised in the proportion in which the whole source rose. All others stay apart.
"""

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

from forewarn.alert import Alarm, Kind

EXPLAINS = 0.5
"""Share of an excess from which on a part is taken for its cause."""


class Issue(NamedTuple):
    """Alarms that belong together; `head` tells the story, and is also the first of `alarms`."""

    labels: Mapping[str, str]
    alarms: tuple[Alarm, ...]

    @property
    def head(self) -> Alarm:
        return self.alarms[0]

    @property
    def explained(self) -> float:
        """Requests beyond the expected number, each counted once: not in a part beside its whole, nor in an overlap."""
        scopes = {frozenset(alarm.labels.items()) for alarm in self.alarms}
        counted: list[Alarm] = []
        for alarm in sorted(self.alarms, key=lambda a: -a.excess):
            in_whole = any(whole in scopes for whole in _wholes(alarm.labels))
            if not in_whole and not any(agree(alarm.labels, other.labels) for other in counted):
                counted.append(alarm)
        return sum(alarm.excess for alarm in counted)


def merge(alarms: Sequence[Alarm]) -> list[Issue]:
    """Issues of one source on one day, the largest first."""
    finest_first = sorted(alarms, key=lambda a: (-len(a.labels), -a.excess, sorted(a.labels.items())))
    source = next((alarm for alarm in alarms if not alarm.labels), None)
    with_parts = {whole for alarm in alarms for whole in _wholes(alarm.labels)}
    issues: list[Issue] = []
    for alarm in finest_first:
        if alarm is source:
            continue
        if frozenset(alarm.labels.items()) in with_parts:
            issues = _add_whole(issues, alarm)
        else:
            issues.append(Issue(alarm.labels, (alarm,)))
    issues = _join_overlapping(_one_for_each(_one_for_each(issues, _topic), _topic_area))
    if source is not None:
        issues = _add_source(issues, source)
    return sorted(issues, key=lambda issue: -issue.head.excess)


def _is_part(labels: Mapping[str, str], whole: Mapping[str, str]) -> bool:
    return labels.items() > whole.items()


def _wholes(labels: Mapping[str, str]) -> Iterator[frozenset[tuple[str, str]]]:
    """All broader scopes, down to the whole source."""
    return (frozenset(some) for size in range(len(labels)) for some in combinations(labels.items(), size))


def _add_whole(issues: list[Issue], whole: Alarm) -> list[Issue]:
    parts = [issue for issue in issues if _is_part(issue.labels, whole.labels)]
    others = [issue for issue in issues if not _is_part(issue.labels, whole.labels)]
    largest = max(parts, key=lambda issue: issue.head.excess, default=None)
    if largest and largest.head.excess >= EXPLAINS * whole.excess:
        return [issue for issue in issues if issue is not largest] + [_join(largest, whole)]
    return [*others, Issue(whole.labels, (whole, *(alarm for issue in parts for alarm in issue.alarms)))]


def _one_for_each(issues: list[Issue], key_of: Callable[[Issue], Hashable | None]) -> list[Issue]:
    groups: dict[Hashable, list[Issue]] = {}
    for place, issue in enumerate(issues):
        key = key_of(issue)
        groups.setdefault(("alone", place) if key is None else ("same", key), []).append(issue)
    return [_unite(group) for group in groups.values()]


def _topic(issue: Issue) -> Hashable | None:
    category, subcategory = (issue.labels.get(name) for name in ("category", "subcategory"))
    return (category, subcategory) if category or subcategory else None


def _topic_area(issue: Issue) -> Hashable | None:
    return issue.labels.get("area") if _topic(issue) else None


def _unite(group: list[Issue]) -> Issue:
    first, *others = sorted(group, key=lambda issue: -issue.head.excess)
    common = set(first.labels.items()).intersection(*(issue.labels.items() for issue in others))
    labels = {name: value for name, value in first.labels.items() if (name, value) in common}
    return Issue(labels, tuple(alarm for issue in (first, *others) for alarm in issue.alarms))


def _join_overlapping(issues: list[Issue]) -> list[Issue]:
    joined: list[Issue] = []
    for issue in sorted(issues, key=lambda one: -one.explained):
        place = next((k for k, other in enumerate(joined) if _overlap(other, issue)), None)
        if place is None:
            joined.append(issue)
        else:
            joined[place] = _join(joined[place], *issue.alarms)
    return joined


def _overlap(larger: Issue, smaller: Issue) -> bool:
    return agree(larger.labels, smaller.labels) and smaller.explained >= EXPLAINS * larger.head.excess


def agree(labels: Mapping[str, str], others: Mapping[str, str]) -> bool:
    """Whether two scopes can count the same requests: they share a label and contradict in none."""
    shared = labels.keys() & others.keys()
    return bool(shared) and all(labels[name] == others[name] for name in shared)


def _add_source(issues: list[Issue], source: Alarm) -> list[Issue]:
    needed = EXPLAINS * source.excess
    apart = [i for i in issues if i.explained >= needed or not _follows(i.head, source)]
    if apart and sum(issue.explained for issue in apart) >= needed:
        largest = max(apart, key=lambda issue: issue.explained)
        return [issue for issue in issues if issue is not largest] + [_join(largest, source)]
    taken_in = [alarm for i in issues if i.explained < needed and _follows(i.head, source) for alarm in i.alarms]
    return [*apart, Issue({}, (source, *taken_in))]


def _follows(alarm: Alarm, source: Alarm) -> bool:
    """Whether the change of the whole source is enough to explain an alarm."""
    moved_limit = alarm.limit * source.observed / max(source.expected, 1.0)
    return alarm.observed >= moved_limit if alarm.kind is Kind.DROP else alarm.observed <= moved_limit


def _join(issue: Issue, *alarms: Alarm) -> Issue:
    return Issue(issue.labels, (*issue.alarms, *alarms))
