"""The queue: jobs with a lease. The worker's rules are in :mod:`potomac.server.jobs.worker`."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone

__all__ = ["Job", "State"]


class State(models.TextChoices):
    """Where a job is."""

    QUEUED = "queued", "waiting"
    RUNNING = "running", "running"
    DONE = "done", "done"
    FAILED = "failed", "failed"
    CANCELLED = "cancelled", "cancelled"


class Job(models.Model):
    """Work that a worker takes up.

    ``lease`` is the moment (seconds since 1970 by the database's clock) at which a running job is anybody's again;
    ``attempt`` is the fencing token: what an attempt writes counts only while the job still has its number.
    """

    task = models.CharField(max_length=40)  # "run" or "source"; see jobs.tasks
    about = models.CharField(max_length=32, db_index=True)  # id of the run or source
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="jobs")
    state = models.CharField(max_length=10, choices=State.choices, default=State.QUEUED)
    attempt = models.PositiveIntegerField(default=0)
    deaths = models.PositiveSmallIntegerField(default=0)  # attempts that ended with their worker
    lease = models.FloatField(null=True)
    worker = models.CharField(max_length=100, blank=True)
    cancel = models.BooleanField(default=False)  # asked for
    what = models.CharField(max_length=200, blank=True)  # progress: what is being done
    done = models.FloatField(default=0)
    total = models.FloatField(null=True)
    log = models.TextField(blank=True)
    error = models.JSONField(default=list)  # faults, as ``Fault`` tells them
    created = models.DateTimeField(default=timezone.now)
    started = models.DateTimeField(null=True)
    ended = models.DateTimeField(null=True)

    class Meta:
        ordering = ("-id",)
        indexes = (models.Index(fields=["state", "lease"], name="job_claim"),)

    def __str__(self) -> str:
        return f"{self.task} {self.about}"

    @property
    def is_open(self) -> bool:
        """Whether it waits or goes on."""
        return self.state in (State.QUEUED, State.RUNNING)
