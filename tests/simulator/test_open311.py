"""The endpoint as a client sees it, over loopback."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
from defusedxml import ElementTree

from simulator.city import MAIN_LINE, TENANT_LINE, City
from simulator.georeport import request_records
from simulator.open311 import Clock, open311_app, serve
from simulator.population import Population

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
START = datetime(2026, 7, 1, tzinfo=UTC)


@pytest.fixture
def clock() -> Clock:
    return Clock(NOW)


@pytest.fixture
def population(small_city: City) -> Population:
    return small_city.sources[MAIN_LINE].population


@pytest.fixture
def url(population: Population, clock: Clock) -> Iterator[str]:
    with serve(open311_app(population, clock, max_page_size=200)) as address:
        yield address


@pytest.fixture
def client() -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        yield session


def read(answer: requests.Response) -> list[dict[str, Any]]:
    """The records of a JSON or XML answer."""
    assert answer.status_code == 200, answer.text
    if "json" in answer.headers["Content-Type"]:
        return list(answer.json())
    return [{field.tag: field.text for field in item} for item in ElementTree.fromstring(answer.content)]


def pull(client: requests.Session, address: str, **query: str) -> list[dict[str, Any]]:
    records: list[dict[str, Any]] = []
    for page in range(1, 1000):
        found = read(client.get(address, params={**query, "page": str(page)}))
        if not found:
            return records
        records += found
    raise AssertionError("no end")


def pull_all(client: requests.Session, address: str, **query: str) -> list[dict[str, Any]]:
    """Everything, in windows of 60 days."""
    records = []
    for start in (START, START + timedelta(days=60), START + timedelta(days=120)):
        end = start + timedelta(days=60, seconds=-1)
        records += pull(client, address, start_date=start.isoformat(), end_date=end.isoformat(), **query)
    return records


def test_a_full_pull_is_the_population(client: requests.Session, url: str, population: Population) -> None:
    truth = request_records(population, population.visible(NOW), extensions=True)
    assert len(truth) > 3000
    assert pull_all(client, f"{url}/requests.json", extensions="true") == truth


def test_xml_says_the_same_as_json(client: requests.Session, url: str) -> None:
    written = [
        {name: None if value is None else str(value) for name, value in record.items()}
        for record in pull_all(client, f"{url}/requests.json")
    ]
    assert pull_all(client, f"{url}/requests.xml") == written


def test_xml_nests_and_escapes(client: requests.Session, url: str) -> None:
    root = ElementTree.fromstring(client.get(f"{url}/requests.xml?extensions=true&page_size=1").content)
    assert root.tag == "service_requests"
    assert root.find("request/extended_attributes/area").text
    services = ElementTree.fromstring(client.get(f"{url}/services.xml").content)
    assert [service.find("service_name").text for service in services][1] == "Rat sighting"


def test_nothing_is_shown_before_its_time(client: requests.Session, url: str, clock: Clock) -> None:
    clock.now = datetime(2026, 10, 1, tzinfo=UTC)
    early = pull_all(client, f"{url}/requests.json")
    assert early
    for record in early:
        requested, updated = (datetime.fromisoformat(record[f"{name}_datetime"]) for name in ("requested", "updated"))
        assert requested <= updated <= clock.now
    clock.now = NOW
    assert len(pull_all(client, f"{url}/requests.json")) > len(early)


def test_the_frozen_source_answers_well_and_brings_nothing_new(
    client: requests.Session, small_city: City, clock: Clock
) -> None:
    source = small_city.sources[TENANT_LINE]
    assert source.freeze_at is not None
    with serve(open311_app(source.population, clock, freeze_at=source.freeze_at)) as address:
        newest = {}
        for now in (source.freeze_at - timedelta(days=1), source.freeze_at, NOW):
            clock.now = now
            query = {"updated_after": (now - timedelta(days=3)).isoformat()}
            newest[now] = max(
                (record["requested_datetime"] for record in pull(client, f"{address}/requests.json", **query)),
                default="",
            )
        before, at_freeze, after = newest.values()
        assert before < at_freeze
        assert after == ""
        whole = pull(client, f"{address}/requests.json")
        assert max(record["requested_datetime"] for record in whole) == at_freeze


def test_queries_narrow_the_answer(client: requests.Session, url: str, population: Population) -> None:
    everything = pull(client, f"{url}/requests.json")
    code = population.services[1].code
    assert pull(client, f"{url}/requests.json", service_code=code) == [
        record for record in everything if record["service_code"] == code
    ]
    assert pull(client, f"{url}/requests.json", status="open") == [
        record for record in everything if record["status"] == "open"
    ]
    wanted = [everything[5]["service_request_id"], everything[2]["service_request_id"]]
    found = read(client.get(f"{url}/requests.json", params={"service_request_id": ",".join(wanted)}))
    assert [record["service_request_id"] for record in found] == wanted
    assert read(client.get(f"{url}/requests/{wanted[0]}.json")) == [everything[5]]
    since = NOW - timedelta(days=2)
    changed = pull(client, f"{url}/requests.json", updated_after=since.isoformat())
    assert {record["service_request_id"] for record in changed} >= {
        record["service_request_id"]
        for record in everything
        if datetime.fromisoformat(record["updated_datetime"]) >= since
    }


def test_update_and_requested_times_can_be_asked_for_together(client: requests.Session, url: str) -> None:
    since, day = NOW - timedelta(days=20), NOW - timedelta(days=9)
    changed = pull(client, f"{url}/requests.json", updated_after=since.isoformat())
    query = {"start_date": day.isoformat(), "end_date": (day + timedelta(days=3)).isoformat()}
    both = pull(client, f"{url}/requests.json", updated_after=since.isoformat(), **query)
    assert 0 < len(both) < len(changed)
    assert both == [
        record
        for record in changed
        if day <= datetime.fromisoformat(record["requested_datetime"]) <= day + timedelta(days=3)
    ]


def test_times_are_local_and_carry_their_offset(client: requests.Session, url: str, population: Population) -> None:
    for start, offset in (("2026-08-01T00:00:00Z", "-04:00"), ("2026-11-10T00:00:00Z", "-05:00")):
        record = read(client.get(f"{url}/requests.json", params={"start_date": start, "page_size": "1"}))[0]
        assert record["requested_datetime"].endswith(offset)
        position = population.ids.tolist().index(record["service_request_id"])
        assert datetime.fromisoformat(record["requested_datetime"]).timestamp() == population.requested[position]


def test_services_and_their_definition(client: requests.Session, url: str) -> None:
    services = client.get(f"{url}/services.json").json()
    assert len(services) == 6
    code = services[0]["service_code"]
    assert client.get(f"{url}/services/{code}.json").json() == {"service_code": code, "attributes": []}
    root = ElementTree.fromstring(client.get(f"{url}/services/{code}.xml").content)
    assert (root.tag, root.find("service_code").text) == ("service_definition", code)


@pytest.mark.parametrize(
    ("path", "code", "word"),
    [
        ("requests.json?start_date=yesterday", 400, "start_date"),
        ("requests.json?start_date=2026-10-01T00:00:00", 400, "time zone"),
        ("requests.json?start_date=2026-01-01T00:00:00Z&end_date=2026-10-01T00:00:00Z", 400, "90 days"),
        ("requests.json?start_date=2026-10-02T00:00:00Z&end_date=2026-10-01T00:00:00Z", 400, "90 days"),
        ("requests.json?end_date=0001-01-01T00:00:00Z", 400, "out of range"),
        ("requests.json?page=0", 400, "page"),
        ("requests.json?page_size=many", 400, "page_size"),
        ("requests.json?service_code=999", 400, "999"),
        ("requests.json?status=done", 400, "done"),
        ("requests/26-99999999.json", 404, "26-99999999"),
        ("services/999.json", 404, "999"),
        ("tokens/1.json", 404, "resource"),
        ("requests", 404, "json"),
        ("requests.csv", 404, "json"),
    ],
)
def test_refusals_say_why(client: requests.Session, url: str, path: str, code: int, word: str) -> None:
    answer = client.get(f"{url}/{path}")
    assert answer.status_code == code
    [error] = answer.json()
    assert error["code"] == code
    assert word in error["description"]


def test_refusals_in_xml_and_writing(client: requests.Session, url: str) -> None:
    root = ElementTree.fromstring(client.get(f"{url}/requests.xml?page=x").content)
    assert (root.tag, root.find("error/code").text) == ("errors", "400")
    assert client.post(f"{url}/requests.json", data={"service_code": "101"}).status_code == 405


def test_pages_are_capped_without_a_word(client: requests.Session, url: str) -> None:
    assert len(read(client.get(f"{url}/requests.json?page_size=5000"))) == 200
