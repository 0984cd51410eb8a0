"""Each role can do its function's job, and is refused what the job does not need.

The calls are real ones, made under the role itself: its trust, which is Lambda's alone, is widened for that long. The
stack is the one that registers itself, since it has all the roles that there are.
"""

import json
import uuid

import boto3
import pytest
from conftest import SERVICES, assert_refused

CALLBACK_ROLES = [f"{service}Role" for service in [*SERVICES, "OtherServices"]]
REGISTRAR = "ListenerRegistrarRole"
ROLES = [*CALLBACK_ROLES, "ChangePublisherRole", "DeviceQueryRole", REGISTRAR]


@pytest.fixture(scope="module")
def tester(circle, identity):
    """A user of the account that may assume any role that lets it."""
    keys = identity({"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"})
    session = boto3.Session(
        aws_access_key_id=keys.access_key, aws_secret_access_key=keys.secret_key, region_name=circle.region
    )
    return session.client("sts")


@pytest.fixture(scope="module")
def acting_as(circle, tester):
    """Clients under a role of the stack."""
    iam, trusted = circle.client("iam"), {}
    myself = tester.get_caller_identity()["Arn"]

    def clients(logical_id):
        name = circle.resources[logical_id]
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
            region_name=circle.region,
        )
        return session.client

    yield clients
    for name, document in trusted.items():
        iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(document))


@pytest.fixture(scope="module")
def row(circle):
    """A row that is no event, so that it wakes nobody; gone afterwards."""
    key = {"pk": {"S": f"TEST#{uuid.uuid4()}"}, "sk": {"S": "TEST"}}
    yield key
    circle.client("dynamodb").delete_item(TableName=circle.table, Key=key)


def decisions(stack, role, actions, resource):
    """What IAM says to these actions of a role."""
    simulated = stack.client("iam").simulate_principal_policy(
        PolicySourceArn=f"arn:aws:iam::{stack.account}:role/{stack.resources[role]}",
        ActionNames=actions,
        ResourceArns=[resource],
    )["EvaluationResults"]
    return [result["EvalDecision"] for result in simulated]


def everything_else(stack, client, secret=None):
    """Calls that no function's job needs. The secret is one that the role may not change: the listeners', if no other."""
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


def test_each_function_has_a_role_of_its_own(circle):
    functions = {name: physical for name, physical in circle.resources.items() if name.endswith("Function")}
    assert functions.keys() == {role.removesuffix("Role") + "Function" for role in ROLES}
    for name, function in functions.items():
        arn = circle.client("lambda").get_function_configuration(FunctionName=function)["Role"]
        assert arn.split("/")[-1] == circle.resources[name.removesuffix("Function") + "Role"]


@pytest.mark.parametrize("role", ROLES)
def test_a_role_is_trusted_by_lambda_alone(circle, tester, role):
    found = circle.client("iam").get_role(RoleName=circle.resources[role])["Role"]
    assert [s["Principal"] for s in found["AssumeRolePolicyDocument"]["Statement"]] == [
        {"Service": "lambda.amazonaws.com"}
    ]
    assert_refused(tester.assume_role, RoleArn=found["Arn"], RoleSessionName="test")


@pytest.mark.parametrize("role", ROLES)
def test_no_role_may_do_everything_or_act_on_everything(circle, role):
    iam, name = circle.client("iam"), circle.resources[role]
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
        # It acts on nothing: what it makes belongs to nobody, and IAM knows no resource for it.
        if statement["Action"] == "secretsmanager:GetRandomPassword":
            continue
        for member in ("Action", "Resource"):
            values = statement[member] if isinstance(statement[member], list) else [statement[member]]
            # The one ending that is allowed is that of a log group's ARN, which stands for its streams.
            assert not any("*" in value.removesuffix(":*") for value in values), statement


