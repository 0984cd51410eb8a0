"""What is refused: each has its own answer, and leaves no trace in the table."""

import base64
import json
import uuid

import pytest
from conftest import STRANGER, another_device, assert_clear_error, filled_in, golden


@pytest.fixture(autouse=True)
def untouched_table(stack):
    before = stack.items()
    yield
    assert stack.items() == before


@pytest.fixture
def good(stack):
    """A message that would be taken: what is wrong with it is the test's doing."""
    return filled_in(another_device("A00000FFFF0001", "9085550001"), *stack.credentials())


def test_a_wrong_password_is_answered_401(stack):
    username, _ = stack.credentials()
    body = filled_in(another_device("A00000FFFF0001", "9085550001"), username, "not-the-password")
    assert_clear_error(stack.send(body), 401)


def test_a_message_without_credentials_is_answered_401(stack):
    assert_clear_error(stack.send(golden("3-suspend.xml")), 401)


def test_an_address_off_the_list_is_answered_403(stack, good):
    assert_clear_error(stack.send(good, address=STRANGER), 403)


def test_another_content_type_is_answered_415(stack, good):
    assert_clear_error(stack.send(good, **{"content-type": "image/png"}), 415)


def test_a_name_that_no_service_can_have_is_answered_404(stack, good):
    assert_clear_error(stack.send(good, service="No%20Service"), 404)


def test_a_path_that_does_not_exist_is_refused_by_the_api(stack, good):
    # On AWS this is a 404 with the API's own JSON (GatewayResponses in template.yaml).
    assert stack.send(good, service="NoSuchService/more").status_code in (403, 404)


def strings(value):
    """All texts in a queue's message, however it is wrapped, decoded where it is base64."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [text for member in value for text in strings(member)]
    if not isinstance(value, str):
        return []
    found = [value]
    try:
        found.append(base64.b64decode(value, validate=True).decode())
    except ValueError:
        pass
    try:
        parsed = json.loads(value)
    except ValueError:
        parsed = None
    return found + (strings(parsed) if isinstance(parsed, dict | list) else [])


def test_a_body_that_cannot_be_read_is_answered_400_and_kept_in_quarantine(stack, good):
    body = good.replace("</CallbackRequest>", "") + f"<!-- {uuid.uuid4()} -->"
    assert_clear_error(stack.send(body), 400)
    sqs = stack.client("sqs")
    arguments = {"QueueUrl": stack.outputs["QuarantineQueueUrl"], "MaxNumberOfMessages": 10, "WaitTimeSeconds": 5}
    messages = sqs.receive_message(**arguments, MessageAttributeNames=["All"]).get("Messages", [])
    kept = [m for m in messages if any(body in text for text in strings(m["Body"]))]
    assert len(kept) == 1, messages
    sqs.delete_message(QueueUrl=stack.outputs["QuarantineQueueUrl"], ReceiptHandle=kept[0]["ReceiptHandle"])
