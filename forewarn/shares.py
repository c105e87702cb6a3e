"""Shares in words: what is not nothing and not all never reads as 0% or 100%."""


def share(part: float, of_all: float) -> str:
    """`part` of `of_all`, which is above 0, such as `41%`, `under 1%` or `over 99%`."""
    if 0 < part < 0.01 * of_all:
        return "under 1%"
    if 0.99 * of_all < part < of_all:
        return "over 99%"
    return f"{part / of_all:.0%}"
