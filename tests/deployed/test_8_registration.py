"""The whole circle: a stack registers itself at the platform, the platform sends to where it was told, passwords change,
registrations drift and are repaired, and in the end nothing is left that points at the stack.

The platform is `callbacks platform`. These tests follow one stack from its deployment to its deletion, in their order.
"""

import contextlib
import json
import os
import socket
import subprocess
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
from botocore.config import Config
from conftest import (
    PATIENCE,
    PLATFORM,
    PROGRAM,
    PROVISIONING,
    SERVICES,
    Queue,
    Stack,
    assert_cloud_event,
    attributes,
    digest,
    sam_deploy,
)

TRANSPORTS = ["soap", "rest"]
# Those that the SOAP API is documented to register.
SOAP_SERVICES = [s for s in SERVICES if s not in ("AlertService", "DeviceProfileService", "StateService")]
TOPICS = {"provisioning": "ProvisioningChangesTopicArn", "others": "DeviceEventsTopicArn"}

# What somebody does behind our back: one registration ends, another one goes elsewhere.
GONE, ELSEWHERE = "DeviceUsage", "AlertService"
OTHER_URL = "https://elsewhere.example/callbacks/AlertService"
CHANGE = "RegistrationRepaired"
CHECK = {"check": "registrations"}

# The schedule of the check, and how long it may take until what it finds has arrived.
EVERY_MINUTE, WITHIN = "rate(1 minute)", 60 + PATIENCE
# A function may take so long for one step of a rotation: it waits for a minute until all listeners know the password.
ROTATION_TIMEOUT = 300
# Sending starts with the rotation and goes on beyond its end; then there is more of it, with either password.
SENDING, SENDING_AFTER, PASSWORD_LAG = 85, 15, 12
# Messages a second.
RATE = 5
# To delete a stack takes some seconds; to wait for a platform that is not there must not take more.
PROMPTLY = 30


def base_url(stack):
    return f"https://{stack.outputs['ApiId']}.execute-api.{stack.region}.amazonaws.com/v1/callbacks"


def wanted(stack, services=SERVICES, api="rest", stage="AWSCURRENT"):
    """What should be registered: API, URL, user name and digest of the password of each service."""
    secret = credentials(stack, stage)
    carried = (secret["username"], digest(secret["password"]))
    return {service: (api, f"{base_url(stack)}/{service}", *carried) for service in services}


def credentials(stack, stage):
    found = stack.client("secretsmanager").get_secret_value(
        SecretId=stack.outputs["CredentialsSecretArn"], VersionStage=stage
    )
    return json.loads(found["SecretString"])


def callbacks(carrier, *words, **login):
    """The command line, with the platform's login: exit code, and what it printed."""
    given = {f"THINGSPACE_{name.upper()}": value for name, value in (carrier.login | login).items()}
    common = ["--account", carrier.account, "--stack", "circle", "--platform", carrier.api]
    done = subprocess.run(
        [PROGRAM, *words, *common], env=os.environ | given, capture_output=True, text=True, timeout=PATIENCE
    )
    return done.returncode, done.stdout + done.stderr


