"""Least privilege: each role allows what its function needs, and denies everything else.

The tests assume each role and make real calls with it. For that time its trust policy, which allows only Lambda, is extended.
They use the stack that registers itself, since it has all roles.
"""

import json
import uuid

import boto3
import pytest
from conftest import SERVICES, assert_refused

CALLBACK_ROLES = [f"{service}Role" for service in [*SERVICES, "OtherServices"]]
REGISTRAR = "ListenerRegistrarRole"
REDRIVER = "CallbackRedriverRole"
ROLES = [*CALLBACK_ROLES, REDRIVER, "ChangePublisherRole", "DeviceQueryRole", REGISTRAR]


@pytest.fixture(scope="module")
def tester(registrant, identity):
    """An IAM user that may assume any role whose trust policy allows it."""
    keys = identity({"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"})
    session = boto3.Session(
        aws_access_key_id=keys.access_key, aws_secret_access_key=keys.secret_key, region_name=registrant.region
    )
    return session.client("sts")


@pytest.fixture(scope="module")
def acting_as(registrant, tester):
    """AWS clients that use a role of the stack."""
    iam, trusted = registrant.client("iam"), {}
    tester_arn = tester.get_caller_identity()["Arn"]

    def clients(logical_id):
        name = registrant.resources[logical_id]
        role = iam.get_role(RoleName=name)["Role"]
        trusted.setdefault(name, role["AssumeRolePolicyDocument"])
        allow_tester = {"Effect": "Allow", "Principal": {"AWS": tester_arn}, "Action": "sts:AssumeRole"}
        document = {"Version": "2012-10-17", "Statement": [*trusted[name]["Statement"], allow_tester]}
        iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(document))
        keys = tester.assume_role(RoleArn=role["Arn"], RoleSessionName="test")["Credentials"]
        session = boto3.Session(
            aws_access_key_id=keys["AccessKeyId"],
            aws_secret_access_key=keys["SecretAccessKey"],
            aws_session_token=keys["SessionToken"],
            region_name=registrant.region,
        )
        return session.client

    yield clients
    for name, document in trusted.items():
        iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(document))


@pytest.fixture(scope="module")
def row(registrant):
    """The key of a row that is not an event, so that it invokes no function. The row is deleted afterwards."""
    key = {"pk": {"S": f"TEST#{uuid.uuid4()}"}, "sk": {"S": "TEST"}}
    yield key
    registrant.client("dynamodb").delete_item(TableName=registrant.table, Key=key)


def decisions(stack, role, actions, resource):
    """IAM's decisions on these actions of a role, by policy simulation."""
    simulated = stack.client("iam").simulate_principal_policy(
        PolicySourceArn=f"arn:aws:iam::{stack.account}:role/{stack.resources[role]}",
        ActionNames=actions,
        ResourceArns=[resource],
    )["EvaluationResults"]
    return [result["EvalDecision"] for result in simulated]


def assert_unneeded_calls_denied(stack, client, secret=None):
    """Asserts that calls that no function needs are denied. The role must not change the secret; the default is the callback
    credentials."""
    assert_refused(client("dynamodb").scan, TableName=stack.table)
    assert_refused(client("dynamodb").describe_table, TableName=stack.table)
    assert_refused(client("dynamodb").delete_table, TableName=stack.table)
    assert_refused(client("iam").list_roles)
    assert_refused(client("s3").list_buckets)
    assert_refused(client("lambda").list_functions)
    arn = secret or stack.outputs["CredentialsSecretArn"]
    assert_refused(client("secretsmanager").put_secret_value, SecretId=arn, SecretString="{}")
    for queue in ("QuarantineQueueUrl", "PublisherDeadLetterQueueUrl"):
        assert_refused(client("sqs").receive_message, QueueUrl=stack.outputs[queue])
        assert_refused(client("sqs").purge_queue, QueueUrl=stack.outputs[queue])


def test_each_function_has_a_role_of_its_own(registrant):
    functions = {name: physical for name, physical in registrant.resources.items() if name.endswith("Function")}
    assert functions.keys() == {role.removesuffix("Role") + "Function" for role in ROLES}
    for name, function in functions.items():
        arn = registrant.client("lambda").get_function_configuration(FunctionName=function)["Role"]
        assert arn.split("/")[-1] == registrant.resources[name.removesuffix("Function") + "Role"]


