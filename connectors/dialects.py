"""How Open311 servers differ, as data. Observed in public client code and in recorded answers."""

from collections.abc import Mapping
from dataclasses import dataclass

from connectors.normalise import RequestField


@dataclass(frozen=True, slots=True)
class Dialect:
    """One family of endpoints.

    Args:
        page_size: Rows that are asked for, and the most that come.
        page_size_name: Parameter for it; '': there is none.
        page_name: Parameter for the number of the page; '': there are no pages.
        first_page: Number of the first page.
        zoned_dates: Whether dates are sent with their offset.
        empty_is_404: Whether "nothing found" comes as an error.
        updated_after: Whether the extension `updated_after`, `updated_before` works.
    """

    page_size: int = 1000
    page_size_name: str = "page_size"
    page_name: str = "page"
    first_page: int = 1
    zoned_dates: bool = True
    empty_is_404: bool = False
    updated_after: bool = False


DIALECTS: Mapping[str, Dialect] = {
    "standard": Dialect(),
    "extended": Dialect(updated_after=True),
    "connected-bits": Dialect(page_size=50),  # Chicago, Boston, San Francisco, Baltimore; sorted by update time
    "mark-a-spot": Dialect(page_size=50, page_size_name="limit", first_page=0, empty_is_404=True),  # Bonn, Köln
    "ureport": Dialect(updated_after=True),  # Bloomington
    "helsinki": Dialect(page_size=200, page_size_name="", page_name=""),
    "citysdk": Dialect(page_size_name="", page_name=""),
    "fixmystreet": Dialect(page_size_name="", page_name=""),
}

# Our field → key of a request; the first key that is there counts. A dot leads into a structure.
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
