"""Requests that come under other ids are the same ones, if that is beyond doubt."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import Engine, func, select

from forewarn.request import Requests, ServiceRequest, Status
from store.engine import transaction
from store.requests import WriteCounts, write_requests
from store.revisions import requests_known_at
from store.schema import daily_count

DAY = date(2026, 3, 2)
AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
LATER = timedelta(days=3)


def town(number: int, *, seconds: int = 97, prefix: str = "", **more: str) -> list[ServiceRequest]:
    """Requests that are so many seconds apart."""
    first = ServiceRequest("bonn", "", AT, DAY, "Rats", status=Status.OPEN, updated_at=AT, **more)
    return [
        replace(first, source_record_id=f"{prefix}{n}", requested_at=AT + timedelta(seconds=seconds * n))
        for n in range(number)
    ]


def again(
    engine: Engine, before: Sequence[ServiceRequest], after: Sequence[ServiceRequest], until: date = DAY
) -> tuple[WriteCounts, int]:
    """What became of the rows that came later, and how many requests are counted in the end."""
    with transaction(engine) as conn:
        write_requests(conn, Requests.of("bonn", before), seen_at=AT, seen_day=DAY, backfill=False)
    with transaction(engine) as conn:
        rows = Requests.of("bonn", after)
        written = write_requests(
            conn, rows, seen_at=AT + LATER, seen_day=DAY + LATER, backfill=False, known_until=until
        )
        return written, conn.execute(select(func.sum(daily_count.c.opened))).scalar_one()


def test_all_that_come_under_other_ids_are_the_same(store_engine: Engine) -> None:
    before, after = town(50), [replace(one, closed_at=AT, closed_day=DAY) for one in town(50, prefix="N")]
    assert again(store_engine, before, after) == (WriteCounts(changed=50, renumbered=50), 50)
    with transaction(store_engine) as conn:
        assert set(requests_known_at(conn, "bonn", AT)) == {one.source_record_id for one in after}
        assert requests_known_at(conn, "bonn", AT)["N7"]["closed_at"] is None, "what was known then still is"


def test_two_of_one_second_stay_two(store_engine: Engine) -> None:
    before = [*town(40), *town(3, prefix="twin")]
    after = [*town(40, prefix="N"), *town(3, prefix="Ntwin")]
    assert again(store_engine, before, after) == (WriteCounts(unchanged=43, renumbered=43), 43)


def test_late_rows_are_new(store_engine: Engine) -> None:
    late = [replace(one, requested_at=one.requested_at + timedelta(seconds=40)) for one in town(50, prefix="L")]
    assert again(store_engine, town(50), late) == (WriteCounts(new=50), 100)


def test_another_category_of_the_same_seconds_is_new(store_engine: Engine) -> None:
    noise = [replace(one, category="Noise") for one in town(50, prefix="L")]
    assert again(store_engine, town(50), noise) == (WriteCounts(new=50), 100)


def test_a_source_that_shows_both_ids_has_both(store_engine: Engine) -> None:
    both = [*town(50), *town(50, prefix="N")]
    assert again(store_engine, town(50), both) == (WriteCounts(new=50, unchanged=50), 100)


def test_times_that_do_not_tell_requests_apart_say_nothing(store_engine: Engine) -> None:
    assert again(store_engine, town(50, seconds=0), town(50, seconds=0, prefix="N"))[0].renumbered == 0


def test_a_list_of_one_day_is_not_what_was_reported_on_it(store_engine: Engine) -> None:
    """Of a source that tells days only: a few more of what there is already on each of these days."""
    of_days = [replace(one, requested_at=AT, category=f"Kind {n % 30}") for n, one in enumerate(town(90))]
    late = [replace(one, source_record_id=f"L{one.source_record_id}") for one in of_days[:30]]
    assert again(store_engine, of_days, late) == (WriteCounts(new=30), 120)


def test_whole_days_that_come_under_other_ids_are_the_same(store_engine: Engine) -> None:
    """Of a source that tells days only, all of three days; of a fourth nothing comes."""
    of_days = [
        replace(one, requested_at=AT + day, day=DAY + day, category=f"Kind {n % 13}")
        for n, one in enumerate(town(160))
        for day in (timedelta(days=n % 4),)
    ]
    after = [replace(one, source_record_id=f"N{one.source_record_id}") for one in of_days if one.day < DAY + LATER]
    until = DAY + timedelta(days=9)
    assert again(store_engine, of_days, after[:-5], until) == (WriteCounts(unchanged=115, renumbered=115), 160)


def test_a_few_and_what_came_since_are_left_alone(store_engine: Engine) -> None:
    assert again(store_engine, town(20), town(20, prefix="N"))[0].renumbered == 0
    assert again(store_engine, town(60), town(60, prefix="M"), until=DAY - timedelta(days=1))[0].renumbered == 0


def test_other_sources_keep_theirs(store_engine: Engine) -> None:
    with transaction(store_engine) as conn:
        rows = Requests.of("ulm", [replace(one, source="ulm") for one in town(50)])
        write_requests(conn, rows, seen_at=AT, seen_day=DAY, backfill=False)
    assert again(store_engine, town(50), town(50, prefix="N"))[0].renumbered == 50
    with transaction(store_engine) as conn:
        assert set(requests_known_at(conn, "ulm", AT)) == {str(n) for n in range(50)}
