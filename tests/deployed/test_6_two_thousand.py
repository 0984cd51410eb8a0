"""`callbacks local`, built with --release, answers a message for 2,000 devices within 3 seconds, before the platform resends
it. The emulated AWS cannot measure this; `local` runs the same code from the listener inward."""

import contextlib
import json
import socket
import subprocess
import time

import pytest
import requests
from conftest import ROOT

DEVICES = 2000
# 2,000 is the documented maximum number of devices of a request, which one message answers. In seconds:
MAX_ANSWER_SECONDS = 3


# A busy machine may be too slow once, but not five times in a row.
ATTEMPTS = 5


@contextlib.contextmanager
def local():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    program = ROOT / "target/lambda/callbacks/bootstrap"
    addresses = ["--listen", address, "--dynamodb", "127.0.0.1:0"]
    process = subprocess.Popen([program, "local", "--quiet", *addresses], stdout=subprocess.DEVNULL)
    try:
        for _ in range(100):
            try:
                requests.get(f"http://{address}/topics/messages", timeout=5)
                break
            except requests.ConnectionError:
                time.sleep(0.1)
        yield f"http://{address}"
    finally:
        process.kill()
        process.wait()


def names(number):
    return [("imei", f"35{number:013}"), ("iccid", f"89{number:018}")]


def rest():
    items = [
        {"deviceIds": [{"id": value, "kind": kind} for kind, value in names(number)], "availability": "Available"}
        for number in range(DEVICES)
    ]
    response = {"checkDeviceAvailabilityResponse": items}
    return json.dumps({"requestId": "two-thousand", "deviceResponse": response, "status": "Success"}), "application/json"


def soap():
    def item(number):
        kinds = "".join(
            f"<DeviceIdentifiers><Kind>{kind}</Kind><Identifier>{value}</Identifier></DeviceIdentifiers>"
            for kind, value in names(number)
        )
        return f"<CheckDeviceAvailability>{kinds}<Availability>Available</Availability></CheckDeviceAvailability>"

    data = "".join(map(item, range(DEVICES)))
    return f"<CallbackRequest><RequestId>two-thousand</RequestId><Data>{data}</Data></CallbackRequest>", "text/xml"


def answer_to(message):
    """Status, seconds, and the number of recorded devices, with a program that has just started."""
    body, content_type = message()
    with local() as url:
        started = time.monotonic()
        headers = {"content-type": content_type}
        answer = requests.post(f"{url}/callbacks/DeviceService", data=body, headers=headers, timeout=10)
        seconds = time.monotonic() - started
        recorded, after = 0, ""
        while after is not None:
            page = requests.get(f"{url}/requests/two-thousand?{after}", timeout=30)
            recorded += len(page.json()["results"])
            after = page.links["next"]["url"].partition("?")[2] if "next" in page.links else None
    return answer.status_code, seconds, recorded


@pytest.mark.parametrize("message", [rest, soap])
def test_a_message_for_two_thousand_devices_is_recorded_and_answered_in_time(message):
    attempts = []
    for _ in range(ATTEMPTS):
        status, seconds, recorded = answer_to(message)
        attempts.append((status, round(seconds, 2), recorded))
        if status == 200 and seconds < MAX_ANSWER_SECONDS:
            break
    print(attempts)
    assert status == 200 and seconds < MAX_ANSWER_SECONDS, attempts
    assert recorded == DEVICES
