"""Learning a word model from labels, with scikit-learn, and what it is worth on replies that it did not learn from.

Belongs here: the fit, the cross-validation, the export into our own file. Does not: when labels are enough
(`domain.reply_intent.labels`), the guess (`domain.reply_intent.word_model`), which needs nothing of this.
Needs the extra `intent`. Source: scikit-learn user guide, "Text feature extraction" and "Cross-validation".
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from outreach_pipelines.application.train_intent import Figures, IntentFigures, Trained
from outreach_pipelines.domain.inbound.message import Intent
from outreach_pipelines.domain.reply_intent.labels import LabelledReply
from outreach_pipelines.domain.reply_intent.word_model import MOST_TERMS, WordModel, terms_of
from outreach_pipelines.errors import SettingsFault

if TYPE_CHECKING:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

FOLDS: Final = 5
FEWEST_REPLIES_OF_A_TERM: Final = 2
"""A word of one reply alone teaches nothing, and may name its author."""
_DIGITS: Final = 6
_SEED: Final = 0


@dataclass(frozen=True, slots=True)
class ScikitTrainer:
    """`IntentTrainer`."""

    def train(self, labelled: Sequence[LabelledReply]) -> Trained:
        """See `IntentTrainer.train`."""
        try:
            from sklearn.feature_extraction.text import TfidfVectorizer
            from sklearn.linear_model import LogisticRegression
            from sklearn.model_selection import StratifiedKFold, cross_val_predict
            from sklearn.pipeline import Pipeline
        except ImportError:
            message = "training needs the extra intent: pip install 'outreach-pipelines[intent]'"
            raise SettingsFault(message) from None
        texts, wanted = [each.text for each in labelled], [each.intent.value for each in labelled]
        words = TfidfVectorizer(analyzer=terms_of, min_df=FEWEST_REPLIES_OF_A_TERM, max_features=MOST_TERMS)
        weigher = LogisticRegression(class_weight="balanced", max_iter=2_000, random_state=_SEED)
        pipeline = Pipeline([("words", words), ("weights", weigher)])
        parts = StratifiedKFold(FOLDS, shuffle=True, random_state=_SEED)
        told = cross_val_predict(pipeline, texts, wanted, cv=parts)
        pipeline.fit(texts, wanted)
        return Trained(_exported(words, weigher), figures_of(wanted, [str(each) for each in told], folds=FOLDS))


def figures_of(wanted: Sequence[str], told: Sequence[str], *, folds: int) -> Figures:
    """How `told` does against `wanted`, one by one. An intent that nothing was told to be has precision 0."""
    right = Counter(want for want, tell in zip(wanted, told, strict=True) if want == tell)
    labels, tellings = Counter(wanted), Counter(told)
    by_intent = {
        Intent(name): IntentFigures(count, right[name] / tellings[name] if tellings[name] else 0.0, right[name] / count)
        for name, count in sorted(labels.items())
    }
    f1 = [2 * right[name] / (labels[name] + tellings[name]) for name in labels]
    return Figures(
        labels=len(wanted),
        folds=folds,
        accuracy=sum(right.values()) / len(wanted),
        macro_f1=sum(f1) / len(f1),
        commonest=max(labels.values()) / len(wanted),
        by_intent=by_intent,
    )


def _exported(words: "TfidfVectorizer", weigher: "LogisticRegression") -> WordModel:
    rows, intercepts = weigher.coef_.tolist(), weigher.intercept_.tolist()
    if len(rows) == 1:
        # Of two classes scikit-learn keeps the second one's weights alone; halves of both signs give the same probabilities.
        rows = [[-weight / 2 for weight in rows[0]], [weight / 2 for weight in rows[0]]]
        intercepts = [-intercepts[0] / 2, intercepts[0] / 2]
    terms = {
        term: (round(float(words.idf_[column]), _DIGITS), tuple(round(row[column], _DIGITS) for row in rows))
        for term, column in words.vocabulary_.items()
    }
    intents = tuple(Intent(str(name)) for name in weigher.classes_)
    return WordModel(intents, tuple(round(each, _DIGITS) for each in intercepts), terms)
