"""The fixture `onceproof` for pytest."""

import subprocess

import pytest

from onceproof import program


@pytest.fixture
def onceproof(tmp_path):
    """Function that loads the service at a URL and judges it.

    It takes the URL and further flags of `loadgen`. It returns the report of a PASS. Any other
    verdict fails the test, with the report as the message.
    """

    def prove(target, *flags):
        command = [program(), "load", "--verify", "--target", target, "--out", tmp_path / "results"]
        ended = subprocess.run([*command, *flags], capture_output=True, text=True)
        if ended.returncode != 0:
            told = f"onceproof load ended with exit code {ended.returncode}, expected 0"
            pytest.fail(f"{told}\n{ended.stdout}{ended.stderr}", pytrace=False)
        return ended.stdout

    return prove