@pytest.mark.parametrize("role", CALLBACK_ROLES)
def test_a_callback_role_records_and_keeps_but_neither_publishes_nor_searches(circle, acting_as, row, role):
    client = acting_as(role)
    dynamodb = client("dynamodb")
    dynamodb.batch_get_item(RequestItems={circle.table: {"Keys": [row]}})
    for part in ({"Put": {"TableName": circle.table, "Item": row}}, {"Delete": {"TableName": circle.table, "Key": row}}):
        dynamodb.transact_write_items(TransactItems=[part])
    client("secretsmanager").get_secret_value(SecretId=circle.outputs["CredentialsSecretArn"])
    client("sqs").send_message(QueueUrl=circle.outputs["QuarantineQueueUrl"], MessageBody="a test of permissions")
    # Asked of IAM: the emulated logs tell IAM the group alone, and a permission is for the streams in it.
    logs = f"arn:aws:logs:{circle.region}:{circle.account}:log-group:{circle.resources['CallbackLogGroup']}"
    actions = ["logs:CreateLogStream", "logs:PutLogEvents"]
    assert decisions(circle, role, actions, f"{logs}:log-stream:any") == ["allowed"] * 2

    query = {"KeyConditionExpression": "pk = :pk", "ExpressionAttributeValues": {":pk": row["pk"]}}
    assert_refused(dynamodb.query, TableName=circle.table, **query)
    for topic in ("ProvisioningChangesTopicArn", "DeviceEventsTopicArn"):
        assert_refused(client("sns").publish, TopicArn=circle.outputs[topic], Message="{}")
    dead_letters = circle.outputs["PublisherDeadLetterQueueUrl"]
    assert_refused(client("sqs").send_message, QueueUrl=dead_letters, MessageBody="{}")
    everything_else(circle, client)


def test_the_publisher_role_publishes_but_neither_reads_nor_writes_the_table(circle, acting_as, row):
    client = acting_as("ChangePublisherRole")
    # An empty message, and without the attributes by which other tests find theirs.
    client("sns").publish(TopicArn=circle.outputs["DeviceEventsTopicArn"], Message="{}")
    stream = circle.client("dynamodb").describe_table(TableName=circle.table)["Table"]["LatestStreamArn"]
    # Asked of IAM: the emulated stream does not tell IAM which stream it is. That events arrive shows the rest.
    actions = ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"]
    assert decisions(circle, "ChangePublisherRole", actions, stream) == ["allowed"] * 3
    dead_letters = circle.outputs["PublisherDeadLetterQueueUrl"]
    client("sqs").send_message(QueueUrl=dead_letters, MessageBody="a test of permissions")

    dynamodb = client("dynamodb")
    assert_refused(dynamodb.get_item, TableName=circle.table, Key=row)
    assert_refused(dynamodb.batch_get_item, RequestItems={circle.table: {"Keys": [row]}})
    query = {"KeyConditionExpression": "pk = :pk", "ExpressionAttributeValues": {":pk": row["pk"]}}
    assert_refused(dynamodb.query, TableName=circle.table, **query)
    assert_refused(dynamodb.put_item, TableName=circle.table, Item=row)
    assert_refused(dynamodb.delete_item, TableName=circle.table, Key=row)
    assert_refused(client("secretsmanager").get_secret_value, SecretId=circle.outputs["CredentialsSecretArn"])
    quarantine = circle.outputs["QuarantineQueueUrl"]
    assert_refused(client("sqs").send_message, QueueUrl=quarantine, MessageBody="{}")
    everything_else(circle, client)


def test_the_query_role_reads_but_writes_nothing(circle, acting_as, row):
    client = acting_as("DeviceQueryRole")
    dynamodb = client("dynamodb")
    dynamodb.get_item(TableName=circle.table, Key=row)
    query = {"KeyConditionExpression": "pk = :pk", "ExpressionAttributeValues": {":pk": row["pk"]}}
    dynamodb.query(TableName=circle.table, **query)

    assert_refused(dynamodb.batch_get_item, RequestItems={circle.table: {"Keys": [row]}})
    assert_refused(dynamodb.put_item, TableName=circle.table, Item=row)
    update = {"UpdateExpression": "SET seen = :yes", "ExpressionAttributeValues": {":yes": {"BOOL": True}}}
    assert_refused(dynamodb.update_item, TableName=circle.table, Key=row, **update)
    assert_refused(dynamodb.delete_item, TableName=circle.table, Key=row)
    assert_refused(dynamodb.transact_write_items, TransactItems=[{"Put": {"TableName": circle.table, "Item": row}}])
    for topic in ("ProvisioningChangesTopicArn", "DeviceEventsTopicArn"):
        assert_refused(client("sns").publish, TopicArn=circle.outputs[topic], Message="{}")
    assert_refused(client("secretsmanager").get_secret_value, SecretId=circle.outputs["CredentialsSecretArn"])
    for queue in ("QuarantineQueueUrl", "PublisherDeadLetterQueueUrl"):
        assert_refused(client("sqs").send_message, QueueUrl=circle.outputs[queue], MessageBody="{}")
    everything_else(circle, client)


