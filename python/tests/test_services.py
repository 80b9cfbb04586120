"""The fixture `onceproof`, with a sound and with a broken service."""

import contextlib
import socket
import subprocess

import pytest

from onceproof import program

FLAGS = ["--wait", "30s", "--count", "2000", "--dup", "0.3"]


@contextlib.contextmanager
def served(*command):
    """URL of a service that ends with the block."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    service = subprocess.Popen([program(), *command, "--listen", address])
    try:
        yield f"http://{address}"
    finally:
        service.kill()
        service.wait()


def test_a_sound_service_passes(onceproof, tmp_path):
    with served("aggregator", "--database-url", f"sqlite:{tmp_path}/events.db") as url:
        assert "PASS  " in onceproof(url, *FLAGS)


def test_a_broken_service_fails_with_its_report(onceproof, tmp_path):
    broken = ["mutant", "--journal", f"{tmp_path}/journal", "--defect", "all-stored-twice"]
    with served(*broken) as url:
        with pytest.raises(pytest.fail.Exception, match="exit code 1(.|\n)*FAIL  "):
            onceproof(url, *FLAGS)
