"""A tenant's own labels as weighed words: a file that holds numbers only, and the guess that it makes.

The file is JSON, so that reading one runs no code of its author; it is learnt by `adapters/intent_training.py`.
Belongs here: tokens, the file, the guess. Does not: learning, nor when a guess is believed (`decide_intents`).
"""

import hashlib
import json
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from outreach_pipelines.domain.inbound.message import Intent
from outreach_pipelines.domain.reply_intent.decided import judged_part

FORMAT = 1
MOST_TERMS = 20_000
MOST_BYTES = 16 * 1024 * 1024
_WORD = re.compile(r"[^\W\d_]+|[?？]")


class BrokenModelError(ValueError):
    """The file is no model of this format; the text says what is wrong."""


@dataclass(frozen=True, slots=True)
class WordModel:
    """Logistic regression over TF-IDF: for each term its inverse document frequency, and its weight for each intent."""

    intents: tuple[Intent, ...]
    intercepts: tuple[float, ...]
    terms: Mapping[str, tuple[float, tuple[float, ...]]]


@dataclass(frozen=True, slots=True)
class Guess:
    """The likeliest intent, and how likely the model takes it to be, 0 to 1."""

    intent: Intent
    probability: float


def terms_of(text: str) -> list[str]:
    """Words in lower case, and pairs of neighbours; a question mark counts as a word."""
    words = [word.lower() for word in _WORD.findall(judged_part(text))]
    return words + [f"{one} {other}" for one, other in pairwise(words)]


def guess_intent(model: WordModel, text: str) -> Guess:
    """What the model takes `text` to want. A text without a known word gets what is commonest."""
    counts = {term: count for term, count in Counter(terms_of(text)).items() if term in model.terms}
    weights = {term: count * model.terms[term][0] for term, count in counts.items()}
    length = math.sqrt(sum(weight * weight for weight in weights.values())) or 1.0
    sums = [
        intercept + sum(weight / length * model.terms[term][1][number] for term, weight in weights.items())
        for number, intercept in enumerate(model.intercepts)
    ]
    return _likeliest(model.intents, sums)


def _likeliest(intents: Sequence[Intent], sums: Sequence[float]) -> Guess:
    top = max(sums)
    parts = [math.exp(each - top) for each in sums]
    best = parts.index(max(parts))
    return Guess(intents[best], parts[best] / sum(parts))


def model_bytes(model: WordModel) -> bytes:
    """The model as its file; the same model gives the same bytes."""
    document = {
        "format": FORMAT,
        "intents": [intent.value for intent in model.intents],
        "intercepts": list(model.intercepts),
        "terms": {term: [idf, *weights] for term, (idf, weights) in sorted(model.terms.items())},
    }
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def model_digest(body: bytes) -> str:
    """SHA-256 of the file, hexadecimal: the model's name."""
    return hashlib.sha256(body).hexdigest()


def read_model(body: bytes) -> WordModel:
    """The model of a file. Raises `BrokenModelError`."""
    if len(body) > MOST_BYTES:
        message = f"a model has at most {MOST_BYTES} bytes"
        raise BrokenModelError(message)
    try:
        document = json.loads(body)
        intents = tuple(Intent(name) for name in document["intents"])
        model = WordModel(intents, _numbers(document["intercepts"]), _terms(document["terms"]))
        sound = document["format"] == FORMAT and _is_whole(model)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as fault:
        message = f"not a model: {type(fault).__name__}"
        raise BrokenModelError(message) from None
    if not sound:
        message = f"not a model of format {FORMAT}, or one with numbers that do not fit together"
        raise BrokenModelError(message)
    return model


def _terms(document: Mapping[str, Sequence[float]]) -> dict[str, tuple[float, tuple[float, ...]]]:
    return {term: (numbers[0], numbers[1:]) for term, row in document.items() if (numbers := _numbers(row))}


def _numbers(row: Sequence[float]) -> tuple[float, ...]:
    return tuple(float(number) for number in row)


def _is_whole(model: WordModel) -> bool:
    many = len(model.intents)
    shapes = many >= 2 and len(set(model.intents)) == many == len(model.intercepts) and len(model.terms) <= MOST_TERMS
    rows = all(len(weights) == many for _, weights in model.terms.values())
    numbers = [*model.intercepts, *(number for idf, weights in model.terms.values() for number in (idf, *weights))]
    return shapes and rows and all(math.isfinite(number) for number in numbers)