@pytest.mark.parametrize("role", ROLES)
def test_a_role_is_trusted_by_lambda_alone(registrant, tester, role):
    described = registrant.client("iam").get_role(RoleName=registrant.resources[role])["Role"]
    assert [s["Principal"] for s in described["AssumeRolePolicyDocument"]["Statement"]] == [
        {"Service": "lambda.amazonaws.com"}
    ]
    assert_refused(tester.assume_role, RoleArn=described["Arn"], RoleSessionName="test")


@pytest.mark.parametrize("role", ROLES)
def test_no_role_has_a_wildcard_action_or_resource(registrant, role):
    iam, name = registrant.client("iam"), registrant.resources[role]
    documents = [
        iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
        for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]
    ]
    for policy in iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]:
        version = iam.get_policy(PolicyArn=policy["PolicyArn"])["Policy"]["DefaultVersionId"]
        policy_version = iam.get_policy_version(PolicyArn=policy["PolicyArn"], VersionId=version)
        documents.append(policy_version["PolicyVersion"]["Document"])
    assert documents
    for statement in (s for document in documents for s in document["Statement"]):
        # This action has no resource in IAM.
        if statement["Action"] == "secretsmanager:GetRandomPassword":
            continue
        for member in ("Action", "Resource"):
            values = statement[member] if isinstance(statement[member], list) else [statement[member]]
            # Only the ARN of a log group ends with a wildcard, for its streams.
            assert not any("*" in value.removesuffix(":*") for value in values), statement


@pytest.mark.parametrize("role", CALLBACK_ROLES)
def test_a_callback_role_records_and_quarantines_but_neither_publishes_nor_queries(registrant, acting_as, row, role):
    client = acting_as(role)
    dynamodb = client("dynamodb")
    dynamodb.batch_get_item(RequestItems={registrant.table: {"Keys": [row]}})
    put = {"Put": {"TableName": registrant.table, "Item": row}}
    delete = {"Delete": {"TableName": registrant.table, "Key": row}}
    for action in (put, delete):
        dynamodb.transact_write_items(TransactItems=[action])
    client("secretsmanager").get_secret_value(SecretId=registrant.outputs["CredentialsSecretArn"])
    client("sqs").send_message(QueueUrl=registrant.outputs["QuarantineQueueUrl"], MessageBody="a test of permissions")
    # A message that the redriver moves to the quarantine.
    client("sqs").send_message(QueueUrl=registrant.outputs["ParkedQueueUrl"], MessageBody="a test of permissions")
    client("sqs").get_queue_attributes(QueueUrl=registrant.outputs["ParkedQueueUrl"])
    # By policy simulation: the emulator passes only the log group to IAM, and the permission is for its streams.
    logs = f"arn:aws:logs:{registrant.region}:{registrant.account}:log-group:{registrant.resources['CallbackLogGroup']}"
    actions = ["logs:CreateLogStream", "logs:PutLogEvents"]
    assert decisions(registrant, role, actions, f"{logs}:log-stream:any") == ["allowed"] * 2

    query = {"KeyConditionExpression": "pk = :pk", "ExpressionAttributeValues": {":pk": row["pk"]}}
    assert_refused(dynamodb.query, TableName=registrant.table, **query)
    for topic in ("ProvisioningChangesTopicArn", "DeviceEventsTopicArn"):
        assert_refused(client("sns").publish, TopicArn=registrant.outputs[topic], Message="{}")
    dead_letters = registrant.outputs["PublisherDeadLetterQueueUrl"]
    assert_refused(client("sqs").send_message, QueueUrl=dead_letters, MessageBody="{}")
    assert_unneeded_calls_denied(registrant, client)


def test_the_redriver_role_records_and_quarantines_but_neither_parks_nor_publishes(registrant, acting_as, row):
    client = acting_as(REDRIVER)
    dynamodb, sqs, parked = client("dynamodb"), client("sqs"), registrant.outputs["ParkedQueueUrl"]
    dynamodb.batch_get_item(RequestItems={registrant.table: {"Keys": [row]}})
    put = {"Put": {"TableName": registrant.table, "Item": row}}
    delete = {"Delete": {"TableName": registrant.table, "Key": row}}
    for action in (put, delete):
        dynamodb.transact_write_items(TransactItems=[action])
    client("secretsmanager").get_secret_value(SecretId=registrant.outputs["CredentialsSecretArn"])
    sqs.send_message(QueueUrl=registrant.outputs["QuarantineQueueUrl"], MessageBody="a test of permissions")
    sqs.receive_message(QueueUrl=parked, VisibilityTimeout=0)

    query = {"KeyConditionExpression": "pk = :pk", "ExpressionAttributeValues": {":pk": row["pk"]}}
    assert_refused(dynamodb.query, TableName=registrant.table, **query)
    for topic in ("ProvisioningChangesTopicArn", "DeviceEventsTopicArn"):
        assert_refused(client("sns").publish, TopicArn=registrant.outputs[topic], Message="{}")
    for url in (parked, registrant.outputs["PublisherDeadLetterQueueUrl"]):
        assert_refused(sqs.send_message, QueueUrl=url, MessageBody="{}")
    assert_refused(sqs.purge_queue, QueueUrl=parked)
    assert_unneeded_calls_denied(registrant, client)


def test_the_publisher_role_publishes_but_neither_reads_nor_writes_the_table(registrant, acting_as, row):
    client = acting_as("ChangePublisherRole")
    # An empty message without attributes, which other tests ignore.
    client("sns").publish(TopicArn=registrant.outputs["DeviceEventsTopicArn"], Message="{}")
    stream = registrant.client("dynamodb").describe_table(TableName=registrant.table)["Table"]["LatestStreamArn"]
    # By policy simulation: the emulator does not pass the ARN of the stream to IAM. Other tests verify that events arrive.
    actions = ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"]
    assert decisions(registrant, "ChangePublisherRole", actions, stream) == ["allowed"] * 3
    dead_letters = registrant.outputs["PublisherDeadLetterQueueUrl"]
    client("sqs").send_message(QueueUrl=dead_letters, MessageBody="a test of permissions")

    dynamodb = client("dynamodb")
    assert_refused(dynamodb.get_item, TableName=registrant.table, Key=row)
    assert_refused(dynamodb.batch_get_item, RequestItems={registrant.table: {"Keys": [row]}})
    query = {"KeyConditionExpression": "pk = :pk", "ExpressionAttributeValues": {":pk": row["pk"]}}
    assert_refused(dynamodb.query, TableName=registrant.table, **query)
    assert_refused(dynamodb.put_item, TableName=registrant.table, Item=row)
    assert_refused(dynamodb.delete_item, TableName=registrant.table, Key=row)
    assert_refused(client("secretsmanager").get_secret_value, SecretId=registrant.outputs["CredentialsSecretArn"])
    for queue in ("QuarantineQueueUrl", "ParkedQueueUrl"):
        assert_refused(client("sqs").send_message, QueueUrl=registrant.outputs[queue], MessageBody="{}")
    assert_unneeded_calls_denied(registrant, client)


def test_the_query_role_reads_but_writes_nothing(registrant, acting_as, row):
    client = acting_as("DeviceQueryRole")
    dynamodb = client("dynamodb")
    dynamodb.get_item(TableName=registrant.table, Key=row)
    query = {"KeyConditionExpression": "pk = :pk", "ExpressionAttributeValues": {":pk": row["pk"]}}
    dynamodb.query(TableName=registrant.table, **query)

    assert_refused(dynamodb.batch_get_item, RequestItems={registrant.table: {"Keys": [row]}})
    assert_refused(dynamodb.put_item, TableName=registrant.table, Item=row)
    update = {"UpdateExpression": "SET seen = :yes", "ExpressionAttributeValues": {":yes": {"BOOL": True}}}
    assert_refused(dynamodb.update_item, TableName=registrant.table, Key=row, **update)
    assert_refused(dynamodb.delete_item, TableName=registrant.table, Key=row)
    assert_refused(dynamodb.transact_write_items, TransactItems=[{"Put": {"TableName": registrant.table, "Item": row}}])
    for topic in ("ProvisioningChangesTopicArn", "DeviceEventsTopicArn"):
        assert_refused(client("sns").publish, TopicArn=registrant.outputs[topic], Message="{}")
    assert_refused(client("secretsmanager").get_secret_value, SecretId=registrant.outputs["CredentialsSecretArn"])
    for queue in ("QuarantineQueueUrl", "ParkedQueueUrl", "PublisherDeadLetterQueueUrl"):
        assert_refused(client("sqs").send_message, QueueUrl=registrant.outputs[queue], MessageBody="{}")
    assert_unneeded_calls_denied(registrant, client)


