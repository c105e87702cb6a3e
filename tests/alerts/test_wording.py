from dataclasses import replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from alerts.lifecycle import advance
from alerts.phrases import chance_text, chances_text, listed, number, plain, range_text, scope_text
from alerts.rules.breach import LimitBreach
from alerts.rules.drop import Drop
from alerts.rules.source import SourceTrouble
from alerts.rules.surge import Surge
from alerts.wording import explanation
from forewarn.alert import Alert, Finding, State, Verdict
from forewarn.calendar import Calendar, Event, EventKind
from forewarn.contracts import SourceHealth
from tests.alerts.drawing import EVENING, TUESDAY, drawn
from tests.alerts.test_breach_and_source import breach

RATS = [
    drawn(({"category": "Rats"}, 34, 13.2, 22.7), ({"category": "Mice"}, 9, 3, 8)),
    drawn(
        ({"category": "Rats", "area": "Ward 7"}, 16, 4, 12),
        ({"category": "Rats", "area": ""}, 5, 1, 8),
        ({"category": "Rats", "area": "Ward 9"}, 3, 4, 12),
    ),
]


def opened(finding: Finding) -> Alert:
    (change,) = advance([], [finding], finding.day, EVENING)
    return change.alert


def test_a_surge() -> None:
    rats, mice = Surge().evaluate(RATS, TUESDAY)
    assert rats.title == "Rats in Ward 7: 16 requests on Tue 3 Feb, usually 2 to 6"
    assert mice.title == "Mice: 9 requests on Tue 3 Feb, usually 1 to 5 (all areas)"


def test_a_surge_explains_itself() -> None:
    rats = drawn(({"category": "Rats"}, 50, 13.2, 22.7), tail=1e-5)
    (finding,) = Surge().evaluate([rats, RATS[1]], TUESDAY)
    (first,) = advance([], [finding], TUESDAY, EVENING)
    alert = replace(first.alert, first_day=date(2026, 2, 1))
    assert explanation(alert) == [
        "What is higher: Rats (all areas): 50 requests on Tue 3 Feb 2026, noticed since Sun 1 Feb, 3 days now.",
        "What is usual: 7 to 19 on a day like this, about 13. These are 37 more.",
        "Could it be chance: Chance alone brings a count like this about once in 68 years "
        "over everything that is watched.",
        "Where it comes from: The largest parts of the increase:",
        "  - Ward 7: 16, usually 2 to 6 (33 % of the increase)",
        "  - unknown area: 5, usually 0 to 2 (11 % of the increase)",
        "What else was considered: Public holidays were not considered, as no country is set for this source. "
        "All days of the last four weeks were read completely. "
        "The count was read within a day, so late reports may still raise it.",
        "When it stays silent: With fewer than 23 requests that day there would have been no alert.",
        "What to do: Acknowledge it, so that others know somebody looks after it, and later say what came of it. "
        "It closes by itself after three ordinary days, and speaks again only if it gets clearly worse.",
    ]
    over = replace(alert, state=State.RESOLVED)
    assert explanation(over)[:-1] == explanation(alert)[:-1]
    assert explanation(over)[-1].startswith("What to do: Nothing: it is over. If you know what it was, a verdict helps")
    assert explanation(replace(over, verdict=Verdict.REAL))[-1] == "What to do: Nothing: it is over."


def test_what_was_known_of_the_day_is_said() -> None:
    events = (
        Event(EventKind.EVENT, TUESDAY, TUESDAY, "<b>Marathon</b>"),
        Event(EventKind.SCHOOL_HOLIDAY, TUESDAY, TUESDAY, "Winter"),
    )
    between = Calendar(events=events)
    (finding,) = Surge().evaluate([drawn(({"category": "Rats"}, 50, 13.2, 22.7), calendar=between)], TUESDAY)
    (considered,) = [line for line in explanation(opened(finding)) if line.startswith("What else")]
    assert considered.startswith(
        "What else was considered: Public holidays were not considered, as no country is set for this source. "
        "Known beforehand, and allowed for: school holidays (Winter) and an event (<b>Marathon</b>)."
    )


def test_a_bridge_day_is_said() -> None:
    monday = date(2026, 2, 2)
    calendar = Calendar(events=(Event(EventKind.HOLIDAY, TUESDAY, TUESDAY, "Town day"),))
    (finding,) = Surge().evaluate(
        [drawn(({"category": "Rats"}, 50, 13.2, 22.7), day=monday, calendar=calendar)], monday
    )
    assert any("between a weekend and a public holiday" in line for line in explanation(opened(finding)))


