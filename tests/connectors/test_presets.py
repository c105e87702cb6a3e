import tomllib

import pytest

from connectors import connector_for
from connectors.presets import preset, presets, title
from forewarn.errors import ConfigError
from forewarn.settings import parse


def test_there_are_a_dozen_and_more() -> None:
    assert len(presets()) >= 12


@pytest.mark.parametrize("name", presets())
def test_a_preset_is_a_source_that_can_be_used_under_any_name(name: str) -> None:
    settings = parse(tomllib.loads(preset(name, "ours-2")))
    assert list(settings.sources) == ["ours-2"]
    source = settings.sources["ours-2"]
    assert source.title == title(name)
    assert source.zone != "UTC"
    assert source.country
    assert connector_for("ours-2", source).source == "ours-2"


def test_a_wrong_name_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match="did you mean 'nyc-311'"):
        preset("nyc-31", "nyc")


@pytest.mark.parametrize("source", ["", "a b", "a.b", "a]b", "x\n[store]"])
def test_a_source_must_be_named_by_plain_signs(source: str) -> None:
    with pytest.raises(ConfigError, match="letters"):
        preset("nyc-311", source)
