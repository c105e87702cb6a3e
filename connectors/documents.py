"""Is this body one complete document? An error page, nothing, or a half is not."""

import json
from collections.abc import Callable
from typing import Any
from xml.etree.ElementTree import Element, ParseError  # names only; defusedxml does the parsing

from defusedxml import DefusedXmlException, ElementTree


class TryLater(ValueError):
    """The document is whole, and says that the source cannot answer now; the message is for people."""


def parse_json(body: bytes) -> Any:
    """The one JSON document in `body`."""
    try:
        return json.loads(body)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def parse_xml(body: bytes) -> Element:
    """The root of the one XML document in `body`; entities and external parts are refused."""
    try:
        root: Element = ElementTree.fromstring(body)
    except (ParseError, DefusedXmlException, LookupError) as error:  # the last: it names an encoding that is none
        raise ValueError(str(error)) from None
    return root


def whole(body: bytes, parse: Callable[[bytes], Any], content_type: str) -> Any:
    """The parsed document.

    Raises:
        ValueError: It is none, or not all of it; says which, in words.
    """
    start = body[:200].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if not start:
        raise ValueError("its answer is empty")
    if "text/html" in content_type or start.startswith((b"<!doctype html", b"<html")):
        raise ValueError("it sent a web page instead of its answer")
    try:
        return parse(body)
    except TryLater:
        raise
    except (ValueError, RecursionError):
        raise ValueError("its answer is not a complete document") from None
