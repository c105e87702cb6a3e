"""The deployments on a Prefect server of this environment: what is deployed is begun by its schedule."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest
import requests

pytestmark = [pytest.mark.xdist_group("prefect"), pytest.mark.timeout(300)]

ROOT = Path(__file__).parents[2]
DEPLOYMENTS = {"every-15-minutes", "hourly", "nightly", "every-minute", "weekly"}
PREFECT = Path(sys.executable).with_name("prefect")


@contextmanager
def prefect_server(folder: Path) -> Iterator[dict[str, str]]:
    """The surroundings in which commands ask a server that keeps everything in `folder`."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    surroundings = {
        **{name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")},
        "PREFECT_HOME": str(folder),
        "PREFECT_PROFILES_PATH": str(folder / "profiles.toml"),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "PREFECT_SERVER_API_PORT": port,
        "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
        "FOREWARN_HOME": str(folder),
    }
    with (folder / "server.log").open("w") as log:
        server = subprocess.Popen([PREFECT, "server", "start"], env=surroundings, stdout=log, stderr=log)
        try:
            until(lambda: is_up(f"{surroundings['PREFECT_API_URL']}/health"), "the server answers")
            yield surroundings
        finally:
            server.terminate()
            server.wait(30)


def is_up(address: str) -> bool:
    try:
        return requests.get(address, timeout=5).ok
    except requests.ConnectionError:
        return False


def until(holds: Callable[[], object], what: str, seconds: float = 120) -> None:
    """Waits until it holds."""
    end = monotonic() + seconds
    while not holds():
        assert monotonic() < end, f"{what}: not within {seconds} s"
        sleep(0.5)


def test_every_deployment_is_begun_by_its_schedule(tmp_path: Path) -> None:
    with prefect_server(tmp_path) as surroundings:

        def ask(path: str) -> Any:
            answer = requests.post(f"{surroundings['PREFECT_API_URL']}/{path}/filter", json={}, timeout=30)
            answer.raise_for_status()
            return answer.json()

        for command in (["work-pool", "create", "forewarn", "--type", "process"], ["--no-prompt", "deploy", "--all"]):
            done = subprocess.run(
                [PREFECT, *command], env=surroundings, cwd=ROOT, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, done.stdout + done.stderr
        names = {one["id"]: one["name"] for one in ask("deployments")}
        assert set(names.values()) == DEPLOYMENTS
        until(lambda: {names[run["deployment_id"]] for run in ask("flow_runs")} == DEPLOYMENTS, "all have runs")
        assert {run["state"]["type"] for run in ask("flow_runs")} == {"SCHEDULED"}
