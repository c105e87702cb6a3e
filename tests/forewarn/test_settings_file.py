"""Settings say what is wrong, where, and what is allowed; secrets stay hidden."""

from datetime import date
from pathlib import Path

import pytest

import forewarn
from alerts.channels import channel_for
from connectors import connector_for
from forewarn.errors import ConfigError
from forewarn.settings_file import load, parse

GOOD = {
    "sources": {"bonn": {"kind": "files", "path": "reports", "zone": "Europe/Berlin", "levels": [[], ["category"]]}},
    "channels": {"duty": {"url": "mailto://me:hunter2@example.org"}},
}


def test_reads_a_source_and_keeps_its_connectors_keys_apart() -> None:
    source = parse(GOOD).sources["bonn"]
    assert (source.kind, source.zone, source.levels) == ("files", "Europe/Berlin", ((), ("category",)))
    assert source.options == {"path": "reports"}


@pytest.mark.parametrize(
    ("table", "key", "words"),
    [
        ({"chanels": {}}, "chanels", "did you mean 'channels'?"),
        ({"detection": {"detector": ["ears-c1"]}}, "detection.detector", "did you mean 'detectors'?"),
        ({"detection": {"min_requests": "many"}}, "detection.min_requests", "must be a whole number"),
        ({"sources": {"a": {"kind": "files", "zone": "Berlin"}}}, "sources.a.zone", "IANA time zone"),
        (
            {"sources": {"a": {"kind": "files", "levels": [["ward"]]}}},
            "sources.a.levels",
            "allowed: agency, category",
        ),
        (
            {"sources": {"a": {"kind": "files", "geography": {"kind": "map"}}}},
            "sources.a.geography.kind",
            "Allowed: adjacency, boundaries, centroids, points, requests.",
        ),
        (
            {"sources": {"a": {"kind": "files", "geography": {"kind": "adjacency"}}}},
            "sources.a.geography",
            "needs path",
        ),
        (
            {"sources": {"a": {"kind": "files", "geography": {"kind": "points", "path": "x.csv"}}}},
            "sources.a.geography",
            "no path",
        ),
        (
            {"sources": {"a": {"kind": "files", "geography": {"kind": "points", "pth": "x.csv"}}}},
            "sources.a.geography.pth",
            "did you mean 'path'?",
        ),
        ({"channels": {"a": {"kind": "mail"}}}, "channels.a.kind", "Allowed: apprise, log."),
        ({"limits": [{"source": "a", "max_requests": 0}]}, "limits.0.max_requests", "greater than 0"),
        ({"limits": [{"source": "a", "max_requests": float("inf")}]}, "limits.0.max_requests", "with an end"),
        ({**GOOD, "limits": [{"source": "bon", "max_requests": 9}]}, "limits.0.source", "did you mean 'bonn'?"),
        (
            {**GOOD, "limits": [{"source": "bonn", "area": "Beuel", "max_requests": 9}]},
            "limits.0",
            'not watched by area; add ["area"] to sources.bonn.levels',
        ),
        (
            {"sources": {"a": {"kind": "files", "country": "US", "subdivision": "Gotham"}}},
            "sources.a.subdivision",
            "are allowed, such as AK, AL, AR.",
        ),
        ({"sources": {"a": {"kind": "files", "step": "month"}}}, "sources.a.step", "Allowed: day, hour, week."),
        ({"sources": {"a": {"kind": "files", "step": "hour", "rows": "counts"}}}, "sources.a.step", "have no hours"),
        (
            {"sources": {"a": {"kind": "files", "step": "week"}}, "limits": [{"source": "a", "max_requests": 9}]},
            "limits.0.source",
            "judged in weeks",
        ),
        ({**GOOD, "channels": {"a": {"sources": ["bon"]}}}, "channels.a.sources", "did you mean 'bonn'?"),
        ({"folder": "elsewhere"}, "folder", "no such setting. Allowed: channels"),
        ({"sources": {"": {"kind": "files"}}}, "sources", "a name that can be printed"),
        ({"sources": {"a" * 101: {"kind": "files"}}}, "sources", "of at most 100 characters"),
        ({"sources": {"a": 3}}, "sources.a", "must be a table"),
        ({"sources": {"a": {}}}, "sources.a.kind", "is missing"),
        ({"sources": {"a": {"kind": "files", "country": "de"}}}, "sources.a.country", "did you mean 'DE'?"),
        (
            {"sources": {"a": {"kind": "files", "country": "DE", "subdivision": "Bonn"}}},
            "sources.a.subdivision",
            "is not part of DE. Allowed: Augsburg, BB",
        ),
        ({"sources": {"a": {"kind": "files", "subdivision": "NW"}}}, "sources.a.subdivision", "without a country"),
        ({"sources": {"a": {"kind": "files", "first_day": "soon"}}}, "sources.a.first_day", "such as 2026-03-31"),
        ({"sources": {"a": {"kind": "files", "levels": []}}}, "sources.a.levels", "must not be empty"),
        ({"sources": {"a": {"kind": "files", "levels": [["area", "area"]]}}}, "sources.a.levels", "each label once"),
        ({"detection": {"detectors": []}}, "detection.detectors", "must not be empty"),
        ({"forecast": {"forecasters": []}}, "forecast.forecasters", "must not be empty"),
        ({"dashboard": {"public_url": "javascript:alert(1)"}}, "dashboard.public_url", "not a web address"),
        ({"sources": {"a": {"kind": "files", "path": "${NOT_SET}"}}}, "sources.a.path", "NOT_SET is not set"),
    ],
)
def test_a_mistake_is_named_with_what_is_allowed(table: dict[str, object], key: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(table)
    assert caught.value.key == key
    assert words in str(caught.value)


def test_missing_and_broken_files_are_explained(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="forewarn init"):
        load(tmp_path / "none.toml")
    broken = tmp_path / "broken.toml"
    broken.write_text("[store\n")
    with pytest.raises(ConfigError, match="not valid TOML"):
        load(broken)
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        load(tmp_path)


def test_a_mark_that_an_editor_wrote_in_front_is_passed_over(tmp_path: Path) -> None:
    file = tmp_path / "forewarn.toml"
    file.write_bytes(b"\xef\xbb\xbf[detection]\nmin_requests = 9\n")
    assert load(file).detection.min_requests == 9


@pytest.mark.parametrize("first_day", ["2026-01-31", date(2026, 1, 31)])
def test_a_first_day_is_a_text_or_a_date(first_day: object) -> None:
    found = parse({"sources": {"a": {"kind": "files", "first_day": first_day}}})
    assert found.sources["a"].first_day == date(2026, 1, 31)


WEB = {"kind": "open311", "url": "https://city.example.org/open311"}
FILES = {"kind": "files", "path": "reports", "fields": {"requested_at": "at"}}


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ({**FILES, "encoding": "utf-99"}, "'utf-99' is not known"),
        ({**FILES, "encoding": "rot13"}, "'rot13' is not known"),
        ({**FILES, "clock": "Moon/Base"}, "not an IANA time zone"),
        ({**FILES, "time_format": "%Q"}, "see strptime"),
        ({**FILES, "pattern": "/etc/*"}, "within `path`"),
        ({**FILES, "pattern": ""}, "within `path`"),
        ({**FILES, "source": "other"}, "no such setting"),
        ({**WEB, "url": "city.example.org/open311"}, "not a web address such as https://"),
        ({**WEB, "url": "https://city.example.org:port"}, "its port cannot be read"),
        ({**WEB, "url": "https://[::1"}, "its port cannot be read"),
        ({**WEB, "url": "https://city.example.org/?key=hunter2"}, "must end before its ?"),
        ({**WEB, "pause_seconds": -1}, "must be greater than or equal to 0"),
        ({**WEB, "page_size": 0}, "must be greater than or equal to 1"),
        ({**WEB, "contact": "it@example.org\r\nX-Role: admin"}, "one line of plain ASCII"),
    ],
)
def test_a_connectors_mistake_is_named_before_it_reads(source: dict[str, object], words: str) -> None:
    found = parse({"sources": {"bonn": source}})
    with pytest.raises(ConfigError) as caught:
        connector_for("bonn", found.sources["bonn"])
    assert caught.value.key.startswith("sources.bonn")
    assert words in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("time_format", ["%d.%m.%Y", "%Y-%m-%dT%H:%M:%S%z", "%m/%d/%Y %I:%M:%S %p"])
