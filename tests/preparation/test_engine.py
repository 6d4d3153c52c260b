"""What goes wrong outside a source is one error."""

import os
import socket
import sys
from pathlib import Path

import pytest

from bcdcodec.errors import BcdError, ConfigError, MissingExtraError
from bcdcodec.preparation import engine
from bcdcodec.preparation.engine import run_jobs
from bcdcodec.preparation.source import Job, Outcome, Settings

SETTINGS = Settings(clip_seconds=2, person="source")
JOBS = [Job(source=Path(f"/nowhere/{name}"), folder=Path("/nowhere"), settings=SETTINGS) for name in "abc"]


def die(job: Job) -> Outcome:
    os._exit(1)


def test_every_job_has_an_outcome() -> None:
    found = dict(run_jobs(JOBS, workers=1))
    assert sorted(found) == [0, 1, 2]
    assert all("No such file" in outcome.failure for outcome in found.values())


def test_a_killed_worker_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "prepare_source", die)
    with pytest.raises(BcdError, match="a worker was killed"):
        list(run_jobs(JOBS, workers=2))


def test_no_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtraError, match=r"'\.\[ray\]'"):
        list(run_jobs(JOBS, workers=1, ray="local"))


def test_no_cluster() -> None:
    pytest.importorskip("ray")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(ConfigError, match=f"no Ray cluster at 127.0.0.1:{port}"):
        list(run_jobs(JOBS, workers=1, ray=f"127.0.0.1:{port}"))
