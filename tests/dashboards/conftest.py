"""A seeded store and a served dashboard, made once for all tests of the pages."""

from collections.abc import Iterator
from pathlib import Path

import dash
import pytest
from sqlalchemy import Engine

from dashboards.app import create_app, serve
from forewarn.settings import Settings
from store.engine import open_store
from tests.dashboards.city import NOW, city_settings, seed

HOSTILE = {
    "Water leak": "<script>window.hurt = 1</script><b>Water</b> leak",
    "Old Town": '<img src=x onerror="window.hurt = 1"> Old Town',
}


@pytest.fixture(scope="session")
def settings() -> Settings:
    return city_settings()


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory, settings: Settings) -> Iterator[Engine]:
    """The city; some of its labels mean harm."""
    folder: Path = tmp_path_factory.mktemp("city")
    engine = open_store(f"sqlite:///{folder / 'city.db'}")
    seed(engine, settings, names=HOSTILE)
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def app(engine: Engine, settings: Settings) -> dash.Dash:
    return create_app(engine, settings, now=lambda: NOW)


@pytest.fixture(scope="session")
def url(app: dash.Dash) -> Iterator[str]:
    """Address of the served dashboard."""
    with serve(app, "127.0.0.1", 0) as found:
        yield found
