"""The deployments of the README: one without parameters, one with the login, and further ones without parameters. No
deployment deregisters because a parameter is missing or empty. `AccountNames=none` and the deletion of the stack deregister.

The tests follow one stack from its deployment to its deletion, so their order matters.
"""

import json

import pytest
from conftest import ROOT, SERVICES, Simulator, Stack, sam_deploy
from test_8_registration import delete, expected_registrations, parameters

NAME = "plain"


@pytest.fixture(scope="module")
def platform(tmp_path_factory):
    simulator = Simulator(tmp_path_factory.mktemp("plain"), "--any-port")
    yield simulator
    simulator.stop()


@pytest.fixture(scope="module")
def login(stack, platform):
    """The parameters that the README sets."""
    value = json.dumps(platform.login)
    secret = stack.client("secretsmanager").create_secret(Name="thingspace-login", SecretString=value)
    return {"PlatformCredentialsSecretArn": secret["ARN"], "AccountNames": platform.account}


def deployed(**given):
    succeeded, output = sam_deploy(NAME, **given)
    assert succeeded, output
    return Stack(NAME)


def registrar(stack):
    return "RegistrarFunctionName" in stack.outputs


@pytest.fixture(scope="module")
def plain(registrant_parameters, platform, login):
    """A stack after three deployments: without the login, with it, and without parameters. The first one also sets what only
    the test environment needs."""
    environment = {name: registrant_parameters[name] for name in ("Architecture", "ApiLogsRole")}
    config = (ROOT / "samconfig.toml").read_bytes()
    first = deployed(**environment, PlatformUrl=platform.api)
    assert not registrar(first) and platform.registrations() == {}
    given = deployed(**login)
    assert registrar(given) and platform.registrations() == expected_registrations(given)
    latest = deployed()
    assert (ROOT / "samconfig.toml").read_bytes() == config
    return latest


def test_a_deployment_without_parameters_keeps_their_values(plain, platform, login):
    assert registrar(plain)
    assert platform.registrations() == expected_registrations(plain)
    assert parameters(plain) | login == parameters(plain)


def test_the_allowlist_parameter_stays_a_keyword(plain):
    assert parameters(plain)["AllowedAddresses"] == "platform"


def test_empty_parameters_deregister_nothing(plain, platform, login):
    # A first deployment with `sam deploy --guided` saves empty values.
    empty = deployed(**{name: "" for name in login})
    assert not registrar(empty)
    assert "what is registered stays" in empty.outputs["Registrations"]
    assert platform.registrations() == expected_registrations(plain)
    given = deployed(**login)
    assert registrar(given) and platform.registrations() == expected_registrations(plain)


def test_empty_account_names_fail_the_deployment_and_deregister_nothing(plain, platform):
    succeeded, output = sam_deploy(NAME, AccountNames="")
    assert not succeeded and "No account is given" in output, output
    assert platform.registrations() == expected_registrations(plain)


def test_account_names_of_none_deregister(plain, platform, login):
    assert len(platform.registrations()) == len(SERVICES)
    deployed(AccountNames="none")
    assert platform.registrations() == {}
    deployed(**login)
    assert platform.registrations() == expected_registrations(plain)


def test_the_deletion_of_the_stack_deregisters_everything(plain, platform):
    delete(plain)
    assert platform.registrations() == {}
