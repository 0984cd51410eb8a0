"""Recovery: after a failure, the next valid message is accepted and published."""

import contextlib
import datetime
import json
import os
import re
import subprocess
import time

import pytest
from conftest import (
    PROGRAM,
    TIMEOUT,
    Queue,
    assert_clear_error,
    assert_cloud_event,
    suspension_of,
    with_credentials,
)


PUBLISH = ["sns:Publish", "sns:PublishBatch"]


@pytest.fixture(scope="module")
def queue(stack):
    return Queue(stack, stack.outputs["ProvisioningChangesTopicArn"])


def change_of(meid):
    """Whether a message contains this device."""
    return lambda message: meid in message["Body"]


def test_the_next_valid_message_is_accepted_and_published(stack, queue, reader):
    body = with_credentials(suspension_of("A00000AAAA0001", "9085550101"), *stack.credentials())
    assert_clear_error(stack.send(body[: len(body) // 2]), 400)
    assert stack.send(body).status_code == 200
    assert stack.signed_get("/devices/meid/A00000AAAA0001", reader).json()["version"] == 1
    queue.wait_until(change_of("A00000AAAA0001"))


@contextlib.contextmanager
def outage(stack, actions, *roles, resource="*"):
    """Denies roles these actions on a resource. IAM is eventually consistent, but the emulator's is not."""
    iam = stack.client("iam")
    document = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": actions, "Resource": resource}]})
    for role in roles:
        iam.put_role_policy(RoleName=stack.resources[role], PolicyName="outage", PolicyDocument=document)
    try:
        yield
    finally:
        for role in roles:
            iam.delete_role_policy(RoleName=stack.resources[role], PolicyName="outage")


def parked(stack):
    """The number of parked callbacks, visible or not."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    url = stack.outputs["ParkedQueueUrl"]
    attributes = stack.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return sum(int(attributes[name]) for name in names)


def eventually(condition):
    deadline = time.monotonic() + TIMEOUT
    while not condition():
        assert time.monotonic() < deadline, f"not within {TIMEOUT} s"
        time.sleep(0.5)


def test_while_the_table_cannot_be_used_callbacks_are_parked_and_then_recorded_in_order(stack, queue, reader):
    # Also verifies that the functions use their roles, and that IAM enforces them.
    bodies = [suspension_of("A00000AAAA0002", mdn) for mdn in ("9085550102", "9085550112")]
    before = stack.items()
    with outage(stack, "dynamodb:*", "ExternalProvisioningChangesRole", "CallbackRedriverRole"):
        for body in bodies:
            assert stack.send(with_credentials(body, *stack.credentials())).status_code == 200
        assert stack.items() == before
        assert parked(stack) == 2
    eventually(lambda: parked(stack) == 0)
    device = stack.signed_get("/devices/meid/A00000AAAA0002", reader).json()
    assert device["version"] == 2
    assert [one["value"] for one in device["identifiers"] if one["kind"] == "mdn"] == ["9085550112"]
    queue.wait_until(lambda message: "9085550112" in message["Body"])
    events = [assert_cloud_event(message) for message in queue.arrived if change_of("A00000AAAA0002")(message)]
    assert [event["data"]["sequence"] for event in events] == [1, 2]


def test_a_callback_that_can_be_neither_recorded_nor_parked_is_answered_503_and_its_resend_is_accepted(stack, queue):
    body = with_credentials(suspension_of("A00000AAAA0022", "9085550132"), *stack.credentials())
    before = stack.items()
    with outage(stack, ["dynamodb:*", "sqs:*"], "ExternalProvisioningChangesRole"):
        assert_clear_error(stack.send(body), 503)
        assert stack.items() == before
    assert stack.send(body).status_code == 200
    queue.wait_until(change_of("A00000AAAA0022"))


# A row with the key of an event but without its attributes, such as a manual edit could leave.
POISON = {"pk": {"S": "DEVICE#poison"}, "sk": {"S": "EVENT#000000000001"}, "rubbish": {"S": "not an event"}}


def stream_records(stack):
    """The records of the table's stream, in the format in which Lambda passes them to a function."""
    streams = stack.client("dynamodbstreams")
    arn = stack.client("dynamodb").describe_table(TableName=stack.table)["Table"]["LatestStreamArn"]
    for shard in streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]:
        iterator = streams.get_shard_iterator(
            StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        # An open shard always has a next iterator, so an empty answer ends the loop.
        while iterator:
            answer = streams.get_records(ShardIterator=iterator)
            for record in answer["Records"]:
                created = record["dynamodb"]["ApproximateCreationDateTime"]
                record["dynamodb"]["ApproximateCreationDateTime"] = created.timestamp()
                record["eventSourceARN"] = arn
                yield record
            iterator = answer.get("NextShardIterator") if answer["Records"] else None


def record_of(stack, pk, sk):
    """The stream record of a new row."""
    for record in stream_records(stack):
        keys = record["dynamodb"]["Keys"]
        if record["eventName"] == "INSERT" and keys["pk"]["S"] == pk and keys["sk"]["S"].startswith(sk):
            return record
    raise AssertionError(f"no record of {pk} {sk} in the stream")


def receive(stack, url):
    """The first message that a queue returns."""
    sqs, deadline = stack.client("sqs"), time.monotonic() + TIMEOUT
    while time.monotonic() < deadline:
        for message in sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1).get("Messages", []):
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            return json.loads(message["Body"])
    raise AssertionError(f"nothing arrived within {TIMEOUT} s")


@pytest.fixture(scope="module")
def dead_letter(stack):
    """Adds a poison record to the stream, and returns its message in the dead-letter queue."""
    stack.client("dynamodb").put_item(TableName=stack.table, Item=POISON)
    return receive(stack, stack.outputs["PublisherDeadLetterQueueUrl"])


def test_a_poison_record_reaches_the_dead_letter_queue_whole(stack, dead_letter):
    record = record_of(stack, POISON["pk"]["S"], POISON["sk"]["S"])
    assert dead_letter["reason"] == "the row has no text attribute 'event'"
    assert dead_letter["record"]["dynamodb"]["SequenceNumber"] == record["dynamodb"]["SequenceNumber"]
    assert dead_letter["record"]["dynamodb"]["NewImage"] == POISON


def test_events_after_a_poison_record_are_published(stack, queue, dead_letter):
    body = with_credentials(suspension_of("A00000AAAA0003", "9085550103"), *stack.credentials())
    assert stack.send(body).status_code == 200
    queue.wait_until(change_of("A00000AAAA0003"))


def test_events_wait_in_order_while_the_topic_denies_access(stack, queue):
    bodies = [suspension_of(meid, mdn) for meid, mdn in (("A00000AAAA0004", "9085550104"), ("A00000AAAA0004", "9085550105"))]
    before = len(queue.wait_for(len(queue.arrived)))
    with outage(stack, PUBLISH, "ChangePublisherRole"):
        for body in bodies:
            assert stack.send(with_credentials(body, *stack.credentials())).status_code == 200
        time.sleep(3)
        assert len(queue.wait_for(before)) == before
    queue.wait_until(lambda message: "9085550105" in message["Body"])
    events = [assert_cloud_event(message) for message in queue.arrived[before:]]
    assert [event["data"]["sequence"] for event in events] == [1, 2]
    dead_letters = stack.client("sqs").receive_message(QueueUrl=stack.outputs["PublisherDeadLetterQueueUrl"])
    assert "Messages" not in dead_letters


def test_the_publisher_reports_the_first_record_that_it_did_not_publish(stack, queue, reader):
    # The emulated event source ignores partial batch responses, so the function is invoked directly. Lambda retries from the
    # first reported record: records before it are never sent again.
    device = stack.signed_get("/devices/meid/A00000AAAA0001", reader).json()["id"]
    valid = record_of(stack, f"DEVICE#{device}", "EVENT#")
    # An event of another service is published to the other topic.
    denied_record = json.loads(json.dumps(valid, default=str))
    denied_record["dynamodb"]["SequenceNumber"] = "999"
    event = json.loads(valid["dynamodb"]["NewImage"]["event"]["S"])
    event["event"]["service"] = "DeviceUsage"
    denied_record["dynamodb"]["NewImage"]["event"]["S"] = json.dumps(event)
    before = len(queue.wait_for(len(queue.arrived)))
    with outage(stack, PUBLISH, "ChangePublisherRole", resource=stack.outputs["DeviceEventsTopicArn"]):
        answer = stack.client("lambda").invoke(
            FunctionName=stack.outputs["PublisherFunctionName"],
            Payload=json.dumps({"Records": [valid, denied_record]}, default=str),
        )
    reported = json.load(answer["Payload"])
    assert "FunctionError" not in answer, reported
    assert reported["batchItemFailures"] == [{"itemIdentifier": "999"}]
    # Delivery is at least once: the duplicate has the same id.
    duplicates = queue.wait_for(before + 1)[before:]
    assert [change_of("A00000AAAA0001")(message) for message in duplicates] == [True]
    ids = [assert_cloud_event(m)["id"] for m in queue.arrived if change_of("A00000AAAA0001")(m)]
    assert len(ids) == 2 and len(set(ids)) == 1


def test_the_event_source_mapping_retries_for_almost_a_day_and_then_points_to_the_records(stack):
    mapping = stack.client("lambda").get_event_source_mapping(
        UUID=stack.resources["ChangePublisherFunctionRecordedEvent"]
    )
    attributes = stack.client("sqs").get_queue_attributes(
        QueueUrl=stack.outputs["PublisherDeadLetterQueueUrl"],
        AttributeNames=["QueueArn", "MessageRetentionPeriod", "MaximumMessageSize"],
    )["Attributes"]
    assert mapping["DestinationConfig"]["OnFailure"]["Destination"] == attributes["QueueArn"]
    assert attributes["MessageRetentionPeriod"] == "1209600"
    assert attributes["MaximumMessageSize"] == "1048576"
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["MaximumRetryAttempts"] == -1
    # The stream keeps records for 24 hours.
    assert 23 * 3600 < mapping["MaximumRecordAgeInSeconds"] < 24 * 3600
    # With more than one batch at a time, events of one device could be published out of order.
    assert mapping["ParallelizationFactor"] == 1


def callbacks(stack, *arguments):
    """Runs the command line on the stack. Returns its exit code and its output."""
    command = [PROGRAM, *arguments, "--stack", stack.name]
    answer = subprocess.run(command, env=os.environ, capture_output=True, text=True, timeout=2 * TIMEOUT)
    return answer.returncode, answer.stdout + answer.stderr


def test_the_command_retries_a_quarantined_callback_at_its_own_time_of_receipt(stack, reader):
    # Without its first brace, as was seen in the field.
    username, password = stack.credentials()
    message = {
        "username": username,
        "password": password,
        "requestId": "quarantine-retry",
        "deviceIds": [{"id": "9085550199", "kind": "mdn"}],
        "deviceResponse": {"suspendResponse": {}},
        "status": "Success",
    }
    broken = json.dumps(message).removeprefix("{")
    sent_at = time.time()
    assert_clear_error(stack.send(broken, service="CarrierService", **{"content-type": "application/json"}), 400)
    answered_at = time.time()
    code, output = callbacks(stack, "quarantine", "list", "--service", "CarrierService")
    assert code == 0 and "The JSON is not well-formed" in output, output
    time.sleep(1.1)
    code, output = callbacks(stack, "quarantine", "retry", "--service", "CarrierService", "--repair")
    assert code == 0, output
    path = "/devices/mdn/9085550199"
    eventually(lambda: stack.signed_get(path, reader).status_code == 200)
    (event,) = stack.signed_get(f"{path}/events", reader).json()
    received_at = datetime.datetime.fromisoformat(event["receivedAt"]).timestamp()
    assert sent_at - 1 <= received_at <= answered_at
    _, output = callbacks(stack, "quarantine", "list", "--service", "CarrierService")
    assert "9085550199" not in output and "not well-formed" not in output, output


def test_the_command_shows_a_dead_letter_and_publishes_it_when_it_can_be_published(stack, queue, reader):
    url, sqs = stack.outputs["PublisherDeadLetterQueueUrl"], stack.client("sqs")
    device = stack.signed_get("/devices/meid/A00000AAAA0001", reader).json()["id"]
    valid = record_of(stack, f"DEVICE#{device}", "EVENT#")
    letter = {"reason": "a test", "rejectedAt": "2026-01-01T00:00:00Z", "record": valid}
    sqs.send_message(QueueUrl=url, MessageBody=json.dumps(letter, default=str))
    poison = json.loads(json.dumps(valid, default=str))
    poison["dynamodb"]["NewImage"] = {}
    sqs.send_message(QueueUrl=url, MessageBody=json.dumps(letter | {"record": poison}))
    before = len(queue.wait_for(len(queue.arrived)))
    code, output = callbacks(stack, "events", "redrive")
    assert code == 1, output
    assert "the row has no text attribute 'event'\n1 message published or dropped, 1 left\n" in output
    published = [assert_cloud_event(message) for message in queue.wait_for(before + 1)[before:]]
    assert len(published) == 1 and "replay" not in published[0]
    assert receive(stack, url)["record"]["dynamodb"]["NewImage"] == {}


def test_the_command_publishes_the_events_of_a_device_again(stack, queue, tmp_path):
    before = len(queue.wait_for(len(queue.arrived)))
    options = ["--since", "2020-01-01", "--device", "meid:A00000AAAA0004", "--resume", tmp_path / "position"]
    code, output = callbacks(stack, "events", "republish", *options)
    assert code == 0, output
    replay = re.match("2 events published again as replay (.*)", output).group(1)
    messages = queue.wait_for(before + 2)[before:]
    events = [assert_cloud_event(message) for message in messages]
    assert [event["data"]["sequence"] for event in events] == [1, 2]
    assert [event["replay"] for event in events] == [replay] * 2
    assert [message["MessageAttributes"]["replay"]["StringValue"] for message in messages] == [replay] * 2
    earlier = [assert_cloud_event(message)["id"] for message in queue.arrived[:before]]
    assert all(event["id"] in earlier for event in events)


def test_the_command_compares_a_device_with_its_events(stack):
    code, output = callbacks(stack, "devices", "rebuild", "--device", "meid:A00000AAAA0004")
    assert (code, output) == (0, "1 device compared, 0 different\n")
