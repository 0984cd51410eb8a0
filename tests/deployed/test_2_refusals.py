"""Refused callbacks: each has its own answer, and leaves the table unchanged."""

import base64
import gzip
import json
import uuid

import pytest
from conftest import OTHER_ADDRESS, assert_clear_error, sample, suspension_of, with_credentials


@pytest.fixture(autouse=True)
def untouched_table(stack):
    before = stack.items()
    yield
    assert stack.items() == before


@pytest.fixture
def good(stack):
    """A valid message, which each test makes invalid."""
    return with_credentials(suspension_of("A00000FFFF0001", "9085550001"), *stack.credentials())


def test_a_wrong_password_is_answered_401(stack):
    username, _ = stack.credentials()
    body = with_credentials(suspension_of("A00000FFFF0001", "9085550001"), username, "not-the-password")
    assert_clear_error(stack.send(body), 401)


def test_a_message_without_credentials_is_answered_401(stack):
    assert_clear_error(stack.send(sample("3-suspend.xml")), 401)


def test_an_unknown_user_and_a_wrong_password_are_answered_alike(stack):
    username, password = stack.credentials()
    message = suspension_of("A00000FFFF0001", "9085550001")
    wrong = [("another-user", password), (username, "not-the-password"), (f"{username}-0000123456-00001", "not-the-password")]
    answers = [stack.send(with_credentials(message, *credentials)) for credentials in wrong]
    assert len({(answer.status_code, answer.text) for answer in answers}) == 1


def test_a_message_that_states_another_account_than_its_user_name_is_answered_403(stack):
    username, password = stack.credentials()
    body = with_credentials(suspension_of("A00000FFFF0001", "9085550001"), f"{username}-0000123456-00001", password)
    assert "<AccountName>Verizon Test 1</AccountName>" in body
    assert_clear_error(stack.send(body), 403)


def test_an_address_that_is_not_allowed_is_answered_403(stack, good):
    assert_clear_error(stack.send(good, address=OTHER_ADDRESS), 403)


def test_an_unknown_content_type_is_answered_415(stack, good):
    assert_clear_error(stack.send(good, **{"content-type": "image/png"}), 415)


def test_an_invalid_service_name_is_answered_404(stack, good):
    assert_clear_error(stack.send(good, service="No%20Service"), 404)


def test_an_unknown_path_is_refused_by_the_api(stack, good):
    # On AWS this is a 404 with the API's own JSON (GatewayResponses in template.yaml).
    assert stack.send(good, service="NoSuchService/more").status_code in (403, 404)


def strings(value):
    """All strings in a message of a queue, at any depth, also decoded from base64 of gzip and from JSON."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [text for member in value for text in strings(member)]
    if not isinstance(value, str):
        return []
    texts = [value]
    try:
        texts.append(gzip.decompress(base64.b64decode(value, validate=True)).decode())
    except (ValueError, OSError, EOFError):
        pass
    try:
        parsed = json.loads(value)
    except ValueError:
        parsed = None
    return texts + (strings(parsed) if isinstance(parsed, dict | list) else [])


def test_a_malformed_body_is_answered_400_and_quarantined(stack, good):
    body = good.replace("</CallbackRequest>", "") + f"<!-- {uuid.uuid4()} -->"
    assert_clear_error(stack.send(body), 400)
    sqs = stack.client("sqs")
    arguments = {"QueueUrl": stack.outputs["QuarantineQueueUrl"], "MaxNumberOfMessages": 10, "WaitTimeSeconds": 5}
    messages = sqs.receive_message(**arguments, MessageAttributeNames=["All"]).get("Messages", [])
    quarantined = [m for m in messages if any(body in text for text in strings(m["Body"]))]
    assert len(quarantined) == 1, messages
    sqs.delete_message(QueueUrl=stack.outputs["QuarantineQueueUrl"], ReceiptHandle=quarantined[0]["ReceiptHandle"])
