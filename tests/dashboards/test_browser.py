"""The pages in a real browser: nothing leaves the machine, nothing is broken, everybody can use them."""

import os
import shutil
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from sqlalchemy import Engine

from forewarn.alert import Alert, State, Verdict
from store.alerts import read_alert, read_alerts

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
expect.set_options(timeout=30_000)  # a busy machine answers late, and no less right
DESKTOP = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = shutil.which("chromium")
    if path is None:
        message = "chromium is not installed: the pages are not looked at in a browser"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def context(browser: Browser) -> Iterator[BrowserContext]:
    """One for all, so that scripts are read once."""
    context = browser.new_context(viewport=DESKTOP)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A page that must neither complain nor ask another machine for anything."""
    page = context.new_page()
    complaints: list[str] = []
    hosts: set[str | None] = set()
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: hosts.add(urlsplit(request.url).hostname))
    yield page
    hurt = page.evaluate("window.hurt")
    page.close()
    assert complaints == []
    assert hosts - {None} == {"127.0.0.1"}  # None: data written into the page
    assert hurt is None


def open_alert(engine: Engine, words: str) -> Alert:
    with engine.connect() as conn:
        return next(alert for alert in read_alerts(conn) if words in alert.title)


def settled(page: Page, url: str) -> None:
    page.goto(url)
    page.wait_for_selector("main h1")
    if page.locator(".chart").count():
        page.wait_for_selector(".chart .main-svg")


@pytest.mark.parametrize("path", ["/", "/explore", "/health", "/alerts/"])
def test_every_page_is_sound_on_desk_and_phone(page: Page, url: str, engine: Engine, path: str) -> None:
    if path == "/alerts/":
        path += open_alert(engine, "Missed collection").fingerprint
    settled(page, url + path)
    found = Axe().run(page).response["violations"]
    assert [(one["id"], [node["html"][:200] for node in one["nodes"]]) for one in found] == []
    page.set_viewport_size(PHONE)
    expect(page.locator("html")).to_have_js_property("scrollWidth", PHONE["width"])
    assert page.title().endswith("forewarn")
    assert page.evaluate("document.documentElement.lang") == "en"


def test_labels_that_mean_harm_are_shown_as_text(page: Page, url: str, engine: Engine) -> None:
    alert = open_alert(engine, "<script>")
    settled(page, url)
    expect(page.locator(".row h3", has_text="<script>window.hurt = 1</script><b>Water</b>").first).to_be_visible()
    settled(page, f"{url}/alerts/{alert.fingerprint}")
    expect(page.locator("h1")).to_contain_text("<b>Water</b> leak")
    assert page.locator("main script, main b, main img[src=x]").count() == 0


def test_an_alert_is_taken_up_and_judged_through_the_page(page: Page, url: str, engine: Engine) -> None:
    alert = open_alert(engine, "Missed collection")
    settled(page, url)
    page.get_by_role("link", name="Missed collection").first.click()
    page.wait_for_url(f"{url}/alerts/{alert.fingerprint}")
    said = page.get_by_role("status")
    page.get_by_role("button", name="Acknowledge").click()
    expect(said).to_have_text("Please say who you are first.")
    page.get_by_label("Your name").fill("Ada Lovelace")
    page.get_by_role("button", name="Acknowledge").click()
    expect(said).to_have_text("Acknowledged by Ada Lovelace.")
    expect(page.locator("#alert-standing .state")).to_have_text("Acknowledged")
    expect(page.get_by_role("button", name="Acknowledge")).to_be_disabled()
    page.get_by_label("Note").fill("Pipe <b>burst</b>")
    page.get_by_role("button", name="Real problem").click()
    expect(said).to_contain_text("Thank you")
    expect(page.locator("#alert-events")).to_contain_text("Pipe <b>burst</b>")
    with engine.connect() as conn:
        found = read_alert(conn, alert.fingerprint)
    assert found is not None
    assert (found[0].state, found[0].verdict) == (State.VERIFIED, Verdict.REAL)
    assert [(event.what, event.who) for event in found[1]][-2:] == [
        ("acknowledged", "Ada Lovelace"),
        ("verdict", "Ada Lovelace"),
    ]


def test_filters_and_keyboard(page: Page, url: str) -> None:
    settled(page, url)
    everything = page.locator(".row").count()
    page.get_by_label("Source").focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator(".row")).to_have_count(1)
    expect(page.get_by_label("Source")).to_be_focused()
    assert everything > 1
    settled(page, url)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()


def test_a_choice_in_explore_is_an_address(page: Page, url: str) -> None:
    settled(page, f"{url}/explore?split=area")
    page.get_by_label("Category").select_option("Rats")
    page.wait_for_url("**/explore?*category=Rats*")
    expect(page.locator("main h2").first).to_have_text("Rats")
    expect(page.locator(".multiples h3", has_text="<img src=x").first).to_be_visible()
    page.get_by_label("Source").select_option("harbour")
    page.wait_for_url("**/explore?source=harbour*")
    expect(page.locator("main h2").first).to_have_text("All requests")
