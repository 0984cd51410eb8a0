"""What goes wrong is over when its cause is: the next good message is taken and published."""

import base64
import json
import time

import pytest
from conftest import PATIENCE, PLATFORM, Queue, another_device, assert_clear_error, assert_cloud_event, filled_in


@pytest.fixture(scope="module")
def queue(stack):
    return Queue(stack, stack.outputs["ProvisioningChangesTopicArn"])


def change_of(meid):
    """Finds the message that tells of a device."""
    return lambda message: meid in message["Body"]


def test_the_next_good_message_is_taken_and_published(stack, queue, reader):
    body = filled_in(another_device("A00000AAAA0001", "9085550101"), *stack.credentials())
    assert_clear_error(stack.send(body[: len(body) // 2]), 400)
    assert stack.send(body).status_code == 200
    assert stack.signed_get("/devices/meid/A00000AAAA0001", reader).json()["version"] == 1
    queue.wait_until(change_of("A00000AAAA0001"))


def test_a_callback_that_cannot_be_recorded_is_answered_503_and_taken_when_it_comes_again(stack, queue):
    # Also shows that the function acts under its role, and that the role is what decides.
    iam, role = stack.client("iam"), stack.resources["ExternalProvisioningChangesRole"]
    body = filled_in(another_device("A00000AAAA0002", "9085550102"), *stack.credentials())
    denial = {"Effect": "Deny", "Action": "dynamodb:*", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [denial]})
    before = stack.items()
    iam.put_role_policy(RoleName=role, PolicyName="outage", PolicyDocument=document)
    try:
        assert_clear_error(stack.send(body), 503)
        assert stack.items() == before
    finally:
        iam.delete_role_policy(RoleName=role, PolicyName="outage")
    assert stack.send(body).status_code == 200
    queue.wait_until(change_of("A00000AAAA0002"))


def test_a_body_from_the_quarantine_can_be_given_to_its_function(stack, reader):
    # As docs/operating.md says; the body is base64 there too, and Latin-1 here, which no text could carry.
    body = filled_in(another_device("A00000AAAA0003", "9085550103"), *stack.credentials())
    body = ('<?xml version="1.0" encoding="ISO-8859-1"?>' + body.replace("Default: Verizon Test 1", "Zürich")).encode("latin-1")
    event = {
        "httpMethod": "POST",
        "path": "/",
        "headers": {"content-type": "text/xml"},
        "multiValueHeaders": {"content-type": ["text/xml"]},
        "requestContext": {"httpMethod": "POST", "identity": {"sourceIp": PLATFORM}},
        "body": base64.b64encode(body).decode(),
        "isBase64Encoded": True,
    }
    function = stack.resources["ExternalProvisioningChangesFunction"]
    answer = stack.client("lambda").invoke(FunctionName=function, Payload=json.dumps(event))
    assert json.loads(answer["Payload"].read())["statusCode"] == 200
    assert stack.signed_get("/devices/meid/A00000AAAA0003", reader).json()["deviceGroupName"] == "Zürich"


# What a later version, or a hand in the console, could leave: the key of an event, and nothing of an event.
POISON = {"pk": {"S": "DEVICE#poison"}, "sk": {"S": "EVENT#000000000001"}, "rubbish": {"S": "not an event"}}


def stream_records(stack):
    """What the table's stream holds, in the form that Lambda hands it to a function."""
    streams = stack.client("dynamodbstreams")
    arn = stack.client("dynamodb").describe_table(TableName=stack.table)["Table"]["LatestStreamArn"]
    for shard in streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]:
        iterator = streams.get_shard_iterator(
            StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        # An open shard has always one more iterator: an empty answer is its end for now.
        while iterator:
            answer = streams.get_records(ShardIterator=iterator)
            for record in answer["Records"]:
                created = record["dynamodb"]["ApproximateCreationDateTime"]
                record["dynamodb"]["ApproximateCreationDateTime"] = created.timestamp()
                record["eventSourceARN"] = arn
                yield record
            iterator = answer.get("NextShardIterator") if answer["Records"] else None


def record_of(stack, pk, sk):
    """The record of a new row, as the stream has it."""
    for record in stream_records(stack):
        keys = record["dynamodb"]["Keys"]
        if record["eventName"] == "INSERT" and keys["pk"]["S"] == pk and keys["sk"]["S"].startswith(sk):
            return record
    raise AssertionError(f"no record of {pk} {sk} in the stream")


def receive(stack, url):
    """The first message that a queue gives within a while."""
    sqs, deadline = stack.client("sqs"), time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        for message in sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1).get("Messages", []):
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            return json.loads(message["Body"])
    raise AssertionError(f"nothing arrived within {PATIENCE} s")


@pytest.fixture(scope="module")
def poisoned(stack):
    """The stream with a record that no publisher can publish, and what came of it.

    AWS gives such a record up after MaximumRetryAttempts; the emulated event source does not count attempts, and gives
    it up for its age alone, so that is lowered for as long.
    """
    functions, mapping = stack.client("lambda"), stack.resources["ChangePublisherFunctionRecordedEvent"]
    age = functions.get_event_source_mapping(UUID=mapping)["MaximumRecordAgeInSeconds"]
    functions.update_event_source_mapping(UUID=mapping, MaximumRecordAgeInSeconds=3)
    try:
        stack.client("dynamodb").put_item(TableName=stack.table, Item=POISON)
        return receive(stack, stack.outputs["PublisherDeadLetterQueueUrl"])
    finally:
        functions.update_event_source_mapping(UUID=mapping, MaximumRecordAgeInSeconds=age)


def test_a_record_that_cannot_be_published_ends_in_the_dead_letter_queue_alone(stack, poisoned):
    record = record_of(stack, POISON["pk"]["S"], POISON["sk"]["S"])
    batch = poisoned["DDBStreamBatchInfo"]
    assert batch["startSequenceNumber"] == batch["endSequenceNumber"] == record["dynamodb"]["SequenceNumber"]
    assert batch["batchSize"] == 1


def test_the_events_after_it_are_published(stack, queue, poisoned):
    body = filled_in(another_device("A00000AAAA0003", "9085550103"), *stack.credentials())
    assert stack.send(body).status_code == 200
    queue.wait_until(change_of("A00000AAAA0003"))


def test_the_publisher_reports_the_record_at_fault_and_no_record_before_it(stack, queue, poisoned, reader):
    # The emulated event source takes no notice of what a function reports, so the report is asked for directly. Lambda
    # takes the first record reported as the place to go on from: what is before it is never sent again.
    device = stack.signed_get("/devices/meid/A00000AAAA0001", reader).json()["id"]
    good = record_of(stack, f"DEVICE#{device}", "EVENT#")
    bad = record_of(stack, POISON["pk"]["S"], POISON["sk"]["S"])
    already = len(queue.wait_for(len(queue.arrived)))
    answer = stack.client("lambda").invoke(
        FunctionName=stack.resources["ChangePublisherFunction"],
        Payload=json.dumps({"Records": [good, bad]}, default=str),
    )
    reported = json.load(answer["Payload"])
    assert "FunctionError" not in answer, reported
    assert reported == {"batchItemFailures": [{"itemIdentifier": bad["dynamodb"]["SequenceNumber"]}]}
    # At least once: the same event again, with the same id.
    again = queue.wait_for(already + 1)[already:]
    assert [change_of("A00000AAAA0001")(message) for message in again] == [True]
    ids = [assert_cloud_event(m)["id"] for m in queue.arrived if change_of("A00000AAAA0001")(m)]
    assert len(ids) == 2 and len(set(ids)) == 1


def test_records_that_cannot_be_published_go_to_the_dead_letter_queue(stack):
    mapping = stack.client("lambda").get_event_source_mapping(
        UUID=stack.resources["ChangePublisherFunctionRecordedEvent"]
    )
    attributes = stack.client("sqs").get_queue_attributes(
        QueueUrl=stack.outputs["PublisherDeadLetterQueueUrl"],
        AttributeNames=["QueueArn", "MessageRetentionPeriod"],
    )["Attributes"]
    assert mapping["DestinationConfig"]["OnFailure"]["Destination"] == attributes["QueueArn"]
    assert attributes["MessageRetentionPeriod"] == "1209600"
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["BisectBatchOnFunctionError"] is True
    assert 0 < mapping["MaximumRetryAttempts"] < 100
    # More than one batch at a time would let the events of a device overtake one another.
    assert mapping["ParallelizationFactor"] == 1
