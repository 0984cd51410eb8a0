"""What all tests share: the deployed stack with its outputs, its API and AWS clients; queues; and the simulator.

`run` deploys the stack and sets the environment variables. No test is skipped: without a stack, every test fails.
"""

import base64
import datetime
import hashlib
import json
import os
import re
import secrets
import subprocess
import time
import uuid
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from xml.sax.saxutils import escape

import boto3
import pytest
import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

ROOT = Path(__file__).resolve().parents[2]
EVENTS = ROOT / "events"
MESSAGES = EVENTS / "external-provisioning-changes" / "soap"
# The command line, from the same build as the functions.
PROGRAM = ROOT / "target/lambda/callbacks/bootstrap"

# The callback services, in the platform's usual spelling.
PROVISIONING = "ExternalProvisioningChanges"
SERVICES = [
    "AlertService",
    "CarrierService",
    "DevicePRLInformation",
    "DeviceProfileService",
    "DeviceService",
    "DeviceSuspensionStatus",
    "DeviceUsage",
    "EnhancedConnectivityService",
    PROVISIONING,
    "PromoChanges",
    "ResumeTrackingNotification",
    "SMSDeliveryConfirmation",
    "StateService",
]
# The platform's other spellings.
ALIASES = {"AlertsService": "AlertService", "PromoChange": "PromoChanges"}

# An address of the platform, and one reserved for documentation (RFC 5737).
PLATFORM_ADDRESS = "137.117.33.109"
OTHER_ADDRESS = "203.0.113.9"

# In seconds. Long enough for a cold start on a busy machine; most calls take a second or two.
TIMEOUT = 30
# Seconds without a message after which a queue is considered empty.
QUIET_PERIOD = 5


class Stack:
    """A deployed stack: outputs, resources, clients."""

    def __init__(self, name):
        self.name = name
        self.endpoint = os.environ["AWS_ENDPOINT_URL"]
        self.region = os.environ["AWS_DEFAULT_REGION"]
        self.session = boto3.Session(region_name=self.region)
        cloudformation = self.client("cloudformation")
        stack = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
        self.id = stack["StackId"]
        self.outputs = {o["OutputKey"]: o["OutputValue"] for o in stack["Outputs"]}
        pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=name)
        self.resources = {
            r["LogicalResourceId"]: r["PhysicalResourceId"] for page in pages for r in page["StackResourceSummaries"]
        }
        self.account = self.client("sts").get_caller_identity()["Account"]
        self.table = self.outputs["TableName"]
        # The real URL's host is AWS's; the emulator serves its path under this prefix.
        self.api = f"{self.endpoint}/_aws/execute-api/{self.outputs['ApiId']}/v1"

    def client(self, service):
        return self.session.client(service)

    def credentials(self):
        """The user name and password that the stack generated."""
        arn = self.outputs["CredentialsSecretArn"]
        secret = json.loads(self.client("secretsmanager").get_secret_value(SecretId=arn)["SecretString"])
        return secret["username"], secret["password"]

    def items(self):
        """All items of the table, sorted."""
        pages = self.client("dynamodb").get_paginator("scan").paginate(TableName=self.table, ConsistentRead=True)
        return sorted((json.dumps(item, sort_keys=True, default=str) for page in pages for item in page["Items"]))

    def send(self, body, *, address=PLATFORM_ADDRESS, method="POST", service="ExternalProvisioningChanges", **headers):
        """A callback as the platform sends it."""
        headers = {"content-type": "text/xml", "x-forwarded-for": address} | headers
        url = f"{self.api}/callbacks/{service}"
        return requests.request(method, url, data=body.encode(), headers=headers, timeout=TIMEOUT)

    def invoke(self, service, method):
        """The status and body with which the function of a service answers a method that the emulated API does not route,
        since it ignores the `any` of template.yaml."""
        event = {
            "httpMethod": method,
            "path": f"/callbacks/{service}",
            "pathParameters": {"service": service},
            "headers": {},
            "multiValueHeaders": {},
            "requestContext": {"httpMethod": method, "identity": {"sourceIp": PLATFORM_ADDRESS}},
            "body": "",
            "isBase64Encoded": False,
        }
        service = ALIASES.get(service, service)
        function = self.resources[f"{service if service in SERVICES else 'OtherServices'}Function"]
        answer = json.load(self.client("lambda").invoke(FunctionName=function, Payload=json.dumps(event))["Payload"])
        body = answer["body"]
        return answer["statusCode"], base64.b64decode(body).decode() if answer["isBase64Encoded"] else body

    def signed_get(self, path, credentials):
        """A GET with an AWS signature, as AWS SDKs send it."""
        request = AWSRequest("GET", f"{self.api}{path}")
        SigV4Auth(credentials, "execute-api", self.region).add_auth(request)
        return requests.get(request.url, headers=dict(request.headers), timeout=TIMEOUT)


