"""The Lehmer generator of Leemis and Park with its 256 streams, by which published outputs can be reproduced."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from potomac.errors import Fault, StudyError

__all__ = ["JUMP", "MODULUS", "MULTIPLIER", "STREAMS", "Lehmer"]

MODULUS = 2147483647
MULTIPLIER = 48271
JUMP = 22925
STREAMS = 256


class Lehmer:
    """x <- 48271 x mod 2147483647, u = x / 2147483647 (Leemis and Park 2006, section 2.1 and 3.2).

    Args:
        seed: state of stream 0; stream j + 1 begins at 22925 times that of stream j.
    """

    def __init__(self, seed: int = 123456789) -> None:
        if type(seed) is not int or not 0 < seed < MODULUS:
            expected = f"expected a whole number between 1 and {MODULUS - 1:,}"
            raise StudyError(Fault("simulation.seed", f"the Lehmer seed is {seed!r}", expected, key="seed"))
        self.seed = seed

    def state(self, stream: int) -> int:
        """Where a stream begins.

        Raises:
            StudyError: there are 256 streams, 0 to 255.
        """
        if not 0 <= stream < STREAMS:
            raise StudyError(Fault("simulation.seed", f"stream {stream}", f"expected 0 to {STREAMS - 1}"))
        return self.seed * pow(JUMP, stream, MODULUS) % MODULUS

    def uniforms(self, stream: int, n: int) -> npt.NDArray[np.float64]:
        """The first ``n`` numbers of a stream, between 0 and 1, shape (n,)."""
        x, out = self.state(stream), np.empty(n)
        powers = _powers(min(n, 4096))
        for start in range(0, n, powers.size):  # one step of the stream for all of a block
            block = (x * powers[: n - start] % MODULUS).astype(np.int64)
            out[start : start + block.size] = block / MODULUS
            x = int(block[-1])
        return out


def _powers(n: int) -> npt.NDArray[np.uint64]:
    """48271, 48271^2, ... modulo the modulus, shape (n,); a product with a state stays below 2^62."""
    out = np.empty(max(n, 1), np.uint64)
    value = 1
    for i in range(out.size):
        value = value * MULTIPLIER % MODULUS
        out[i] = value
    return out
