"""Where two clocks differ the earlier one counts: of what the source has not come to, nothing is known."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from connectors import connector_for
from connectors.checking import check
from connectors.http import HttpSource
from flows.pull import batches
from forewarn.settings import SourceSettings
from simulator.open311 import serve
from tests.servers.faults import Fault, Faulty
from tests.servers.seeclickfix import SmallSeeClickFix

NOW = datetime(2026, 6, 30, 16, tzinfo=UTC)


def late_by(minutes: int) -> Fault:
    """The server's clock is behind."""

    def tell(whole: tuple[str, list[tuple[str, str]], bytes]) -> tuple[str, list[tuple[str, str]], bytes]:
        told = format_datetime(NOW - timedelta(minutes=minutes), usegmt=True)
        return whole[0], [*whole[1], ("Date", told)], whole[2]

    return tell


@pytest.mark.parametrize(("minutes", "read_to"), [(0, NOW), (2, NOW), (-30, NOW), (45, NOW - timedelta(minutes=45))])
def test_what_is_read_ends_at_the_earlier_clock(
    monkeypatch: pytest.MonkeyPatch, minutes: int, read_to: datetime
) -> None:
    monkeypatch.setattr(HttpSource, "sleep", staticmethod(lambda _: None))
    server = Faulty(SmallSeeClickFix([]))
    server.standing.append(late_by(minutes))
    with serve(server) as url:
        options = {"url": url, "place_url": "springfield", "allow_http": True, "allow_private_hosts": True}
        source = connector_for("town", SourceSettings(kind="seeclickfix", zone="America/New_York", **options))
        pages = [page for batch in batches(source, {}, NOW) for page in batch.pages]
        found = check(source, NOW)
    end = pages[-1].end
    assert end is not None
    reached = datetime.fromisoformat(end.state["watermark"]) + timedelta(minutes=5)  # less what is left for the next
    assert abs(reached - read_to) < timedelta(seconds=10)
    assert any("clock is 45 minutes ahead" in line for line in found.wrong) == (minutes == 45)
