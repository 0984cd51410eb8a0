"""Services beyond the thirteen: one function accepts all of them, and the thirteen keep their own functions."""

import contextlib
import json
import time
import uuid

import pytest
import requests
from conftest import (
    ALIASES,
    EVENTS,
    OTHER_ADDRESS,
    SERVICES,
    TIMEOUT,
    Queue,
    assert_clear_error,
    assert_cloud_event,
    attributes,
    with_credentials,
)

SAMPLES = EVENTS / "other-services"
JSON = {"content-type": "application/json"}
# A service of the platform, and an unknown one.
NIDD, UNKNOWN = "NiddService", "A-Service_of.2031"


def rest(stack, file, **members):
    """A sample message with credentials and a unique request id."""
    username, password = stack.credentials()
    message = json.loads((SAMPLES / "rest" / file).read_text(encoding="utf-8"))
    assert (message["username"], message["password"]) == ("", "")
    return message | {"username": username, "password": password, "requestId": str(uuid.uuid4())} | members


def soap(stack):
    text = (SAMPLES / "soap" / "1-subscription-notification.xml").read_text(encoding="utf-8")
    return with_credentials(text, *stack.credentials())


@pytest.fixture(scope="module")
def queues(stack):
    """A subscriber of each topic, created before the first message."""
    return {topic: Queue(stack, stack.outputs[topic]) for topic in ("ProvisioningChangesTopicArn", "DeviceEventsTopicArn")}


@pytest.fixture(scope="module")
def mobile_originated(stack, queues):
    """A NIDD message from a device, after it was accepted."""
    message = rest(stack, "1-nidd-mobile-originated.json")
    answer = stack.send(json.dumps(message), service=NIDD, **JSON)
    assert (answer.status_code, answer.content) == (200, b""), answer.text
    return message


def published(queues, request_id):
    """The message with this request id on the topic of device events. The other topic has none."""

    def matches(message):
        return json.loads(message["Body"])["data"].get("requestId") == request_id

    messages = [m for m in queues["DeviceEventsTopicArn"].wait_until(matches) if matches(m)]
    assert len(messages) == 1
    assert not any(matches(m) for m in queues["ProvisioningChangesTopicArn"].receive())
    return messages[0]


def device(stack, reader, path):
    answer = stack.signed_get(f"/devices/{path}", reader)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_nidd_message_is_recorded_completely(stack, reader, mobile_originated):
    nidd_response = mobile_originated["niddResponse"]
    recorded = device(stack, reader, "imei/350000000000114")
    assert recorded["otherServices"][NIDD]["values"] == nidd_response
    assert device(stack, reader, "mdn/5550100114")["id"] == recorded["id"]
    [event] = device(stack, reader, "imei/350000000000114/events")
    assert (event["service"], event["change"]) == (NIDD, "niddMONotificationResponse")
    assert event["payload"]["niddResponse"] == nidd_response


def test_a_nidd_message_is_published_to_the_topic_of_device_events(queues, mobile_originated):
    message = published(queues, mobile_originated["requestId"])
    event = assert_cloud_event(message)
    assert event["type"] == "com.verizon.thingspace.nidd-service.nidd-mo-notification-response.v1"
    assert event["data"]["device"]["otherServices"][NIDD]["values"] == mobile_originated["niddResponse"]
    assert attributes(message).items() >= {"service": NIDD, "change": "niddMONotificationResponse"}.items()


def test_a_nidd_message_is_counted_under_other_services(stack, mobile_originated):
    deadline, services = time.monotonic() + TIMEOUT, set()
    while "OtherServices" not in services and time.monotonic() < deadline:
        pages = stack.client("logs").get_paginator("filter_log_events")
        for page in pages.paginate(logGroupName=stack.resources["CallbackLogGroup"]):
            for line in (event["message"] for event in page["events"]):
                assert NIDD not in line
                with contextlib.suppress(ValueError):
                    record = json.loads(line)
                    if "_aws" in record and record.get("CallbacksRecorded"):
                        services.add(record["service"])
        time.sleep(0.5)
    assert "OtherServices" in services


def test_an_immediate_duplicate_changes_nothing(stack, mobile_originated):
    before = stack.items()
    duplicate = mobile_originated | {"callbackCount": 2}
    assert stack.send(json.dumps(duplicate), service=NIDD, **JSON).status_code == 200
    assert stack.items() == before


