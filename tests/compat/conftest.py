"""Starts the server under test once, on a free port, and stops it the way an operator does."""

import os
import queue
import re
import signal
import subprocess
import threading

import pytest

START_TIMEOUT_S = 30
# `shutdown.timeout` is 10 s by default.
STOP_TIMEOUT_S = 15
LISTENING = re.compile(r"listening on (http://127\.0\.0\.1:\d+)")


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """The base URL of a running server."""
    binary = os.environ.get("EMOSTREAM_BIN")
    if not binary:
        pytest.exit("EMOSTREAM_BIN must name the binary to test", returncode=1)

    folder = tmp_path_factory.mktemp("server")
    # Every EMOSTREAM_* variable is a setting, so none may leak in; the folder has no emostream.toml either.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("EMOSTREAM_")}
    log = folder / "stderr.log"
    with log.open("w", encoding="utf-8") as stderr:
        process = subprocess.Popen(
            [binary, "serve", "--bind", "127.0.0.1:0"],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            encoding="utf-8",
        )
    urls = queue.Queue()
    reader = threading.Thread(target=read_urls, args=(process.stdout, urls), daemon=True)
    reader.start()
    try:
        yield first_url(urls, log)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            code = process.wait(timeout=STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            code = None
        reader.join()
    assert code == 0, f"SIGTERM ends the server with 0, not {code}; its log: {log.read_text(encoding='utf-8')}"


def read_urls(stdout, urls):
    """Reads the output to its end, so that the server never waits for a reader; None follows the last URL."""
    for line in stdout:
        found = LISTENING.search(line)
        if found:
            urls.put(found[1])
    urls.put(None)


def first_url(urls, log):
    """The first URL that the server says it listens on."""
    try:
        url = urls.get(timeout=START_TIMEOUT_S)
    except queue.Empty:
        url = None
    assert url, f"the server did not say where it listens; its log: {log.read_text(encoding='utf-8')}"
    return url
