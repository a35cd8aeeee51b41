"""The JSON schemas of both documents (JSON Schema 2020-12), made from the same form that the judge reads.

Belongs here: the schemas' heads. Does not: fields (`snapshot_document`, `plan_document`).
"""

from collections.abc import Mapping

from outreach_pipelines.proof.plan_check.form import Document
from outreach_pipelines.proof.plan_check.plan_document import PlanDocument
from outreach_pipelines.proof.plan_check.snapshot_document import SnapshotDocument

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schemas() -> Mapping[str, Mapping[str, object]]:
    """By name: `snapshot` and `plan`."""
    forms: Mapping[str, type[Document]] = {"snapshot": SnapshotDocument, "plan": PlanDocument}
    return {name: {"$schema": DIALECT} | form.model_json_schema() for name, form in forms.items()}
