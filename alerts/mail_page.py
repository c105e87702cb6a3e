"""The HTML form of a message: one narrow page that every mail program can show, without images or scripts.

Everything that comes from outside is escaped here. Layout is by tables and inline style, since mail programs
ignore much else; the counts of the last four weeks are drawn as table cells.
"""

from collections.abc import Sequence
from datetime import date
from html import escape

from alerts.phrases import Answer, day_text, number, plain, range_text
from alerts.rules.evidence import history_days
from forewarn.alert import Alert, Severity

COLOURS = {Severity.NOTICE: "#4a6fa5", Severity.WARNING: "#b35900", Severity.CRITICAL: "#b3261e"}
"""All of them reach a contrast of 4.5 on white."""
INK, GREY, PALE, LINE = "#1d2430", "#5b6472", "#b9c4d4", "#e3e7ed"
FONT = "font-family:-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif"
TEXT = "font-size:15px;line-height:1.5"
STRIP_HEIGHT = 72


def mail_page(alert: Alert, headline: str, story: Sequence[Answer], url: str) -> str:
    """The whole page."""
    colour = COLOURS[alert.severity]
    source = escape(plain(alert.source))
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light"><title>{escape(headline)}</title></head>
<body style="margin:0;padding:0;background:#f3f5f8;{FONT};color:{INK}">
<table role="presentation" width="100%" cellpadding="0" cellspacing="0"><tr><td align="center" style="padding:20px 8px">
<table role="presentation" width="100%" cellpadding="0" cellspacing="0"
 style="max-width:600px;background:#ffffff;border:1px solid {LINE};border-top:5px solid {colour};border-radius:6px">
<tr><td style="padding:22px 24px 0">
<p style="margin:0 0 6px;font-size:13px;color:{colour};font-weight:600">{escape(headline)}
<span style="color:{GREY};font-weight:400">&nbsp;·&nbsp; {source}</span></p>
<h1 style="margin:0 0 16px;font-size:20px;line-height:1.35;font-weight:650">{escape(plain(alert.title, 320))}</h1>
{_strip(alert, colour)}</td></tr>
{"".join(_answer(answer) for answer in story)}
<tr><td style="padding:6px 24px 26px">
<a href="{escape(url, quote=True)}" style="display:inline-block;padding:11px 20px;background:{colour};color:#ffffff;
text-decoration:none;border-radius:4px;font-size:15px;font-weight:600">Open the alert</a>
<p style="margin:12px 0 0;font-size:12px;color:{GREY};word-break:break-all">{escape(url)}</p></td></tr>
</table>
<p style="max-width:600px;margin:12px 0 0;font-size:12px;color:{GREY}">Sent by forewarn.</p>
</td></tr></table></body></html>
"""


def _answer(answer: Answer) -> str:
    """A row of its own, so that the plain text that apprise makes of the page is in paragraphs too."""
    lines = "".join(f'<li style="margin:0 0 3px">{escape(line)}</li>' for line in answer.lines)
    details = f'<ul style="margin:-9px 0 15px;padding:0 0 0 20px;{TEXT}">{lines}</ul>' if lines else ""
    return (
        f'<tr><td style="padding:0 24px"><h2 style="margin:0 0 1px;font-size:13px;font-weight:600;color:{GREY}">'
        f"{escape(answer.question)}</h2>"
        f'<p style="margin:0 0 15px;{TEXT}">{escape(answer.text)}</p>{details}</td></tr>\n'
    )


def _strip(alert: Alert, colour: str) -> str:
    """The last four weeks, a bar a day, or 28 weeks; '' for alerts without counts."""
    if "history" not in alert.evidence:
        return ""
    days = history_days(alert.evidence)
    highest = max((count for _, count in days if count is not None), default=0.0)
    bars = "".join(_bar(day, count, highest, colour if day == days[-1][0] else PALE) for day, count in days)
    a_day = alert.evidence.get("usual", alert.evidence)  # of words, whose other numbers are of several days
    weeks = alert.evidence.get("step_days", 1) > 1
    what, unit = ("Requests a week, last 28 weeks", "week") if weeks else ("Requests a day, last four weeks", "day")
    usual, count = range_text(a_day["low"], a_day["high"]), a_day.get("observed", days[-1][1])
    small = f"font-size:12px;color:{GREY}"
    last = f"font-size:15px;font-weight:650;color:{colour}"
    return f"""<table role="presentation" width="100%" cellpadding="0" cellspacing="0"><tr>
<td style="padding:0 0 4px;{small}">{what}</td>
<td align="right" style="padding:0 1px 2px;{last}">{number(count)}</td></tr></table>
<table role="presentation" width="100%" cellpadding="0" cellspacing="0" style="table-layout:fixed">
<tr>{bars}</tr></table>
<table role="presentation" width="100%" cellpadding="0" cellspacing="0"
 style="border-top:1px solid {LINE};margin:0 0 20px;{small}"><tr>
<td style="padding-top:4px">{day_text(days[0][0])}</td>
<td align="center" style="padding-top:4px">usual that {unit}: {usual}</td>
<td align="right" style="padding-top:4px;color:{colour};font-weight:600">{day_text(days[-1][0])}</td></tr></table>"""


def _bar(day: date, count: float | None, highest: float, colour: str) -> str:
    label = f"{day_text(day)}: {'not known' if count is None else number(count)}"
    if count is None:
        bar = f'<div style="font-size:11px;color:{GREY};text-align:center">?</div>'
    else:
        height = max(round(STRIP_HEIGHT * count / highest), 1) if highest else 1
        bar = f'<div style="height:{height}px;background:{colour};font-size:0;line-height:0"></div>'
    return (
        f'<td valign="bottom" height="{STRIP_HEIGHT}" title="{label}" style="padding:0 1px;vertical-align:bottom">'
        f"{bar}</td>"
    )
