"""From the platform's messages to the customer's queues and queries."""

import json
from concurrent.futures import ThreadPoolExecutor

import requests
from conftest import TIMEOUT, assert_cloud_event, attributes

SERVICE = "ExternalProvisioningChanges"
REQUEST_ID = "0aafcb4a-91fe-46b0-9154-f84f410f0f49"


def device(stack, reader, identifier):
    kind, value = identifier.split(":")
    answer = stack.signed_get(f"/devices/{kind}/{value}", reader)
    assert answer.status_code == 200, answer.text
    return answer.json()


def events(stack, reader, identifier):
    kind, value = identifier.split(":")
    answer = stack.signed_get(f"/devices/{kind}/{value}/events", reader)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_the_five_messages_are_answered_200(five_messages):
    assert [answer.status_code for answer in five_messages.answers] == [200] * 5, [a.text for a in five_messages.answers]


def test_exactly_five_cloud_events_arrive_in_a_queue_subscribed_to_the_topic(five_messages):
    arrived = five_messages.all.wait_for(5)
    published = [assert_cloud_event(message) for message in arrived]
    assert sorted(e["data"]["change"] for e in published) == ["Activate", "ChangeMDN", "Deactivate", "RESTORE", "SUSPEND"]
    assert len({e["id"] for e in published}) == 5
    assert {e["data"]["requestId"] for e in published} == {REQUEST_ID}


def test_messages_have_the_attributes_for_filter_policies(five_messages):
    arrived = five_messages.all.wait_for(5)
    state = {"Activate": "active", "Deactivate": "deactive", "SUSPEND": "suspend", "RESTORE": "active", "ChangeMDN": "active"}
    for message in arrived:
        change = json.loads(message["Body"])["data"]["change"]
        of_message = attributes(message)
        assert (of_message["service"], of_message["account"]) == (SERVICE, "Verizon Test 1")
        assert (of_message["change"], of_message["state"]) == (change, state[change])
        assert of_message["kind"] == {"ChangeMDN": "change-identifier"}.get(change, change.lower())


def test_a_filter_policy_on_kind_selects_one_message(five_messages):
    arrived = five_messages.suspensions.wait_for(1)
    assert [json.loads(message["Body"])["data"]["change"] for message in arrived] == ["SUSPEND"]


def test_the_password_is_neither_published_nor_recorded(stack, five_messages):
    _, password = stack.credentials()
    for text in [json.dumps(message) for message in five_messages.all.wait_for(5)] + stack.items():
        assert password not in text


def test_a_device_shows_its_last_state_and_its_history(stack, five_messages, reader):
    shown = device(stack, reader, "meid:A2000009D6BFE1")
    assert (shown["state"], shown["version"], shown["account"]) == ("active", 3, "Verizon Test 1")
    assert {"kind": "mdn", "value": "3701882174"} in shown["identifiers"]
    assert {"id", "servicePlan", "customFields", "updatedAt"} <= shown.keys()
    history = events(stack, reader, "meid:A2000009D6BFE1")
    assert [(e["sequence"], e["change"]) for e in history] == [(1, "Deactivate"), (2, "SUSPEND"), (3, "RESTORE")]
    for event in history:
        assert {"id", "sequence", "service", "change", "requestId", "receivedAt", "changes"} <= event.keys()
        assert (event["service"], event["requestId"]) == (SERVICE, REQUEST_ID)
        assert all({"field", "before", "after"} <= change.keys() for change in event["changes"])


def test_the_events_published_are_the_events_of_the_history(stack, five_messages, reader):
    published = [assert_cloud_event(message) for message in five_messages.all.wait_for(5)]
    recorded = device(stack, reader, "meid:A2000009D6BFE1")
    of_this_device = [e for e in published if e["subject"] == recorded["id"]]
    history = events(stack, reader, "meid:A2000009D6BFE1")
    assert {(e["id"], e["data"]["sequence"]) for e in of_this_device} == {(e["id"], e["sequence"]) for e in history}


def test_three_identifiers_of_one_activation_are_one_device(stack, five_messages, reader):
    activated = [device(stack, reader, i) for i in ("mdn:2300329133", "meid:C1000000115253", "min:8586925945")]
    assert activated[0] == activated[1] == activated[2]
    others = [device(stack, reader, i) for i in ("meid:A2000009D6BFE1", "esn:09400122453")]
    assert len({d["id"] for d in activated + others}) == 3


def test_an_unknown_device_is_answered_404(stack, reader):
    for path in ("/devices/meid/A0000000000000", "/devices/meid/A0000000000000/events"):
        answer = stack.signed_get(path, reader)
        assert answer.status_code == 404, answer.text
        assert answer.json()["errorCode"] and answer.json()["errorMessage"]


def test_devices_are_returned_only_to_signed_and_authorized_requests(stack, five_messages, identity):
    url = f"{stack.api}/devices/meid/A2000009D6BFE1"
    # On AWS the API answers an unsigned request with 404, like an unknown path.
    unsigned = requests.get(url, timeout=TIMEOUT)
    assert unsigned.status_code in (403, 404), unsigned.text
    unauthorized = stack.signed_get("/devices/meid/A2000009D6BFE1", identity())
    assert unauthorized.status_code == 403, unauthorized.text
    for answer in (unsigned, unauthorized):
        assert "Verizon Test 1" not in answer.text


def test_duplicates_are_answered_200_and_change_nothing(stack, five_messages, reader):
    five_messages.all.wait_for(5)
    before = stack.items()
    answers = [stack.send(body) for body in five_messages.bodies]
    with ThreadPoolExecutor(10) as pool:
        answers += pool.map(stack.send, [five_messages.bodies[3]] * 20)
    assert {answer.status_code for answer in answers} == {200}
    assert stack.items() == before
    assert device(stack, reader, "meid:A2000009D6BFE1")["version"] == 3
    assert len(five_messages.all.wait_for(5)) == 5
    assert len(five_messages.suspensions.wait_for(1)) == 1
