import csv
import gzip
from collections import Counter
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from connectors import connector_for
from connectors.files import Files
from forewarn.contracts import Page, Window
from forewarn.errors import ConfigError, SourceChanged, SourceUnavailable
from forewarn.request import Precision, Reject
from forewarn.settings import SourceSettings

NOW = datetime(2026, 6, 30, 10, tzinfo=UTC)
FIELDS = {"source_record_id": "id", "requested_at": "created", "category": "type"}
HEADER = "id,created,type\n"


def connector(path: Path, **options: Any) -> Files:
    settings = {"fields": FIELDS, "zone": "Europe/Berlin", **options}
    found = connector_for("town", SourceSettings(kind="files", path=str(path), **settings))
    assert isinstance(found, Files)
    return found


def read(source: Files, state: dict[str, Any] | None = None) -> list[Page]:
    return [page for window in source.plan(state or {}, NOW) for page in source.fetch(window)]


def rejects(pages: list[Page]) -> list[Reject]:
    return [reject for page in pages for reject in page.rejects]


def requests(pages: list[Page]) -> list[Any]:
    return [request for page in pages for request in page.requests]


def drop(folder: Path, name: str, text: str) -> Path:
    file = folder / name
    file.write_bytes(text.encode())
    return file


def test_real_files_give_the_published_totals(real_data: Path) -> None:
    with gzip.open(real_data / "daily_totals.csv.gz", "rt") as file:
        rows = [row for row in csv.DictReader(file) if int(row["requests"])]
    names = sorted({row["file"] for row in rows if row["file"].endswith(".parquet")})
    assert len(names) > 8
    for name in names:
        fields = {
            "requested_at": "created_at",
            "closed_at": "closed_at",
            "category": "category",
            "area": "area",
            "status": "status",
            "latitude": "latitude",
            "longitude": "longitude",
        }
        if "stuttgart" not in name:  # the only one without ids
            fields["source_record_id"] = "request_id"
        pages = read(connector(real_data / name, fields=fields, zone="UTC"))
        found = Counter(request.day.isoformat() for page in pages for request in page.requests)
        wanted = {row["date"]: int(row["requests"]) for row in rows if row["file"] == name}
        assert not rejects(pages)
        assert {day: found[day] for day in wanted} == wanted
        assert sum(found.values()) == pq.ParquetFile(real_data / name).metadata.num_rows


def test_real_volumes_of_one_file_among_others(real_data: Path) -> None:
    name = "konstanz_maengelmelder/reports_2022-07_2026-01.parquet"
    source = connector(
        real_data / "daily_totals.csv.gz",
        rows="counts",
        fields={"date": "date", "opened": "requests"},
        where={"file": name},
        constants={"category": "all"},
        first_day="2024-10-01",
    )
    pages = read(source)
    assert sum(count.opened for page in pages for count in page.counts) == 2132
    assert {count.category for page in pages for count in page.counts} == {"all"}
    assert pages[-1].end is not None
    assert pages[-1].end.covers == (date(2024, 10, 1), date(2026, 1, 2))


@pytest.mark.parametrize("name", ["cfpb_complaints/weekly_2011-11_2016-12.csv", "dc_311_aggregates/weekly_2026.csv"])
def test_weekly_volumes_are_refused_not_spread(real_data: Path, name: str) -> None:
    day, opened = ("week_start", "complaints") if "cfpb" in name else ("iso_week", "requests")
    pages = read(connector(real_data / name, rows="counts", fields={"date": day, "opened": opened}))
    assert not any(page.counts for page in pages)
    assert {reject.reason for reject in rejects(pages)} <= {"too_coarse", "bad_date"}
    assert rejects(pages)


