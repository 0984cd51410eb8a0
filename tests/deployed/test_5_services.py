"""Every callback service over SOAP and REST, with the first sample message of each."""

import json
import re
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest
import requests
from conftest import (
    ALIASES,
    EVENTS,
    OTHER_ADDRESS,
    PROVISIONING,
    ROOT,
    SERVICES,
    TIMEOUT,
    Queue,
    assert_clear_error,
    assert_cloud_event,
    attributes,
    folder,
    with_credentials,
)

CONTENT_TYPES = {"soap": "text/xml", "rest": "application/json"}
NOT_CALLBACK_FUNCTIONS = {"callback-redriver", "change-publisher", "device-query", "listener-registrar"}
# The function for all other services; test_9_other_services.py tests it.
OTHER_SERVICES = "other-services"

every_service = pytest.mark.parametrize("service", SERVICES)
every_transport = pytest.mark.parametrize("transport", CONTENT_TYPES)


@dataclass
class Message:
    """A sample message with credentials and a unique request id."""

    service: str
    transport: str
    body: str
    # None if the format has no request id.
    request_id: str | None
    # The path, if it is not the name of the service.
    path: str | None = None
    answer: requests.Response | None = None

    def send(self, stack, **options):
        path = self.path or self.service
        return stack.send(self.body, service=path, **{"content-type": CONTENT_TYPES[self.transport]}, **options)


def sample(service, transport, username, password, path=None):
    samples_folder = EVENTS / folder(service) / transport
    files = sorted(samples_folder.glob("1-*"))
    assert len(files) == 1, f"{samples_folder} has {len(files)} first messages"
    text, new = files[0].read_text(encoding="utf-8"), str(uuid.uuid4())
    if transport == "soap":
        body, ids = re.subn(r"<RequestId>[^<]*</RequestId>", f"<RequestId>{new}</RequestId>", text)
        assert ids <= 1, f"{files[0]} has {ids} request ids"
        return Message(service, transport, with_credentials(body, username, password), new if ids else None, path)
    members = json.loads(text)
    assert (members["username"], members["password"]) == ("", ""), f"{files[0]} has credentials"
    members |= {"username": username, "password": password}
    # The other spelling of a service gets the same message. A new request id makes it a different one.
    if "requestId" in members or path:
        members["requestId"] = new
    return Message(service, transport, json.dumps(members), members.get("requestId"), path)


class AllMessages:
    """All sample messages, their answers, and their events from both topics."""

    def __init__(self, stack):
        topics = {"provisioning": "ProvisioningChangesTopicArn", "others": "DeviceEventsTopicArn"}
        self.queues = {name: Queue(stack, stack.outputs[topic]) for name, topic in topics.items()}
        credentials = stack.credentials()

        def send(service, transport, path=None):
            message = sample(service, transport, *credentials, path)
            message.answer = message.send(stack)
            return message

        with ThreadPoolExecutor(4) as pool:
            self.sent = {(s, t): pool.submit(send, s, t) for s in SERVICES for t in CONTENT_TYPES}
            self.sent |= {alias: pool.submit(send, service, "rest", alias) for alias, service in ALIASES.items()}
        sent = [message.result() for message in self.sent.values() if not message.exception()]
        self.accepted = [message for message in sent if message.answer.status_code == 200]
        # One wait for all events, so that a missing event does not delay every test.
        deadline = time.monotonic() + TIMEOUT
        while not all(self.published(message) for message in self.accepted) and time.monotonic() < deadline:
            for queue in self.queues.values():
                queue.receive()

    def __getitem__(self, key):
        """The message. Fails the test if it was not sent or not accepted."""
        message = self.sent[key].result()
        assert message.answer.status_code == 200, message.answer.text
        return message

    def of(self, message):
        """The events of this message, each with the name of the queue in which it arrived."""
        return [
            (name, arrived)
            for name, queue in self.queues.items()
            for arrived in queue.arrived
            if attributes(arrived).get("service") == message.service
            and json.loads(arrived["Body"])["data"]["requestId"] == message.request_id
        ]

    def published(self, message):
        """Whether its events have arrived. Messages without a request id cannot be distinguished, so they are counted."""
        alike = [m for m in self.accepted if (m.service, m.request_id) == (message.service, message.request_id)]
        return len(self.of(message)) >= len(alike)


@pytest.fixture(scope="module")
def messages(stack):
    return AllMessages(stack)


