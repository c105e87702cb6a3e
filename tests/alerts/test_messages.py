from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, date, datetime
from html.parser import HTMLParser

import pytest

from alerts.lifecycle import acknowledge, advance, resolve
from alerts.messages import notifications
from alerts.routing import wants
from alerts.rules.breach import LimitBreach
from alerts.rules.surge import Surge
from forewarn.alert import Change, Kind, Notification, Severity
from forewarn.settings import ChannelSettings
from tests.alerts.drawing import TUESDAY, drawn
from tests.alerts.test_breach_and_source import breach
from tests.alerts.test_lifecycle import finding

NOW = datetime(2026, 2, 4, 6, tzinfo=UTC)
LOG = ChannelSettings.model_validate({"kind": "log", "url": "log.jsonl"})
HOSTILE = '<script>alert(1)</script>" onload="x\r\nBcc: all@example.org\r\n\r\n'


def surge(category: str = "Rats", area: str = "Ward 7") -> Change:
    rows = drawn(({"category": category, "area": area}, 34, 13, 22))
    (found,) = Surge().evaluate([rows], TUESDAY)
    (change,) = advance([], [found], TUESDAY, NOW)
    return change


def told(
    *changes: Change, channels: dict[str, ChannelSettings] | None = None, before: Collection[str] = ("ops",)
) -> list[Notification]:
    """Messages to those channels, of which some were told of the alerts before."""
    known = {change.alert.fingerprint: before for change in changes}
    return notifications(changes, channels or {"ops": LOG}, known, now=NOW, dashboard_url="https://desk.example.org/")