def test_the_outcome_of_a_message_to_a_device_is_returned_by_its_request_id(stack, reader, mobile_originated):
    message = rest(stack, "3-nidd-mobile-terminated-failed.json")
    assert stack.send(json.dumps(message), service=NIDD, **JSON).status_code == 200
    answer = stack.signed_get(f"/requests/{message['requestId']}", reader)
    assert answer.status_code == 200, answer.text
    [result] = answer.json()["results"]
    assert (result["service"], result["operation"], result["outcome"]) == (NIDD, "niddMTDelivery", "failed")
    assert result["fault"] == {"code": "DeliveryFailed", "text": "Device is not reachable."}


def test_a_soap_message_of_an_unknown_service_is_accepted(stack, reader, queues):
    answer = stack.send(soap(stack), service=UNKNOWN)
    assert answer.status_code == 200, answer.text
    recorded = device(stack, reader, "mdn/5550100116")
    assert recorded["otherServices"][UNKNOWN]["values"]["SubscriptionName"] == "Subscription 1"
    message = published(queues, "00000000-0000-4000-8000-000142000001")
    assert attributes(message)["service"] == UNKNOWN


@pytest.mark.parametrize("name", ["No%20Service", "a%2Fb", "%00", "%2e%2e%2fdevices", "Gr%C3%B6%C3%9Fe", "-", "n" * 65])
def test_an_invalid_service_name_is_answered_404_and_changes_nothing(stack, name):
    before = stack.items()
    message = json.dumps(rest(stack, "1-nidd-mobile-originated.json"))
    answer = stack.send(message, service=name, **JSON)
    # The emulated API may not route a name with a slash, and then answers 403.
    assert answer.status_code == 404 or (answer.status_code == 403 and "2f" in name.lower()), answer.text
    assert stack.items() == before


def test_wrong_credentials_other_addresses_other_methods_and_malformed_bodies_are_refused(stack):
    before = stack.items()
    good = rest(stack, "1-nidd-mobile-originated.json")
    for service in (NIDD, UNKNOWN):
        wrong = json.dumps(good | {"password": "not-the-password"})
        assert_clear_error(stack.send(wrong, service=service, **JSON), 401)
        assert_clear_error(stack.send(json.dumps(good), service=service, address=OTHER_ADDRESS, **JSON), 403)
        assert stack.invoke(service, "GET")[0] == 405
        assert_clear_error(stack.send("{", service=service, **JSON), 400)
    assert stack.items() == before


def test_the_thirteen_services_and_their_aliases_keep_their_own_functions(stack):
    gateway, api = stack.client("apigateway"), stack.outputs["ApiId"]
    pages = gateway.get_paginator("get_resources").paginate(restApiId=api)
    resources = {resource["path"]: resource["id"] for page in pages for resource in page["items"]}

    def function(path):
        resource = resources[f"/callbacks/{path}"]
        integration = gateway.get_integration(restApiId=api, resourceId=resource, httpMethod="POST")
        return integration["uri"].split(":function:")[-1].removesuffix("/invocations")

    assert function("{service}") == stack.resources["OtherServicesFunction"]
    for path, service in ({service: service for service in SERVICES} | ALIASES).items():
        assert function(path) == stack.resources[f"{service}Function"]


@pytest.mark.parametrize("alias", ALIASES)
def test_an_alias_is_recorded_as_its_service(stack, queues, alias):
    username, password = stack.credentials()
    request_id = str(uuid.uuid4())
    message = {
        "username": username,
        "password": password,
        "requestId": request_id,
        "deviceIds": [{"id": "5550100118", "kind": "mdn"}],
        "deviceResponse": {"anything": {"at": "all"}},
    }
    answer = stack.send(json.dumps(message), service=alias, **JSON)
    assert answer.status_code == 200, answer.text
    assert attributes(published(queues, request_id))["service"] == ALIASES[alias]


def test_a_longer_path_is_refused_by_the_api(stack):
    # On AWS this is a 404 with the API's own JSON (GatewayResponses in template.yaml).
    url = f"{stack.api}/callbacks/{NIDD}/more"
    assert requests.post(url, data="{}", headers=JSON, timeout=TIMEOUT).status_code in (403, 404)
