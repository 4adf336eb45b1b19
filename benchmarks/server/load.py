"""Programs that ask a server: one at fixed moments, whatever the server does, and many that wait for their answers.

Each is a process of its own, so that it has time when the server has none. What a request took counts from the moment
at which it was due, so that an answer that keeps the next request waiting counts against that one too.
"""

from __future__ import annotations

import http.client
import itertools
import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from statistics import quantiles

CONNECTIONS = 32
"""Threads with a connection each of the program that asks at fixed moments."""
LONGEST = 60.0
"""Seconds after which an answer is given up."""


@dataclass(frozen=True)
class Ask:
    """A request; ``what`` it is counted under."""

    what: str
    path: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str | None = None


@dataclass(frozen=True)
class Answer:
    """Status (0: none came), seconds from when it was due until it was there, and until it was sent."""

    what: str
    status: int
    took: float
    late: float
    body: bytes = b""


class Client:
    """A connection that is kept, and opened anew where the server has closed it."""

    def __init__(self, port: int) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=LONGEST)

    def ask(self, one: Ask, due: float) -> Answer:
        """Ask now what was due at a moment of the monotonic clock."""
        late = time.monotonic() - due
        try:
            self.connection.request(one.method, one.path, one.body, dict(one.headers))
            answer = self.connection.getresponse()
            status, body = answer.status, answer.read()
        except (OSError, http.client.HTTPException):
            self.connection.close()
            status, body = 0, b""
        return Answer(one.what, status, time.monotonic() - due, late, body)


def paced(port: int, asks: Callable[[int], Ask], rate: float, begin: float, seconds: float) -> list[Answer]:
    """Send request ``i`` at ``begin + i / rate``, or as soon after as one of the connections is free."""
    count, numbers, found = int(rate * seconds), itertools.count(), list[Answer]()

    def ask() -> None:
        client = Client(port)
        for number in numbers:  # shared by all threads
            if number >= count:
                break
            due = begin + number / rate
            time.sleep(max(0.0, due - time.monotonic()))
            answer = client.ask(asks(number), due)
            found.append(Answer(answer.what, answer.status, answer.took, answer.late))

    _together([ask] * CONNECTIONS)
    return found


def waiting(
    port: int,
    asks: Sequence[Ask],
    begin: float,
    seconds: float,
    pause: tuple[float, float],
    heard: Callable[[int, Answer], None],
) -> list[Answer]:
    """Each asks, waits for its answer and asks again after a pause, until time is over.

    ``pause`` is its mean in seconds, and by what share of it pauses are longer or shorter at most. All begin at
    ``begin`` where pauses are all the same, else within the first pause.
    """
    mean, spread = pause
    found = list[Answer]()

    def ask(number: int) -> None:
        chance = random.Random(number)
        due = begin + (mean * chance.random() if spread else 0.0)
        while due < begin + seconds:
            time.sleep(max(0.0, due - time.monotonic()))
            client = Client(port)
            answer = client.ask(asks[number], due)
            client.connection.close()
            heard(number, answer)
            found.append(answer)
            due = time.monotonic() + mean * chance.uniform(1 - spread, 1 + spread)

    _together([partial(ask, number) for number in range(len(asks))])
    return found


def _together(works: Sequence[Callable[[], None]]) -> None:
    threads = [threading.Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def percentile(seconds: Sequence[float], share: int) -> float:
    """In milliseconds; of all where there is but one."""
    return 1000 * (quantiles(seconds, n=100, method="inclusive")[share - 1] if len(seconds) > 1 else seconds[0])
