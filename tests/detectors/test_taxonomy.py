"""What begins, ends and is renamed is told from what rises and falls; what arrives late from what happens."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np

from detectors.backlog import find_backlogs
from detectors.irregularities import ordinary
from detectors.taxonomy import find_changes
from forewarn.entries import Entries
from forewarn.irregularity import Cause, Irregularity
from store.panels import panels_of
from tests.detectors.entries import FIRST, Row, entries_of, no_day_off

DAYS = 240


def daily(category: str, mean: float, days: range, seed: int, kind: str = "") -> list[Row]:
    counts = np.random.default_rng(seed).poisson(mean, len(days))
    return [(day, "", category, kind, "North", int(count)) for day, count in zip(days, counts, strict=True) if count]


def town(*more: Row, missing: tuple[int, ...] = (), before: int = 1) -> Entries:
    """Two categories that go on; the source is young, as its first day is not covered."""
    rows = [*daily("Rats", 8, range(before, DAYS), 1), *daily("Noise", 12, range(before, DAYS), 2)]
    return entries_of([row for row in (*rows, *more) if row[0] not in missing], DAYS, (*range(before), *missing))


def told(entries: Entries) -> list[tuple[Cause, str, date | None]]:
    return [(one.cause, one.labels["category"], one.since) for one in find_changes(entries).irregularities]


def on(day: int) -> date:
    return FIRST + timedelta(days=day)


def test_what_goes_on_neither_begins_nor_ends() -> None:
    changes = find_changes(town())
    assert (changes.irregularities, changes.blanks) == ([], [])


def test_a_category_that_begins_is_told_and_has_no_zeros_before() -> None:
    entries = town(*daily("Bikes", 6, range(150, DAYS), 3))
    assert told(entries) == [(Cause.BEGUN, "Bikes", on(150))]
    (panel,) = panels_of(entries, [("category",)], blanks=find_changes(entries).blanks)
    bikes = panel.counts[list(panel.labels["category"]).index("Bikes")]
    assert np.isnan(bikes[:150]).all()
    assert not np.isnan(bikes[150:]).any()
    assert not np.isnan(panel.counts[list(panel.labels["category"]).index("Rats"), 1:]).any()


def test_of_a_source_of_a_few_requests_nothing_is_told() -> None:
    changes = find_changes(entries_of([(200, "", "Rats", "", "North", 1), (200, "", "Noise", "", "South", 1)], DAYS))
    assert (changes.irregularities, changes.blanks) == ([], [])


def test_a_rare_category_begins_unnoticed() -> None:
    assert told(town(*((day, "", "Sinkhole", "", "North", 1) for day in (100, 160, 220)))) == []


def test_what_is_seen_in_the_first_weeks_was_there_before() -> None:
    assert told(town(*daily("Bikes", 6, range(20, DAYS), 3))) == []


def test_where_older_days_are_not_looked_at_a_season_does_not_begin() -> None:
    rows = [*daily("Rats", 8, range(DAYS), 1), *daily("Snow", 6, range(150, 200), 3)]
    assert (Cause.BEGUN, "Snow", on(150)) not in told(entries_of(rows, DAYS))


def test_a_category_that_stops_while_others_go_on_ended_and_is_no_longer_judged() -> None:
    entries = town(*daily("Bikes", 6, range(1, 180), 3))
    changes = find_changes(entries)
    (ended,) = changes.irregularities
    assert (ended.cause, ended.since, ended.day) == (Cause.ENDED, on(180), on(182))
    assert [(blank.labels, blank.first, blank.last) for blank in changes.blanks] == [
        ({"category": "Bikes"}, on(182), on(DAYS - 1))
    ]


def test_a_category_of_hundreds_a_day_ended_on_its_first_silent_day() -> None:
    (ended,) = find_changes(town(*daily("Bikes", 60, range(1, 180), 3))).irregularities
    assert ended.day == on(180)


def test_it_is_judged_again_once_it_is_back() -> None:
    rows = [*daily("Bikes", 6, range(1, 180), 3), *daily("Bikes", 6, range(200, DAYS), 4)]
    assert [(blank.first, blank.last) for blank in find_changes(town(*rows)).blanks] == [(on(182), on(199))]


def test_what_only_tapers_off_did_not_end() -> None:
    fewer = enumerate((6, 3, 1.5, 0.7, 0.3))
    rows = [row for n, mean in fewer for row in daily("Bikes", mean, range(1 + 48 * n, min(49 + 48 * n, DAYS)), n)]
    assert told(town(*rows)) == []


def test_a_source_that_is_silent_as_a_whole_ends_no_category() -> None:
    quiet = [*daily("Rats", 8, range(1, 180), 1), *daily("Noise", 12, range(1, 180), 2)]
    assert told(entries_of(quiet, DAYS, (0,))) == []


def test_closed_weekends_are_no_end() -> None:
    rows = [row for row in daily("Permits", 40, range(1, DAYS), 5) if row[0] % 7 < 5]
    assert told(town(*rows)) == []


def test_a_season_that_is_over_did_not_end() -> None:
    storms = [row for start in (60, 95) for row in daily("Snow", 30, range(start, start + 3), start)]
    assert told(town(*daily("Snow", 0.1, range(1, 60), 9), *storms)) == []


def names(found: list[Irregularity]) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    return [one.became for one in found if one.cause is Cause.RENAMED]


def test_a_category_with_another_name_is_renamed() -> None:
    entries = town(*daily("Bikes", 6, range(1, 180), 3), *daily("Cycles", 6, range(180, DAYS), 4))
    assert names(find_changes(entries).irregularities) == [(("Bikes",), ("Cycles",))]


def test_one_that_is_split_and_two_that_are_merged() -> None:
    before, after = range(1, 180), range(180, DAYS)
    split = town(*daily("Bikes", 8, before, 3), *daily("Lanes", 4, after, 4), *daily("Racks", 4, after, 5))
    assert names(find_changes(split).irregularities) == [(("Bikes",), ("Lanes", "Racks"))]
    merged = town(*daily("Lanes", 5, before, 4), *daily("Racks", 5, before, 5), *daily("Bikes", 10, after, 3))
    assert (("Lanes", "Racks"), ("Bikes",)) in names(find_changes(merged).irregularities)


def test_what_begins_with_far_more_requests_is_no_renaming() -> None:
    entries = town(*daily("Bikes", 6, range(1, 180), 3), *daily("Flood", 60, range(180, DAYS), 4))
    assert names(find_changes(entries).irregularities) == []


def test_later_days_change_nothing() -> None:
    entries = town(*daily("Bikes", 6, range(1, 180), 3), *daily("Cycles", 6, range(180, DAYS), 4))
    whole = ordinary(entries, 5, no_day_off(entries))
    for cut in (181, 183, 190):
        past = entries.day < cut
        cells = {name: getattr(entries, name)[past] for name in ("row", "day", "count")}
        early = replace(entries, covered=entries.covered[:cut], **cells)
        known = list(ordinary(early, 5, no_day_off(early)).irregularities)
        assert known == [one for one in whole.irregularities if one.day < on(cut)]


def test_days_that_were_not_read_and_then_arrive_are_a_backlog() -> None:
    entries = town((203, "", "Rats", "", "North", 20), (203, "", "Noise", "", "North", 40), missing=(200, 201, 202))
    ((backlog,), (blank,)) = find_backlogs(entries)
    assert (backlog.cause, backlog.since, backlog.day) == (Cause.BACKLOG, on(200), on(203))
    assert (blank.labels, blank.first, blank.last) == ({}, on(200), on(203))


def test_a_real_surge_after_a_gap_is_more_than_the_gap_lacks() -> None:
    entries = town((203, "", "Rats", "", "North", 300), missing=(200, 201, 202))
    assert find_backlogs(entries) == ([], [])


def test_a_surge_without_a_gap_and_a_gap_without_a_surge_are_no_backlog() -> None:
    assert find_backlogs(town((203, "", "Rats", "", "North", 60))) == ([], [])
    assert find_backlogs(town(missing=(200, 201, 202))) == ([], [])


def test_catching_up_after_a_storm_is_no_backlog() -> None:
    calm = town((203, "", "Rats", "", "North", 40))
    stormy = np.isin(calm.day, (200, 201, 202))
    dipped = replace(calm, count=np.where(stormy, np.ceil(calm.count * 0.3).astype(np.int64), calm.count))
    assert find_backlogs(dipped) == ([], [])
