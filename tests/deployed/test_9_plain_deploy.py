"""The README's way: a plain deployment, one that gives the login, and plain ones after it. No deployment deregisters because a
parameter was left out or is empty; `AccountNames=none` and the deletion of the stack do.

These tests follow one stack from its deployment to its deletion, in their order.
"""

import json

import pytest
from conftest import ROOT, SERVICES, Carrier, Stack, sam_deploy
from test_8_registration import delete, parameters, wanted

NAME = "plain"


@pytest.fixture(scope="module")
def platform(tmp_path_factory):
    carrier = Carrier(tmp_path_factory.mktemp("plain"), "--any-port")
    yield carrier
    carrier.stop()


@pytest.fixture(scope="module")
def login(stack, platform):
    """What the README has the customer give."""
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
def plain(circle_parameters, platform, login):
    """Deployed, given the login, deployed plainly. The first deployment says what only this machine needs."""
    here = {name: circle_parameters[name] for name in ("Architecture", "ApiLogsRole")}
    config = (ROOT / "samconfig.toml").read_bytes()
    first = deployed(**here, PlatformUrl=platform.api)
    assert not registrar(first) and platform.registrations() == {}
    given = deployed(**login)
    assert registrar(given) and platform.registrations() == wanted(given)
    again = deployed()
    assert (ROOT / "samconfig.toml").read_bytes() == config
    return again


def test_a_plain_deployment_keeps_what_an_earlier_one_was_given(plain, platform, login):
    assert registrar(plain)
    assert platform.registrations() == wanted(plain)
    assert parameters(plain) | login == parameters(plain)


def test_no_deployment_keeps_the_list_of_addresses_of_the_day(plain):
    assert parameters(plain)["AllowedAddresses"] == "platform"


def test_empty_parameters_deregister_nothing(plain, platform, login):
    # As `sam deploy --guided` saves them when it is the first.
    empty = deployed(**{name: "" for name in login})
    assert not registrar(empty)
    assert "what is registered stays" in empty.outputs["Registrations"]
    assert platform.registrations() == wanted(plain)
    given = deployed(**login)
    assert registrar(given) and platform.registrations() == wanted(plain)


def test_no_account_at_all_is_refused_and_deregisters_nothing(plain, platform):
    succeeded, output = sam_deploy(NAME, AccountNames="")
    assert not succeeded and "no account is given" in output, output
    assert platform.registrations() == wanted(plain)


def test_the_word_none_deregisters(plain, platform, login):
    assert len(platform.registrations()) == len(SERVICES)
    deployed(AccountNames="none")
    assert platform.registrations() == {}
    deployed(**login)
    assert platform.registrations() == wanted(plain)


def test_the_deletion_of_the_stack_takes_all_back(plain, platform):
    delete(plain)
    assert platform.registrations() == {}