def test_recorded_weeks_of_iso_8601(real_data: Path) -> None:
    fields = {"date": "iso_week", "opened": "requests"}
    pages = read(
        connector(real_data / "dc_311_aggregates" / "weekly_2026.csv", rows="counts", fields=fields, step="week")
    )
    counts = {count.day: count.opened for page in pages for count in page.counts}
    assert not rejects(pages)
    assert len(counts) == 25
    assert (min(counts), counts[date(2026, 1, 4)], counts[date(2026, 1, 11)]) == (date(2026, 1, 4), 2585, 8825)
    assert pages[-1].end is not None
    assert pages[-1].end.covers == (date(2025, 12, 29), max(counts))


@pytest.mark.parametrize(("first_day", "covered"), [("2026-05-04", 4), ("2026-05-05", 11)])
def test_weeks_begin_whole(tmp_path: Path, first_day: str, covered: int) -> None:
    drop(tmp_path, "a.csv", "week,n\n2026-04-27,5\n2026-05-04,6\n2026-05-09,1\n2026-05-11,7\n")
    fields = {"date": "week", "opened": "n"}
    (page,) = [
        page
        for page in read(connector(tmp_path, rows="counts", fields=fields, step="week", first_day=first_day))
        if page.end
    ]
    assert page.end is not None
    assert page.end.covers == (date(2026, 5, covered), date(2026, 5, 17))
    pages = read(connector(tmp_path, rows="counts", fields=fields, step="week"))
    assert [(c.day.day, c.opened) for page in pages for c in page.counts] == [(3, 5), (10, 7), (17, 7)]


def test_months_are_no_weeks(tmp_path: Path) -> None:
    drop(tmp_path, "a.csv", "month,n\n2026-03-01,5\n2026-04-01,6\n2026-05-01,7\n")
    fields = {"date": "month", "opened": "n"}
    pages = read(connector(tmp_path, rows="counts", fields=fields, step="week"))
    assert [reject.reason for reject in rejects(pages)] == ["too_coarse"]


def test_a_file_without_ids_gives_the_same_ids_again(tmp_path: Path) -> None:
    text = "created,type\n2026-06-01T10:00:00,Light\n2026-06-01T10:00:00,Light\n2026-06-02T10:00:00,Light\n"
    fields = {"requested_at": "created", "category": "type"}
    drop(tmp_path, "a.csv", text)
    first = [r.source_record_id for r in requests(read(connector(tmp_path, fields=fields)))]
    drop(tmp_path, "a.csv", text + "2026-06-01T10:00:00,Light\n")
    second = [r.source_record_id for r in requests(read(connector(tmp_path, fields=fields)))]
    assert len(set(second)) == 4
    assert second[:3] == first


def test_a_file_is_read_once_and_again_when_it_changed(tmp_path: Path) -> None:
    source = connector(tmp_path)
    drop(tmp_path, "a.csv", HEADER + "1,2026-06-01 10:00,Light\n")
    drop(tmp_path, "b.csv", HEADER + "2,2026-06-03 10:00,Light\n")
    for name in ("c.csv.part", ".d.csv", "notes.pdf"):
        drop(tmp_path, name, "nothing for us")
    windows = source.plan({}, NOW)
    assert [window.name for window in windows] == ["a.csv", "b.csv"]
    state = [*source.fetch(windows[1])][-1].end.state  # type: ignore[union-attr]
    assert source.plan(state, NOW) == []
    drop(tmp_path, "a.csv", HEADER + "1,2026-06-01 10:00,Noise\n")
    assert [window.name for window in source.plan(state, NOW)] == ["a.csv"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        (HEADER + "1,2026-06-01,Light\n2,2026-06", "cut"),
        (HEADER + '1,2026-06-01,"Light\n', "cut"),
    ],
)
def test_a_file_that_is_not_whole_is_left_out_until_it_is(tmp_path: Path, text: str, reason: str) -> None:
    source = connector(tmp_path)
    drop(tmp_path, "a.csv", text)
    pages = read(source)
    assert not requests(pages)
    assert [reject.reason for reject in rejects(pages)] == [reason]
    assert rejects(pages)[0].position == "a.csv"
    end = pages[-1].end
    assert end is not None
    assert end.covers is None
    assert source.plan(end.state, NOW) == []
    drop(tmp_path, "a.csv", HEADER + "1,2026-06-01,Light\n2,2026-06-02,Light")
    assert len(requests(read(source, dict(end.state)))) == 2