class Queue:
    """An SQS queue subscribed to a topic, and all messages that have arrived in it."""

    def __init__(self, stack, topic, filter_policy=None, fifo=False):
        self.sqs, self.arrived = stack.client("sqs"), []
        name = f"subscriber-{uuid.uuid4()}"
        attributes = {"FifoQueue": "true"} if fifo else {}
        self.url = self.sqs.create_queue(QueueName=name + ".fifo" * fifo, Attributes=attributes)["QueueUrl"]
        arn = self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        policy = {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Service": "sns.amazonaws.com"},
                    "Action": "sqs:SendMessage",
                    "Resource": arn,
                    "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
                }
            ],
        }
        self.sqs.set_queue_attributes(QueueUrl=self.url, Attributes={"Policy": json.dumps(policy)})
        subscription = {"RawMessageDelivery": "true"}
        if filter_policy:
            subscription["FilterPolicy"] = json.dumps(filter_policy)
        stack.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes=subscription)

    def receive(self, seconds=1):
        answer = self.sqs.receive_message(
            QueueUrl=self.url, MaxNumberOfMessages=10, WaitTimeSeconds=seconds, MessageAttributeNames=["All"]
        )
        for message in answer.get("Messages", []):
            self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
            self.arrived.append(message)
        return self.arrived

    def wait_for(self, count):
        """All messages, after at least `count` have arrived and the queue stays empty for a while."""
        deadline = time.monotonic() + TIMEOUT
        while len(self.arrived) < count and time.monotonic() < deadline:
            self.receive()
        assert len(self.arrived) >= count, f"{len(self.arrived)} of {count} messages arrived within {TIMEOUT} s"
        quiet = time.monotonic() + QUIET_PERIOD
        while time.monotonic() < quiet:
            self.receive()
        return self.arrived

    def wait_until(self, matches):
        """All messages, after one has arrived for which `matches` is true."""
        deadline = time.monotonic() + TIMEOUT
        while not any(matches(message) for message in self.arrived):
            arrived = len(self.arrived)
            assert time.monotonic() < deadline, f"not among the {arrived} messages that arrived within {TIMEOUT} s"
            self.receive()
        return self.arrived


def with_credentials(text, username, password):
    """A sample message with credentials in its two empty elements."""
    text, users = re.subn(r"<Username\s*/>", lambda _: f"<Username>{escape(username)}</Username>", text)
    text, passwords = re.subn(r"<Password\s*/>", lambda _: f"<Password>{escape(password)}</Password>", text)
    assert (users, passwords) == (1, 1), "a sample message has one empty <Username/> and one empty <Password/>"
    return text


def folder(service):
    """The folder name of a service: words in lower case, separated by hyphens."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "-", service).lower()


def sample(name):
    return (MESSAGES / name).read_text(encoding="utf-8")


def suspension_of(meid, mdn, request_id=None):
    """The sample suspension, with a device that no other message contains."""
    text = sample("3-suspend.xml").replace("A2000009D6BFE1", meid).replace("3701882174", mdn)
    return re.sub(r"<RequestId>[^<]*</RequestId>", f"<RequestId>{request_id or uuid.uuid4()}</RequestId>", text)


def assert_clear_error(response, status):
    """An error in one of the platform's two formats: a SOAP 1.1 fault, or the JSON of its API."""
    assert response.status_code == status, response.text
    if "json" in response.headers.get("content-type", ""):
        error = response.json()
        assert error["errorCode"] and error["errorMessage"]
        return
    soap = "{http://schemas.xmlsoap.org/soap/envelope/}"
    envelope = ElementTree.fromstring(response.content)
    assert envelope.tag == f"{soap}Envelope"
    fault = envelope.find(f"{soap}Body/{soap}Fault")
    assert fault is not None, response.text
    # In SOAP 1.1, the members of a fault have no namespace.
    assert fault.findtext("faultcode") and fault.findtext("faultstring")


