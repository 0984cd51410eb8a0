"""Each role can do its function's job, and is refused what the job does not need.

The calls are real ones, made under the role itself: its trust, which is Lambda's alone, is widened for that long.
"""

import json
import uuid

import boto3
import pytest
from conftest import SERVICES, assert_refused

CALLBACK_ROLES = [f"{service}Role" for service in SERVICES]
ROLES = [*CALLBACK_ROLES, "ChangePublisherRole", "DeviceQueryRole"]


@pytest.fixture(scope="module")
def tester(stack, identity):
    """A user of the account that may assume any role that lets it."""
    keys = identity({"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"})
    session = boto3.Session(
        aws_access_key_id=keys.access_key, aws_secret_access_key=keys.secret_key, region_name=stack.region
    )
    return session.client("sts")


@pytest.fixture(scope="module")
def acting_as(stack, tester):
    """Clients under a role of the stack."""
    iam, trusted = stack.client("iam"), {}
    myself = tester.get_caller_identity()["Arn"]

    def clients(logical_id):
        name = stack.resources[logical_id]
        role = iam.get_role(RoleName=name)["Role"]
        trusted.setdefault(name, role["AssumeRolePolicyDocument"])
        mine = {"Effect": "Allow", "Principal": {"AWS": myself}, "Action": "sts:AssumeRole"}
        document = {"Version": "2012-10-17", "Statement": [*trusted[name]["Statement"], mine]}
        iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(document))
        keys = tester.assume_role(RoleArn=role["Arn"], RoleSessionName="test")["Credentials"]
        session = boto3.Session(
            aws_access_key_id=keys["AccessKeyId"],
            aws_secret_access_key=keys["SecretAccessKey"],
            aws_session_token=keys["SessionToken"],
            region_name=stack.region,
        )
        return session.client

    yield clients
    for name, document in trusted.items():
        iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(document))


@pytest.fixture(scope="module")
def row(stack):
    """A row that is no event, so that it wakes nobody; gone afterwards."""
    key = {"pk": {"S": f"TEST#{uuid.uuid4()}"}, "sk": {"S": "TEST"}}
    yield key
    stack.client("dynamodb").delete_item(TableName=stack.table, Key=key)


def decisions(stack, role, actions, resource):
    """What IAM says to these actions of a role."""
    simulated = stack.client("iam").simulate_principal_policy(
        PolicySourceArn=f"arn:aws:iam::{stack.account}:role/{stack.resources[role]}",
        ActionNames=actions,
        ResourceArns=[resource],
    )["EvaluationResults"]
    return [result["EvalDecision"] for result in simulated]


def everything_else(stack, client):
    """Calls that no function's job needs."""
    assert_refused(client("dynamodb").scan, TableName=stack.table)
    assert_refused(client("dynamodb").describe_table, TableName=stack.table)
    assert_refused(client("dynamodb").delete_table, TableName=stack.table)
    assert_refused(client("iam").list_roles)
    assert_refused(client("s3").list_buckets)
    assert_refused(client("lambda").list_functions)
    arn = stack.outputs["CredentialsSecretArn"]
    assert_refused(client("secretsmanager").put_secret_value, SecretId=arn, SecretString="{}")
    for queue in ("QuarantineQueueUrl", "PublisherDeadLetterQueueUrl"):
        assert_refused(client("sqs").receive_message, QueueUrl=stack.outputs[queue])
        assert_refused(client("sqs").purge_queue, QueueUrl=stack.outputs[queue])


def test_each_function_has_a_role_of_its_own(stack):
    functions = {name: physical for name, physical in stack.resources.items() if name.endswith("Function")}
    assert functions.keys() == {role.removesuffix("Role") + "Function" for role in ROLES}
    for name, function in functions.items():
        arn = stack.client("lambda").get_function_configuration(FunctionName=function)["Role"]
        assert arn.split("/")[-1] == stack.resources[name.removesuffix("Function") + "Role"]


@pytest.mark.parametrize("role", ROLES)
def test_a_role_is_trusted_by_lambda_alone(stack, tester, role):
    found = stack.client("iam").get_role(RoleName=stack.resources[role])["Role"]
    assert [s["Principal"] for s in found["AssumeRolePolicyDocument"]["Statement"]] == [
        {"Service": "lambda.amazonaws.com"}
    ]
    assert_refused(tester.assume_role, RoleArn=found["Arn"], RoleSessionName="test")


@pytest.mark.parametrize("role", ROLES)
def test_no_role_may_do_everything_or_act_on_everything(stack, role):
    iam, name = stack.client("iam"), stack.resources[role]
    documents = [
        iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
        for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]
    ]
    for policy in iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]:
        version = iam.get_policy(PolicyArn=policy["PolicyArn"])["Policy"]["DefaultVersionId"]
        found = iam.get_policy_version(PolicyArn=policy["PolicyArn"], VersionId=version)
        documents.append(found["PolicyVersion"]["Document"])
    assert documents
    for statement in (s for document in documents for s in document["Statement"]):
        for member in ("Action", "Resource"):
            values = statement[member] if isinstance(statement[member], list) else [statement[member]]
            # The one ending that is allowed is that of a log group's ARN, which stands for its streams.
            assert not any("*" in value.removesuffix(":*") for value in values), statement


