"""What a source's requests say, ready to be judged day by day."""

from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import Connection

from alerts.rules.words import Spoken
from detectors.vocabulary import Corpus, corpus_of
from detectors.words import HISTORY_DAYS, WINDOWS, Words
from flows.installation import Installation
from forewarn.settings import DetectionSettings
from store.documents import read_documents

SHARE = 0.1
"""Of the false alarms a week that a source may raise, as many again as this share may be about words."""
LARGEST_LEVEL = 0.05


@dataclass(frozen=True, eq=False)
class Listener:
    """The texts of one source, and how they are judged."""

    source: str
    corpus: Corpus
    method: Words

    def on(self, day: date, known_on: date) -> Spoken:
        """Words that became frequent by `day`, from what was known on `known_on`."""
        stories = self.method.judge(self.corpus, day, known_on)
        return Spoken(self.source, stories, self.corpus.documents)


def level_of(false_alarms_per_week: float, n_sources: int) -> float:
    """The chance at which an ordinary day of one source brings words."""
    return min(SHARE * false_alarms_per_week / 7 / n_sources, LARGEST_LEVEL)


def listener_of(
    conn: Connection, installation: Installation, name: str, detection: DetectionSettings, first: date, last: date
) -> Listener | None:
    """For judging the days from `first` to `last`; None: the source has no text, or its words are not watched."""
    source = installation.source(name)
    if not source.languages:
        return None
    from_day = first - timedelta(days=HISTORY_DAYS + WINDOWS[-1])
    documents = read_documents(conn, name, from_day, last, zone=source.tz, public_delay_days=source.public_delay_days)
    if not len(documents):
        return None
    least = detection.min_requests
    level = level_of(detection.false_alarms_per_week, len(installation.settings.sources))
    corpus = corpus_of(documents, source.languages, least=least)
    return Listener(name, corpus, Words(level=level, min_documents=least))
