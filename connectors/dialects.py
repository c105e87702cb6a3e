"""How Open311 servers differ, as data. Observed in public client code and in recorded answers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

DialectName = Literal[
    "standard",
    "extended",
    "connected-bits",
    "chicago",
    "mark-a-spot",
    "ureport",
    "helsinki",
    "citysdk",
    "toronto",
    "mysociety",
]


@dataclass(frozen=True, slots=True)
class Dialect:
    """One family of endpoints.

    Args:
        page_size: Rows that are asked for, and the most that come.
        page_size_name: Parameter for it; '': there is none.
        page_name: Parameter for the number of the page; '': there are no pages.
        first_page: Number of the first page.
        short_pages: Rows are left out of pages after they were cut, so only a page with nothing new is the end.
        zoned_dates: Whether dates are sent with their offset.
        nothing_is_404: Whether "nothing found" comes as an error.
        updated_after: Whether the extension `updated_after`, `updated_before` works.
        extensions: Whether `extensions=true` is needed for what says that a request repeats another.
        refuses_at_the_edge: Whether the network before the server answers 403 now and then.
        updates: Resource that lists changes of status; '': there is none.
    """

    page_size: int = 1000
    page_size_name: str = "page_size"
    page_name: str = "page"
    first_page: int = 1
    short_pages: bool = False
    zoned_dates: bool = True
    nothing_is_404: bool = False
    updated_after: bool = False
    extensions: bool = False
    refuses_at_the_edge: bool = False
    updates: str = ""


DIALECTS: Mapping[DialectName, Dialect] = {
    "standard": Dialect(),
    "extended": Dialect(updated_after=True),
    # Boston, San Francisco, Baltimore: sorted by the time of update whatever is asked, so pages shift.
    "connected-bits": Dialect(page_size=50, extensions=True),
    "chicago": Dialect(page_size=500, extensions=True, updated_after=True),  # of the same maker
    # Bonn, Köln, Gießen, and Brühl with pages of 100. A limit that is too large gives pages of 25; a page after the
    # last is the last one again.
    "mark-a-spot": Dialect(page_size=50, page_size_name="limit", first_page=0, short_pages=True, nothing_is_404=True),
    "ureport": Dialect(updated_after=True),  # Bloomington; its page 0 is page 1
    "helsinki": Dialect(page_size=200, page_size_name="", page_name=""),  # pages are there, and not to be trusted
    "citysdk": Dialect(page_size_name="", page_name=""),  # Klarschiff
    "toronto": Dialect(refuses_at_the_edge=True),
    "mysociety": Dialect(page_size_name="", page_name="", updates="servicerequestupdates"),  # open311-adapter
}
