"""The report as a page: complete in itself, and nothing of a source is markup."""

import re
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect

from alerts.scoring.known_events import EventKind
from alerts.scoring.power import PowerPoint
from alerts.scoring.report import Backtest, BacktestReport, Budget, BudgetPoint, HeldBack
from alerts.scoring.scores import Exposure, score_alerts, score_events, scores_of
from dashboards.backtest_page import MOST_ROWS, backtest_page, budget_figure, power_figure, weeks_figure
from forewarn.alert import Change, Severity
from tests.alerts.scoring.stories import change, event
from tests.dashboards.test_browser import DESKTOP, PHONE, browser

__all__ = ["browser"]

EVIL = "<script>alert(1)</script>"


def told(name: str, last: int) -> Change:
    """An alert whose title is markup."""
    drawn = change(name=name, last=last, labels={"category": EVIL})
    evidence = {**drawn.alert.evidence, "peak": {"title": f"{EVIL}: 9 requests", "tail": 1e-6}}
    return replace(drawn, alert=replace(drawn.alert, evidence=evidence))


@pytest.fixture
def source() -> Backtest:
    events = [event(EVIL, first=1, last=3), event("missed", first=20, last=21), event("list", "batch", 10, 10)]
    story = [told("A", 2), told("B", 10)]
    alerts, found = score_alerts(story, events), score_events(story, events)
    scores = scores_of(alerts, found, Exposure(events), n_days=28)
    power = [
        PowerPoint("spike", size, "sd", 100 * size, 2.0, high, 9, size / 8, 0.0)
        for size in (2.0, 8.0)
        for high in (10.0,)
    ]
    return Backtest(EVIL, date(2026, 2, 1), date(2026, 2, 28), 12, alerts, found, scores, [story[0].alert], power)


@pytest.fixture
def budget() -> Budget:
    held = HeldBack(EVIL, date(2026, 2, 3), date(2026, 2, 4), f"{EVIL}: 5 requests", Severity.NOTICE, 30.2, 70.0)
    return Budget(2.0, True, 1.5, 0.1, [BudgetPoint(1.0, 3.0), BudgetPoint(0.1, 1.5)], [held])


def test_the_page_holds_what_was_found_and_nothing_of_a_source_is_markup(source: Backtest, budget: Budget) -> None:
    page = backtest_page(BacktestReport([source], budget, {}))
    assert EVIL not in page
    assert page.count("&lt;script&gt;") >= 5
    assert "no incident</h3>" in page
    assert "1 of 2" in page, "incidents found"
    assert "1 of 1 (batch entry)" in page
    assert "once in 30 days" in page
    assert "budget of 2 alerts a week" in page
    assert page.count("plotly.js v") == 1, "the script that draws is inside, once"
    fetched = re.findall(r"<(?:script|link|img)\b[^>]*?(?:src|href)=[\"']?([^\"'\s>]+)", page)
    assert fetched == ["data:,"], "nothing is fetched"


def test_a_page_without_events_budget_or_alerts(source: Backtest, budget: Budget) -> None:
    nothing = scores_of([], [], Exposure([]), n_days=28)
    quiet = replace(source, alerts=[], events=[], scores=nothing, notices=(), power=())
    page = backtest_page(BacktestReport([quiet], replace(budget, asked_per_week=None, held_back=[]), {}))
    assert "<strong>0 alerts</strong>" in page
    assert "No budget of alerts is set" in page
    assert "incidents found" not in page


def test_long_tables_are_cut_and_say_so(source: Backtest, budget: Budget) -> None:
    many = [replace(source.alerts[0], event=None, kind=None)] * (MOST_ROWS + 3)
    assert "And 3 more" in backtest_page(BacktestReport([replace(source, alerts=many)], budget, {}))


def test_weeks_hold_their_alerts_and_incidents_their_marks(source: Backtest) -> None:
    figure = weeks_figure(source)
    assert list(figure.data[0].y) == [1, 1, 0, 0]
    assert [trace.name for trace in figure.data[1:]] == ["Incident, told of", "Incident, missed"]
    assert all(event.kind in EventKind for event in source.events)


def test_curves_show_the_points(source: Backtest, budget: Budget) -> None:
    figure = budget_figure(budget)
    assert list(figure.data[0].y) == [3.0, 1.5]
    assert list(figure.data[1].x) == [0.1]
    (line,) = power_figure(source.power).data
    assert (line.name, list(line.x), list(line.y)) == ("2 to 10", [2.0, 8.0], [25.0, 100.0])


@pytest.mark.browser
@pytest.mark.xdist_group("browser")
def test_it_is_sound_in_a_browser_on_desk_and_phone(
    browser: Browser, source: Backtest, budget: Budget, tmp_path: Path
) -> None:
    kinds = [replace(source.power[0], trouble=name) for name in ("spike", "step", "ramp", "drop")]
    file = tmp_path / "report.html"
    file.write_text(backtest_page(BacktestReport([replace(source, power=kinds)], budget, {})), encoding="utf-8")
    page = browser.new_page(viewport=DESKTOP)
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(file.as_uri())
    page.wait_for_selector("#figure-6 .main-svg")
    cells = page.locator(".grid > div")
    assert cells.count() == 4
    for cell, drawn in zip(cells.all(), page.locator(".grid .main-svg:first-of-type").all(), strict=False):
        assert drawn.bounding_box()["width"] <= cell.bounding_box()["width"] + 1  # type: ignore[index]
    found = Axe().run(page).response["violations"]
    assert [(one["id"], [node["html"][:200] for node in one["nodes"]]) for one in found] == []
    page.set_viewport_size(PHONE)
    expect(page.locator("html")).to_have_js_property("scrollWidth", PHONE["width"])
    page.close()
    assert complaints == []
    assert [url for url in asked if not url.startswith(("data:", "blob:"))] == [file.as_uri()]
