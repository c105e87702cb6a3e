"""Open311 GeoReport v2 documents, JSON or XML, as rows, and rows as requests (https://wiki.open311.org/GeoReport_v2).

Servers bend the form: one record instead of a list of them, a list inside an object, ids as numbers with zeros in
front (which is no JSON), nothing found as an error, truth values as texts. What they mean is clear, and read.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from xml.etree.ElementTree import Element  # the name only; defusedxml does the parsing
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from connectors.documents import parse_json, parse_xml
from connectors.grids import to_wgs84
from connectors.normalise import Batch, Normaliser, RequestField, columns_of
from connectors.texts import as_text
from forewarn.request import Status

Row = Mapping[str, Any]

# Our field → key of a request; the first key that holds something counts. A dot leads into a structure.
FIELDS: Mapping[RequestField, tuple[str, ...]] = {
    "source_record_id": ("service_request_id", "servicerequest_id"),
    "requested_at": ("requested_datetime",),
    "updated_at": ("updated_datetime",),
    "due_at": ("expected_datetime",),
    "category": ("service_name", "service_code"),
    "agency": ("agency_responsible",),
    "status": ("status",),
    "latitude": ("lat",),
    "longitude": ("long",),
}
_SECOND_FILING = ("extended_attributes.parent_service_request_id", "extended_attributes.duplicate")
_NOTHING_FOUND = re.compile(r"\bno (service )?requests? found", re.IGNORECASE)
# A text, which is left alone, or a number with zeros in front.
_TEXT_OR_NUMBER = re.compile(rb'"(?:[^"\\]|\\.)*"|(?<![\w.+-])0\d+(?![\w.])')


def rows_of(body: bytes, form: str, *, key: str = "service_requests", nothing_is_an_error: bool = False) -> list[Row]:
    """The records of one whole document.

    Args:
        form: `json` or `xml`.
        key: Where the list is, if it is inside an object.
        nothing_is_an_error: The server says that nothing was found by an error.

    Raises:
        ValueError: It is none, or an error instead of records.
    """
    document = _from_xml(parse_xml(body)) if form == "xml" else _from_json(body)
    if isinstance(document, dict):
        document = document.get(key, [document])
    if not isinstance(document, list) or not all(isinstance(row, dict) for row in document):
        raise ValueError("not a list of records")
    if document and all({"code", "description"} <= row.keys() for row in document):
        if nothing_is_an_error and _NOTHING_FOUND.search(str(document[0]["description"])):
            return []
        raise ValueError("an error instead of records")
    return document


def batch_of(
    source: str,
    zone: ZoneInfo,
    rows: Sequence[Row],
    *,
    now: datetime,
    fields: Mapping[Any, Sequence[str]] = FIELDS,
    grid: str = "",
) -> Batch:
    """Requests of these rows, and what is wrong with the others.

    A request that the server calls the repetition of another is a duplicate, and the update of a closed one is its
    closing, as the specification says.

    Args:
        now: A request from more than a day later is refused.
        grid: Coordinates are of this grid, see `grids.py`; '': degrees.
    """
    columns = columns_of(rows, fields)
    if "closed_at" not in columns:
        is_closed = pc.equal(pc.utf8_lower(as_text(columns["status"])), Status.CLOSED.value)
        columns["closed_at"] = pc.if_else(is_closed, columns["updated_at"], None)
    again = columns_of(rows, {key: (key,) for key in _SECOND_FILING})
    parent, says_so = (pc.utf8_lower(as_text(again[key])) for key in _SECOND_FILING)
    is_duplicate = pc.or_(pc.not_equal(parent, ""), pc.is_in(says_so, pa.array(["true", "1", "yes"])))
    if pc.any(is_duplicate).as_py():
        columns["status"] = pc.if_else(is_duplicate, Status.DUPLICATE.value, as_text(columns["status"]))
    if grid and {"latitude", "longitude"} <= columns.keys():
        columns["latitude"], columns["longitude"] = to_wgs84(grid, columns["longitude"], columns["latitude"])
    return Normaliser(source, zone, zone).requests(
        columns, now=now, position=lambda index: f"request {id_of(rows[index])}"
    )


def id_of(row: Row) -> str:
    """The id that a row bears; requests that are still worked on have none."""
    return str(next((row[key] for key in FIELDS["source_record_id"] if row.get(key)), "without id"))


def _from_json(body: bytes) -> Any:
    try:
        return parse_json(body)
    except ValueError:
        quoted = _TEXT_OR_NUMBER.sub(lambda found: found[0] if found[0][:1] == b'"' else b'"%s"' % found[0], body)
        if quoted == body:
            raise
        return parse_json(quoted)


def _from_xml(element: Element) -> Any:
    """Elements as the JSON that would say the same; the root is the list of its children."""
    return [_record(child) for child in element]


def _record(element: Element) -> Any:
    """A text or a structure; of fields that come more than once, all."""
    if not len(element):
        return element.text
    record: dict[str, Any] = {}
    for child in element:
        name, value = child.tag.rpartition("}")[2], _record(child)
        if name in record:
            held = record[name]
            record[name] = [*held, value] if isinstance(held, list) else [held, value]
        else:
            record[name] = value
    return record