def sending(circle, carrier, *options):
    """A running `platform send`. The URLs that are registered are served under the emulated API's own."""
    origin = f"{circle.endpoint}/_aws/execute-api/{circle.outputs['ApiId']}"
    command = [PROGRAM, "platform", "send", "--to", carrier.url, "--account", carrier.account, "--origin", origin]
    command += ["--from", PLATFORM, "--json", "--quiet", *map(str, options)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def report(process, patience=PATIENCE):
    """What came of it, if all that was sent was taken at once."""
    printed, trouble = process.communicate(timeout=patience)
    assert process.returncode in (0, 1), trouble
    found = json.loads(printed)
    assert found["unacknowledged"] == [] and found["statuses"].keys() == {"200"}, found
    assert (found["unanswered"], found["notRegistered"]) == (0, 0), found
    assert found["acknowledged"] == found["messages"] > 0
    return found


def invoke(stack, event):
    """Has the registrar do something, waits for it, and gives the reason if it was not done."""
    # Without a second try: it would start the step once more while the first one waits.
    patient = Config(read_timeout=ROTATION_TIMEOUT, retries={"total_max_attempts": 1})
    functions = stack.session.client("lambda", config=patient)
    answer = functions.invoke(FunctionName=stack.outputs["RegistrarFunctionName"], Payload=json.dumps(event))
    result = json.load(answer["Payload"])
    return result["errorMessage"] if "FunctionError" in answer else None


def log(stack):
    """What the registrar has logged: the lines that it wrote itself."""
    pages = stack.client("logs").get_paginator("filter_log_events")
    found = pages.paginate(logGroupName=stack.resources["ListenerRegistrarLogGroup"])
    return [event["message"] for page in found for event in page["events"]]


def counted(stack, metric):
    """How often a metric was counted, by service."""
    counts = {}
    for line in log(stack):
        with contextlib.suppress(ValueError):
            read = json.loads(line)
            if "_aws" in read and metric in read:
                assert read["stack"] == stack.name
                counts[read["service"]] = counts.get(read["service"], 0) + read[metric]
    return counts


def once_more(counts, services):
    return counts | {service: counts.get(service, 0) + 1 for service in services}


def quarantined(stack):
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = stack.client("sqs").get_queue_attributes(
        QueueUrl=stack.outputs["QuarantineQueueUrl"], AttributeNames=names
    )["Attributes"]
    return sum(int(found[name]) for name in names)


def parameters(stack):
    described = stack.client("cloudformation").describe_stacks(StackName=stack.name)["Stacks"][0]
    return {one["ParameterKey"]: one["ParameterValue"] for one in described["Parameters"]}


def update(stack, **changes):
    """Updates parameters of a stack, and says how that ended, and why if it failed. It is what `sam deploy` asks
    CloudFormation for, less what SAM itself does in a quarter of a minute."""
    cloudformation = stack.client("cloudformation")
    given = [
        {"ParameterKey": key} | ({"ParameterValue": changes[key]} if key in changes else {"UsePreviousValue": True})
        for key in parameters(stack)
    ]
    token = f"update-{uuid.uuid4()}"
    cloudformation.update_stack(
        StackName=stack.name,
        UsePreviousTemplate=True,
        Parameters=given,
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        ClientRequestToken=token,
    )
    deadline, status = time.monotonic() + PATIENCE, "IN_PROGRESS"
    while status.endswith("IN_PROGRESS"):
        assert time.monotonic() < deadline, f"not updated within {PATIENCE} s"
        time.sleep(0.2)
        status = cloudformation.describe_stacks(StackName=stack.name)["Stacks"][0]["StackStatus"]
    pages = cloudformation.get_paginator("describe_stack_events").paginate(StackName=stack.name)
    failures = [
        event["ResourceStatusReason"]
        for page in pages
        for event in page["StackEvents"]
        if (event["LogicalResourceId"], event["ResourceStatus"]) == ("PlatformRegistrations", "UPDATE_FAILED")
        and event.get("ClientRequestToken") == token
    ]
    return status, failures


def delete(stack):
    """Deletes a stack, and says how long that took."""
    cloudformation, started = stack.client("cloudformation"), time.monotonic()
    cloudformation.delete_stack(StackName=stack.name)
    # Raises if the deletion fails.
    waiter = cloudformation.get_waiter("stack_delete_complete")
    waiter.wait(StackName=stack.name, WaiterConfig={"Delay": 1, "MaxAttempts": 120})
    return time.monotonic() - started


def drift(carrier):
    """Two registrations drift. By service: how it is found, and where it goes."""
    carrier.deregister(GONE)
    carrier.register_elsewhere(ELSEWHERE, OTHER_URL)
    return {GONE: ("missing", None), ELSEWHERE: ("elsewhere", OTHER_URL)}


def wait_for_repairs(queue, carrier, drifted, patience=PATIENCE):
    """Of each drift one event arrives, which says what was found. Gives these events."""
    already, deadline = len(queue.arrived), time.monotonic() + patience
    while len(queue.arrived) < already + len(drifted) and time.monotonic() < deadline:
        queue.receive()
    messages = queue.arrived[already:]
    events = [assert_cloud_event(message) for message in messages]
    told = {event["data"]["service"]: (event["data"]["found"], event["data"]["foundUrl"]) for event in events}
    assert told == drifted
    assert len(events) == len(drifted) == len({event["id"] for event in events})
    for event, message in zip(events, messages):
        data = event["data"]
        assert event["type"] == "com.verizon.thingspace.registration.repaired.v1"
        assert (event["subject"], event["source"]) == (carrier.account, f"/accounts/{carrier.account}")
        assert (data["account"], data["change"], data["device"]) == (carrier.account, CHANGE, None)
        assert attributes(message) == {name: data[name] for name in ("service", "change", "kind", "account")}
    return events


@pytest.fixture(scope="module")
def queues(circle):
    """A subscriber of each topic."""
    return {name: Queue(circle, circle.outputs[topic]) for name, topic in TOPICS.items()}


@pytest.fixture(scope="module")
def repairs(circle):
    """A subscriber that wants to be told of repairs alone."""
    return Queue(circle, circle.outputs["DeviceEventsTopicArn"], filter_policy={"change": [CHANGE]})


@pytest.fixture(scope="module")
def reader(circle, identity):
    """A caller that may read this stack's devices."""
    api = f"arn:aws:execute-api:{circle.region}:{circle.account}:{circle.outputs['ApiId']}/v1/GET"
    return identity({"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": f"{api}/devices/*"})


# ---------------------------------------------------------------------------------------------------------------------
# Deployed: registered, and sent to
# ---------------------------------------------------------------------------------------------------------------------


def test_a_deployment_registers_all_thirteen_services_with_the_stack_s_urls_and_credentials(circle, carrier):
    assert carrier.registrations() == wanted(circle)
    assert len(carrier.registrations()) == 13


class Sent:
    """One message of each service and transport from the platform to the stack, and what arrived at the subscribers."""

    def __init__(self, circle, carrier, queues):
        def send(service, transport):
            options = ["--service", service, "--transport", transport, "--count", 1]
            return report(sending(circle, carrier, *options))

        with ThreadPoolExecutor(4) as pool:
            sent = {(s, t): pool.submit(send, s, t) for s in SERVICES for t in TRANSPORTS}
        self.reports = {key: one.exception() or one.result() for key, one in sent.items()}
        # One wait for all: an event that does not come costs its test alone.
        deadline = time.monotonic() + PATIENCE
        self.queues = queues
        while any(len(self.messages(s)) < len(TRANSPORTS) for s in SERVICES) and time.monotonic() < deadline:
            for queue in queues.values():
                queue.receive()

    def of(self, service):
        """The events of a service's messages, each with the name of the queue that it arrived in."""
        return [
            (name, json.loads(message["Body"]))
            for name, queue in self.queues.items()
            for message in queue.arrived
            if attributes(message).get("service") == service
        ]

    def messages(self, service):
        """The messages that these events are of: a message may tell of several devices, and a few have no request id."""
        return {event["data"]["requestId"] or event["id"] for _, event in self.of(service)}


@pytest.fixture(scope="module")
def sent(circle, carrier, queues):
    return Sent(circle, carrier, queues)


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("service", SERVICES)
def test_what_the_platform_sends_is_acknowledged(sent, service, transport):
    found = sent.reports[service, transport]
    assert not isinstance(found, BaseException), found
    assert found["messages"] == 1


@pytest.mark.parametrize("service", SERVICES)
def test_what_the_platform_sends_reaches_the_subscribers_of_its_topic(sent, service):
    assert len(sent.messages(service)) == len(TRANSPORTS)
    assert {name for name, _ in sent.of(service)} == {"provisioning" if service == PROVISIONING else "others"}
    assert {event["data"]["service"] for _, event in sent.of(service)} == {service}


def test_what_the_platform_sends_is_what_the_devices_become(circle, sent, reader):
    activated = circle.signed_get("/devices/mdn/2300329133", reader).json()
    assert (activated["state"], activated["account"]) == ("active", "Verizon Test 1")
    last = {}
    for event in (event for service in SERVICES for _, event in sent.of(service)):
        if event["data"]["device"] and event["data"]["sequence"] > last.get(event["subject"], (0, None))[0]:
            last[event["subject"]] = (event["data"]["sequence"], event["data"]["device"])
    assert last
    for device, (_, published) in last.items():
        assert circle.signed_get(f"/devices/id/{device}", reader).json() == published


# ---------------------------------------------------------------------------------------------------------------------
# Looked at and repaired: by hand, and by the registrar
# ---------------------------------------------------------------------------------------------------------------------


def rows(printed):
    """The table that the command line prints: by service, what stands beside it."""
    return {line.split()[0]: line for line in printed.splitlines() if line}


def test_the_command_line_shows_that_all_is_as_expected(circle, carrier):
    code, printed = callbacks(carrier, "registrations")
    assert code == 0, printed
    assert rows(printed).keys() == set(SERVICES)
    for service, row in rows(printed).items():
        assert "as expected" in row and row.endswith(f"{base_url(circle)}/{service}")


def test_the_command_line_finds_drift_and_registers_only_on_request(circle, carrier):
    code, printed = callbacks(carrier, "deregister", "--service", GONE)
    assert code == 0 and "deregistered" in rows(printed)[GONE], printed
    without = wanted(circle, [service for service in SERVICES if service != GONE])
    assert carrier.registrations() == without

    code, printed = callbacks(carrier, "registrations")
    assert code == 1 and "missing" in rows(printed)[GONE], printed
    assert sum("as expected" in row for row in rows(printed).values()) == 12

    code, printed = callbacks(carrier, "register", "--all", "--dry-run")
    assert code == 1 and "would be registered (is missing)" in rows(printed)[GONE], printed
    assert carrier.registrations() == without

    code, printed = callbacks(carrier, "register", "--all")
    assert code == 0 and "registered (was missing)" in rows(printed)[GONE], printed
    assert sum("stays as it is" in row for row in rows(printed).values()) == 12
    assert carrier.registrations() == wanted(circle)
    assert callbacks(carrier, "registrations")[0] == 0


def test_the_command_line_tells_a_wrong_command_from_a_platform_that_refuses(circle, carrier):
    code, printed = callbacks(carrier, "registrations", "--service", "NoSuchService")
    assert code == 2 and "NoSuchService" in printed, printed
    code, printed = callbacks(carrier, "registrations", password="not-the-password")
    assert code == 3 and "not-the-password" not in printed, printed


def test_a_check_repairs_drift_and_publishes_each_repair_once(circle, carrier, repairs):
    before, drifted = counted(circle, "RegistrationsRepaired"), drift(carrier)
    assert carrier.registrations() != wanted(circle)
    assert invoke(circle, CHECK) is None
    assert carrier.registrations() == wanted(circle)
    for event in wait_for_repairs(repairs, carrier, drifted):
        assert event["data"]["url"] == f"{base_url(circle)}/{event['data']['service']}"
    assert counted(circle, "RegistrationsRepaired") == once_more(before, drifted)

    # Where all is as it should be, there is nothing to do and nothing to tell.
    assert invoke(circle, CHECK) is None
    assert len(repairs.wait_for(len(drifted))) == len(drifted)
    assert carrier.registrations() == wanted(circle)


# ---------------------------------------------------------------------------------------------------------------------
# A new password
# ---------------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def rotation(circle, carrier):
    """A rotation as Secrets Manager drives it, while the platform sends: at first with the old password, after the
    registration with either, as the real platform was seen to do, and then with the new one."""
    listener, token = circle.outputs["CredentialsSecretArn"], str(uuid.uuid4())
    in_quarantine, before, repaired = quarantined(circle), wanted(circle), counted(circle, "RegistrationsRepaired")
    options = ["--all", "--devices", 50, "--rate", RATE, "--password-lag", PASSWORD_LAG]
    during = sending(circle, carrier, *options, "--for", SENDING)
    try:
        for step in ("createSecret", "setSecret", "testSecret", "finishSecret"):
            failed = invoke(circle, {"Step": step, "SecretId": listener, "ClientRequestToken": token})
            assert failed is None, f"{step}: {failed}"
            if step == "setSecret":
                # As the schedule may: to a check, what a rotation has brought about is no drift.
                assert invoke(circle, CHECK) is None
                assert carrier.registrations() == wanted(circle, stage="AWSPENDING")
        assert counted(circle, "RegistrationsRepaired") == repaired
        assert during.poll() is None, "the sending ended before the rotation did"
        after = sending(circle, carrier, *options, "--for", SENDING_AFTER)
        reports = [report(process, SENDING + PATIENCE) for process in (during, after)]
    finally:
        during.kill()
    return SimpleNamespace(token=token, before=before, reports=reports, quarantined=quarantined(circle) - in_quarantine)


def test_no_message_is_refused_while_the_password_changes(rotation):
    # That each was answered 200 is looked at where the reports are read. Here, that there were some: as many as were to be
    # sent, but for what a busy machine leaves out.
    during, after = rotation.reports
    assert during["messages"] > SENDING * RATE / 2 and after["messages"] > SENDING_AFTER * RATE / 2
    assert rotation.quarantined == 0


def test_the_platform_and_the_secret_have_the_new_password_then(circle, carrier, rotation):
    current = circle.client("secretsmanager").get_secret_value(SecretId=circle.outputs["CredentialsSecretArn"])
    assert current["VersionId"] == rotation.token
    assert carrier.registrations() == wanted(circle)
    passwords = {password for *_, password in wanted(circle).values()}
    former = {service: password for service, (*_, password) in rotation.before.items()}
    assert passwords.isdisjoint(former.values())
    # Which was in use, too, when the platform had the new one.
    assert carrier.former_passwords() == former


def test_a_second_rotation_waits_until_the_platform_has_given_up_the_password_before(circle, carrier, rotation):
    secret, token = circle.outputs["CredentialsSecretArn"], str(uuid.uuid4())
    # A reason, so it was not done.
    assert invoke(circle, {"Step": "createSecret", "SecretId": secret, "ClientRequestToken": token})
    assert token not in circle.client("secretsmanager").describe_secret(SecretId=secret)["VersionIdsToStages"]
    assert carrier.registrations() == wanted(circle)


def test_nothing_secret_is_in_the_registrar_s_log(circle, carrier, rotation):
    written = "\n".join(log(circle))
    assert "RegistrationsRepaired" in written
    secrets = {name: carrier.login[name] for name in ("password", "key", "secret")}
    for stage in ("AWSCURRENT", "AWSPREVIOUS"):
        secrets[stage] = credentials(circle, stage)["password"]
    assert [name for name, secret in secrets.items() if secret in written] == []


# ---------------------------------------------------------------------------------------------------------------------
# Updated, repaired on schedule, deleted
# ---------------------------------------------------------------------------------------------------------------------


def test_an_update_to_the_other_api_registers_through_it_what_the_first_one_had(circle, carrier, repairs):
    # What one API has registered the other is refused, so it is taken back first. That is no drift, and nobody is told.
    told, repaired = len(repairs.arrived), counted(circle, "RegistrationsRepaired")
    soap = {"PlatformApi": "soap", "PlatformUrl": f"{carrier.api}/v2"}
    assert update(circle, **soap) == ("UPDATE_COMPLETE", [])
    assert carrier.registrations() == wanted(circle, SOAP_SERVICES, "soap")
    rest = {"PlatformApi": "rest", "PlatformUrl": carrier.api}
    assert update(circle, **rest) == ("UPDATE_COMPLETE", [])
    assert carrier.registrations() == wanted(circle)
    assert len(repairs.wait_for(told)) == told
    assert counted(circle, "RegistrationsRepaired") == repaired


@pytest.fixture(scope="module")
def narrowed(circle, carrier):
    """The stack, updated: it registers two services alone, and looks after them every minute."""
    before = SimpleNamespace(parameters=parameters(circle), registrations=carrier.registrations())
    changes = {"CallbackServices": f"{GONE},{ELSEWHERE}", "RegistrationSchedule": EVERY_MINUTE}
    succeeded, output = sam_deploy(circle.name, **changes)
    assert succeeded, output
    return SimpleNamespace(before=before, changes=changes, registrations=carrier.registrations())


def test_an_update_takes_back_what_it_gives_up_and_leaves_the_rest_alone(circle, narrowed):
    assert len(narrowed.before.registrations) == 13
    assert narrowed.registrations == {s: narrowed.before.registrations[s] for s in (GONE, ELSEWHERE)}
    assert parameters(circle) == narrowed.before.parameters | narrowed.changes


def test_what_drifts_is_repaired_on_schedule(circle, carrier, repairs, narrowed):
    before, drifted = counted(circle, "RegistrationsRepaired"), drift(carrier)
    wait_for_repairs(repairs, carrier, drifted, WITHIN)
    assert carrier.registrations() == wanted(circle, drifted)
    # The log is there when the function has ended, which is after it has told.
    expected, deadline = once_more(before, drifted), time.monotonic() + PATIENCE
    while counted(circle, "RegistrationsRepaired") != expected and time.monotonic() < deadline:
        time.sleep(0.5)
    assert counted(circle, "RegistrationsRepaired") == expected


def test_a_deletion_takes_back_what_points_at_the_stack_and_nothing_else(circle, carrier, narrowed):
    # Or it would be repaired, if the minute ends now.
    circle.client("events").disable_rule(Name=circle.resources["RegistrationCheck"])
    carrier.register_elsewhere(ELSEWHERE, OTHER_URL)
    before = carrier.registrations()
    assert {service: url for service, (_, url, *_) in before.items()} == {
        GONE: f"{base_url(circle)}/{GONE}",
        ELSEWHERE: OTHER_URL,
    }
    assert delete(circle) < PROMPTLY
    assert carrier.registrations() == {ELSEWHERE: before[ELSEWHERE]}


# ---------------------------------------------------------------------------------------------------------------------
# While the platform is down
# ---------------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def nowhere():
    """An address that refuses connections, and stays nobody's."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}/api"


@pytest.fixture(scope="module")
def unreached(circle_parameters, nowhere):
    """A stack that was deployed while the platform was down."""
    changes = {"PlatformUrl": nowhere, "RegistrationOnDeploy": "attempted"}
    succeeded, output = sam_deploy("unreached", **circle_parameters | changes)
    assert succeeded, output
    return Stack("unreached")


def test_a_platform_that_is_down_does_not_fail_a_deployment_unless_it_should(unreached):
    assert sum(counted(unreached, "RegistrationsFailed").values()) == 1
    told = [line for line in log(unreached) if "Not all registrations are as they should be." in line]
    assert len(told) == 1 and "the platform cannot be reached: " in told[0]

    status, [reason] = update(unreached, RegistrationOnDeploy="required")
    assert status == "UPDATE_ROLLBACK_COMPLETE"
    assert "the platform cannot be reached: " in reason and reason.endswith(".")


@pytest.mark.parametrize(
    "parameter, value, expected_error",
    [("AccountNames", "", "no account is given"), ("CallbackServices", "NoSuchService", '"NoSuchService" is no')],
)
def test_an_invalid_parameter_fails_a_deployment_at_once(unreached, parameter, value, expected_error):
    status, [reason] = update(unreached, **{parameter: value})
    assert status == "UPDATE_ROLLBACK_COMPLETE"
    assert expected_error in reason and reason.endswith(".")


def test_a_platform_that_is_down_does_not_hold_up_a_deletion(unreached):
    assert delete(unreached) < PROMPTLY