def assert_cloud_event(message):
    """Asserts that a message is a CloudEvent 1.0 in structured JSON, and returns the event."""
    event = json.loads(message["Body"])
    assert event["specversion"] == "1.0"
    assert re.fullmatch(r"com\.verizon\.thingspace\.[\w.-]+\.v1", event["type"]), event["type"]
    for name in ("source", "subject", "id"):
        assert isinstance(event[name], str) and event[name], name
    # RFC 3339, with an offset.
    assert datetime.datetime.fromisoformat(event["time"].replace("Z", "+00:00")).tzinfo is not None
    assert event["datacontenttype"] == "application/json"
    assert isinstance(event["data"], dict)
    # The specification allows only lower-case letters and digits in attribute names.
    assert all(re.fullmatch(r"[a-z0-9]+", name) for name in event), sorted(event)
    return event


def attributes(message):
    return {name: value["StringValue"] for name, value in message.get("MessageAttributes", {}).items()}


REFUSALS = {"AccessDenied", "AccessDeniedException", "AuthorizationError", "AuthorizationErrorException"}


def assert_refused(call, **arguments):
    """Asserts that IAM denies the call."""
    with pytest.raises(ClientError) as refusal:
        call(**arguments)
    assert refusal.value.response["Error"]["Code"] in REFUSALS, refusal.value


def digest(secret):
    """A digest to compare secrets by, so that a failing test does not print them."""
    return hashlib.sha256(secret.encode()).hexdigest()[:16]


class Simulator:
    """A running `callbacks platform`: both registration APIs, and the registrations."""

    account = "0000123456-00001"

    def __init__(self, data, *options):
        # Other than the defaults, so that tests can search logs for them.
        self.login = {name: f"{name}-{secrets.token_hex(8)}" for name in ("username", "password", "key", "secret")}
        # Quiet, because its output is not read and a full pipe would block it.
        options = ["--listen", "127.0.0.1:0", "--quiet", "--data", data, *options]
        for name, value in self.login.items():
            options += [f"--{name}", value]
        self.process = subprocess.Popen([PROGRAM, "platform", *options], stdout=subprocess.PIPE, text=True)
        # It prints its address as soon as it listens.
        first_line = self.process.stdout.readline()
        self.url = re.search(r"http://127\.0\.0\.1:\d+", first_line).group()
        self.api = f"{self.url}/api"

    def stop(self):
        self.process.kill()
        self.process.wait()

    def registrations(self):
        """The registrations by service: API, URL, user name and digest of the password. The real platform has no such
        endpoint."""
        return {
            service: (
                registration["api"],
                registration["url"],
                registration["credentials"]["username"],
                digest(registration["credentials"]["password"]),
            )
            for service, registration in self._registered().items()
        }

    def former_passwords(self):
        """The digests of the former passwords, by service."""
        return {
            service: digest(registration["former"]["credentials"]["password"])
            for service, registration in self._registered().items()
            if "former" in registration
        }

    def _registered(self):
        registered = requests.get(f"{self.url}/_platform/registrations", timeout=TIMEOUT).json()
        assert {registration["account"] for registration in registered} <= {self.account}
        return {registration["service"]: registration for registration in registered}

    def _call(self, method, path, **arguments):
        answer = requests.request(method, f"{self.api}/{path}", timeout=TIMEOUT, **arguments)
        # Without the text of the answer, which may contain a session token.
        assert answer.status_code == 200, f"{method} {path}: {answer.status_code}"
        return answer.json()

    def _call_with_login(self, method, path, **arguments):
        application = (self.login["key"], self.login["secret"])
        token = self._call("POST", "ts/v1/oauth2/token", auth=application, data={"grant_type": "client_credentials"})
        headers = {"authorization": f"Bearer {token['access_token']}", "content-type": "application/json"}
        login = {name: self.login[name] for name in ("username", "password")}
        session = self._call("POST", "m2m/v1/session/login", headers=headers, json=login)
        headers["vz-m2m-token"] = session["sessionToken"]
        return self._call(method, f"m2m/v1/callbacks/{self.account}{path}", headers=headers, **arguments)

    def deregister(self, service):
        """Deregisters a service, as another holder of the login could."""
        self._call_with_login("DELETE", f"/name/{service}")

    def register_elsewhere(self, service, url):
        """Registers another URL for a service, as another holder of the login could. The credentials stay the same: after a
        change, some messages carry the former ones for a while, and would be refused."""
        credentials = self._registered()[service]["credentials"]
        self._call_with_login("POST", "", json={"name": service, "url": url} | credentials)


