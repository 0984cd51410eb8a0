"""Recovery: after a failure, the next valid message is accepted and published."""

import base64
import json
import time

import pytest
from conftest import (
    PLATFORM_ADDRESS,
    TIMEOUT,
    Queue,
    assert_clear_error,
    assert_cloud_event,
    suspension_of,
    with_credentials,
)


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


def test_a_callback_that_cannot_be_recorded_is_answered_503_and_its_resend_is_accepted(stack, queue):
    # Also verifies that the function uses its role, and that IAM enforces it.
    iam, role = stack.client("iam"), stack.resources["ExternalProvisioningChangesRole"]
    body = with_credentials(suspension_of("A00000AAAA0002", "9085550102"), *stack.credentials())
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


def test_a_quarantined_callback_can_be_redriven(stack, reader):
    # As described in docs/operating.md. The body is base64; Latin-1 here, which a JSON string could not contain.
    body = with_credentials(suspension_of("A00000AAAA0003", "9085550103"), *stack.credentials())
    body = ('<?xml version="1.0" encoding="ISO-8859-1"?>' + body.replace("Default: Verizon Test 1", "Zürich")).encode("latin-1")
    event = {
        "httpMethod": "POST",
        "path": "/",
        "headers": {"content-type": "text/xml"},
        "multiValueHeaders": {"content-type": ["text/xml"]},
        "requestContext": {"httpMethod": "POST", "identity": {"sourceIp": PLATFORM_ADDRESS}},
        "body": base64.b64encode(body).decode(),
        "isBase64Encoded": True,
    }
    function = stack.resources["ExternalProvisioningChangesFunction"]
    answer = stack.client("lambda").invoke(FunctionName=function, Payload=json.dumps(event))
    assert json.loads(answer["Payload"].read())["statusCode"] == 200
    assert stack.signed_get("/devices/meid/A00000AAAA0003", reader).json()["deviceGroupName"] == "Zürich"


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
    """Adds a poison record to the stream, and returns its message in the dead-letter queue.

    AWS gives up on such a record after MaximumRetryAttempts. The emulated event source does not count attempts, but respects
    the maximum age, which is therefore reduced during the test.
    """
    functions, mapping = stack.client("lambda"), stack.resources["ChangePublisherFunctionRecordedEvent"]
    age = functions.get_event_source_mapping(UUID=mapping)["MaximumRecordAgeInSeconds"]
    functions.update_event_source_mapping(UUID=mapping, MaximumRecordAgeInSeconds=3)
    try:
        stack.client("dynamodb").put_item(TableName=stack.table, Item=POISON)
        return receive(stack, stack.outputs["PublisherDeadLetterQueueUrl"])
    finally:
        functions.update_event_source_mapping(UUID=mapping, MaximumRecordAgeInSeconds=age)


def test_only_the_poison_record_reaches_the_dead_letter_queue(stack, dead_letter):
    record = record_of(stack, POISON["pk"]["S"], POISON["sk"]["S"])
    batch = dead_letter["DDBStreamBatchInfo"]
    assert batch["startSequenceNumber"] == batch["endSequenceNumber"] == record["dynamodb"]["SequenceNumber"]
    assert batch["batchSize"] == 1


def test_events_after_a_poison_record_are_published(stack, queue, dead_letter):
    body = with_credentials(suspension_of("A00000AAAA0003", "9085550103"), *stack.credentials())
    assert stack.send(body).status_code == 200
    queue.wait_until(change_of("A00000AAAA0003"))


def test_the_publisher_reports_only_the_poison_record(stack, queue, dead_letter, reader):
    # The emulated event source ignores partial batch responses, so the function is invoked directly. Lambda retries from the
    # first reported record: records before it are never sent again.
    device = stack.signed_get("/devices/meid/A00000AAAA0001", reader).json()["id"]
    valid = record_of(stack, f"DEVICE#{device}", "EVENT#")
    poison = record_of(stack, POISON["pk"]["S"], POISON["sk"]["S"])
    before = len(queue.wait_for(len(queue.arrived)))
    answer = stack.client("lambda").invoke(
        FunctionName=stack.resources["ChangePublisherFunction"],
        Payload=json.dumps({"Records": [valid, poison]}, default=str),
    )
    reported = json.load(answer["Payload"])
    assert "FunctionError" not in answer, reported
    assert reported == {"batchItemFailures": [{"itemIdentifier": poison["dynamodb"]["SequenceNumber"]}]}
    # Delivery is at least once: the duplicate has the same id.
    duplicates = queue.wait_for(before + 1)[before:]
    assert [change_of("A00000AAAA0001")(message) for message in duplicates] == [True]
    ids = [assert_cloud_event(m)["id"] for m in queue.arrived if change_of("A00000AAAA0001")(m)]
    assert len(ids) == 2 and len(set(ids)) == 1


def test_the_event_source_mapping_has_a_dead_letter_queue_and_partial_batch_responses(stack):
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
    # With more than one batch at a time, events of one device could be published out of order.
    assert mapping["ParallelizationFactor"] == 1
