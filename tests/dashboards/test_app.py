"""Every page over real HTTP on a real store, and who is turned away."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import dash
import pytest
import requests
from plotly.utils import PlotlyJSONEncoder
from sqlalchemy import Engine

from alerts.lifecycle import advance
from alerts.messages import alert_url
from alerts.rules.cluster import ClusterRise
from dashboards.app import create_app, serve
from dashboards.desk import Desk
from dashboards.pages import alert as alert_page
from dashboards.pages import inbox
from dashboards.words import latest
from forewarn.alert import AlertEvent, Change, Kind, State, Verdict
from forewarn.errors import ConfigError, StoreError
from forewarn.settings import Settings
from forewarn.settings_file import parse
from store.alerts import read_alert, read_alerts, read_outbox, write_changes
from store.engine import open_store, snapshot, transaction
from tests.alerts.test_cluster import cluster as drawn_cluster
from tests.dashboards.city import NOW

OUTPUTS = "..page.children...menu.children...title.data...trouble.children.."


def ask(url: str, path: str, search: str = "", **headers: str) -> requests.Response:
    """What a browser asks for when it opens a page."""
    body = {
        "output": OUTPUTS,
        "outputs": [
            {"id": "page", "property": "children"},
            {"id": "menu", "property": "children"},
            {"id": "title", "property": "data"},
            {"id": "trouble", "property": "children"},
        ],
        "inputs": [
            {"id": "address", "property": "pathname", "value": path},
            {"id": "address", "property": "search", "value": search},
        ],
        "changedPropIds": ["address.pathname"],
    }
    return requests.post(f"{url}/_dash-update-component", json=body, headers=headers, timeout=30)


def words(answer: requests.Response) -> str:
    answer.raise_for_status()
    return json.dumps(answer.json(), ensure_ascii=False)


def served(tmp_path: Path, table: dict[str, Any], look: Callable[[str], None]) -> None:
    engine = open_store(f"sqlite:///{tmp_path / 'empty.db'}")
    with serve(create_app(engine, parse(table), now=lambda: NOW), "127.0.0.1", 0) as url:
        look(url)
    engine.dispose()


def test_the_document_says_its_language_and_loads_nothing_from_elsewhere(url: str) -> None:
    answer = requests.get(url, timeout=30)
    assert '<html lang="en">' in answer.text
    assert "//" not in answer.text.replace("/*", "").split("<script", 1)[0].replace("http://www.w3.org", "")
    assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
    assert requests.get(f"{url}/assets/favicon.svg", timeout=30).headers["Content-Type"].startswith("image/svg")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/", ["Inbox", "open alert", "Not all sources are healthy", "Street light out in Station Quarter"]),
        ("/explore", ["All requests", "By category", "Usual range", "Likely range ahead", "Missing, and left out"]),
        ("/health", ["Healthy", "Silent", "bad date", "given up", "the mail server refused the sender"]),
        ("/health", ["Not an incident (1)", "Entered in one go", "Graffiti", "Office 26"]),
        ("/nowhere", ["There is no such page"]),
        ("/alerts/nothing", ["There is no such alert"]),
    ],
)
def test_every_page_is_drawn(url: str, path: str, expected: list[str]) -> None:
    text = words(ask(url, path))
    for piece in expected:
        assert piece in text


def test_of_many_days_the_last_are_named() -> None:
    days = [f"day {number}" for number in range(8)]
    assert latest(days[:6]) == "day 0, day 1, day 2, day 3, day 4, day 5"
    assert latest(days) == "8, the last 6 of them day 2, day 3, day 4, day 5, day 6, day 7"


def test_explore_shows_what_the_address_asks_for(url: str) -> None:
    text = words(ask(url, "/explore", "?source=lindenau&category=Rats&from=2026-01-01&to=2026-03-11&split=area"))
    assert "By area" in text
    assert "Street light out in" not in text
    assert "By area" in words(ask(url, "/explore", "?source=lindenau&category=Rats"))
    assert "Nothing is known" in words(ask(url, "/explore", "?from=2019-01-01&to=2019-02-01"))
    assert "after the last" in words(ask(url, "/explore", "?from=2026-02-01&to=2026-01-01"))
    assert "By category" in words(ask(url, "/explore", "?from=yesterday&source=none&split=secrets"))


def test_explore_says_what_is_no_incident_where_it_may_be_in_the_counts(url: str) -> None:
    batch = "Entered in one go: Graffiti, Office 26, 23 requests"
    assert batch in words(ask(url, "/explore", "?source=lindenau"))
    assert batch in words(ask(url, "/explore", "?source=lindenau&category=Graffiti"))
    assert batch not in words(ask(url, "/explore", "?source=lindenau&category=Rats"))
    assert batch not in words(ask(url, "/explore", "?source=harbour"))


def test_the_link_in_a_message_opens_the_page_of_its_alert(url: str, engine: Engine) -> None:
    with engine.connect() as conn:
        found = read_alerts(conn, source="lindenau")[0]
    event = AlertEvent(found.fingerprint, found.revision, NOW, "opened", "forewarn")
    link = alert_url(Change(found, event), url)
    text = words(ask(url, link.removeprefix(url)))
    assert "Why this alert" in text
    assert "What happened" in text


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (Kind.BREACH, ["Requests a day, and the forecast", "Likely range ahead", "will pass 110"]),
        (Kind.SOURCE, ["Requests a day from this source", "What is wrong", "forewarn sources check harbour"]),
    ],
)
def test_the_page_of_every_kind_of_alert(url: str, engine: Engine, kind: Kind, expected: list[str]) -> None:
    with engine.connect() as conn:
        found = next(alert for alert in read_alerts(conn) if alert.kind is kind)
    text = words(ask(url, f"/alerts/{found.fingerprint}"))
    for piece in expected:
        assert piece in text


def test_the_page_of_a_cluster(tmp_path: Path, settings: Settings) -> None:
    day = date(2026, 2, 3)
    (change,) = advance([], ClusterRise().evaluate([drawn_cluster()], day), day, NOW)
    engine = open_store(f"sqlite:///{tmp_path / 'clusters.db'}")
    with transaction(engine) as conn:
        write_changes(conn, [change])
    desk = Desk(engine, settings, lambda: NOW)
    title, page = alert_page.layout(desk, change.alert.fingerprint, {})
    assert title.startswith("Rats: 26 requests in 3 neighbouring areas")
    text = json.dumps(page, cls=PlotlyJSONEncoder)
    for piece in (
        "Requests a day of all areas and categories of the cluster, and what is usual",
        "Where it comes from",
        "10, usually 0 to 5",
        "More than usual together",
        "With fewer than 18 requests",
    ):
        assert piece in text
    _, row = inbox.layout(desk, "", {})
    assert "+20" in json.dumps(row, cls=PlotlyJSONEncoder)
    engine.dispose()


def test_what_was_merged_leads_to_the_alert_in_which_it_goes_on(tmp_path: Path, settings: Settings) -> None:
    (opened,) = advance([], ClusterRise().evaluate([drawn_cluster()], date(2026, 2, 3)), date(2026, 2, 3), NOW)
    part = replace(opened.alert, state=State.RESOLVED, evidence={**opened.alert.evidence, "part_of": "abc"})
    engine = open_store(f"sqlite:///{tmp_path / 'merged.db'}")
    with transaction(engine) as conn:
        write_changes(conn, [Change(part, replace(opened.event, what="merged", note="part of abc, Rats"))])
    _, page = alert_page.layout(Desk(engine, settings, lambda: NOW), part.fingerprint, {})
    text = json.dumps(page, cls=PlotlyJSONEncoder)
    for piece in ("/alerts/abc", "one cause with another alert", "Follow the other alert", "Goes on in another alert"):
        assert piece in text
    engine.dispose()


def test_a_store_that_cannot_be_read_is_explained(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise StoreError("The disk is full. Make room.")

    monkeypatch.setattr(inbox, "layout", refuse)
    assert "The disk is full. Make room." in words(ask(url, "/"))


def test_a_port_that_is_taken_is_said_so(app: dash.Dash, url: str) -> None:
    taken = int(url.rsplit(":", 1)[1])
    with pytest.raises(ConfigError, match=f"port {taken}"), serve(app, "127.0.0.1", taken):
        pass


def test_an_empty_installation_is_told_kindly(tmp_path: Path) -> None:
    def look(url: str) -> None:
        assert "Nothing to show yet" in words(ask(url, "/"))
        assert "no source in forewarn.toml" in words(ask(url, "/explore"))
        assert "None has been written yet" in words(ask(url, "/health"))

    served(tmp_path, {}, look)


def test_a_source_that_was_never_read_is_shown_as_such(tmp_path: Path) -> None:
    def look(url: str) -> None:
        assert "Never read" in words(ask(url, "/health"))
        assert "Nothing is known" in words(ask(url, "/explore"))

    served(tmp_path, {"sources": {"new": {"kind": "files"}}}, look)


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
    ],
)
def test_another_site_may_not_press_buttons(url: str, headers: dict[str, str]) -> None:
    assert ask(url, "/", **headers).status_code == 403


def test_own_pages_may(url: str) -> None:
    assert ask(url, "/", Origin=url).status_code == 200
    assert ask(url, "/", **{"Sec-Fetch-Site": "same-origin"}).status_code == 200


def test_a_foreign_name_for_this_machine_is_refused(url: str) -> None:
    assert requests.get(url, headers={"Host": "evil.example"}, timeout=30).status_code == 421
    assert requests.get(url, headers={"Host": "localhost:8050"}, timeout=30).status_code == 200


def test_the_public_name_is_served(tmp_path: Path) -> None:
    def look(url: str) -> None:
        public = {"Host": "warn.city.example", "Origin": "https://warn.city.example"}
        assert ask(url, "/", **public).status_code == 200

    served(tmp_path, {"dashboard": {"public_url": "https://warn.city.example"}}, look)


def test_what_a_person_decides_is_stored(engine: Engine, settings: Settings) -> None:
    desk = alert_page.Desk(engine, settings, lambda: NOW)
    with engine.connect() as conn:
        found = next(a for a in read_alerts(conn, states=[State.OPEN]) if "Street light" in a.title)
    alert_page.act(desk, found.fingerprint, "alert-acknowledge", "Ada", "on my way")
    with pytest.raises(ValueError, match="only an open alert"):
        alert_page.act(desk, found.fingerprint, "alert-acknowledge", "Bob", "")
    with pytest.raises(ValueError, match="not a valid Verdict"):
        alert_page.act(desk, found.fingerprint, {"verdict": "<script>"}, "Ada", "")
    alert_page.act(desk, found.fingerprint, {"verdict": Verdict.REAL.value}, "Ada", "a cable")
    alert_page.act(desk, found.fingerprint, "alert-resolve", "Ada", "")
    with engine.connect() as conn:
        kept = read_alert(conn, found.fingerprint)
    assert kept is not None
    assert (kept[0].state, kept[0].verdict) == (State.RESOLVED, Verdict.REAL)
    assert [(e.what, e.who, e.note) for e in kept[1]][-3:] == [
        ("acknowledged", "Ada", "on my way"),
        ("verdict", "Ada", "a cable"),
        ("resolved", "Ada", ""),
    ]
    with snapshot(engine) as conn:
        told = [row for row in read_outbox(conn, 100) if row.fingerprint == found.fingerprint]
    assert told[0].subject.startswith("[Over]")
    with pytest.raises(ValueError, match="no such alert"):
        alert_page.act(desk, "nothing", "alert-resolve", "Ada", "")
