"""JSON lines, manifests, and files that are still written."""

import gzip
import json
from collections.abc import Sequence
from datetime import UTC, date, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from connectors import connector_for
from connectors.files import Files
from forewarn.contracts import Page, WindowEnd
from forewarn.errors import SourceChanged
from forewarn.request import Reject
from forewarn.settings import SourceSettings

NOW = datetime(2026, 6, 30, 10, tzinfo=UTC)
FIELDS = {"source_record_id": "id", "requested_at": "created", "category": "type"}
HEADER = "id,created,type\n"
TWO_ROWS = HEADER + "1,2026-06-03T08:00:00,Noise\n2,2026-06-05T08:00:00,Rats\n"


def connector(path: Path, **options: Any) -> Files:
    found = connector_for(
        "town", SourceSettings(kind="files", path=str(path), zone="Europe/Berlin", **{"fields": FIELDS, **options})
    )
    assert isinstance(found, Files)
    return found


def read(source: Files, state: Any = None, now: datetime = NOW) -> list[Page]:
    return [page for window in source.plan(state or {}, now) for page in source.fetch(window)]


def rejects(pages: Sequence[Page]) -> list[Reject]:
    return [reject for page in pages for reject in page.rejects]


def ids(pages: Sequence[Page]) -> list[str]:
    return [request.source_record_id for page in pages for request in page.requests]


def end_of(pages: Sequence[Page]) -> WindowEnd:
    end = pages[-1].end
    assert end is not None
    return end


def drop(folder: Path, name: str, text: str, **manifest: Any) -> Path:
    """A file, and what its manifest says besides its name and digest."""
    file = folder / name
    file.write_bytes(text.encode())
    if manifest:
        usual = {"file": name, "sha256": sha256(file.read_bytes()).hexdigest()}
        (folder / f"{name}.manifest.json").write_text(json.dumps({**usual, **manifest}))
    return file


def line(number: int, **more: Any) -> str:
    return json.dumps({"id": number, "created": f"2026-06-0{number}T08:00:00", "type": "Noise", **more})


@pytest.mark.parametrize("name", ["a.jsonl", "a.ndjson", "a.jsonl.gz", "a.ndjson.gz"])
def test_json_lines(tmp_path: Path, name: str) -> None:
    text = "\ufeff" + "\n".join([line(1, place={"lat": 48.7, "lon": 9.1}), "", line(2), line(3, type=None)]) + "\r\n"
    packed = gzip.compress(text.encode()) if name.endswith(".gz") else text.encode()
    (tmp_path / name).write_bytes(packed)
    source = connector(tmp_path, fields={**FIELDS, "latitude": "place.lat", "longitude": "place.lon"})
    pages = read(source)
    assert ids(pages) == ["1", "2", "3"]
    assert [request.lat for page in pages for request in page.requests] == [48.7, None, None]
    assert [request.category for page in pages for request in page.requests] == ["Noise", "Noise", ""]
    assert end_of(pages).covers == (date(2026, 6, 1), date(2026, 6, 3))
    assert source.probe().fields.keys() == {"id", "created", "type", "place.lat", "place.lon"}


def test_json_lines_of_many_batches_with_types_that_change(tmp_path: Path) -> None:
    lines = [json.dumps({"id": n if n % 2 else str(n), "created": "2026-06-01T08:00:00"}) for n in range(40_000)]
    drop(tmp_path, "a.jsonl", "\n".join(lines))
    pages = read(connector(tmp_path, fields={"source_record_id": "id", "requested_at": "created"}))
    assert ids(pages) == [str(n) for n in range(40_000)]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (f"{line(1)}\n{line(2)[:-9]}", "cut"),
        (f"{line(1)}\n[1, 2]\n", "cut"),
        ("\n\n", "empty"),
        ("", "empty"),
        (line(1, type="Lärm").encode("cp1252").decode("latin-1"), ""),
    ],
)
def test_json_lines_that_are_cut_are_left_out_whole(tmp_path: Path, text: str, reason: str) -> None:
    drop(tmp_path, "a.jsonl", text)
    pages = read(connector(tmp_path))
    assert [reject.reason for reject in rejects(pages)] == ([reason] if reason else [])
    assert bool(ids(pages)) == (not reason)


def test_json_lines_in_another_encoding_and_a_cut_archive(tmp_path: Path) -> None:
    raw = line(1).replace("Noise", "Lärm").encode("cp1252") + b"\n"
    (tmp_path / "a.jsonl").write_bytes(raw)
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress(line(2).encode() * 50)[:-9])
    assert [reject.reason for reject in rejects(read(connector(tmp_path)))] == ["encoding", "cut"]
    pages = read(connector(tmp_path, pattern="a*", encoding="cp1252"))
    assert [request.category for page in pages for request in page.requests] == ["Lärm"]