def assert_published(messages, message):
    """Asserts that its events are in the queue of its topic, and in no other."""
    assert messages.published(message), f"its event did not arrive within {TIMEOUT} s"
    events = messages.of(message)
    assert {name for name, _ in events} == {"provisioning" if message.service == PROVISIONING else "others"}
    for _, arrived in events:
        event = assert_cloud_event(arrived)
        assert event["data"]["service"] == message.service


def test_every_function_in_the_repository_is_deployed_and_tested():
    functions = {manifest.parent.name for manifest in ROOT.glob("functions/*/Cargo.toml")}
    assert functions == {folder(service) for service in SERVICES} | {OTHER_SERVICES} | NOT_CALLBACK_FUNCTIONS


@every_transport
@every_service
def test_a_message_is_answered_200(messages, service, transport):
    answer = messages[service, transport].answer
    if transport == "rest":
        assert answer.content == b""


@every_transport
@every_service
def test_an_event_is_published_to_the_topic_of_its_service(messages, service, transport):
    assert_published(messages, messages[service, transport])


@pytest.mark.parametrize("alias", ALIASES)
def test_the_other_spelling_of_a_service_reaches_the_same_function(stack, messages, alias):
    assert_published(messages, messages[alias])
    gateway, api = stack.client("apigateway"), stack.outputs["ApiId"]
    pages = gateway.get_paginator("get_resources").paginate(restApiId=api)
    resources = {resource["path"]: resource["id"] for page in pages for resource in page["items"]}
    targets = {
        gateway.get_integration(restApiId=api, resourceId=resources[f"/callbacks/{path}"], httpMethod="POST")["uri"]
        for path in (alias, ALIASES[alias])
    }
    assert len(targets) == 1, targets


@every_service
def test_every_service_answers_other_methods_with_405(stack, service):
    status, body = stack.invoke(service, "GET")
    assert status == 405, body
    assert json.loads(body)["errorCode"]


def test_every_callback_path_accepts_any_method():
    """Reads the template, because the emulated API ignores `any`."""
    template = (ROOT / "template.yaml").read_text(encoding="utf-8")
    posts = re.findall(r"Path: '?(/callbacks/[\w{}]+)'?, Method: post", template)
    anys = re.findall(r"Path: '?(/callbacks/[\w{}]+)'?, Method: any", template)
    assert posts == anys
    assert sorted(anys) == sorted(f"/callbacks/{path}" for path in [*SERVICES, *ALIASES, "{service}"])


@every_service
def test_every_service_refuses_a_wrong_password_and_an_address_that_is_not_allowed(stack, service):
    username, password = stack.credentials()
    for transport in CONTENT_TYPES:
        wrong = sample(service, transport, username, "not-the-password")
        assert_clear_error(wrong.send(stack), 401)
        unlisted = sample(service, transport, username, password)
        assert_clear_error(unlisted.send(stack, address=OTHER_ADDRESS), 403)


@every_transport
def test_the_outcome_of_a_request_is_returned_by_its_request_id(stack, messages, reader, transport):
    message = messages["CarrierService", transport]
    answer = stack.signed_get(f"/requests/{message.request_id}", reader)
    assert answer.status_code == 200, answer.text
    outcome = answer.json()
    assert outcome["requestId"] == message.request_id
    [result] = outcome["results"]
    members = {"device", "identifiers", "service", "operation", "outcome", "status", "fault", "receivedAt", "sequence"}
    assert members <= result.keys()
    assert (result["service"], result["outcome"], result["fault"]) == ("CarrierService", "succeeded", None)
    assert result["operation"]
    # Any identifier of the message: an identifier change contains the old and the new one.
    assert any(identifier["value"].upper() in message.body.upper() for identifier in result["identifiers"])
    published = [json.loads(arrived["Body"]) for _, arrived in messages.of(message)]
    assert (result["device"], result["sequence"]) in [(e["subject"], e["data"]["sequence"]) for e in published]


def test_an_unknown_request_is_answered_404(stack, reader):
    answer = stack.signed_get(f"/requests/{uuid.uuid4()}", reader)
    assert answer.status_code == 404, answer.text
    assert answer.json()["errorCode"] and answer.json()["errorMessage"]


def test_requests_are_returned_only_to_signed_and_authorized_requests(stack, messages, identity):
    message = messages["CarrierService", "rest"]
    path = f"/requests/{message.request_id}"
    # On AWS the API answers an unsigned request with 404, like an unknown path.
    unsigned = requests.get(f"{stack.api}{path}", timeout=TIMEOUT)
    assert unsigned.status_code in (403, 404), unsigned.text
    assert stack.signed_get(path, identity()).status_code == 403
