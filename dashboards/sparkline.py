"""A line of counts as a small picture: light enough for a list, and drawn without a script."""

from base64 import b64encode
from collections.abc import Sequence
from itertools import groupby

from dash import html

LINE = "#0072B2"
LAST = "#D55E00"


def sparkline(
    counts: Sequence[float | None], description: str, *, width: int = 160, height: int = 36, mark_last: bool = True
) -> html.Img:
    """An image of `counts`, one a day, from 0 up; None: not known, a gap in the line.

    Args:
        description: What it shows, for those who do not see it.
        mark_last: Whether a diamond stands on the last day that is known.
    """
    drawing = _drawing(counts, width, height, mark_last=mark_last)
    uri = "data:image/svg+xml;base64," + b64encode(drawing.encode()).decode()
    return html.Img(src=uri, alt=description, width=width, height=height, className="sparkline")


def _drawing(counts: Sequence[float | None], width: int, height: int, *, mark_last: bool) -> str:
    top = max((count for count in counts if count is not None), default=0.0) or 1.0
    step = (width - 12) / max(len(counts) - 1, 1)
    points = [
        None if count is None else (6 + place * step, height - 5 - (height - 12) * count / top)
        for place, count in enumerate(counts)
    ]
    known = [point for point in points if point is not None]
    lines = [
        " ".join(f"{x:.1f},{y:.1f}" for x, y in (point for point in run if point is not None))
        for is_known, run in groupby(points, key=lambda point: point is not None)
        if is_known
    ]
    shapes = [f'<path d="M6 {height - 4.5}H{width - 6}" stroke="#d8d3c8" stroke-width="1"/>']
    shapes += [
        f'<polyline points="{line}" fill="none" stroke="{LINE}" stroke-width="1.6" '
        'stroke-linejoin="round" stroke-linecap="round"/>'
        for line in lines
    ]
    if mark_last and known:
        x, y = known[-1]
        shapes.append(f'<path d="M{x:.1f} {y - 4.5:.1f}l4.5 4.5l-4.5 4.5l-4.5-4.5z" fill="{LAST}"/>')
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}">{"".join(shapes)}</svg>'
