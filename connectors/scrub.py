"""Takes what identifies people out of free text before anything keeps it, and makes labels tidy.

Whatever a source sends is text. Where a text was written as HTML, it is read as people read it: a name may hide behind
a tag or a character reference.
"""

import html
import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from connectors.contacts import MAIL_SUSPECT, PHONE_SUSPECT, without_contacts
from connectors.names import SUSPECT, without_names
from forewarn.request import Texts

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
_INVISIBLE = re.compile(r"[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]+")
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_TAG = re.compile(r"</?[a-zA-Z][a-zA-Z0-9]{0,20}(?:\s[^<>]{0,1000})?/?>")

MAX_LABEL = 200  # characters; longer ones are no categories but texts
MAX_LABEL_BYTES = 450  # in UTF-8: five labels and a source's name fit into PostgreSQL's largest key, 2,704 bytes
MAX_TEXT = 4000

# In Arrow's syntax: what stands in every text that `description` would change. Most have none.
_SUSPECTS = (
    rf"{MAIL_SUSPECT}|{PHONE_SUSPECT}|\p{{Cc}}|\p{{Cf}}|\p{{Zl}}|\p{{Zp}}|[<&]",
    r"\b[A-Z]{2}\d{2} ?[A-Z0-9]{4}",
    SUSPECT,
)


def scrub(text: str) -> str:
    """`text` without mail addresses, phone and account numbers, plates of cars, and names that are told as such."""
    return without_names(without_contacts(text))


def label(text: str) -> str:
    """`text` as a label: one line, without control characters, at most `MAX_LABEL` and `MAX_LABEL_BYTES` long."""
    line = " ".join(_CONTROL.sub(" ", text).split())[:MAX_LABEL]
    return line.encode(errors="replace")[:MAX_LABEL_BYTES].decode(errors="ignore")


def description(text: str) -> str:
    """`text` as a description: scrubbed, without markup and control characters, at most `MAX_TEXT` long."""
    return scrub(_CONTROL.sub(" ", _as_read(text[: 2 * MAX_TEXT])))[:MAX_TEXT].strip()


def _as_read(text: str) -> str:
    """Without tags, character references and what cannot be seen."""
    if "&" in text:
        text = html.unescape(text)
    if "<" in text:
        text = _TAG.sub(" ", _COMMENT.sub("", text))
    return _INVISIBLE.sub("", text)


def descriptions(texts: pa.Array) -> Texts:
    """`description` of each of these trimmed texts."""
    found: Texts = texts.to_numpy(zero_copy_only=False)
    suspect = pc.greater(pc.utf8_length(texts), MAX_TEXT)
    for pattern in _SUSPECTS:
        suspect = pc.or_(suspect, pc.match_substring_regex(texts, pattern))
    for row in np.flatnonzero(suspect.to_numpy(zero_copy_only=False)):
        found[row] = description(found[row])
    return found


def quote(value: object) -> str:
    """`value` as it may stand in a message: scrubbed, one line, short."""
    return label(scrub(str(value)[:1000]))
