"""Rules turn what was noticed on one day into few findings, each of them one issue.

`Surge` and `Drop` read detections (the `Rule` contract). The others read something else: `ClusterRise.evaluate`
clusters, `EmergingWords.evaluate` stories of words, `LimitBreach.evaluate` breaches, and `SourceTrouble.evaluate` the
health of one source.
"""

RULES = {
    "surge": "alerts.rules.surge:Surge",
    "cluster": "alerts.rules.cluster:ClusterRise",
    "drop": "alerts.rules.drop:Drop",
    "words": "alerts.rules.words:EmergingWords",
    "breach": "alerts.rules.breach:LimitBreach",
    "source": "alerts.rules.source:SourceTrouble",
}