def sam_deploy(name, **parameters):
    """Runs `sam deploy` with the unchanged template. Returns whether it succeeded, and its output. Parameters that are not
    given keep their values."""
    command = ["sam", "deploy", "--template-file", "template.yaml", "--stack-name", name]
    command += ["--no-confirm-changeset", "--no-progressbar"]
    if parameters:
        # Quoted, since a space would end the value.
        command += ["--parameter-overrides", *(f'{key}="{value}"' for key, value in parameters.items())]
    process = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return process.returncode == 0, process.stdout


@pytest.fixture(scope="session")
def stack():
    return Stack(os.environ["STACK_NAME"])


@pytest.fixture(scope="session")
def simulator(tmp_path_factory):
    simulator = Simulator(tmp_path_factory.mktemp("simulator"), "--any-port")
    yield simulator
    simulator.stop()


@pytest.fixture(scope="session")
def registrant_parameters(stack, simulator):
    """Parameters of a stack that registers itself. As the second stack of the account, it uses the existing role for logs."""
    described = stack.client("cloudformation").describe_stacks(StackName=stack.name)["Stacks"][0]
    [architecture] = [p["ParameterValue"] for p in described["Parameters"] if p["ParameterKey"] == "Architecture"]
    login = stack.client("secretsmanager").create_secret(Name="platform", SecretString=json.dumps(simulator.login))
    return {
        "Architecture": architecture,
        "ApiLogsRole": "existing",
        "PlatformCredentialsSecretArn": login["ARN"],
        "AccountNames": simulator.account,
        "PlatformUrl": simulator.api,
        "RegistrationOnDeploy": "required",
    }


@pytest.fixture(scope="session")
def registrant(registrant_parameters):
    """A second stack of the same template, which registers its endpoints at the simulator."""
    succeeded, output = sam_deploy("registrant", **registrant_parameters)
    assert succeeded, output
    return Stack("registrant")


class FiveMessages:
    """The platform's five documented messages, in the order of its documentation, with two subscribers."""

    names = ["1-activate.xml", "2-deactivate.xml", "3-suspend.xml", "4-restore.xml", "5-change-mdn.xml"]

    def __init__(self, stack):
        topic = stack.outputs["ProvisioningChangesTopicArn"]
        self.bodies = [with_credentials(sample(name), *stack.credentials()) for name in self.names]
        self.all = Queue(stack, topic)
        # The filter policy of the README.
        self.suspensions = Queue(stack, topic, filter_policy={"kind": ["suspend"]})
        self.answers = [stack.send(body) for body in self.bodies]


@pytest.fixture(scope="session")
def five_messages(stack):
    return FiveMessages(stack)


@pytest.fixture(scope="session")
def identity(stack):
    """Creates IAM users with or without a policy, and returns their credentials."""
    iam = stack.client("iam")

    def make(*statements):
        name = f"caller-{uuid.uuid4()}"
        iam.create_user(UserName=name)
        if statements:
            policy = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
            iam.put_user_policy(UserName=name, PolicyName="test", PolicyDocument=policy)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return Credentials(key["AccessKeyId"], key["SecretAccessKey"])

    return make


@pytest.fixture(scope="session")
def reader(stack, identity):
    """A caller that may read devices and requests, and nothing else."""
    api = f"arn:aws:execute-api:{stack.region}:{stack.account}:{stack.outputs['ApiId']}/v1/GET"
    paths = [f"{api}/devices/*", f"{api}/requests/*"]
    return identity({"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": paths})