def test_what_came_back_tells_since_when_and_when_it_was_there_before() -> None:
    (finding,) = Surge().evaluate([drawn(({"category": "Rats"}, 50, 13.2, 22.7))], TUESDAY)
    before = {"first_day": "2026-01-20", "last_day": "2026-01-22"}
    alert = opened(finding)
    back = replace(
        alert,
        first_day=date(2026, 2, 1),
        peak_day=date(2026, 2, 2),
        evidence={**alert.evidence, "before": before},
    )
    lines = explanation(back)
    assert lines[0] == (
        "What is higher: Rats: 50 requests on Tue 3 Feb 2026, noticed since Sun 1 Feb, 3 days now, "
        "worst on Mon 2 Feb; it was there before, from Tue 20 Jan to Thu 22 Jan."
    )
    assert "closes by itself after seven ordinary days" in lines[-1]


def test_a_whole_source_is_named() -> None:
    (finding,) = Surge().evaluate([drawn(({}, 50, 13.2, 22.7))], TUESDAY)
    assert finding.title == "All requests of bonn: 50 requests on Tue 3 Feb, usually 7 to 19"
    titled = drawn(({}, 50, 13.2, 22.7))
    titled = replace(titled, panel=replace(titled.panel, title="Bonn's desk"))
    (finding,) = Surge().evaluate([titled], TUESDAY)
    assert finding.title == "All requests of Bonn's desk: 50 requests on Tue 3 Feb, usually 7 to 19"


def test_a_sum_of_days_says_so() -> None:
    weekly = replace(drawn(({"category": "Rats"}, 50, 13.2, 22.7)), window_days=7)
    (finding,) = Surge().evaluate([weekly], TUESDAY)
    assert finding.title == "Rats: 50 requests in the 7 days to Tue 3 Feb, usually 7 to 19"
    told = explanation(opened(finding))
    assert "What is usual: 7 to 19 in days like these, about 13. These are 37 more." in told
    assert any("requests in these days there would have been no alert" in line for line in told)


def test_numbers_are_plain() -> None:
    assert [number(value) for value in (0.04, 0.4, 3.0, 9.96, 34.4, 1280.6)] == ["0", "0.4", "3", "10", "34", "1,281"]
    assert [range_text(*ends) for ends in ((-1, 3.2), (7.9, 19), (4, 4.4))] == ["0 to 3", "8 to 19", "4"]


@pytest.mark.parametrize(
    ("tail", "watched", "text"),
    [
        (0.5, 100, "more than once a day"),
        (0.01, 100, "about once a day"),
        (1 / 40, 1, "about once in 40 days"),
        (1e-5, 250, "about once in 400 days"),
        (1e-5, 20, "about once in 14 years"),
        (1e-12, 20, "less than once in 100 years"),
        (0.0, 20, "less than once in 100 years"),
    ],
)
def test_chance_is_told_in_days(tail: float, watched: int, text: str) -> None:
    assert chance_text(tail, watched) == text


def test_probabilities_are_never_certain() -> None:
    assert [chances_text(p) for p in (0.02, 0.7, 0.94, 0.999)] == [
        "less than 1 in 10",
        "7 in 10",
        "9 in 10",
        "more than 9 in 10",
    ]


def test_a_day_that_is_not_complete_is_told_as_far_as_it_is_known() -> None:
    (finding,) = Surge().evaluate([drawn(({"category": "Rats"}, 50, 13.2, 22.7), known_share=0.8)], TUESDAY)
    assert finding.title == "Rats: 50 requests so far on Tue 3 Feb, usually 7 to 19 by now"
    lines = explanation(opened(finding))
    assert lines[0].startswith("What is higher: Rats: 50 requests so far on Tue 3 Feb 2026, ")
    assert lines[1] == "What is usual: 7 to 19 by now on a day like this, about 13. These are 37 more."
    assert lines[3].endswith(
        "The day is not complete: about 80 % of such a day is usually known by now, "
        "and it will likely come to 56 to 70."
    )
    (drop,) = Drop().evaluate([drawn(({}, 3, 40, 22), known_share=0.8)], TUESDAY)
    assert drop.title == "All requests of bonn: only 3 requests so far on Tue 3 Feb, usually 24 to 56 by now"


def test_a_day_of_which_nearly_all_is_known_is_told_as_complete() -> None:
    (finding,) = Surge().evaluate([drawn(({"category": "Rats"}, 50, 13.2, 22.7), known_share=0.99)], TUESDAY)
    assert finding.title == "Rats: 50 requests on Tue 3 Feb, usually 7 to 19"
    assert finding.evidence["so_far"] is None


def test_scopes() -> None:
    assert scope_text({}) == "All requests"
    assert scope_text({"area": "Ward 7"}) == "All requests in Ward 7"
    assert scope_text({"category": "Waste", "subcategory": "Bulk", "area": "Ward 7"}) == "Waste: Bulk in Ward 7"
    assert scope_text({"category": "Rats", "area": ""}) == "Rats in unknown area"
    assert scope_text({"agency": "DSNY", "channel": "App"}) == "All requests (agency: DSNY, channel: App)"


