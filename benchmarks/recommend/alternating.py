"""Epochs of implicit's alternating least squares, timed: run by an interpreter that has implicit.

``python alternating.py JOB`` reads JOB (JSON): ``data`` (an .npz file of indptr and indices), ``items``, ``confidence``
(of what was observed), ``factors``, ``regularization``, ``epochs`` and ``out``, to which it writes clock and processor
seconds of each epoch, the factors and the most memory held, MB.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

import numpy as np
from scipy.sparse import csr_matrix


def main(job: str) -> None:
    """Do one job."""
    from implicit.als import AlternatingLeastSquares

    told = json.loads(Path(job).read_text(encoding="utf-8"))
    with np.load(told["data"]) as data:
        values = np.full(len(data["indices"]), told["confidence"], np.float32)
        X = csr_matrix((values, data["indices"], data["indptr"]), (len(data["indptr"]) - 1, told["items"]))
    small = AlternatingLeastSquares(factors=told["factors"], iterations=1)
    small.fit(X[:100], show_progress=False)
    model = AlternatingLeastSquares(
        factors=told["factors"], regularization=told["regularization"], iterations=told["epochs"], random_state=0
    )
    clock, processor, last = [], [], [0.0]

    def epoch(_: int, seconds: float, __: object) -> None:
        now = time.process_time()
        clock.append(seconds)
        processor.append(now - last[0])
        last[0] = now

    last[0] = time.process_time()
    model.fit(X, show_progress=False, callback=epoch)
    np.savez(
        told["out"], clock=clock, processor=processor, X=model.user_factors, Y=model.item_factors,
        peak_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    )  # fmt: skip


if __name__ == "__main__":
    main(sys.argv[1])
