"""`honcho start` runs every line of the Procfile: a broker, each role in a process of its own, the viewer, and a crowd."""

import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import time

import requests

ROOT = pathlib.Path(__file__).resolve().parents[2]
# The first time, the broker is fetched.
START_TIMEOUT_S = 300
ARRIVAL_TIMEOUT_S = 60
STOP_TIMEOUT_S = 60


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def free_broker_port():
    """Its controller listens on the next port of another loopback address."""
    while True:
        port = free_port()
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.2", port + 1)) != 0:
                return port


class Procfile:
    """The project's own, with free ports and the binary under test in place of the usual ones."""

    def __init__(self, folder):
        text = (ROOT / "Procfile").read_text(encoding="utf-8")
        broker = f"127.0.0.1:{free_broker_port()}"
        text = text.replace("target/release/emostream", os.environ["EMOSTREAM_BIN"])
        text = text.replace("scripts/kafka", f"scripts/kafka --data {folder / 'broker'} {broker}")
        text = text.replace("localhost:9092", broker)
        self.ports = {}
        text = re.sub(r"(127\.0\.0\.1|localhost):(50\d\d)\b", self.swap, text)
        self.path = folder / "Procfile"
        self.path.write_text(text, encoding="utf-8")
        self.programs = re.findall(r"^(\w+):", text, re.MULTILINE)

    def swap(self, address):
        port = self.ports.setdefault(address[2], free_port())
        return f"{address[1]}:{port}"

    def url(self, port):
        return f"http://127.0.0.1:{self.ports[port]}"


def wait_for(what, timeout_s, is_so, log):
    deadline = time.monotonic() + timeout_s
    while not is_so():
        assert time.monotonic() < deadline, f"{what}: not within {timeout_s} s; {log.read_text(encoding='utf-8')}"
        time.sleep(0.1)


def is_ready(url):
    try:
        return requests.get(f"{url}/ready", timeout=5).status_code == 200
    except requests.ConnectionError:
        return False


def test_honcho_runs_every_line_of_the_procfile(tmp_path):
    procfile = Procfile(tmp_path)
    log = tmp_path / "honcho.log"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("EMOSTREAM_")}
    with log.open("w", encoding="utf-8") as output:
        honcho = subprocess.Popen(
            [sys.executable, "-m", "honcho", "-f", str(procfile.path), "-d", str(ROOT), "start"],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        for port in procfile.ports:
            wait_for(f"the program on {port}", START_TIMEOUT_S, lambda: is_ready(procfile.url(port)), log)
        reaction = {"user_id": "u", "emoji_type": "🪿", "timestamp": "2026-06-11T20:00:00.123456"}
        num_sent = 0

        # The viewer shows what comes while it looks, and it may still be on its way to the node. The crowd reacts meanwhile
        # to the same stream; 🪿 is ours alone.
        def is_seen():
            nonlocal num_sent
            answer = requests.post(procfile.url("5000") + "/emoji", json=reaction, timeout=10)
            assert answer.json() == {"status": "success"}
            num_sent += 1
            return re.search(r"view\S* .*🪿 \d", log.read_text("utf-8"))

        wait_for("a reaction in the viewer", ARRIVAL_TIMEOUT_S, is_seen, log)

        def have_arrived():
            totals = requests.get(procfile.url("5001") + "/streams/main/totals", timeout=10)
            return totals.status_code == 200 and totals.json()["totals"].get("🪿") == num_sent

        wait_for("all reactions on the session node", ARRIVAL_TIMEOUT_S, have_arrived, log)

        # Registered at one node, watching at another, and counted by a third.
        def is_crowded():
            lines = re.findall(r"crowd\S* .*here (\d+) .* accepted (\d+) .* agree (\d+)  differ 0", log.read_text("utf-8"))
            return any(int(here) > 0 and int(accepted) > 0 and int(agree) > 0 for here, accepted, agree in lines)

        wait_for("a crowd that watches and reacts", ARRIVAL_TIMEOUT_S, is_crowded, log)
        said = log.read_text(encoding="utf-8")
        assert all(f"{program}." in said for program in procfile.programs), said
    finally:
        honcho.send_signal(signal.SIGTERM)
        try:
            honcho.wait(timeout=STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            honcho.kill()
            honcho.wait()
            raise
