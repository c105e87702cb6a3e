"""Settings say what is wrong, where, and what is allowed; secrets stay hidden."""

from pathlib import Path

import pytest

from alerts.channels import channel_for
from connectors import connector_for
from forewarn import settings
from forewarn.errors import ConfigError

GOOD = {
    "sources": {"bonn": {"kind": "files", "path": "reports", "zone": "Europe/Berlin", "levels": [[], ["category"]]}},
    "channels": {"duty": {"url": "mailto://me:hunter2@example.org"}},
}


def test_reads_a_source_and_keeps_its_connectors_keys_apart() -> None:
    source = settings.parse(GOOD).sources["bonn"]
    assert (source.kind, source.zone, source.levels) == ("files", "Europe/Berlin", ((), ("category",)))
    assert source.options == {"path": "reports"}


@pytest.mark.parametrize(
    ("table", "key", "words"),
    [
        ({"chanels": {}}, "chanels", "did you mean 'channels'?"),
        ({"detection": {"detector": ["ears-c1"]}}, "detection.detector", "did you mean 'detectors'?"),
        ({"detection": {"min_requests": "many"}}, "detection.min_requests", "valid integer"),
        ({"sources": {"a": {"kind": "files", "zone": "Berlin"}}}, "sources.a.zone", "IANA time zone"),
        (
            {"sources": {"a": {"kind": "files", "levels": [["ward"]]}}},
            "sources.a.levels",
            "allowed: agency, category",
        ),
        ({"channels": {"a": {"kind": "mail"}}}, "channels.a.kind", "Allowed: apprise, log."),
        ({"limits": [{"source": "a", "max_requests": 0}]}, "limits.0.max_requests", "greater than 0"),
        ({"sources": {"a": {"kind": "files", "path": "${NOT_SET}"}}}, "sources.a.path", "NOT_SET is not set"),
    ],
)
def test_a_mistake_is_named_with_what_is_allowed(table: dict[str, object], key: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        settings.parse(table)
    assert caught.value.key == key
    assert words in str(caught.value)


def test_missing_and_broken_files_are_explained(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="forewarn init"):
        settings.load(tmp_path / "none.toml")
    broken = tmp_path / "broken.toml"
    broken.write_text("[store\n")
    with pytest.raises(ConfigError, match="not valid TOML"):
        settings.load(broken)


def test_the_environment_wins_over_the_file_and_fills_in_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOREWARN_DETECTION__MIN_REQUESTS", "9")
    monkeypatch.setenv("REPORTS", "elsewhere")
    found = settings.parse(
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
    assert settings.load(file).store_url == f"sqlite:///{tmp_path / 'data/city.db'}"


def test_secrets_are_not_shown() -> None:
    found = settings.parse({**GOOD, "sources": {"a": {"kind": "socrata", "app_token": "s3cret-token"}}})
    assert "hunter2" not in repr(found)
    assert "s3cret-token" not in repr(found)


def test_the_fingerprint_changes_with_the_settings_that_decide_verdicts() -> None:
    usual, other = settings.parse({}), settings.parse({"detection": {"min_requests": 6}})
    assert usual.detection.fingerprint == settings.parse({}).detection.fingerprint
    assert usual.detection.fingerprint != other.detection.fingerprint


def test_the_template_is_valid() -> None:
    found = settings.load(Path(settings.__file__).parent / "template.toml")
    assert connector_for("requests", found.sources["requests"]).source == "requests"
    assert [channel_for(name, channel).name for name, channel in found.channels.items()] == ["log"]
