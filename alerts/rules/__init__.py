"""Rules turn what was noticed on one day into few findings, each of them one issue.

`Surge` and `Drop` read detections (the `Rule` contract). A limit's breach and a source's trouble are no
detections: `LimitBreach.evaluate` reads breaches, and `SourceTrouble.evaluate` the health of one source.
"""

RULES = {
    "surge": "alerts.rules.surge:Surge",
    "drop": "alerts.rules.drop:Drop",
    "breach": "alerts.rules.breach:LimitBreach",
    "source": "alerts.rules.source:SourceTrouble",
}
