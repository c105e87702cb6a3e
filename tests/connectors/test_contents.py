"""What fields hold, in numbers, and when that is not what it was."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest

from connectors.contents import BACKFILL, burst, changed, contents_of, worse
from connectors.normalise import Normaliser

ZONE = ZoneInfo("Europe/Berlin")


def run(rows: int = 100, **found: int) -> dict[str, int]:
    return {"rows": rows, **{name.replace("__", "."): count for name, count in found.items()}}


def words(now: dict[str, int], *earlier: dict[str, int]) -> str:
    change = changed(now, earlier)
    return change.words if change else ""


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("2026-06-22T03:10:00.123Z", "0000-00-00T00:00:00 zone"),
        ("2026-06-22T03:10:00-05:00", "0000-00-00T00:00:00 zone"),
        ("2026-06-22T03:10:00", "0000-00-00T00:00:00"),
        ("6/5/2026 1:02 PM", "00/00/0000 00:00 AM"),
        ("06/15/2026 11:02 am", "00/00/0000 00:00 AM"),
        ("22 June 2026", "00 word 0000"),
        ("1782130500000", "0000000000000"),
    ],
)
def test_the_form_of_a_time_is_its_digits_as_zeros(text: str, form: str) -> None:
    assert contents_of({"requested_at": pa.array([text])}, {})[f"form.requested_at.{form}"] == 1


def test_what_columns_hold_is_counted() -> None:
    columns = {
        "category": pa.array(["Rats", None, " ", "17"]),
        "updated_at": pa.array([datetime(2026, 1, 1, tzinfo=UTC)] * 4, pa.timestamp("us", "UTC")),
        "latitude": pa.array([52.0, None, 52.1, 52.2]),
    }
    assert contents_of(columns, {"requested_at": 2}) == {
        "rows": 4,
        "unusable.requested_at": 2,
        "empty.category": 2,
        "empty.latitude": 1,
        "form.category.text": 1,
        "form.category.number": 1,
        "form.updated_at.time zone": 4,
    }
    assert contents_of({"category": pa.array([], pa.string())}, {}) == {}


def test_the_normaliser_counts_what_is_wrong_with_rows() -> None:
    columns = {
        "source_record_id": pa.array(["1", "2", "3", "4"]),
        "requested_at": pa.array(["2026-01-02T10:00:00", "2026-01-02T10:00:00", "soon", "2026-01-02T10:00:00"]),
        "updated_at": pa.array(["2026-01-01T10:00:00", None, None, "2026-01-03T10:00:00"]),
        "latitude": pa.array([0.0, 52.0, 52.0, 52.0]),
        "longitude": pa.array([0.0, 13.0, 13.0, None]),
    }
    now = datetime(2026, 1, 4, tzinfo=UTC)
    batch = Normaliser("town", ZONE, ZONE).requests(columns, now=now, position=str)
    told = {name: count for name, count in batch.counters.items() if not name.startswith("form.")}
    assert told == {
        "updated_before_requested": 1,
        "null_island": 1,
        "no_place": 2,
        "rows": 4,
        "unusable.requested_at": 1,
        "empty.updated_at": 2,
        "empty.longitude": 1,
    }


def test_an_empty_field_is_a_change_where_it_never_was_empty() -> None:
    usual = [run(), run()]
    assert words(run(20, empty__category=20), *usual) == "category is empty in 20 of 20 rows; before it was in 0%"
    assert words(run(20, empty__category=15), *usual) == "", "not all of them"
    assert words(run(20, empty__description=20), *usual) == "", "nothing is counted by it"
    assert words(run(20, empty__category=20), run(20)) == "", "too little is known"
    assert words(run(20, empty__category=20), run(100, empty__category=30)) == ""
    assert words(run(100, empty__category=100), run(100, empty__category=30)) != ""


def test_what_has_been_so_before_is_no_change() -> None:
    """One desk enters a list without areas every now and then."""
    usual = [run(), run(60, empty__area=60), run()]
    assert words(run(80, empty__area=80), *usual) == ""


def test_rows_of_a_first_reading_do_not_tell_what_new_ones_lack() -> None:
    assert words(run(30, empty__area=30), run(10_000, backfill=1)) == "", "areas may be filled in later"
    assert BACKFILL in run(1, backfill=1)
    assert words(run(30, form__area__number=30), run(100, backfill=1, form__area__text=100)) != ""


def test_small_runs_are_taken_together() -> None:
    few = run(4, empty__category=4)
    assert words(few, run()) == ""
    assert words(few, few, few, run()) == "category is empty in 4 of 4 rows; before it was in 0%"


def test_most_rows_refused_are_a_change_even_if_nothing_is_known() -> None:
    assert words(run(60, unusable__requested_at=60)) == "60 of 60 rows cannot be used for their requested_at"
    assert words(run(8, unusable__requested_at=8)) == ""
    assert words(run(60, unusable__requested_at=20, unusable__source_record_id=25), run()).startswith("25 of 60")
    assert words(run(60, unusable__requested_at=40), run(100, unusable__requested_at=60)) == ""


def test_another_form_is_a_change_if_it_is_new() -> None:
    iso, slashed = "form.requested_at.0000-00-00", "form.requested_at.00/00/0000"
    told = words({"rows": 40, slashed: 40}, {"rows": 90, iso: 90})
    assert told == "requested_at holds '00/00/0000' now, and held '0000-00-00' before"
    assert words({"rows": 40, slashed: 40}, {"rows": 90, iso: 80, slashed: 10}) == ""
    assert words({"rows": 40, slashed: 20, iso: 20}, {"rows": 90, iso: 90}) == "", "not all of them"


def test_a_share_that_has_grown_is_a_remark() -> None:
    (change,) = worse(run(200, empty__latitude=80), [run(200, empty__latitude=10)])
    assert change == ("latitude", "latitude is empty in 40% of the rows, usually in 5%")
    assert worse(run(200, empty__latitude=30), [run(200, empty__latitude=10)]) == []
    assert worse(run(40, empty__latitude=40), [run(200, empty__latitude=10)]) == [], "too few"


def test_requests_that_are_still_open_are_no_remark() -> None:
    assert worse(run(200, empty__closed_at=160), [run(200, empty__closed_at=40)]) == []
    (change,) = worse(run(200, empty__closed_at=200), [run(200, empty__closed_at=40)])
    assert change == ("closed_at", "closed_at is empty in 100% of the rows, usually in 20%")


def test_a_backlog_that_is_published_at_once_is_told() -> None:
    late = {date(2026, 3, 2): 70, date(2026, 3, 4): 31}
    (change,) = burst(late, 60.0, [run(late_rows=12)] * 7)
    assert change.words == (
        "101 requests of days that were known already, 2026-03-02 to 2026-03-04, were published at once; "
        "they are counted on their days"
    )
    assert burst(late, 60.0, [run(late_rows=12)] * 6) == [], "too few runs tell what is usual"
    assert burst(late, 60.0, [*[run()] * 7, run(late_rows=21)]) == [], "in one there were many, too"
    assert burst(late, 60.0, [*[run(late_rows=1)] * 7, run(late_rows=21)]) == []
    assert burst(late, 250.0, [run()] * 7 + [run(late_rows=0)] * 7) == [], "the source is so large that it is nothing"
    assert burst({}, 0.0, [run(late_rows=0)] * 7) == []
