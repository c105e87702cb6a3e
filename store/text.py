"""Text that both databases take."""

from collections.abc import Sequence


def storable(texts: Sequence[str]) -> Sequence[str]:
    """`texts` without what PostgreSQL or UTF-8 cannot hold: NUL, and halves of surrogate pairs."""
    whole = "".join(texts)  # looked at in one go, as such texts are rare
    try:
        whole.encode()
    except UnicodeEncodeError:
        texts = [text.encode(errors="replace").decode() for text in texts]
    if "\0" in whole:
        texts = [text.replace("\0", "") for text in texts]
    return texts
