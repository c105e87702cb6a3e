"""Mail addresses, phone numbers and bank accounts in free text, also where they are written to hide from programs.

A number of seven digits or more is taken for a phone number, which also takes most account numbers. Dates, coordinates
and house numbers such as "102-15 85 Avenue" are none.
"""

import re

from forewarn.lexicon import words_of

_TLDS = "com|org|net|edu|gov|info|biz|io|me|eu|us|uk|co|ie|ca|au|nz|de|at|ch|li|es|mx|ar|cl|fr|be|lu|it|nl|pt|pl"
_PROVIDERS = (
    "gmail|googlemail|yahoo|hotmail|outlook|live|icloud|aol|gmx|web|t-online|freenet|orange|wanadoo|laposte|free"
)
_AT, _DOT = "at|ät|arroba|arobase", "dot|punkt|punto|point"
_IN_BRACKETS = rf"\s*[(\[{{]\s*(?:@|a|{_AT})\s*[)\]}}]\s*"
_WRITTEN_DOT = rf"(?:\.|\s*[(\[{{]\s*(?:\.|{_DOT})\s*[)\]}}]\s*|\s+(?:{_DOT})\s+)"
_BEGIN = r"(?<![\w.+%-])"
_LOCAL = rf"{_BEGIN}[\w+%-]{{1,64}}+(?:(?:{_WRITTEN_DOT}|\s\.\s)[\w+%-]{{1,64}}+){{0,3}}"
_HOST = rf"[\w-]{{1,63}}+(?:{_WRITTEN_DOT}[\w-]{{1,63}}+){{0,4}}"
_MAILS = (
    re.compile(rf"{_BEGIN}[\w.+%-]++@[\w-]+(?:\.[\w-]+)+"),
    re.compile(rf"{_BEGIN}[\w.+%-]++@(?:{_PROVIDERS})\b", re.IGNORECASE),
    re.compile(rf"{_LOCAL}{_IN_BRACKETS}{_HOST}", re.IGNORECASE),
    re.compile(
        rf"{_LOCAL}(?:\s+(?:{_AT})\s+|\s{{0,3}}@\s{{0,3}})[\w-]{{1,63}}+"
        rf"(?:{_WRITTEN_DOT}[\w-]{{1,63}}+){{0,3}}?(?:{_WRITTEN_DOT}|\s+\.\s+)(?:{_TLDS})\b",
        re.IGNORECASE,
    ),
)
MAIL_SUSPECT = (
    r"@|(?i:arroba|arobase|\sät\s|[(\[{]\s*(?:a|at|ät)\s*[)\]}])"
    rf"|(?i:\bat\s+[\w-]+(?:\.\w|\W{{1,3}}(?:{_DOT})\b))"
)
"""In Arrow's syntax, as are the next: what stands in every text that has something to take out."""

_ACCOUNT = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?\b")

_STREETS = "|".join(sorted(map(re.escape, words_of("streets_after")), key=len, reverse=True))
_DATE = (
    r"(?:\d{4}(?P<sign>[-/.])\d{1,2}(?P=sign)\d{1,2}|\d{1,2}(?P<mark>[-/.]) ?\d{1,2}(?P=mark) ?(?:19|20)\d{2})"
    r"(?![-/.]?\d)"
)
_TIME = r"(?:[T ]{1,2}\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?)?"
_DASHES = "‐-―−"
_NO_PHONES = (
    rf"(?<![\d./-]){_DATE}{_TIME}",
    r"(?<![\w.,:-])-?\d{1,3}\.\d{4,}(?!\d)",  # a coordinate
    rf"(?<![\w-])\d{{1,3}}-\d{{2}},? \d{{1,3}}(?i:st|nd|rd|th)?(?=\s+(?i:{_STREETS})\b)",
)
_NUMBER = (
    rf"(?<![\w.,/:-])(?:\+|00)?\(?\d(?:[\s().\-/{_DASHES}]{{0,3}}\d){{6,14}}"
    r"(?:,?\s*(?i:x|ext\.?|extension|durchwahl|dw|poste|extensión)\s*\d{1,5})?(?![\w:])"
)
_MISTYPED = r"(?<![\w.,/:-])(?=(?:[OoIl]?\d){5})\d[\dOoIl]{6,}(?!\w)"  # O for 0, l for 1
_PHONE = re.compile(rf"(?P<none>{'|'.join(_NO_PHONES)})|{_NUMBER}|{_MISTYPED}")
_DIGIT_WORDS = "|".join(sorted(words_of("digits"), key=len, reverse=True))
_SPELLED = re.compile(
    rf"(?<!\w)(?:{_DIGIT_WORDS}|\d{{1,4}})(?:[\s,.{_DASHES}-]{{1,3}}(?:{_DIGIT_WORDS}|\d{{1,4}})){{3,}}(?!\w)",
    re.IGNORECASE,
)
_SHORTEST = 7  # digits of a phone number
PHONE_SUSPECT = (
    r"\p{Nd}\P{L}{0,3}\p{Nd}\P{L}{0,3}\p{Nd}|\d[\dOoIl]{6}"
    rf"|(?i:\b(?:{_DIGIT_WORDS})[\s,.{_DASHES}-]{{1,3}}(?:{_DIGIT_WORDS}|\d{{1,4}})\b)"
)


_ANY_AT = re.compile(
    rf"@|[(\[{{]\s*(?:a|{_AT})\s*[)\]}}]|\s(?:ät|arroba|arobase)\s|\sat\s+[\w-]+(?:\.\w|\W{{1,3}}(?:{_DOT})\b)",
    re.IGNORECASE,
)
_ANY_NUMBER = re.compile(rf"{_NUMBER}|{_MISTYPED}")
_ANY_SPELLED = re.compile(rf"\b(?:{_DIGIT_WORDS})[\s,.{_DASHES}-]{{1,3}}(?:{_DIGIT_WORDS}|\d)", re.IGNORECASE)


def without_contacts(text: str) -> str:
    """`text` with `[mail]`, `[phone]` and `[account]` where such stand."""
    if _ANY_AT.search(text):
        for mail in _MAILS:
            text = mail.sub("[mail]", text)
    if _ANY_NUMBER.search(text):
        text = _ACCOUNT.sub("[account]", text)
        text = _PHONE.sub(lambda match: match["none"] or "[phone]", text)
    return _SPELLED.sub(_spelled, text) if _ANY_SPELLED.search(text) else text


def _spelled(match: re.Match[str]) -> str:
    """A row of digits of which some are written as words, if it is long enough."""
    parts = re.findall(r"\w+", match[0])
    words = [part for part in parts if not part.isdigit()]
    digits = len(words) + sum(len(part) for part in parts if part.isdigit())
    return "[phone]" if len(words) > 1 and digits >= _SHORTEST else match[0]
