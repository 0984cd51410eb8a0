"""Verizon's own SDK works with the simulator (`callbacks platform`). Only the address is changed. These tests need no stack."""

import pytest
from conftest import Simulator
from verizon.configuration import Configuration, Environment, Server
from verizon.exceptions.connectivity_management_result_exception import ConnectivityManagementResultException
from verizon.exceptions.oauth_provider_exception import OauthProviderException
from verizon.http.auth.thingspace_oauth import ThingspaceOauthCredentials
from verizon.http.auth.vz_m2m_token import VZM2mTokenCredentials
from verizon.models.log_in_request import LogInRequest
from verizon.models.register_callback_request import RegisterCallbackRequest
from verizon.verizon_client import VerizonClient

ACCOUNT = Simulator.account
URL = "https://listener.example.com/callbacks/CarrierService"


@pytest.fixture
def platform(monkeypatch, tmp_path):
    """A simulator per test, which the SDK uses instead of the platform."""
    simulator = Simulator(tmp_path)
    servers = Configuration.environments[Environment.PRODUCTION]
    for server in (Server.THINGSPACE, Server.OAUTH_SERVER):
        path = servers[server].removeprefix("https://thingspace.verizon.com")
        monkeypatch.setitem(servers, server, simulator.url + path)
    yield simulator
    simulator.stop()


def client(platform, secret=None, session=None):
    return VerizonClient(
        thingspace_oauth_credentials=ThingspaceOauthCredentials(platform.login["key"], secret or platform.login["secret"]),
        vz_m2m_token_credentials=VZM2mTokenCredentials(session) if session else None,
    )


def log_in(platform, password=None):
    """The SDK requests its OAuth token before this call."""
    body = LogInRequest(username=platform.login["username"], password=password or platform.login["password"])
    return client(platform).session_management.start_connectivity_management_session(body).body.session_token


def listener(name="CarrierService", url=URL):
    return RegisterCallbackRequest(name=name, url=url, username="listener", password="the listener's")


def test_the_sdk_gets_the_same_oauth_token_twice(platform):
    first, second = (client(platform).thingspace_oauth.fetch_token() for _ in range(2))
    assert first.access_token == second.access_token
    assert first.token_type == "Bearer"
    assert 3500 < first.expires_in <= 3600
    assert client(platform).thingspace_oauth.is_token_expired(first) is False


def test_a_wrong_secret_raises_the_oauth_exception_of_the_sdk(platform):
    with pytest.raises(OauthProviderException) as refused:
        client(platform, secret="wrong").thingspace_oauth.fetch_token()
    assert refused.value.response_code == 401
    assert refused.value.error == "invalid_client"
    assert refused.value.error_description


def test_a_listener_is_registered_listed_and_deregistered(platform):
    session = log_in(platform)
    callbacks = client(platform, session=session).connectivity_callbacks
    assert callbacks.list_registered_callbacks(ACCOUNT).body == []

    registered = callbacks.register_callback(ACCOUNT, listener())
    assert registered.status_code == 200
    assert (registered.body.account_name, registered.body.service_name) == (ACCOUNT, "CarrierService")

    (listed,) = callbacks.list_registered_callbacks(ACCOUNT).body
    assert (listed.account_name, listed.service_name, listed.url) == (ACCOUNT, "CarrierService", URL)
    assert (listed.username, listed.password) == ("listener", "the listener's")

    gone = callbacks.deregister_callback(ACCOUNT, "CarrierService").body
    assert (gone.account_name, gone.service_name) == (ACCOUNT, "CarrierService")
    assert callbacks.list_registered_callbacks(ACCOUNT).body == []

    ended = client(platform, session=session).session_management.end_connectivity_management_session()
    assert ended.body.session_token == session
    with pytest.raises(ConnectivityManagementResultException) as refused:
        callbacks.list_registered_callbacks(ACCOUNT)
    assert refused.value.error_code == "UnifiedWebService.INPUT_INVALID.SessionToken.Invalid"


def test_queued_text_messages_are_requested(platform):
    started = client(platform, session=log_in(platform)).sms.start_queued_sms_delivery(ACCOUNT)
    assert (started.status_code, started.body.success) == (200, True)
    with pytest.raises(ConnectivityManagementResultException) as refused:
        client(platform, session=log_in(platform)).sms.start_queued_sms_delivery("123456-00001")
    assert refused.value.error_code == "UnifiedWebService.REQUEST_FAILED.AccountNotFound"


@pytest.mark.parametrize(
    ("account", "body", "code"),
    [
        (ACCOUNT, listener(name="NoService"), "INPUT_INVALID.ServiceName.Invalid"),
        (ACCOUNT, listener(url="https://listener.example.com:8443/"), "INPUT_INVALID.Url.Invalid"),
        ("123456-00001", listener(), "REQUEST_FAILED.AccountNotFound"),
    ],
)
def test_a_refusal_raises_the_exception_of_the_sdk_with_code_and_message(platform, account, body, code):
    callbacks = client(platform, session=log_in(platform)).connectivity_callbacks
    with pytest.raises(ConnectivityManagementResultException) as refused:
        callbacks.register_callback(account, body)
    assert refused.value.response_code == 400
    assert refused.value.error_code == f"UnifiedWebService.{code}"
    assert refused.value.error_message


def test_five_wrong_passwords_lock_the_login(platform):
    for expected in ["InvalidCredentials"] * 5 + ["AccountLocked"]:
        with pytest.raises(ConnectivityManagementResultException) as refused:
            log_in(platform, password="wrong")
        assert refused.value.error_code == f"UnifiedWebService.REQUEST_FAILED.{expected}"
