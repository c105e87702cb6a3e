"""What the people of an imagined city write: ordinary letters in four languages."""

from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np

from forewarn.request import Documents

FIRST = date(2025, 1, 1)
ORDINARY: Mapping[str, Sequence[str]] = {
    "en": (
        "The bins on our street were not emptied again.",
        "There is a deep hole in the road and cars swerve around it.",
        "A lamp has been dark for a week, please repair it.",
        "Somebody dumped an old mattress behind the park.",
        "The playground swing is broken and children could get hurt.",
        "Loud music all night, nobody can sleep here.",
    ),
    "de": (
        "Die Tonnen wurden schon wieder nicht geleert.",
        "Auf dem Gehweg liegt seit Tagen eine alte Matratze.",
        "Die Laterne vor dem Haus ist dunkel, bitte reparieren.",
        "Hier ist ein tiefes Loch in der Fahrbahn.",
        "Auf dem Spielplatz ist die Schaukel kaputt.",
        "In der Nacht ist es hier sehr laut.",
    ),
    "es": (
        "No han vaciado los contenedores esta semana.",
        "Hay un agujero muy profundo en la calzada.",
        "La farola de la esquina está apagada desde ayer.",
        "Alguien ha dejado un colchón viejo en la acera.",
        "El columpio del parque está roto y es peligroso.",
        "Hay mucho ruido por la noche y no se puede dormir.",
    ),
    "fr": (
        "Les poubelles n'ont pas été vidées cette semaine.",
        "Il y a un trou profond dans la chaussée.",
        "Le lampadaire devant la maison est éteint depuis hier.",
        "Quelqu'un a laissé un vieux matelas sur le trottoir.",
        "La balançoire du parc est cassée et dangereuse.",
        "Il y a beaucoup de bruit pendant la nuit.",
    ),
}


def letters(
    seed: int,
    *,
    n_days: int = 240,
    a_day: float = 30.0,
    languages: Sequence[str] = ("en", "de", "es", "fr"),
    extra: Mapping[int, Sequence[str]] | None = None,
    placed: bool = True,
) -> Documents:
    """Letters of `n_days` days from `FIRST` on.

    Args:
        extra: Day number → letters that come besides.
        placed: They have positions; else only areas.
    """
    rng = np.random.default_rng(seed)
    pool = [text for language in languages for text in ORDINARY[language]]
    rows: list[tuple[int, str]] = []
    for day in range(n_days):
        rows += [(day, pool[rng.integers(len(pool))]) for _ in range(rng.poisson(a_day))]
        rows += [(day, text) for text in (extra or {}).get(day, ())]
    return documents([day for day, _ in rows], [text for _, text in rows], rng, placed=placed)


def documents(days: Sequence[int], texts: Sequence[str], rng: np.random.Generator, *, placed: bool = True) -> Documents:
    """Letters on these days, in four areas and three categories at random."""
    n = len(texts)
    day = np.datetime64(FIRST, "D") + np.array(days, dtype=np.int64)
    spread = (40.0 + rng.random((2, n))) if placed else np.full((2, n), np.nan)
    return Documents(
        day=day,
        known_from=day + np.timedelta64(1, "D"),
        category=_column([f"Category {number}" for number in rng.integers(3, size=n)]),
        area=_column([f"Ward {number}" for number in rng.integers(1, 5, size=n)]),
        label=_column([""] * n),
        text=_column(texts),
        lat=spread[0],
        lon=spread[1],
    )


def _column(values: Sequence[str]) -> np.ndarray:
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column
