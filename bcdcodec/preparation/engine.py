"""Run the jobs of a preparation in this process, in worker processes of this machine, or on a Ray cluster."""

from collections.abc import Iterator

from bcdcodec.cluster import map_on_cluster
from bcdcodec.pool import map_unordered
from bcdcodec.preparation.source import Job, Outcome, prepare_source


def run_jobs(jobs: list[Job], *, workers: int, ray: str | None = None) -> Iterator[tuple[int, Outcome]]:
    """Yield (index, outcome) of every job, in any order.

    ray: the address of a cluster, or `cluster.LOCAL`. MissingExtraError without Ray's package, ConfigError where no
    cluster answers, BcdError where a worker is killed.
    """
    if ray is not None:
        yield from map_on_cluster(prepare_source, jobs, address=ray, workers=workers)
    elif workers > 1:
        yield from map_unordered(prepare_source, jobs, workers=workers)
    else:
        yield from ((index, prepare_source(job)) for index, job in enumerate(jobs))