def test_the_registrar_role_logs_in_rotates_and_publishes_but_reads_no_device(
    circle, stack, acting_as, row, circle_parameters
):
    client = acting_as(REGISTRAR)
    secrets, listener = client("secretsmanager"), circle.outputs["CredentialsSecretArn"]
    login = circle_parameters["PlatformCredentialsSecretArn"]
    for arn in (login, listener):
        secrets.get_secret_value(SecretId=arn)
    secrets.get_random_password(PasswordLength=40)
    # A version with a label of its own, at which nobody looks, and then without any.
    version = secrets.put_secret_value(SecretId=listener, SecretString="{}", VersionStages=["TEST"])["VersionId"]
    secrets.update_secret_version_stage(SecretId=listener, VersionStage="TEST", RemoveFromVersionId=version)
    client("sns").publish(TopicArn=circle.outputs["DeviceEventsTopicArn"], Message="{}")
    # Asked of IAM: the emulated logs tell IAM the group alone, and a permission is for the streams in it.
    logs = f"arn:aws:logs:{circle.region}:{circle.account}:log-group:{circle.resources['ListenerRegistrarLogGroup']}"
    actions = ["logs:CreateLogStream", "logs:PutLogEvents"]
    assert decisions(circle, REGISTRAR, actions, f"{logs}:log-stream:any") == ["allowed"] * 2

    # By its id, as the function does: a permission for the name would be one for every later stack of that name.
    client("cloudformation").describe_stacks(StackName=circle.id)
    dynamodb, own, key = client("dynamodb"), circle.resources["RegistrarTable"], {"pk": row["pk"]}
    dynamodb.put_item(TableName=own, Item=key)
    dynamodb.get_item(TableName=own, Key=key)

    for table, item in ((circle.table, row), (own, key)):
        assert_refused(dynamodb.batch_get_item, RequestItems={table: {"Keys": [item]}})
        query = {"KeyConditionExpression": "pk = :pk", "ExpressionAttributeValues": {":pk": row["pk"]}}
        assert_refused(dynamodb.query, TableName=table, **query)
        assert_refused(dynamodb.scan, TableName=table)
        assert_refused(dynamodb.delete_item, TableName=table, Key=item)
        assert_refused(dynamodb.delete_table, TableName=table)
    assert_refused(dynamodb.get_item, TableName=circle.table, Key=row)
    assert_refused(dynamodb.put_item, TableName=circle.table, Item=row)
    circle.client("dynamodb").delete_item(TableName=own, Key=key)
    another = circle.client("secretsmanager").create_secret(Name=f"another-{uuid.uuid4()}", SecretString="{}")["ARN"]
    assert_refused(secrets.get_secret_value, SecretId=another)
    assert_refused(secrets.list_secrets)
    for arn in (login, listener):
        assert_refused(secrets.describe_secret, SecretId=arn)
        assert_refused(secrets.update_secret, SecretId=arn, SecretString="{}")
        assert_refused(secrets.delete_secret, SecretId=arn)
    assert_refused(client("sns").publish, TopicArn=circle.outputs["ProvisioningChangesTopicArn"], Message="{}")
    for queue in ("QuarantineQueueUrl", "PublisherDeadLetterQueueUrl"):
        assert_refused(client("sqs").send_message, QueueUrl=circle.outputs[queue], MessageBody="{}")
    assert_refused(client("cloudformation").describe_stacks, StackName=stack.name)
    assert_refused(client("cloudformation").delete_stack, StackName=circle.id)
    everything_else(circle, client, secret=login)