def test_the_registrar_role_logs_in_rotates_and_publishes_but_reads_no_device(
    registrant, stack, acting_as, row, registrant_parameters
):
    client = acting_as(REGISTRAR)
    secrets, listener = client("secretsmanager"), registrant.outputs["CredentialsSecretArn"]
    login = registrant_parameters["PlatformCredentialsSecretArn"]
    for arn in (login, listener):
        secrets.get_secret_value(SecretId=arn)
    secrets.get_random_password(PasswordLength=40)
    # A version with a staging label that nothing reads. The label is removed afterwards.
    version = secrets.put_secret_value(SecretId=listener, SecretString="{}", VersionStages=["TEST"])["VersionId"]
    secrets.update_secret_version_stage(SecretId=listener, VersionStage="TEST", RemoveFromVersionId=version)
    client("sns").publish(TopicArn=registrant.outputs["DeviceEventsTopicArn"], Message="{}")
    # By policy simulation: the emulator passes only the log group to IAM, and the permission is for its streams.
    group = registrant.resources["ListenerRegistrarLogGroup"]
    logs = f"arn:aws:logs:{registrant.region}:{registrant.account}:log-group:{group}"
    actions = ["logs:CreateLogStream", "logs:PutLogEvents"]
    assert decisions(registrant, REGISTRAR, actions, f"{logs}:log-stream:any") == ["allowed"] * 2

    # By its id, as the function does: a permission for the name would include later stacks of the same name.
    client("cloudformation").describe_stacks(StackName=registrant.id)
    dynamodb, own, key = client("dynamodb"), registrant.resources["RegistrarTable"], {"pk": row["pk"]}
    dynamodb.put_item(TableName=own, Item=key)
    dynamodb.get_item(TableName=own, Key=key)

    for table, item in ((registrant.table, row), (own, key)):
        assert_refused(dynamodb.batch_get_item, RequestItems={table: {"Keys": [item]}})
        query = {"KeyConditionExpression": "pk = :pk", "ExpressionAttributeValues": {":pk": row["pk"]}}
        assert_refused(dynamodb.query, TableName=table, **query)
        assert_refused(dynamodb.scan, TableName=table)
        assert_refused(dynamodb.delete_item, TableName=table, Key=item)
        assert_refused(dynamodb.delete_table, TableName=table)
    assert_refused(dynamodb.get_item, TableName=registrant.table, Key=row)
    assert_refused(dynamodb.put_item, TableName=registrant.table, Item=row)
    registrant.client("dynamodb").delete_item(TableName=own, Key=key)
    another = registrant.client("secretsmanager").create_secret(Name=f"another-{uuid.uuid4()}", SecretString="{}")["ARN"]
    assert_refused(secrets.get_secret_value, SecretId=another)
    assert_refused(secrets.list_secrets)
    for arn in (login, listener):
        assert_refused(secrets.describe_secret, SecretId=arn)
        assert_refused(secrets.update_secret, SecretId=arn, SecretString="{}")
        assert_refused(secrets.delete_secret, SecretId=arn)
    assert_refused(client("sns").publish, TopicArn=registrant.outputs["ProvisioningChangesTopicArn"], Message="{}")
    for queue in ("QuarantineQueueUrl", "ParkedQueueUrl", "PublisherDeadLetterQueueUrl"):
        assert_refused(client("sqs").send_message, QueueUrl=registrant.outputs[queue], MessageBody="{}")
    assert_refused(client("cloudformation").describe_stacks, StackName=stack.name)
    assert_refused(client("cloudformation").delete_stack, StackName=registrant.id)
    assert_unneeded_calls_denied(registrant, client, secret=login)
