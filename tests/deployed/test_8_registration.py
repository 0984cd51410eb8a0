"""Registration end to end: a stack registers itself at the platform and receives callbacks, the password is rotated, drift is
repaired, and the deletion of the stack removes its registrations.

The platform is `callbacks platform`. The tests follow one stack from its deployment to its deletion, so their order matters.
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
    PLATFORM_ADDRESS,
    PROGRAM,
    PROVISIONING,
    SERVICES,
    TIMEOUT,
    Queue,
    Simulator,
    Stack,
    assert_cloud_event,
    attributes,
    digest,
    sam_deploy,
)

TRANSPORTS = ["soap", "rest"]
# The services that the SOAP API registers, as documented.
SOAP_SERVICES = [s for s in SERVICES if s not in ("AlertService", "DeviceProfileService", "StateService")]
TOPICS = {"provisioning": "ProvisioningChangesTopicArn", "others": "DeviceEventsTopicArn"}

# The services that drift: one registration is removed, another one gets another URL.
MISSING, ELSEWHERE = "DeviceUsage", "AlertService"
OTHER_URL = "https://elsewhere.example/callbacks/AlertService"
CHANGE = "RegistrationRepaired"
CHECK = {"check": "registrations"}

# The schedule of the check, and the timeout in seconds until its events arrive.
EVERY_MINUTE, CHECK_TIMEOUT = "rate(1 minute)", 60 + TIMEOUT
# Seconds for one step of a rotation: the function waits for a minute until all listeners know the password.
ROTATION_TIMEOUT = 300
# In seconds. Sending starts with the rotation and ends after it; then a second run starts. Both passwords are used.
SENDING, SENDING_AFTER, PASSWORD_LAG = 85, 15, 12
# Messages per second.
RATE = 5
# In seconds. An unreachable platform must not delay the deletion of a stack.
DELETE_TIMEOUT = 30


def base_url(stack):
    return f"https://{stack.outputs['ApiId']}.execute-api.{stack.region}.amazonaws.com/v1/callbacks"


def expected_registrations(stack, services=SERVICES, api="rest", stage="AWSCURRENT"):
    """The expected registrations: API, URL, user name and digest of the password of each service. The user name contains the
    account."""
    secret = credentials(stack, stage)
    carried = (f"{secret['username']}-{Simulator.account}", digest(secret["password"]))
    return {service: (api, f"{base_url(stack)}/{service}", *carried) for service in services}


def credentials(stack, stage):
    secret = stack.client("secretsmanager").get_secret_value(
        SecretId=stack.outputs["CredentialsSecretArn"], VersionStage=stage
    )
    return json.loads(secret["SecretString"])


def callbacks(simulator, *arguments, **login):
    """Runs the command line with the platform's login. Returns the exit code and the output."""
    environment = {f"THINGSPACE_{name.upper()}": value for name, value in (simulator.login | login).items()}
    common = ["--account", simulator.account, "--stack", "registrant", "--platform", simulator.api]
    process = subprocess.run(
        [PROGRAM, *arguments, *common], env=os.environ | environment, capture_output=True, text=True, timeout=TIMEOUT
    )
    return process.returncode, process.stdout + process.stderr


