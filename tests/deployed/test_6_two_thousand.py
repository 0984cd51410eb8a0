"""One message for 2,000 devices, taken by `callbacks local` as it is built with --release: within the 3 seconds that the
platform waits. The emulated AWS is no measure of that; this is the same code from the listener inward."""

import contextlib
import json
import socket
import subprocess
import time

import pytest
import requests
from conftest import ROOT

DEVICES = 2000
# Documented as the most devices of one request, and as one message for all of them.
WITHIN = 3


# A busy machine may miss it; five times in a row is the program's fault.
TRIES = 5


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
    """Status, seconds, and how many devices were recorded, of a program that has just started."""
    body, content_type = message()
    with local() as url:
        started = time.monotonic()
        headers = {"content-type": content_type}
        answer = requests.post(f"{url}/callbacks/DeviceService", data=body, headers=headers, timeout=10)
        taken = time.monotonic() - started
        recorded, after = 0, ""
        while after is not None:
            page = requests.get(f"{url}/requests/two-thousand?{after}", timeout=30)
            recorded += len(page.json()["results"])
            after = page.links["next"]["url"].partition("?")[2] if "next" in page.links else None
    return answer.status_code, taken, recorded


@pytest.mark.parametrize("message", [rest, soap])
def test_a_message_for_two_thousand_devices_is_recorded_and_answered_in_time(message):
    tries = []
    for _ in range(TRIES):
        status, taken, recorded = answer_to(message)
        tries.append((status, round(taken, 2), recorded))
        if status == 200 and taken < WITHIN:
            break
    print(tries)
    assert status == 200 and taken < WITHIN, tries
    assert recorded == DEVICES
