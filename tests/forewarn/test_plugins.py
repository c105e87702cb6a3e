"""Plug-ins are found by name and built from settings; mistakes name what is allowed."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest
from pydantic import SecretStr

from connectors import CONNECTORS
from forewarn.errors import ConfigError
from forewarn.plugins import build, load, public_fields


@dataclass(frozen=True)
class Pump:
    power_watts: int
    token: SecretStr = SecretStr("")
    place: Path = Path()
    loud: bool = False
    colours: dict[Literal["lid", "base"], Literal["red", "blue"]] = field(default_factory=dict)


def test_loads_what_the_table_lists() -> None:
    assert load({"pump": f"{__name__}:Pump"}, "pump", key="kind") is Pump


def test_an_unknown_name_is_told_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match="did you mean 'socrata'"):
        load({"socrata": "a:b", "files": "c:d"}, "socratas", key="sources.x.kind")


def test_builds_with_checked_types() -> None:
    made = build(Pump, {"power_watts": 5, "token": "abc"}, key="pumps.a")
    assert made == Pump(5, SecretStr("abc"))


@pytest.mark.parametrize(
    ("options", "key", "words"),
    [
        ({"power_watt": 5}, "pumps.a.power_watt", "did you mean 'power_watts'"),
        ({"power_watts": "much"}, "pumps.a.power_watts", "must be a whole number"),
        ({"power_watts": 5, "place": 3}, "pumps.a.place", "must be a text, in quotation marks"),
        ({"power_watts": 5, "loud": "aye"}, "pumps.a.loud", "must be true or false"),
        ({"power_watts": 5.5}, "pumps.a.power_watts", "must be a whole number"),
        ({"power_watts": 5, "titel": "Old"}, "pumps.a.titel", "did you mean 'title'"),
        ({}, "pumps.a.power_watts", "is missing"),
        ({"power_watts": 5, "colours": {"lid": "rde"}}, "pumps.a.colours.lid", "did you mean 'red'"),
        ({"power_watts": 5, "colours": {"ldi": "red"}}, "pumps.a.colours.ldi", "did you mean 'lid'"),
    ],
)
def test_a_wrong_option_is_named(options: dict[str, object], key: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        build(Pump, options, key="pumps.a", beside=["title"])
    assert caught.value.key == key
    assert words.lower() in str(caught.value).lower()


def test_what_tests_hook_into_is_no_setting() -> None:
    for kind in CONNECTORS:
        assert "sleep" not in public_fields(load(CONNECTORS, kind, key="kind"))