def test_cut_archives_and_wrong_encodings_are_told(tmp_path: Path) -> None:
    whole = gzip.compress((HEADER + "1,2026-06-01,Light\n" * 50).encode())
    (tmp_path / "a.csv.gz").write_bytes(whole[:-20])
    (tmp_path / "b.csv").write_bytes((HEADER + "1,2026-06-01,Müll\n").encode("latin-1"))
    (tmp_path / "c.parquet").write_bytes(b"PAR1 no")
    assert [reject.reason for reject in rejects(read(connector(tmp_path)))] == ["cut", "encoding", "unreadable"]
    latin = read(connector(tmp_path / "b.csv", encoding="latin-1"))
    assert [request.category for request in requests(latin)] == ["Müll"]


def test_wrong_rows_do_not_stop_the_others(tmp_path: Path) -> None:
    rows = [
        "1,2026-06-01 10:00,Light",
        "2,,Light",
        "3,yesterday,Light",
        "4,1900-01-01,Light",
        "5,2026-08-01,Light",
        ",2026-06-01,Light",
        "7,2026-06-01,Light,surplus",
        '8,2026-06-02,"two\nlines, one label"',
    ]
    drop(tmp_path, "a.csv", HEADER + "\n".join(rows) + "\n")
    pages = read(connector(tmp_path))
    assert [request.source_record_id for request in requests(pages)] == ["1", "8"]
    assert requests(pages)[1].category == "two lines, one label"
    assert Counter(reject.reason for reject in rejects(pages)) == Counter(
        ["no_date", "bad_date", "sentinel_date", "future_date", "no_id", "column_count"]
    )
    assert Reject("bad_date", "requested_at holds 'yesterday'", "row 3") in rejects(pages)


@pytest.mark.parametrize("sign", [",", ";", "\t", "|"])
def test_delimiters_and_byte_order_marks(tmp_path: Path, sign: str) -> None:
    text = "\ufeff" + HEADER.replace(",", sign) + f'01{sign}2026-06-01{sign}"a{sign}b"\r\n'
    drop(tmp_path, "a.csv", text)
    (found,) = requests(read(connector(tmp_path)))
    assert (found.source_record_id, found.category) == ("01", f"a{sign}b".replace("\t", " "))
    assert found.precision is Precision.DAY


def test_a_wrong_delimiter_is_told_with_the_right_one(tmp_path: Path) -> None:
    drop(tmp_path, "a.csv", "id;created;type\n1;2026-06-01;Light\n")
    with pytest.raises(SourceChanged, match="seems to be split by ';', not by ','; set `delimiter`, or leave it out"):
        read(connector(tmp_path, delimiter=","))


def test_without_a_header_the_delimiter_gives_as_many_columns_as_are_named(tmp_path: Path) -> None:
    drop(tmp_path, "a.csv", "1,2026-06-01,Light;dark;grey;green\n2,2026-06-02,Light\n")
    found = requests(read(connector(tmp_path, header=["id", "created", "type"])))
    assert [request.category for request in found] == ["Light;dark;grey;green", "Light"]