@pytest.mark.parametrize("role", CALLBACK_ROLES)
def test_a_callback_role_records_and_keeps_but_neither_publishes_nor_searches(stack, acting_as, row, role):
    client = acting_as(role)
    dynamodb = client("dynamodb")
    dynamodb.batch_get_item(RequestItems={stack.table: {"Keys": [row]}})
    for part in ({"Put": {"TableName": stack.table, "Item": row}}, {"Delete": {"TableName": stack.table, "Key": row}}):
        dynamodb.transact_write_items(TransactItems=[part])
    client("secretsmanager").get_secret_value(SecretId=stack.outputs["CredentialsSecretArn"])
    client("sqs").send_message(QueueUrl=stack.outputs["QuarantineQueueUrl"], MessageBody="a test of permissions")
    # Asked of IAM: the emulated logs tell IAM the group alone, and a permission is for the streams in it.
    logs = f"arn:aws:logs:{stack.region}:{stack.account}:log-group:{stack.resources['CallbackLogGroup']}"
    actions = ["logs:CreateLogStream", "logs:PutLogEvents"]
    assert decisions(stack, role, actions, f"{logs}:log-stream:any") == ["allowed"] * 2

    query = {"KeyConditionExpression": "pk = :pk", "ExpressionAttributeValues": {":pk": row["pk"]}}
    assert_refused(dynamodb.query, TableName=stack.table, **query)
    for topic in ("ProvisioningChangesTopicArn", "DeviceEventsTopicArn"):
        assert_refused(client("sns").publish, TopicArn=stack.outputs[topic], Message="{}")
    dead_letters = stack.outputs["PublisherDeadLetterQueueUrl"]
    assert_refused(client("sqs").send_message, QueueUrl=dead_letters, MessageBody="{}")
    everything_else(stack, client)


def test_the_publisher_role_publishes_but_neither_reads_nor_writes_the_table(stack, acting_as, row):
    client = acting_as("ChangePublisherRole")
    # An empty message, and without the attributes by which other tests find theirs.
    client("sns").publish(TopicArn=stack.outputs["DeviceEventsTopicArn"], Message="{}")
    stream = stack.client("dynamodb").describe_table(TableName=stack.table)["Table"]["LatestStreamArn"]
    # Asked of IAM: the emulated stream does not tell IAM which stream it is. That events arrive shows the rest.
    actions = ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"]
    assert decisions(stack, "ChangePublisherRole", actions, stream) == ["allowed"] * 3
    dead_letters = stack.outputs["PublisherDeadLetterQueueUrl"]
    client("sqs").send_message(QueueUrl=dead_letters, MessageBody="a test of permissions")

    dynamodb = client("dynamodb")
    assert_refused(dynamodb.get_item, TableName=stack.table, Key=row)
    assert_refused(dynamodb.batch_get_item, RequestItems={stack.table: {"Keys": [row]}})
    query = {"KeyConditionExpression": "pk = :pk", "ExpressionAttributeValues": {":pk": row["pk"]}}
    assert_refused(dynamodb.query, TableName=stack.table, **query)
    assert_refused(dynamodb.put_item, TableName=stack.table, Item=row)
    assert_refused(dynamodb.delete_item, TableName=stack.table, Key=row)
    assert_refused(client("secretsmanager").get_secret_value, SecretId=stack.outputs["CredentialsSecretArn"])
    quarantine = stack.outputs["QuarantineQueueUrl"]
    assert_refused(client("sqs").send_message, QueueUrl=quarantine, MessageBody="{}")
    everything_else(stack, client)


def test_the_query_role_reads_but_writes_nothing(stack, acting_as, row):
    client = acting_as("DeviceQueryRole")
    dynamodb = client("dynamodb")
    dynamodb.get_item(TableName=stack.table, Key=row)
    query = {"KeyConditionExpression": "pk = :pk", "ExpressionAttributeValues": {":pk": row["pk"]}}
    dynamodb.query(TableName=stack.table, **query)

    assert_refused(dynamodb.batch_get_item, RequestItems={stack.table: {"Keys": [row]}})
    assert_refused(dynamodb.put_item, TableName=stack.table, Item=row)
    update = {"UpdateExpression": "SET seen = :yes", "ExpressionAttributeValues": {":yes": {"BOOL": True}}}
    assert_refused(dynamodb.update_item, TableName=stack.table, Key=row, **update)
    assert_refused(dynamodb.delete_item, TableName=stack.table, Key=row)
    assert_refused(dynamodb.transact_write_items, TransactItems=[{"Put": {"TableName": stack.table, "Item": row}}])
    for topic in ("ProvisioningChangesTopicArn", "DeviceEventsTopicArn"):
        assert_refused(client("sns").publish, TopicArn=stack.outputs[topic], Message="{}")
    assert_refused(client("secretsmanager").get_secret_value, SecretId=stack.outputs["CredentialsSecretArn"])
    for queue in ("QuarantineQueueUrl", "PublisherDeadLetterQueueUrl"):
        assert_refused(client("sqs").send_message, QueueUrl=stack.outputs[queue], MessageBody="{}")
    everything_else(stack, client)
