"""Numbers for Prometheus: requests by route, jobs, the worker, models in memory.

Where several web processes serve, each writes its numbers into files of ``PROMETHEUS_MULTIPROC_DIR`` (set by
``potomac serve`` before the library is loaded), and whichever is asked adds them up. What the database knows is read
when it is asked for.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator

from django.db.models import Count, Min
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import REGISTRY, Collector

from potomac.server.jobs.models import Job, State
from potomac.server.ops import heartbeat

__all__ = ["CONTENT_TYPE", "count", "text"]

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)

_requests = Counter("potomac_requests_total", "Requests answered", ("route", "method", "status"))
_seconds = Histogram("potomac_request_seconds", "Time until the answer, seconds", ("route",), buckets=BUCKETS)
_models = Gauge("potomac_live_models", "Things kept in memory for live questions", multiprocess_mode="livesum")
_bytes = Gauge("potomac_live_bytes", "What they hold, bytes", multiprocess_mode="livesum")

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def count(route: str, method: str, status: int, seconds: float) -> None:
    """Count a request. ``route`` is the name of an address, so that their number stays small."""
    _requests.labels(route, method if method in _METHODS else "other", str(status)).inc()
    _seconds.labels(route).observe(seconds)


def text() -> bytes:
    """All numbers, in Prometheus' form."""
    _in_memory()
    return generate_latest(_registry())


def _in_memory() -> None:
    """This process's models; the others' are those of when they were asked last."""
    live = sys.modules.get("potomac.server.live")
    if live is not None:
        _models.set(len(live.shelf))
        _bytes.set(live.shelf.size)


def _registry() -> CollectorRegistry:
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        found = CollectorRegistry()
        found.register(_Same())
    else:
        from prometheus_client.multiprocess import MultiProcessCollector

        found = CollectorRegistry()
        MultiProcessCollector(found)  # type: ignore[no-untyped-call]
    found.register(_Jobs())
    return found


class _Same(Collector):
    """What this process counts by itself."""

    def collect(self) -> Iterator[Metric]:
        yield from REGISTRY.collect()


class _Jobs(Collector):
    """What the database knows of the queue."""

    def collect(self) -> Iterator[Metric]:
        states = dict(Job.objects.order_by().values_list("state").annotate(n=Count("pk")))
        jobs = GaugeMetricFamily("potomac_jobs", "Jobs by state", labels=("state",))
        for state in State.values:
            jobs.add_metric((state,), states.get(state, 0))
        yield jobs
        oldest = Job.objects.filter(state=State.QUEUED).aggregate(at=Min("created"))["at"]
        age = max(time.time() - oldest.timestamp(), 0.0) if oldest else 0.0
        yield GaugeMetricFamily("potomac_queue_age_seconds", "How long the oldest job has waited", age)
        seen = heartbeat.seen()
        if seen is not None:
            yield GaugeMetricFamily("potomac_worker_seen_seconds", "How long ago a worker was seen", seen)