def test_usual_forms_of_times_are_taken(time_format: str) -> None:
    found = parse({"sources": {"bonn": {**FILES, "time_format": time_format}}})
    assert connector_for("bonn", found.sources["bonn"]).source == "bonn"


def test_the_environment_wins_over_the_file_and_fills_in_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOREWARN_DETECTION__MIN_REQUESTS", "9")
    monkeypatch.setenv("REPORTS", "elsewhere")
    found = parse(
        {
            "detection": {"min_requests": 3, "recheck_days": 5},
            "sources": {"a": {"kind": "files", "path": "${REPORTS}"}},
        }
    )
    assert (found.detection.min_requests, found.detection.recheck_days) == (9, 5)
    assert found.sources["a"].options["path"] == "elsewhere"


def test_a_relative_store_lies_beside_the_settings_file(tmp_path: Path) -> None:
    file = tmp_path / "forewarn.toml"
    file.write_text('[store]\nurl = "sqlite:///data/city.db"\n')
    assert load(file).store_url == f"sqlite:///{tmp_path / 'data/city.db'}"
    uri = "sqlite:///file:/data/city.db?mode=ro&uri=true"
    assert parse({"store": {"url": uri}}, folder=tmp_path).store_url == uri


def test_secrets_are_not_shown() -> None:
    found = parse({**GOOD, "sources": {"a": {"kind": "socrata", "app_token": "s3cret-token"}}})
    assert "hunter2" not in repr(found)
    assert "s3cret-token" not in repr(found)


def test_the_fingerprint_changes_with_the_settings_that_decide_verdicts() -> None:
    usual, other = parse({}), parse({"detection": {"min_requests": 6}})
    assert usual.detection.fingerprint == parse({}).detection.fingerprint
    assert usual.detection.fingerprint != other.detection.fingerprint


def test_the_template_is_valid() -> None:
    found = load(Path(forewarn.__file__).parent / "template.toml")
    assert connector_for("requests", found.sources["requests"]).source == "requests"
    assert [channel_for(name, channel).name for name, channel in found.channels.items()] == ["log"]


def test_relative_paths_of_drop_folders_start_at_the_settings_file(tmp_path: Path) -> None:
    beside, elsewhere = tmp_path / "here" / "calls.csv", tmp_path / "there.csv"
    file = tmp_path / "here" / "forewarn.toml"
    file.parent.mkdir()
    file.write_text(
        f'[sources.a]\nkind = "files"\npath = "calls.csv"\n[sources.b]\nkind = "files"\npath = "{elsewhere}"\n',
        encoding="utf-8",
    )
    paths = {name: Path(source.options["path"]) for name, source in load(file).sources.items()}
    assert paths == {"a": beside, "b": elsewhere}


def test_a_relative_log_lies_beside_the_settings_file(tmp_path: Path) -> None:
    urls = {"near": "alerts.jsonl", "far": "/var/log/alerts.jsonl", "none": ""}
    channels: dict[str, dict[str, str]] = {name: {"kind": "log", "url": url} for name, url in urls.items()}
    channels["mail"] = {"url": "mailto://example.org"}
    found = parse({"channels": channels}, folder=tmp_path).channels
    expected = {**urls, "near": str(tmp_path / "alerts.jsonl"), "mail": "mailto://example.org"}
    assert {name: channel.url.get_secret_value() for name, channel in found.items()} == expected