def start_sending(registrant, simulator, *options):
    """A running `platform send`. The emulator serves the registered URLs under its own URL."""
    origin = f"{registrant.endpoint}/_aws/execute-api/{registrant.outputs['ApiId']}"
    command = [PROGRAM, "platform", "send", "--to", simulator.url, "--account", simulator.account, "--origin", origin]
    command += ["--from", PLATFORM_ADDRESS, "--json", "--quiet", *map(str, options)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def report(process, timeout=TIMEOUT):
    """The report of a run, in which every message must be accepted at the first attempt."""
    printed, errors = process.communicate(timeout=timeout)
    assert process.returncode in (0, 1), errors
    result = json.loads(printed)
    assert result["unacknowledged"] == [] and result["statuses"].keys() == {"200"}, result
    assert (result["unanswered"], result["notRegistered"]) == (0, 0), result
    assert result["acknowledged"] == result["messages"] > 0
    return result


def invoke(stack, event):
    """Invokes the registrar and waits for it. Returns the error, if it failed."""
    # Without retries, which would start the step a second time while the first one waits.
    patient = Config(read_timeout=ROTATION_TIMEOUT, retries={"total_max_attempts": 1})
    functions = stack.session.client("lambda", config=patient)
    answer = functions.invoke(FunctionName=stack.outputs["RegistrarFunctionName"], Payload=json.dumps(event))
    result = json.load(answer["Payload"])
    return result["errorMessage"] if "FunctionError" in answer else None


def log(stack):
    """The lines of the registrar's log."""
    pages = stack.client("logs").get_paginator("filter_log_events")
    log_pages = pages.paginate(logGroupName=stack.resources["ListenerRegistrarLogGroup"])
    return [event["message"] for page in log_pages for event in page["events"]]


def counted(stack, metric):
    """The value of a counter, by service."""
    counts = {}
    for line in log(stack):
        with contextlib.suppress(ValueError):
            record = json.loads(line)
            if "_aws" in record and metric in record:
                assert record["stack"] == stack.name
                counts[record["service"]] = counts.get(record["service"], 0) + record[metric]
    return counts


def incremented(counts, services):
    return counts | {service: counts.get(service, 0) + 1 for service in services}


def quarantined(stack):
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    counts = stack.client("sqs").get_queue_attributes(
        QueueUrl=stack.outputs["QuarantineQueueUrl"], AttributeNames=names
    )["Attributes"]
    return sum(int(counts[name]) for name in names)


def parameters(stack):
    described = stack.client("cloudformation").describe_stacks(StackName=stack.name)["Stacks"][0]
    return {parameter["ParameterKey"]: parameter["ParameterValue"] for parameter in described["Parameters"]}


def update(stack, **changes):
    """Updates parameters of a stack. Returns its status, and the reasons of failed registrations. Equivalent to `sam deploy`,
    but faster: SAM itself takes 15 seconds."""
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
    deadline, status = time.monotonic() + TIMEOUT, "IN_PROGRESS"
    while status.endswith("IN_PROGRESS"):
        assert time.monotonic() < deadline, f"not updated within {TIMEOUT} s"
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
    """Deletes a stack. Returns the seconds that it took."""
    cloudformation, started = stack.client("cloudformation"), time.monotonic()
    cloudformation.delete_stack(StackName=stack.name)
    # Raises if the deletion fails.
    waiter = cloudformation.get_waiter("stack_delete_complete")
    waiter.wait(StackName=stack.name, WaiterConfig={"Delay": 1, "MaxAttempts": 120})
    return time.monotonic() - started


def drift(simulator):
    """Makes two registrations drift. Returns, by service, the status that a check finds and the URL."""
    simulator.deregister(MISSING)
    simulator.register_elsewhere(ELSEWHERE, OTHER_URL)
    return {MISSING: ("missing", None), ELSEWHERE: ("elsewhere", OTHER_URL)}


def wait_for_repairs(queue, simulator, drifted, timeout=TIMEOUT):
    """Asserts that one event per drifted registration arrives, with the status that was found. Returns them."""
    before, deadline = len(queue.arrived), time.monotonic() + timeout
    while len(queue.arrived) < before + len(drifted) and time.monotonic() < deadline:
        queue.receive()
    messages = queue.arrived[before:]
    events = [assert_cloud_event(message) for message in messages]
    found = {event["data"]["service"]: (event["data"]["found"], event["data"]["foundUrl"]) for event in events}
    assert found == drifted
    assert len(events) == len(drifted) == len({event["id"] for event in events})
    for event, message in zip(events, messages):
        data = event["data"]
        assert event["type"] == "com.verizon.thingspace.registration.repaired.v1"
        assert (event["subject"], event["source"]) == (simulator.account, f"/accounts/{simulator.account}")
        assert (data["account"], data["change"], data["device"]) == (simulator.account, CHANGE, None)
        assert attributes(message) == {name: data[name] for name in ("service", "change", "kind", "account")}
    return events


@pytest.fixture(scope="module")
def queues(registrant):
    """A subscriber of each topic."""
    return {name: Queue(registrant, registrant.outputs[topic]) for name, topic in TOPICS.items()}


@pytest.fixture(scope="module")
def repairs(registrant):
    """A subscriber with a filter policy for repaired registrations."""
    return Queue(registrant, registrant.outputs["DeviceEventsTopicArn"], filter_policy={"change": [CHANGE]})


@pytest.fixture(scope="module")
def reader(registrant, identity):
    """A caller that may read the devices of this stack."""
    api = f"arn:aws:execute-api:{registrant.region}:{registrant.account}:{registrant.outputs['ApiId']}/v1/GET"
    return identity({"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": f"{api}/devices/*"})


# ---------------------------------------------------------------------------------------------------------------------
# Deployment: registered endpoints receive callbacks
# ---------------------------------------------------------------------------------------------------------------------


def test_a_deployment_registers_all_thirteen_services_with_its_urls_and_credentials(registrant, simulator):
    assert simulator.registrations() == expected_registrations(registrant)
    assert len(simulator.registrations()) == 13


class Sent:
    """One message of each service and transport, and their events at the subscribers."""

    def __init__(self, registrant, simulator, queues):
        def send(service, transport):
            options = ["--service", service, "--transport", transport, "--count", 1]
            return report(start_sending(registrant, simulator, *options))

        with ThreadPoolExecutor(4) as pool:
            sent = {(s, t): pool.submit(send, s, t) for s in SERVICES for t in TRANSPORTS}
        self.reports = {key: future.exception() or future.result() for key, future in sent.items()}
        # One wait for all events, so that a missing event does not delay every test.
        deadline = time.monotonic() + TIMEOUT
        self.queues = queues
        while any(len(self.messages(s)) < len(TRANSPORTS) for s in SERVICES) and time.monotonic() < deadline:
            for queue in queues.values():
                queue.receive()

    def of(self, service):
        """The events of a service, each with the name of the queue in which it arrived."""
        return [
            (name, json.loads(message["Body"]))
            for name, queue in self.queues.items()
            for message in queue.arrived
            if attributes(message).get("service") == service
        ]

    def messages(self, service):
        """The messages of these events. A message can concern several devices, and some messages have no request id."""
        return {event["data"]["requestId"] or event["id"] for _, event in self.of(service)}


@pytest.fixture(scope="module")
def sent(registrant, simulator, queues):
    return Sent(registrant, simulator, queues)


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("service", SERVICES)
def test_a_message_of_the_platform_is_acknowledged(sent, service, transport):
    result = sent.reports[service, transport]
    assert not isinstance(result, BaseException), result
    assert result["messages"] == 1


@pytest.mark.parametrize("service", SERVICES)
def test_a_message_of_the_platform_reaches_the_subscribers_of_its_topic(sent, service):
    assert len(sent.messages(service)) == len(TRANSPORTS)
    assert {name for name, _ in sent.of(service)} == {"provisioning" if service == PROVISIONING else "others"}
    assert {event["data"]["service"] for _, event in sent.of(service)} == {service}


def test_every_message_is_of_the_account_whose_credentials_it_carries(simulator, sent):
    # Most of them state no account.
    events = [event for service in SERVICES for _, event in sent.of(service)]
    assert {event["data"]["account"] for event in events} == {simulator.account}
    assert {event["source"] for event in events} == {f"/accounts/{simulator.account}"}


def test_devices_have_the_state_of_their_last_published_event(registrant, simulator, sent, reader):
    activated = registrant.signed_get("/devices/mdn/2300329133", reader).json()
    assert (activated["state"], activated["account"]) == ("active", simulator.account)
    last = {}
    for event in (event for service in SERVICES for _, event in sent.of(service)):
        if event["data"]["device"] and event["data"]["sequence"] > last.get(event["subject"], (0, None))[0]:
            last[event["subject"]] = (event["data"]["sequence"], event["data"]["device"])
    assert last
    for device, (_, published) in last.items():
        assert registrant.signed_get(f"/devices/id/{device}", reader).json() == published


# ---------------------------------------------------------------------------------------------------------------------
# Drift: found and repaired by the command line and by the registrar
# ---------------------------------------------------------------------------------------------------------------------


def rows(printed):
    """The rows of the table that the command line prints, by service."""
    return {line.split()[0]: line for line in printed.splitlines() if line}


def test_the_command_line_shows_that_all_is_as_expected(registrant, simulator):
    code, printed = callbacks(simulator, "registrations")
    assert code == 0, printed
    assert rows(printed).keys() == set(SERVICES)
    for service, row in rows(printed).items():
        assert "as expected" in row and row.endswith(f"{base_url(registrant)}/{service}")


def test_the_command_line_finds_drift_and_registers_only_on_request(registrant, simulator):
    code, printed = callbacks(simulator, "deregister", "--service", MISSING)
    assert code == 0 and "deregistered" in rows(printed)[MISSING], printed
    without = expected_registrations(registrant, [service for service in SERVICES if service != MISSING])
    assert simulator.registrations() == without

    code, printed = callbacks(simulator, "registrations")
    assert code == 1 and "missing" in rows(printed)[MISSING], printed
    assert sum("as expected" in row for row in rows(printed).values()) == 12

    code, printed = callbacks(simulator, "register", "--all", "--dry-run")
    assert code == 1 and "would be registered (is missing)" in rows(printed)[MISSING], printed
    assert simulator.registrations() == without

    code, printed = callbacks(simulator, "register", "--all")
    assert code == 0 and "registered (was missing)" in rows(printed)[MISSING], printed
    assert sum("stays as it is" in row for row in rows(printed).values()) == 12
    assert simulator.registrations() == expected_registrations(registrant)
    assert callbacks(simulator, "registrations")[0] == 0


def test_an_invalid_command_and_a_refused_login_have_different_exit_codes(registrant, simulator):
    code, printed = callbacks(simulator, "registrations", "--service", "NoSuchService")
    assert code == 2 and "NoSuchService" in printed, printed
    code, printed = callbacks(simulator, "registrations", password="not-the-password")
    assert code == 3 and "not-the-password" not in printed, printed


def test_a_check_repairs_drift_and_publishes_each_repair_once(registrant, simulator, repairs):
    before, drifted = counted(registrant, "RegistrationsRepaired"), drift(simulator)
    assert simulator.registrations() != expected_registrations(registrant)
    assert invoke(registrant, CHECK) is None
    assert simulator.registrations() == expected_registrations(registrant)
    for event in wait_for_repairs(repairs, simulator, drifted):
        assert event["data"]["url"] == f"{base_url(registrant)}/{event['data']['service']}"
    assert counted(registrant, "RegistrationsRepaired") == incremented(before, drifted)

    # A check without drift repairs and publishes nothing.
    assert invoke(registrant, CHECK) is None
    assert len(repairs.wait_for(len(drifted))) == len(drifted)
    assert simulator.registrations() == expected_registrations(registrant)


# ---------------------------------------------------------------------------------------------------------------------
# Rotation
# ---------------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def rotation(registrant, simulator):
    """The four steps of Secrets Manager, while the platform sends: first with the old password, after the registration with
    both, as was measured at the real platform, and then with the new one."""
    listener, token = registrant.outputs["CredentialsSecretArn"], str(uuid.uuid4())
    before, in_quarantine = expected_registrations(registrant), quarantined(registrant)
    repaired = counted(registrant, "RegistrationsRepaired")
    options = ["--all", "--devices", 50, "--rate", RATE, "--password-lag", PASSWORD_LAG]
    during = start_sending(registrant, simulator, *options, "--for", SENDING)
    try:
        for step in ("createSecret", "setSecret", "testSecret", "finishSecret"):
            failed = invoke(registrant, {"Step": step, "SecretId": listener, "ClientRequestToken": token})
            assert failed is None, f"{step}: {failed}"
            if step == "setSecret":
                # A scheduled check must not treat the pending password as drift.
                assert invoke(registrant, CHECK) is None
                assert simulator.registrations() == expected_registrations(registrant, stage="AWSPENDING")
        assert counted(registrant, "RegistrationsRepaired") == repaired
        assert during.poll() is None, "the sending ended before the rotation did"
        after = start_sending(registrant, simulator, *options, "--for", SENDING_AFTER)
        reports = [report(process, SENDING + TIMEOUT) for process in (during, after)]
    finally:
        during.kill()
    return SimpleNamespace(token=token, before=before, reports=reports, quarantined=quarantined(registrant) - in_quarantine)


def test_no_message_is_refused_while_the_password_changes(rotation):
    # `report` asserts that each message was answered 200. Here, that enough messages were sent, even by a busy machine.
    during, after = rotation.reports
    assert during["messages"] > SENDING * RATE / 2 and after["messages"] > SENDING_AFTER * RATE / 2
    assert rotation.quarantined == 0


def test_after_a_rotation_the_platform_and_the_secret_have_the_new_password(registrant, simulator, rotation):
    current = registrant.client("secretsmanager").get_secret_value(SecretId=registrant.outputs["CredentialsSecretArn"])
    assert current["VersionId"] == rotation.token
    # A label AWSPENDING that remained would block the next rotation.
    assert current["VersionStages"] == ["AWSCURRENT"]
    assert simulator.registrations() == expected_registrations(registrant)
    passwords = {password for *_, password in expected_registrations(registrant).values()}
    former = {service: password for service, (*_, password) in rotation.before.items()}
    assert passwords.isdisjoint(former.values())
    # The former password was still in use after the new one was registered.
    assert simulator.former_passwords() == former


def test_a_second_rotation_is_refused_while_the_platform_may_use_the_former_password(registrant, simulator, rotation):
    secret, token = registrant.outputs["CredentialsSecretArn"], str(uuid.uuid4())
    # An error, so the rotation was refused.
    assert invoke(registrant, {"Step": "createSecret", "SecretId": secret, "ClientRequestToken": token})
    assert token not in registrant.client("secretsmanager").describe_secret(SecretId=secret)["VersionIdsToStages"]
    assert simulator.registrations() == expected_registrations(registrant)


def test_the_log_of_the_registrar_contains_no_secret(registrant, simulator, rotation):
    written = "\n".join(log(registrant))
    assert "RegistrationsRepaired" in written
    secrets = {name: simulator.login[name] for name in ("password", "key", "secret")}
    for stage in ("AWSCURRENT", "AWSPREVIOUS"):
        secrets[stage] = credentials(registrant, stage)["password"]
    assert [name for name, secret in secrets.items() if secret in written] == []


# ---------------------------------------------------------------------------------------------------------------------
# Update, scheduled check, deletion
# ---------------------------------------------------------------------------------------------------------------------


def test_a_change_of_the_api_moves_the_registrations(registrant, simulator, repairs):
    # The platform refuses to register through one API what is registered through the other, so it is deregistered first.
    # This is not drift, and is not published.
    published, repaired = len(repairs.arrived), counted(registrant, "RegistrationsRepaired")
    soap = {"PlatformApi": "soap", "PlatformUrl": f"{simulator.api}/v2"}
    assert update(registrant, **soap) == ("UPDATE_COMPLETE", [])
    assert simulator.registrations() == expected_registrations(registrant, SOAP_SERVICES, "soap")
    rest = {"PlatformApi": "rest", "PlatformUrl": simulator.api}
    assert update(registrant, **rest) == ("UPDATE_COMPLETE", [])
    assert simulator.registrations() == expected_registrations(registrant)
    assert len(repairs.wait_for(published)) == published
    assert counted(registrant, "RegistrationsRepaired") == repaired


@pytest.fixture(scope="module")
def reduced(registrant, simulator):
    """The stack after an update: it registers only two services, and checks them every minute."""
    before = SimpleNamespace(parameters=parameters(registrant), registrations=simulator.registrations())
    changes = {"CallbackServices": f"{MISSING},{ELSEWHERE}", "RegistrationSchedule": EVERY_MINUTE}
    succeeded, output = sam_deploy(registrant.name, **changes)
    assert succeeded, output
    return SimpleNamespace(before=before, changes=changes, registrations=simulator.registrations())


def test_an_update_deregisters_removed_services_and_leaves_the_others_unchanged(registrant, reduced):
    assert len(reduced.before.registrations) == 13
    assert reduced.registrations == {s: reduced.before.registrations[s] for s in (MISSING, ELSEWHERE)}
    assert parameters(registrant) == reduced.before.parameters | reduced.changes


def test_drift_is_repaired_on_schedule(registrant, simulator, repairs, reduced):
    before, drifted = counted(registrant, "RegistrationsRepaired"), drift(simulator)
    wait_for_repairs(repairs, simulator, drifted, CHECK_TIMEOUT)
    assert simulator.registrations() == expected_registrations(registrant, drifted)
    # The log is complete when the function has ended, which is after it has published.
    expected_counts, deadline = incremented(before, drifted), time.monotonic() + TIMEOUT
    while counted(registrant, "RegistrationsRepaired") != expected_counts and time.monotonic() < deadline:
        time.sleep(0.5)
    assert counted(registrant, "RegistrationsRepaired") == expected_counts


def test_a_deletion_deregisters_only_what_points_at_the_stack(registrant, simulator, reduced):
    # Otherwise the next check could repair the drift.
    registrant.client("events").disable_rule(Name=registrant.resources["RegistrationCheck"])
    simulator.register_elsewhere(ELSEWHERE, OTHER_URL)
    before = simulator.registrations()
    assert {service: url for service, (_, url, *_) in before.items()} == {
        MISSING: f"{base_url(registrant)}/{MISSING}",
        ELSEWHERE: OTHER_URL,
    }
    assert delete(registrant) < DELETE_TIMEOUT
    assert simulator.registrations() == {ELSEWHERE: before[ELSEWHERE]}


# ---------------------------------------------------------------------------------------------------------------------
# Unreachable platform
# ---------------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def closed_address():
    """An address that refuses connections. The port is bound, so that no other program uses it."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}/api"


@pytest.fixture(scope="module")
def offline(registrant_parameters, closed_address):
    """A stack that was deployed while the platform was unreachable."""
    changes = {"PlatformUrl": closed_address, "RegistrationOnDeploy": "attempted"}
    succeeded, output = sam_deploy("offline", **registrant_parameters | changes)
    assert succeeded, output
    return Stack("offline")


def test_an_unreachable_platform_fails_a_deployment_only_if_required(offline):
    assert sum(counted(offline, "RegistrationsFailed").values()) == 1
    warnings = [line for line in log(offline) if "Not all registrations are as expected." in line]
    assert len(warnings) == 1 and "the platform cannot be reached: " in warnings[0]

    status, [reason] = update(offline, RegistrationOnDeploy="required")
    assert status == "UPDATE_ROLLBACK_COMPLETE"
    assert "The platform cannot be reached: " in reason and reason.endswith(".")


@pytest.mark.parametrize(
    "parameter, value, expected_error",
    [("AccountNames", "", "No account is given"), ("CallbackServices", "NoSuchService", '"NoSuchService" is not a')],
)
def test_an_invalid_parameter_fails_a_deployment_immediately(offline, parameter, value, expected_error):
    status, [reason] = update(offline, **{parameter: value})
    assert status == "UPDATE_ROLLBACK_COMPLETE"
    assert expected_error in reason and reason.endswith(".")


def test_an_unreachable_platform_does_not_delay_a_deletion(offline):
    assert delete(offline) < DELETE_TIMEOUT
