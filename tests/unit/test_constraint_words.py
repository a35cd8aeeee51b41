from outreach_pipelines.application.constraint_words import IN_WORDS
from outreach_pipelines.domain.send_plan.plan import Constraint


def test_every_constraint_has_words_of_its_own() -> None:
    words = [IN_WORDS[constraint] for constraint in Constraint]

    assert len(set(words)) == len(Constraint)
