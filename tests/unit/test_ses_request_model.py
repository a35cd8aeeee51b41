"""The lab's SES against botocore's model: what a request may hold, and what the lab itself may answer."""

import pytest

from outreach_pipelines.lab.json_value import JsonObject
from outreach_pipelines.lab.ses.refusals import SesRefusedError
from outreach_pipelines.lab.ses.request_model import check_answer, parse_request

MAIL: JsonObject = {"Destination": {"ToAddresses": ["a@b.example"]}, "Content": {"Raw": {"Data": "SGVsbG8="}}}


def faults_of(method: str, path: str, body: JsonObject) -> str:
    with pytest.raises(SesRefusedError) as caught:
        parse_request(method, path, body)
    return caught.value.message


def test_a_send_for_a_tenant_is_read_with_its_name_and_octets() -> None:
    request = parse_request("POST", "/v2/email/outbound-emails", {**MAIL, "TenantName": "client-a"})

    assert (request.operation, request.params["TenantName"]) == ("SendEmail", "client-a")
    assert request.params["Content"] == {"Raw": {"Data": b"Hello"}}


def test_a_question_about_a_tenant_names_it_in_its_body() -> None:
    assert parse_request("POST", "/v2/email/tenants/get", {"TenantName": "a"}).params == {"TenantName": "a"}
    assert "TenantName" in faults_of("POST", "/v2/email/tenants/get", {})


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({**MAIL, "TenantName": ""}, "TenantName"),
        ({**MAIL, "TenantName": 5}, "TenantName"),
        ({**MAIL, "EmailTags": [{"Name": "a"}]}, "Value"),
        ({**MAIL, "Tenant": "a"}, "Tenant"),
        ({"Content": {"Raw": {"Data": "%%%"}}}, "base64"),
        ({"Content": {"Raw": {}}}, "Data"),
    ],
)
def test_a_send_that_the_model_does_not_know_is_refused(body: JsonObject, said: str) -> None:
    assert said in faults_of("POST", "/v2/email/outbound-emails", body)


def test_a_word_that_is_not_on_the_models_list_is_refused() -> None:
    path = "/v2/email/account/suppression"

    assert parse_request("PUT", path, {"SuppressedReasons": ["BOUNCE"]}).operation == "PutAccountSuppressionAttributes"
    assert "enum" in faults_of("PUT", path, {"SuppressedReasons": ["BOREDOM"]})


@pytest.mark.parametrize(("name", "value"), [("Bad Name", "x"), ("X-A:", "x"), ("X-A", "x\r\nBcc: e@f.example")])
def test_a_header_that_does_not_match_the_models_pattern_is_refused(name: str, value: str) -> None:
    def mail(header: JsonObject) -> JsonObject:
        text: JsonObject = {"Subject": {"Data": "s"}, "Body": {"Text": {"Data": "t"}}, "Headers": [header]}
        return {**MAIL, "Content": {"Simple": text}}

    path = "/v2/email/outbound-emails"

    assert parse_request("POST", path, mail({"Name": "X-A", "Value": "x"})).operation == "SendEmail"
    assert "Member must match" in faults_of("POST", path, mail({"Name": name, "Value": value}))


@pytest.mark.parametrize(
    "tenant",
    [
        {"TenantName": "a", "SendingStatus": "SLEEPING"},
        {"TenantName": "a", "Standing": "ENABLED"},
        {"TenantName": 5},
    ],
)
def test_the_lab_cannot_answer_what_ses_would_not(tenant: JsonObject) -> None:
    with pytest.raises((AssertionError, SesRefusedError)):
        check_answer("GetTenant", {"Tenant": tenant})
