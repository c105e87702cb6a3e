"""Text that both databases take."""

import numpy as np

from forewarn.request import Texts
from store.types import holdable


def storable(texts: Texts) -> Texts:
    """`texts` without what PostgreSQL or UTF-8 cannot hold: NUL, and halves of surrogate pairs."""
    whole = "".join(texts.tolist())  # looked at in one go, as such texts are rare
    try:
        whole.encode()
    except UnicodeEncodeError:
        return _each(texts)
    return _each(texts) if "\0" in whole else texts


def _each(texts: Texts) -> Texts:
    changed = np.empty_like(texts)
    changed[:] = [holdable(text) for text in texts]
    return changed