def test_a_line_that_is_no_object_stops_no_other(tmp_path: Path) -> None:
    drop(tmp_path, "a.jsonl", f"{line(1)}\nnull\n{line(2)}\n{{broken\n{line(3)}\n")
    pages = read(connector(tmp_path))
    assert ids(pages) == ["1", "2", "3"]
    assert [(reject.reason, reject.position) for reject in rejects(pages)] == [
        ("unreadable", "line 2"),
        ("unreadable", "line 4"),
    ]


def test_a_manifest_that_is_true(tmp_path: Path, settle: list[float]) -> None:
    drop(tmp_path, "a.csv", TWO_ROWS, rows=2, covers={"from": "2026-06-01", "to": "2026-06-07"})
    pages = read(connector(tmp_path))
    assert ids(pages) == ["1", "2"]
    assert end_of(pages).covers == (date(2026, 6, 1), date(2026, 6, 7)), "also days at its ends that have no rows"
    assert settle == [], "it need not be looked at twice"
    assert read(connector(tmp_path), end_of(pages).state) == []


def test_a_span_that_is_not_over_is_not_covered_to_its_end(tmp_path: Path) -> None:
    drop(tmp_path, "a.csv", TWO_ROWS, covers={"from": "2026-06-01", "to": "2026-07-31"})
    end = end_of(read(connector(tmp_path)))
    assert (end.covers, end.open_day) == ((date(2026, 6, 1), date(2026, 6, 29)), date(2026, 6, 30))


@pytest.mark.parametrize(
    ("manifest", "problem"),
    [
        ({"rows": 3}, "has 2 rows, and its manifest says 3"),
        ({"sha256": "0" * 64}, "not what its manifest says"),
        ({"sha256": "short"}, "sha256"),
        ({"file": "b.csv"}, "another file"),
        ({"mode": "snapshot"}, "must say which days it covers"),
        ({"mode": "all"}, "mode"),
        ({"covers": {"from": "2026-06-07", "to": "2026-06-01"}}, "covers.from is later"),
        ({"covers": {"from": "June", "to": "2026-06-01"}}, "covers"),
        ({"rows": -1}, "rows"),
    ],
)
def test_a_file_that_is_not_what_its_manifest_says_is_left_out(
    tmp_path: Path, manifest: dict[str, Any], problem: str
) -> None:
    drop(tmp_path, "a.csv", TWO_ROWS, **manifest)
    pages = read(connector(tmp_path))
    assert ids(pages) == []
    (told,) = rejects(pages)
    assert told.reason == "manifest"
    assert problem in told.detail
    assert end_of(pages).covers is None
    assert read(connector(tmp_path), end_of(pages).state) == []
    drop(tmp_path, "a.csv", TWO_ROWS, rows=2)
    assert ids(read(connector(tmp_path), end_of(pages).state)) == ["1", "2"], "mended"


def test_a_manifest_that_is_cut(tmp_path: Path) -> None:
    drop(tmp_path, "a.csv", TWO_ROWS)
    (tmp_path / "a.csv.manifest.json").write_text('{"file": "a.csv"')
    assert "not a complete JSON object" in rejects(read(connector(tmp_path)))[0].detail


def test_a_file_that_comes_before_its_content_is_complete(tmp_path: Path) -> None:
    drop(tmp_path, "a.csv", TWO_ROWS, rows=2)
    (tmp_path / "a.csv").write_text(TWO_ROWS[:60])
    state = end_of(read(connector(tmp_path))).state
    (tmp_path / "a.csv").write_text(TWO_ROWS)
    assert ids(read(connector(tmp_path), state)) == ["1", "2"]


def test_a_file_without_manifest_is_read_when_it_has_stopped_growing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = drop(tmp_path, "a.csv", TWO_ROWS)
    drop(tmp_path, "b.csv", HEADER + "7,2026-06-03T08:00:00,Noise\n")
    slept: list[float] = []

    def wait_while_it_is_written(seconds: float) -> None:
        slept.append(seconds)
        with file.open("a") as writer:
            writer.write("3,2026-06-06T08:00:00,Noise\n")

    monkeypatch.setattr(Files, "sleep", staticmethod(wait_while_it_is_written))
    pages = read(connector(tmp_path))
    assert ids(pages) == ["7"], "the other one is left for the next run"
    assert slept == [2.0]
    monkeypatch.setattr(Files, "sleep", staticmethod(slept.append))
    pages = read(connector(tmp_path), end_of(pages).state)
    assert ids(pages) == ["1", "2", "3"]
    assert read(connector(tmp_path), end_of(pages).state) == []
    assert len(slept) == 2, "nothing new, nothing to wait for"


@pytest.mark.parametrize("header", ["ID,Created,Type", "id,created,type ", "id,cre_ated,type", "id,createt,type"])
def test_a_column_that_is_spelled_otherwise_is_guessed_in_the_message_only(tmp_path: Path, header: str) -> None:
    drop(tmp_path, "a.csv", TWO_ROWS.replace("id,created,type", header))
    with pytest.raises(SourceChanged, match="did you mean '") as caught:
        read(connector(tmp_path))
    found = str(caught.value).split("did you mean '")[1].split("'")[0]
    assert found in header.split(",")
