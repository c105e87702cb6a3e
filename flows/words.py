"""What a source's requests say, ready to be judged day by day."""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from sqlalchemy import Connection

from alerts.rules.words import Spoken
from detectors.vocabulary import Corpus, corpus_of
from detectors.words import HISTORY_DAYS, WINDOWS, Words
from flows.allowance import allowance_of
from flows.installation import Installation
from forewarn.settings import DetectionSettings
from store.documents import read_documents
from store.retention import texts_from


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


def listener_of(
    conn: Connection, installation: Installation, name: str, detection: DetectionSettings, first: date, last: date
) -> Listener | None:
    """For judging the days from `first` to `last`; None: the source has no text, or its words are not watched."""
    source = installation.source(name)
    if not source.languages or source.steps.days > 1:
        return None
    from_day = first - timedelta(days=HISTORY_DAYS + WINDOWS[-1])
    documents = read_documents(conn, name, from_day, last, zone=source.tz, public_delay_days=source.public_delay_days)
    kept_from = texts_from(conn, name)
    if kept_from is not None and (documents.text != "").any():  # requests that lost their texts would lower each rate
        documents = documents.where(documents.day >= np.datetime64(kept_from, "D"))
    if not len(documents):
        return None
    least = detection.min_requests
    level = allowance_of(installation.settings, name, detection, clusters=False).alpha_of_words
    corpus = corpus_of(documents, source.languages, least=least)
    return Listener(name, corpus, Words(level=level, min_documents=least))
