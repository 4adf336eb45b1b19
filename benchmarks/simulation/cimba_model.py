"""M/M/1 for Cimba's Python package, which compiles the class that it is given."""

import cimba as cb
from cimba import inputs


class Single(cb.Model):  # type: ignore[misc]
    """Load .8, services last 1; the queue is those who wait."""

    interarrival: cb.Input[float] = inputs.dist.exponential(mean=1 / 0.8)
    service: cb.Input[float] = inputs.dist.exponential(mean=1.0)
    queue: cb.Container
    mean_queue: cb.Output[float]

    @cb.process
    def arrivals(self):  # type: ignore[no-untyped-def]  # noqa: ANN201
        """Customers come one by one."""
        while True:
            cb.hold(self.interarrival.next())
            self.queue.put(1)

    @cb.process
    def server(self):  # type: ignore[no-untyped-def]  # noqa: ANN201
        """They are served one by one."""
        while True:
            self.queue.get(1)
            cb.hold(self.service.next())

    @cb.on_end
    def measure(self):  # type: ignore[no-untyped-def]  # noqa: ANN201
        """The average length of the queue."""
        self.mean_queue = self.queue.mean_level()
