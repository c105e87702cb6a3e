"""Words become findings of their own, or say what a surge is about, and live as other alerts do."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from alerts.lifecycle import advance
from alerts.mail_page import mail_page
from alerts.routing import wants
from alerts.rules.words import EmergingWords, Spoken, keep_words
from alerts.wording import answers, explanation
from detectors.words import Related, Story
from forewarn.alert import Alert, Finding, Kind, Severity, State
from forewarn.irregularity import Cause, Irregularity
from forewarn.request import Documents
from forewarn.settings import ChannelSettings

DAY = date(2026, 2, 4)
NOW = datetime(2026, 2, 5, 6, tzinfo=UTC)


def documents(n: int = 14, *, category: str = "Water", label: str = "") -> Documents:
    """200 letters of the weeks before, then `n` of the last two days, most of them of Ward 7."""
    old = 200
    day = np.concatenate([np.arange(old) % 30, np.full(n, 33)]) + np.datetime64("2026-01-02", "D")
    area = ["Ward 1"] * old + ["Ward 7"] * (n - 4) + ["Ward 2"] * 4

    def column(values: list[str]) -> np.ndarray:
        return np.array(values, dtype=object)

    return Documents(
        day=day,
        known_from=day,
        category=column(["Water"] * old + [category] * n),
        area=column(area),
        label=column(["Leak"] * old + [label] * n),
        text=column(["text"] * (old + n)),
        lat=np.full(old + n, np.nan),
        lon=np.full(old + n, np.nan),
    )


def story(term: str = "brown water", *, n: int = 14, **more: object) -> Story:
    known = Story(
        term=term,
        area="",
        window_days=2,
        since=date(2026, 2, 3),
        observed=n,
        expected=0.4,
        low=0.0,
        high=2.0,
        limit=6.0,
        tail=1e-9,
        adjusted=8e-6,
        n_judged=8000,
        rows=np.arange(200, 200 + n),
        explained=False,
        history=np.array([0.0] * 26 + [5.0, 9.0]),
        usual=(0.2, 0.0, 1.0),
        others=(Related("tap", 9, 0.2, 0.0, 2.0),),
    )
    return replace(known, **more)  # type: ignore[arg-type]


def surge(labels: dict[str, str], day: date = DAY) -> Finding:
    return Finding(Kind.SURGE, "bonn", labels, day, Severity.WARNING, "a surge", {"excess": 30.0, "head": labels})


def found(*stories: Story, surges: list[Finding] | None = None, alerts: list[Alert] | None = None, **more: str):  # type: ignore[no-untyped-def]
    spoken = Spoken("bonn", stories, documents(**more))
    return EmergingWords().evaluate(spoken, DAY, surges or [], alerts or [], [])


def opened(finding: Finding) -> Alert:
    (change,) = advance([], [finding], finding.day, NOW)
    return change.alert


def test_the_title_says_what_how_much_since_when_and_where() -> None:
    (finding,) = found(story()).words
    assert finding.title == "“brown water” in 14 requests since Tue 3 Feb, usually 0 to 2 (mostly Ward 7)"
    assert finding.labels == {"term": "brown water"}
    assert finding.severity is Severity.WARNING
    (local,) = found(story(area="Ward 7", since=DAY)).words
    assert local.title == "“brown water” in 14 requests in Ward 7 on Wed 4 Feb, usually 0 to 2"


def test_every_question_is_answered_in_plain_words() -> None:
    (finding,) = found(story()).words
    text = "\n".join(explanation(opened(finding)))
    for piece in (
        "“brown water” is in 14 requests since Tue 3 Feb 2026, 2 days now.",
        "0 to 2 in 2 days with as many requests, about 0.4.",
        "over all 8,000 words and phrases that are watched",
        "  - Ward 7: 10 of 14",
        "  - Water: 14 of 14",
        "In much the same requests: “tap”.",
        "With fewer than 7 requests there is no alert.",
    ):
        assert piece in text


@pytest.mark.parametrize("labels", [{"category": "Water"}, {"category": "Water", "area": "Ward 7"}, {"area": "Ward 7"}])
@pytest.mark.parametrize("explained", [True, False])
def test_words_of_a_surge_belong_to_it(labels: dict[str, str], explained: bool) -> None:
    told = found(story(explained=explained), surges=[surge({"category": "Noise"}), surge(labels)])
    assert told.words == []
    assert "words" not in told.surges[0].evidence
    (words,) = told.surges[1].evidence["words"]
    assert (words["words"], words["observed"], words["high"]) == ("brown water", 14.0, 2.0)


@pytest.mark.parametrize("labels", [{}, {"category": "Noise"}, {"area": "Ward 2"}, {"agency": "Works"}])
def test_a_surge_elsewhere_or_of_everything_explains_no_words(labels: dict[str, str]) -> None:
    told = found(story(), surges=[surge(labels)])
    assert len(told.words) == 1
    assert told.surges == [surge(labels)]


def test_words_of_a_surge_that_still_lives_and_words_that_only_follow_the_volume_are_no_news() -> None:
    yesterday = opened(surge({"category": "Water"}, DAY - timedelta(days=1)))
    assert found(story(), alerts=[yesterday]).words == []
    assert len(found(story(), alerts=[replace(yesterday, state=State.RESOLVED)]).words) == 1
    assert len(found(story(), alerts=[replace(yesterday, last_day=DAY - timedelta(days=8))]).words) == 1
    assert found(story(explained=True)).words == []


@pytest.mark.parametrize(("in_the_surge", "told"), [(10, False), (4, True)])
def test_words_that_were_mostly_counted_in_a_surge_that_is_over_are_no_news(in_the_surge: int, told: bool) -> None:
    over = replace(opened(surge({"category": "Water"}, DAY - timedelta(days=4))), state=State.RESOLVED)
    texts = documents()
    texts.day[200 : 200 + in_the_surge] = np.datetime64(over.last_day, "D")
    spoken = Spoken("bonn", [story(window_days=7)], texts)
    assert bool(EmergingWords().evaluate(spoken, DAY, [], [over], []).words) is told


def test_words_that_are_looked_at_again_are_part_of_a_surge_that_has_gone_on_since() -> None:
    going_on = replace(opened(surge({"category": "Water"}, DAY)), last_day=DAY + timedelta(days=2))
    assert found(story(), alerts=[going_on]).words == []
    later = opened(surge({"category": "Water"}, DAY + timedelta(days=1)))
    assert len(found(story(), alerts=[later]).words) == 1


def test_a_new_label_is_said_as_such() -> None:
    (finding,) = found(story("main break"), label="Main break").words
    assert finding.severity is Severity.NOTICE
    assert "“main break”, of a new sub-category, in 14 requests" in finding.title
    assert finding.evidence["label"] == {"label": "subcategory", "name": "Main break", "instead_of": "Leak"}
    text = "\n".join(explanation(opened(finding)))
    assert "“Leak” has not come since: it was probably renamed." in text
    (new,) = found(story(), category="Pipes").words
    assert new.evidence["label"]["label"] == "category"


LIST = Irregularity(Cause.BATCH, DAY, {"category": "Water"}, 12, who={"agency": "Office 26"})
BEGUN = Irregularity(Cause.BEGUN, DAY - timedelta(days=1), {"category": "Water"}, 9, since=DAY - timedelta(days=4))


@pytest.mark.parametrize(
    ("irregularity", "told"),
    [
        (LIST, False),
        (BEGUN, False),
        (replace(LIST, others=40), True),
        (replace(LIST, labels={"category": "Noise"}), True),
        (replace(LIST, day=DAY - timedelta(days=1)), True),
        (replace(LIST, day=DAY + timedelta(days=1), since=DAY), True),
        (replace(LIST, labels={}), True),
    ],
)
def test_words_of_a_list_or_of_a_category_that_began_are_no_news(irregularity: Irregularity, told: bool) -> None:
    spoken = Spoken("bonn", [story()], documents())
    assert bool(EmergingWords().evaluate(spoken, DAY, [], [], [irregularity]).words) is told


def test_the_same_story_is_one_alert_though_its_words_change() -> None:
    (first,) = found(story()).words
    alert = opened(first)
    (again,) = found(story("tap", observed=20, others=(Related("brown water", 15, 0.4, 0.0, 2.0),))).words
    (change,) = advance([alert], [replace(again, day=DAY + timedelta(days=1))], DAY + timedelta(days=1), NOW)
    assert change.alert.fingerprint == alert.fingerprint
    (other,) = found(story("gas smell", others=())).words
    (change,) = advance([alert], [other], DAY, NOW)[:1]
    assert (change.event.what, change.alert.fingerprint == alert.fingerprint) == ("opened", False)


def test_words_that_are_a_surge_the_day_after_stay_one_alert() -> None:
    alert = opened(found(story()).words[0])
    next_day = DAY + timedelta(days=1)
    risen = replace(found(story(), surges=[surge({"category": "Water"})]).surges[0], day=next_day)
    (change,) = advance([alert], [risen], next_day, NOW)
    after = change.alert
    assert (after.fingerprint, change.event.what) == (alert.fingerprint, "continued")
    assert (after.kind, after.labels, after.first_day) == (Kind.SURGE, {"category": "Water"}, DAY)
    assert advance([after], [risen], next_day, NOW) == []
    assert found(story(), alerts=[after]).words == [], "the day of the words, looked at again"


@pytest.mark.parametrize("says", [{}, {"words": [{"words": "gas smell"}]}])
def test_a_surge_that_says_nothing_of_the_words_is_an_alert_of_its_own(says: dict[str, object]) -> None:
    alert = opened(found(story()).words[0])
    other = surge({"category": "Gas"})
    (change,) = advance([alert], [replace(other, evidence={**other.evidence, **says})], DAY, NOW)
    assert (change.event.what, change.alert.fingerprint == alert.fingerprint) == ("opened", False)


def test_judged_again_nothing_changes_and_quiet_days_end_it() -> None:
    (finding,) = found(story()).words
    alert = opened(finding)
    assert advance([alert], [finding], DAY, NOW) == []
    (over,) = advance([alert], [], DAY + timedelta(days=3), NOW)
    assert over.alert.state is State.RESOLVED


def test_a_surge_keeps_its_words_when_they_are_not_looked_at_again() -> None:
    told = found(story(), surges=[surge({"category": "Water"})])
    alert = opened(told.surges[0])
    assert keep_words([surge({"category": "Water"})], [alert]) == told.surges
    other_day = surge({"category": "Water"}, DAY + timedelta(days=1))
    assert keep_words([other_day], [alert]) == [other_day]


def test_channels_are_asked_by_area_and_category() -> None:
    alert = opened(found(story()).words[0])
    assert wants(ChannelSettings(areas=("Ward 7",)), alert)
    assert wants(ChannelSettings(categories=("Water",)), alert)
    assert not wants(ChannelSettings(areas=("Ward 1",)), alert)


def test_areas_and_categories_are_text_never_markup() -> None:
    mail = documents(category="<b>Water</b>")
    mail = replace(mail, area=np.array(["<script>alert(1)</script>"] * len(mail), dtype=object))
    (finding,) = EmergingWords().evaluate(Spoken("bonn", [story()], mail), DAY, [], [], []).words
    alert = opened(finding)
    page = mail_page(alert, "new alert", answers(alert), "http://127.0.0.1/")
    assert "<script" not in page
    assert "<b>" not in page
    assert "&lt;script&gt;" in page
    assert "usual that day: 0 to 1" in page