def test_lists() -> None:
    assert listed(["a"]) == "a"
    assert listed(["a", "b", "c", "d"]) == "a, b, c and d"
    assert listed(["a", "b", "c", "d", "e"]) == "a, b, c and 2 others"


def test_what_a_source_sends_becomes_one_plain_line() -> None:
    assert plain("Rats\r\nBcc: all@example.org\u202e\x00 x") == "Rats Bcc: all@example.org x"
    assert plain("x" * 100) == "x" * 79 + "…"


def test_a_lasting_drop_after_a_holiday() -> None:
    day = date(2026, 1, 2)
    (finding,) = Drop().evaluate([drawn(({}, 3, 40, 22), day=day, days=20, calendar=Calendar("DE"))], day)
    (first,) = advance([], [finding], day, EVENING)
    lines = explanation(first.alert)
    assert lines[0] == "What is lower: All requests: 3 requests on Fri 2 Jan 2026, first noticed that day."
    assert lines[1] == "What is usual: 24 to 56 on a day like this, about 40. These are 37 fewer."
    assert lines[3] == (
        "What else was considered: Everything is lower at once, so people rather cannot or do not report, as in a "
        "storm or when offices are closed, than that there is less to report. "
        "The day before was a public holiday (New Year's Day). All days of the last four "
        "weeks were read completely. The count was read within a day, so late reports may still raise it."
    )
    assert lines[4] == "When it stays silent: With more than 21 requests that day there would have been no alert."


def test_a_silence_says_what_may_be_broken_and_a_mere_drop_does_not() -> None:
    silent, lower = (
        advance([], Drop().evaluate([drawn(({"channel": "Phone"}, count, 40, 22))], TUESDAY), TUESDAY, EVENING)[0]
        for count in (0, 3)
    )
    assert "Nothing at all came: its form or telephone line may be broken." in "\n".join(explanation(silent.alert))
    assert "may be broken" not in "\n".join(explanation(lower.alert))


def test_a_breach_explains_itself() -> None:
    (finding,) = LimitBreach().evaluate([breach()], date(2026, 2, 3))
    assert explanation(opened(finding)) == [
        "What is coming: On about Thu 12 Mar 2026 the weekly number of Rats will pass 400 (chance 7 in 10) "
        "if nothing is done.",
        "How much: By then the weekly number is expected to be 421, most likely 380 to 471.",
        "How soon: 37 days are left, counted from the last day known.",
        "What to do: Plan for it, or act on the cause. Acknowledge the alert, so that others know. "
        "It closes by itself when the forecast stays below the limit.",
    ]
    (passed,) = LimitBreach().evaluate([replace(breach(), over=433.0)], date(2026, 2, 3))
    assert explanation(opened(passed))[:2] == [
        "What is: Rats: 433 requests came in the 7 days to Tue 3 Feb 2026, and 400 can be handled.",
        "What is coming: On Thu 12 Mar 2026 the weekly number is expected to be 421, most likely 380 to 471.",
    ]


def test_a_source_explains_itself() -> None:
    since = datetime(2026, 3, 2, 14, tzinfo=ZoneInfo("Europe/Berlin"))
    (finding,) = SourceTrouble().evaluate(
        "bonn",
        SourceHealth.SILENT,
        "The portal answers, but with no rows.",
        since=since,
        now=since + timedelta(hours=30),
        newest_day=date(2026, 3, 1),
        usual=85.2,
    )
    assert explanation(opened(finding)) == [
        "What is wrong: No requests from bonn since Mon 2 Mar 14:00; 85 a day are usual.",
        "What is known: The last day with data is Sun 1 Mar 2026. The portal answers, but with no rows.",
        "What it means: Alerts that depend on it are held back until it is well again.",
        "What to do: `forewarn sources check bonn` tells more.",
    ]


def test_a_late_source_says_how_to_be_allowed_to_be_late() -> None:
    since = datetime(2026, 3, 2, 14, tzinfo=ZoneInfo("Europe/Berlin"))
    (finding,) = SourceTrouble().evaluate(
        "bonn",
        SourceHealth.LATE,
        "The newest complete day is Saturday 2026-02-28; Sunday 2026-03-01 should be there by now.",
        since=since,
        now=since + timedelta(hours=30),
        newest_day=date(2026, 2, 28),
        usual=None,
        title="Bonn calls",
    )
    assert explanation(opened(finding)) == [
        "What is wrong: New requests from Bonn calls have been late since Mon 2 Mar 14:00.",
        "What is known: The last day with data is Sat 28 Feb 2026. "
        "The newest complete day is Saturday 2026-02-28; Sunday 2026-03-01 should be there by now.",
        "What it means: The days that are known are complete; what comes after them cannot be watched yet.",
        "What to do: `forewarn sources check bonn` tells more. If it always takes so long, set its public_delay_days.",
    ]
