"""Takes what identifies people out of free text before anything keeps it, and makes labels tidy."""

import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from connectors.names import SUSPECT, without_names
from forewarn.request import Texts

_MAIL = re.compile(r"[\w.+%-]+@[\w-]+(?:\.[\w-]+)+")
# Seven digits or more with the usual signs between them, which also takes most account numbers.
_PHONE = re.compile(r"(?<![\w.,/:-])(?:\+|00)?\(?\d(?:[\s().\-/]{0,3}\d){6,14}(?![\w:])")
_NO_PHONE = re.compile(r"\d{4}-\d{2}-\d{2}\b.*|\d{1,3}\.\d{4,}")  # a date and perhaps a time; a coordinate
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]+")

MAX_LABEL = 200  # characters; longer ones are no categories but texts
MAX_TEXT = 4000

# In Arrow's syntax: what stands in every text that `description` would change for numbers or signs. Most have none.
_SUSPECT = r"@|\p{Cc}|\p{Nd}\P{L}{0,3}\p{Nd}\P{L}{0,3}\p{Nd}"


def scrub(text: str) -> str:
    """`text` without mail addresses, phone numbers, plates of cars, and names that something tells as such."""
    text = _MAIL.sub("[mail]", text)
    text = _PHONE.sub(lambda match: match[0] if _NO_PHONE.fullmatch(match[0]) else "[phone]", text)
    return without_names(text)


def label(text: str) -> str:
    """`text` as a label: one line, without control characters, at most `MAX_LABEL` long."""
    return " ".join(_CONTROL.sub(" ", text).split())[:MAX_LABEL]


def description(text: str) -> str:
    """`text` as a description: scrubbed, without control characters, at most `MAX_TEXT` long."""
    return scrub(_CONTROL.sub(" ", text[: 2 * MAX_TEXT]))[:MAX_TEXT].strip()


def descriptions(texts: pa.Array) -> Texts:
    """`description` of each of these trimmed texts."""
    found: Texts = texts.to_numpy(zero_copy_only=False)
    suspect = pc.greater(pc.utf8_length(texts), MAX_TEXT)
    for pattern in (_SUSPECT, SUSPECT):
        suspect = pc.or_(suspect, pc.match_substring_regex(texts, pattern))
    for row in np.flatnonzero(suspect.to_numpy(zero_copy_only=False)):
        found[row] = description(found[row])
    return found


def quote(value: object) -> str:
    """`value` as it may stand in a message: scrubbed, one line, short."""
    return label(scrub(str(value)[:1000]))
