"""What clients of the student prototype rely on: its requests get its answers."""

import subprocess
import sys
import threading
import time
import uuid
from datetime import datetime
from pathlib import Path

import requests

SUBSCRIBER = "subscriber_topic_1"
REQUEST_TIMEOUT_S = 10
NUM_POSTS = 100
NUM_CLIENTS = 10
# The prototype's own bound for its 100 requests in a row.
SEQUENTIAL_LIMIT_S = 1.1
LOCUST_USERS = 20
LOCUST_RUN_S = 10


def post(server, route, body):
    return requests.post(f"{server}{route}", json=body, timeout=REQUEST_TIMEOUT_S)


def reaction(emoji="😀"):
    """A reaction as the prototype's senders write it: a UUID and the local time without a zone."""
    return {"user_id": str(uuid.uuid4()), "emoji_type": emoji, "timestamp": datetime.now().isoformat()}


def registration():
    return {"client_id": str(uuid.uuid4()), "subscriber": SUBSCRIBER}


def test_a_reaction_is_answered_with_success_and_nothing_else(server):
    for emoji in ["😀", "😂", "🥰", "😢", "😡", "❤️", "❤", "👍", "🔥"]:
        answer = post(server, "/emoji", reaction(emoji))
        assert (answer.status_code, answer.json()) == (200, {"status": "success"}), emoji


def test_a_client_registers_for_a_subscriber_topic(server):
    client = registration()
    answer = post(server, "/register", client)
    assert answer.status_code == 200
    body = answer.json()
    assert body["status"] == "registered"
    assert (body["client_id"], body["subscriber"]) == (client["client_id"], SUBSCRIBER)


def test_registering_again_is_no_error(server):
    client = registration()
    assert [post(server, "/register", client).status_code for _ in range(2)] == [200, 200]


def test_a_client_is_deregistered_once(server):
    client = registration()
    assert post(server, "/register", client).status_code == 200

    gone = {"client_id": client["client_id"]}
    first = post(server, "/deregister", gone)
    assert (first.status_code, first.json()) == (200, {"status": "deregistered"})

    second = post(server, "/deregister", gone)
    assert second.status_code == 404
    assert second.json()["status"] == "not found"


def test_a_hundred_reactions_in_a_row_are_quick(server):
    began = time.monotonic()
    codes = {post(server, "/emoji", reaction()).status_code for _ in range(NUM_POSTS)}
    took_s = time.monotonic() - began
    assert codes == {200}
    assert took_s < SEQUENTIAL_LIMIT_S


def test_ten_clients_at_once_are_all_served(server):
    outcomes = [None] * NUM_CLIENTS

    def client(index):
        codes = [post(server, "/register", registration()).status_code]
        for _ in range(NUM_POSTS):
            codes.append(post(server, "/emoji", reaction()).status_code)
        outcomes[index] = codes

    threads = [threading.Thread(target=client, args=(index,)) for index in range(NUM_CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes == [[200] * (1 + NUM_POSTS)] * NUM_CLIENTS


def test_a_crowd_of_locust_users_sees_only_success(server):
    command = [
        *(sys.executable, "-m", "locust", "--locustfile", str(Path(__file__).with_name("locustfile.py"))),
        *("--headless", "--only-summary", "--host", server),
        *("--users", str(LOCUST_USERS), "--spawn-rate", str(LOCUST_USERS)),
        *("--run-time", f"{LOCUST_RUN_S}s", "--stop-timeout", "5"),
    ]
    run = subprocess.run(
        command, timeout=LOCUST_RUN_S + 60, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr
