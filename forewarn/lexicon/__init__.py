"""Word lists that ship with forewarn: function words, and what tells a name or an address. One file a list."""

from functools import cache
from pathlib import Path

LANGUAGES = ("en", "de", "es", "fr")


@cache
def words_of(name: str) -> frozenset[str]:
    """The words of `<name>.txt`, in lower case; a line that begins with # is a remark."""
    text = (Path(__file__).parent / f"{name}.txt").read_text(encoding="utf-8")
    return frozenset(word for line in text.splitlines() if not line.startswith("#") for word in line.split())