class Page(HTMLParser):
    """Tags, attributes and visible text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[str] = []
        self.words: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def test_a_new_alert_is_told_with_its_link() -> None:
    change = surge()
    (message,) = told(change)
    assert message.subject == "[Warning, new alert] Rats in Ward 7: 34 requests on Tue 3 Feb, usually 7 to 19"
    assert message.text.startswith("Rats in Ward 7: 34 requests on Tue 3 Feb, usually 7 to 19\n\nWhat is higher\n")
    link = f"https://desk.example.org/alerts/{change.alert.fingerprint}"
    assert message.text.endswith(f"\n\n{link}\n")
    assert f'href="{link}"' in message.html
    assert (message.channel, message.created_at, message.attempts) == ("ops", NOW, 0)


def test_the_key_is_one_for_each_change_and_channel() -> None:
    change = surge()
    first = told(change, channels={"ops": LOG, "log": LOG})
    again = told(change, channels={"ops": LOG, "log": LOG})
    assert [message.idempotency_key for message in first] == [message.idempotency_key for message in again]
    assert len({message.idempotency_key for message in first}) == 2
    later = replace(change, event=replace(change.event, sequence=2, what="worsened"))
    assert told(later)[0].idempotency_key not in {message.idempotency_key for message in first}


def test_every_target_of_a_channel_gets_a_message_of_its_own() -> None:
    mail = ChannelSettings.model_validate({"url": "mailto://mail.example.org?from=f@example.org&to=a@b.org,c@d.org"})
    assert [message.channel for message in told(surge(), channels={"ops": mail})] == ["ops", "ops/2"]


def test_an_address_that_is_not_understood_does_not_lose_the_message() -> None:
    wrong = ChannelSettings.model_validate({"url": "nonsense"})
    assert [message.channel for message in told(surge(), channels={"ops": wrong})] == ["ops"]


@pytest.mark.parametrize("what", ["opened", "reopened", "released", "worsened", "resolved"])
def test_what_is_worth_telling(what: str) -> None:
    change = surge()
    assert len(told(replace(change, event=replace(change.event, what=what)))) == 1


@pytest.mark.parametrize("what", ["continued", "acknowledged", "verdict"])
def test_what_is_not(what: str) -> None:
    change = surge()
    assert told(replace(change, event=replace(change.event, what=what))) == []


def test_nothing_is_told_of_an_alert_that_was_held_back_until_it_is_released() -> None:
    (held,) = advance([], [finding(3)], date(2026, 2, 3), NOW, held=True)
    (over,) = advance([held.alert], [], date(2026, 2, 6), NOW)
    assert over.event.what == "resolved"
    assert told(held) == told(over) == []


def test_the_end_is_short_and_says_who_ended_it() -> None:
    alert = surge().alert
    (message,) = told(resolve(alert, "Ada", NOW, "main was mended"))
    assert message.subject.startswith("[Over] Rats in Ward 7: ")
    assert "How it ended\nClosed by Ada: main was mended." in message.text
    assert "What is usual" not in message.text
    (change,) = advance([alert], [], date(2026, 2, 6), NOW)
    assert "Closed by itself: 3 quiet days." in told(change)[0].text
    assert told(acknowledge(alert, "Ada", NOW)) == []


def following(change: Change, what: str, title: str) -> Change:
    """The change after `change`."""
    alert = replace(change.alert, revision=change.alert.revision + 1, title=title)
    return replace(change, alert=alert, event=replace(change.event, sequence=alert.revision, what=what))


def test_changes_that_come_together_make_one_message() -> None:
    opened = surge()
    worse = following(opened, "worsened", "Rats: worse")
    over = following(worse, "resolved", "Rats: worse")
    (message,) = told(opened, worse)
    assert message.subject == "[Warning, new alert] Rats: worse"
    assert message.idempotency_key == told(worse)[0].idempotency_key
    (message,) = told(worse, over)
    assert message.subject == "[Over] Rats: worse"
    (message,) = told(over, following(over, "reopened", "Rats: again"))
    assert message.subject == "[Warning, it is back] Rats: again"
    other = surge("Mice")
    assert len(told(opened, other, worse)) == 2


def test_what_came_and_went_unheard_is_explained() -> None:
    opened = surge()
    (message,) = told(opened, following(opened, "resolved", opened.alert.title))
    assert message.subject.startswith("[Warning, it came and went] Rats in Ward 7: 34 requests")
    assert message.text.index("How it ended") < message.text.index("What is usual")
    assert message.text.count("What to do") == 1
    assert "Acknowledge" not in message.text


def test_what_a_source_sends_stays_text() -> None:
    (message,) = told(surge(HOSTILE, HOSTILE))
    page = Page(message.html)
    assert "script" not in page.tags
    assert "onload" not in page.attributes
    assert any("<script>alert(1)</script>" in words for words in page.words)
    assert "\n" not in message.subject
    assert "\r" not in message.subject
    assert len(message.subject) <= 160


def test_the_page_loads_nothing_from_anywhere() -> None:
    page = Page(told(surge())[0].html)
    assert not {"img", "script", "link", "iframe", "svg"} & set(page.tags)
    assert "src" not in page.attributes
    assert page.tags.count("h1") == 1


def test_the_strip_has_a_bar_for_each_of_28_days_and_marks_unknown_ones() -> None:
    change = surge()
    history = {"last_day": "2026-02-03", "counts": [None, 0.0] + [13.0] * 25 + [34.0]}
    change = replace(change, alert=replace(change.alert, evidence={**change.alert.evidence, "history": history}))
    html = told(change)[0].html
    assert html.count("vertical-align:bottom") == 28
    assert 'title="Wed 7 Jan: not known"' in html
    assert 'title="Thu 8 Jan: 0"' in html
    assert 'title="Tue 3 Feb: 34"' in html


def test_a_breach_has_no_strip() -> None:
    (found,) = LimitBreach().evaluate([breach()], TUESDAY)
    (change,) = advance([], [found], TUESDAY, NOW)
    (message,) = told(change)
    assert "vertical-align:bottom" not in message.html
    assert "the weekly number will pass 400" in message.subject


def asks(**settings: object) -> ChannelSettings:
    return ChannelSettings.model_validate(settings)


def test_a_channel_gets_what_it_asked_for() -> None:
    alert = replace(surge().alert, severity=Severity.WARNING)
    assert wants(asks(), alert)
    assert wants(asks(min_severity="warning", sources=["bonn"], categories=["Rats"], areas=["Ward 7"]), alert)
    assert not wants(asks(min_severity="critical"), alert)
    assert not wants(asks(sources=["ulm"]), alert)
    assert not wants(asks(categories=["Mice"]), alert)
    assert not wants(asks(areas=["Ward 8"]), alert)


def test_an_issue_of_several_categories_is_wanted_for_each() -> None:
    related = [{"labels": {"category": "No water", "area": "Elm"}}]
    (change,) = advance([], [finding(3, {"area": "Elm"}, related=related)], date(2026, 2, 3), NOW)
    assert wants(asks(categories=["No water"]), change.alert)
    assert not wants(asks(categories=["Rats"]), change.alert)


def test_who_was_told_hears_how_it_goes_on_and_nobody_else_that_it_is_over() -> None:
    rats = surge()
    water = {**rats.alert.evidence, "related": [{"labels": {"category": "No water"}, **rats.alert.evidence}]}
    opened = replace(rats, alert=replace(rats.alert, evidence=water))
    worse, over = following(rats, "worsened", "Rats: worse"), following(rats, "resolved", "Rats")
    channels = {"water": asks(kind="log", categories=["No water"]), "mice": asks(kind="log", categories=["Mice"])}
    assert [message.channel for message in told(opened, channels=channels, before=())] == ["water"]
    for change in (worse, over):
        assert [message.channel for message in told(change, channels=channels, before={"water"})] == ["water"]
    channels["new"] = asks(kind="log")
    assert [message.channel for message in told(over, channels=channels, before={"water"})] == ["water"]


def test_trouble_of_a_source_concerns_all_of_its_categories() -> None:
    (change,) = advance([], [finding(3, {}, kind=Kind.SOURCE)], date(2026, 2, 3), NOW)
    assert wants(asks(categories=["Rats"], areas=["Elm"]), change.alert)
    assert not wants(asks(sources=["ulm"]), change.alert)
