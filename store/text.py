"""Text that both databases take."""

from collections.abc import Callable

import numpy as np

from forewarn.request import Texts


def storable(texts: Texts) -> Texts:
    """`texts` without what PostgreSQL or UTF-8 cannot hold: NUL, and halves of surrogate pairs."""
    whole = "".join(texts.tolist())  # looked at in one go, as such texts are rare
    try:
        whole.encode()
    except UnicodeEncodeError:
        texts = _each(texts, lambda text: text.encode(errors="replace").decode())
    return _each(texts, lambda text: text.replace("\0", "")) if "\0" in whole else texts


def _each(texts: Texts, change: Callable[[str], str]) -> Texts:
    changed = np.empty_like(texts)
    changed[:] = [change(text) for text in texts]
    return changed