@pytest.mark.parametrize(
    ("fields", "rows", "words"),
    [
        ({**FIELDS, "date": "created"}, "requests", "fields.date is not for rows = 'requests'"),
        ({"date": "day", "opened": "n", "status": "s"}, "counts", "fields.status is not for rows = 'counts'"),
        ({**FIELDS, "area": ""}, "requests", "fields.area names no column"),
        ({"category": "type"}, "requests", "needs fields.requested_at"),
        ({"id": "id", **FIELDS}, "requests", "did you mean 'source_record_id'"),
        ({"created": "created"}, "requests", "ours stand on the left, the source's on the right"),
    ],
)
def test_a_field_that_these_rows_do_not_have_is_told(
    tmp_path: Path, fields: dict[str, str], rows: str, words: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        connector(tmp_path, fields=fields, rows=rows)
    assert words in str(caught.value)


def test_a_missing_column_names_those_that_are_there(tmp_path: Path) -> None:
    drop(tmp_path, "a.csv", "id,opened,type\n1,2026-06-01,Light\n")
    source = connector(tmp_path)
    with pytest.raises(SourceChanged, match=r"no column 'created'; it has: id, opened, type"):
        read(source)
    assert any("no column 'created'" in remark for remark in source.probe().remarks)


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailable, match="there is no file or folder"):
        connector(tmp_path / "gone").plan({}, NOW)
    assert "no file" in connector(tmp_path).probe().remarks[0]


@pytest.mark.parametrize(
    ("options", "key"),
    [({"fields": {"category": "x"}}, "requested_at"), ({"fields": {"colour": "x"}}, "colour"), ({"rowz": "x"}, "rows")],
)
def test_wrong_settings_name_the_key(tmp_path: Path, options: dict[str, Any], key: str) -> None:
    with pytest.raises(ConfigError, match=key):
        connector(tmp_path, **options)


def test_todays_rows_leave_the_day_open(tmp_path: Path) -> None:
    drop(tmp_path, "a.csv", HEADER + "1,2026-06-28 10:00,Light\n2,2026-06-30 09:00,Light\n")
    end = read(connector(tmp_path))[-1].end
    assert end is not None
    assert (end.covers, end.open_day) == ((date(2026, 6, 28), date(2026, 6, 29)), date(2026, 6, 30))


def test_volumes_of_equal_labels_are_added_up(tmp_path: Path) -> None:
    drop(tmp_path, "a.csv", "day,kind,n\n2026-06-01,A,3\n2026-06-01,A,4\n2026-06-02,B,-1\n2026-06-02,B,1.5\n")
    fields = {"date": "day", "category": "kind", "opened": "n"}
    pages = read(connector(tmp_path, rows="counts", fields=fields))
    assert [(count.category, count.opened) for page in pages for count in page.counts] == [("A", 7)]
    assert [reject.reason for reject in rejects(pages)] == ["bad_count", "bad_count"]


def test_parquet_with_zones_numbers_and_many_batches(tmp_path: Path) -> None:
    count = 150_000
    start = datetime(2026, 1, 1, tzinfo=UTC)
    first = int(start.timestamp())
    table = pa.table(
        {
            "id": pa.array(range(count), pa.int64()),
            "created": pa.array(range(first, first + count)).cast(pa.timestamp("s", "UTC")),
            "type": pa.array(["a"] * count).dictionary_encode(),
        }
    )
    pq.write_table(table, tmp_path / "a.parquet")
    source = connector(tmp_path)
    pages = read(source)
    assert max(len(page.requests) for page in pages) < count / 2
    found = requests(pages)
    assert len(found) == count
    assert found[0].requested_at == start
    span = Window(since=start, until=datetime(2026, 1, 1, 0, 0, 10, tzinfo=UTC))
    assert source.reconcile(span).record_ids == frozenset(map(str, range(10)))


LONG = "a" * 200_000


@pytest.mark.parametrize(
    "text",
    [
        f"id,created,type,{LONG}\n1,2026-06-01T10:00:00,Light,x\n",
        f'id,created,type\n1,2026-06-01T10:00:00,"{LONG}"\n',
        f'id,created,type\n1,2026-06-01T10:00:00,"{LONG}"',  # the last row, which is looked at first
        "id,created,type\n1,2026-06-01T10:00:00,a\0b\n",
        'id,created,type\n1,2026-06-01T10:00:00,"=HYPERLINK(""https://evil.example"")"\n',
    ],
)
def test_odd_texts_are_only_texts(tmp_path: Path, text: str) -> None:
    drop(tmp_path, "a.csv", text)
    (request,) = requests(read(connector(tmp_path)))
    assert request.source_record_id == "1"
    assert 0 < len(request.category) <= 200
    assert request.category.isprintable()


def test_a_row_without_end_names_the_likely_cause(tmp_path: Path) -> None:
    drop(tmp_path, "a.csv", HEADER + f'1,2026-06-01T10:00:00,"{"a" * (17 << 20)}"\n2,2026-06-01T10:00:00,"x"\n')
    (reject,) = rejects(read(connector(tmp_path)))
    assert reject.reason == "unreadable"
    assert "longer than 8 MB; perhaps a quotation mark is missing" in reject.detail


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "cp1252"])
@pytest.mark.parametrize("end", ["\n", ""])
def test_files_in_other_encodings_are_read(tmp_path: Path, encoding: str, end: str) -> None:
    (tmp_path / "a.csv").write_bytes(f"{HEADER}1,2026-06-01T10:00:00,Straße{end}".encode(encoding))
    (request,) = requests(read(connector(tmp_path, encoding=encoding)))
    assert request.category == "Straße"
    (tmp_path / "a.csv").write_bytes(f"{HEADER}1,2026-06-01T10:00".encode(encoding))
    source = connector(tmp_path, encoding=encoding, fields={**FIELDS, "area": "type"})
    assert [reject.reason for reject in rejects(read(source))] == ["cut"]


def test_a_column_that_is_there_twice_is_named(tmp_path: Path) -> None:
    drop(tmp_path, "a.csv", "id,created,type,id\n1,2026-06-01T10:00:00,Light,2\n")
    source = connector(tmp_path)
    with pytest.raises(SourceChanged, match=r"a\.csv has 2 columns 'id'; rename all but the one that is meant"):
        read(source)
    assert "2 columns 'id'" in " ".join(source.probe().remarks)


def test_a_file_whose_name_cannot_be_kept_is_named(tmp_path: Path) -> None:
    with open(bytes(tmp_path) + b"/caf\xe9.csv", "w") as file:
        file.write(HEADER)
    with pytest.raises(SourceChanged, match=r"'caf\?.csv' is no UTF-8; rename it"):
        read(connector(tmp_path))


@pytest.mark.parametrize(
    ("column", "values", "reason"),
    [
        ("created", pa.array([1_780_000_000]), "bad_date"),
        ("created", pa.array([True]), "bad_date"),
        ("created", pa.array([float("nan")]), "no_date"),
        ("created", pa.array([5], pa.duration("s")), "bad_date"),
        ("created", pa.array([None]), "no_date"),
        ("created", pa.array([["2026-06-01"]]), "no_date"),
        ("id", pa.array([float("nan")]), "no_id"),
        ("id", pa.array([{"a": 1}]), "no_id"),
    ],
)
def test_columns_of_an_odd_type_are_rejected_row_by_row(
    tmp_path: Path, column: str, values: pa.Array, reason: str
) -> None:
    whole = {"id": pa.array(["1"]), "created": pa.array(["2026-06-01T10:00:00"]), "type": pa.array(["Light"])}
    pq.write_table(pa.table({**whole, column: values}), tmp_path / "a.parquet")
    assert [reject.reason for reject in rejects(read(connector(tmp_path)))] == [reason]


@pytest.mark.parametrize(
    ("values", "category"),
    [
        (pa.array([["a", "b"]]), ""),
        (pa.array([{"a": 1}]), ""),
        (pa.array([b"caf\xe9"]), "caf\ufffd"),
        (pa.array([1e300]), "1e+300"),
        (pa.array([7.0]), "7"),
    ],
)
def test_labels_of_an_odd_type(tmp_path: Path, values: pa.Array, category: str) -> None:
    whole = {"id": pa.array(["1"]), "created": pa.array(["2026-06-01T10:00:00"]), "type": values, "lat": values}
    pq.write_table(pa.table(whole), tmp_path / "a.parquet")
    (request,) = requests(read(connector(tmp_path, fields={**FIELDS, "latitude": "lat"})))
    assert request.category == category
