"""Sums over demand points, compiled: distance, pull and curvature at a place, in one pass over the points.

The points are cut into chunks of a fixed size whose sums are added in order, so the number of threads changes nothing.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from potomac.stats.compiled import compiled

__all__ = [
    "CHUNK",
    "SUMS",
    "cell_bounds",
    "farthest",
    "near_bounds",
    "plane_lines",
    "plane_sums",
    "sphere_lines",
    "sphere_sums",
]

Floats = npt.NDArray[np.float64]

CHUNK = 1 << 14
"""Points a chunk."""
SUMS = 9
"""Sums a chunk: distance, pull (2), curvature (3), weight over distance, weight at the place, squared pulls."""

# infinities keep their rules; sums may be taken in any order, which is fixed once compiled
_compiled = compiled(nogil=True, error_model="numpy", fastmath={"reassoc", "contract", "nnan", "nsz"})


@compiled(nogil=True)
def plane_lines(points: Floats, weights: Floats, first: int, last: int, out: Floats) -> None:
    """Write x, y and weight of the points from ``first`` to ``last``, a line each; ``points`` lie one after another."""
    part, mass = points[2 * first : 2 * last], weights[first:last]
    x, y, w = out[0, first:last], out[1, first:last], out[2, first:last]
    for i in range(len(mass)):
        x[i], y[i], w[i] = part[2 * i], part[2 * i + 1], mass[i]


@compiled(nogil=True, error_model="numpy", fastmath={"contract"})
def sphere_lines(points: Floats, weights: Floats, first: int, last: int, out: Floats) -> None:
    """The same of latitude and longitude, degrees, as three coordinates on the unit sphere."""
    part, mass = points[2 * first : 2 * last], weights[first:last]
    x, y, z, w = out[0, first:last], out[1, first:last], out[2, first:last], out[3, first:last]
    for i in range(len(mass)):
        sine, cosine = _turned(part[2 * i])
        east, ahead = _turned(part[2 * i + 1])
        x[i] = cosine * ahead
        y[i] = cosine * east
        z[i] = sine
        w[i] = mass[i]


@compiled(nogil=True, error_model="numpy", fastmath={"contract"}, forceinline=True)
def _turned(degrees: float) -> tuple[float, float]:
    """Sine and cosine without branches: of what is left of quarter turns, which is exact, by Cephes' polynomials."""
    quarters = np.floor(degrees * (1.0 / 90.0) + 0.5)
    x = (degrees - 90.0 * quarters) * 0.017453292519943295
    z = x * x
    s = -2.50507477628578072866e-8 + z * 1.58962301576546568060e-10
    s = -1.98412698295895385996e-4 + z * (2.75573136213857245213e-6 + z * s)
    s = x + x * z * (-1.66666666666666307295e-1 + z * (8.33333333332211858878e-3 + z * s))
    c = 2.08757008419747316778e-9 - z * 1.13585365213876817300e-11
    c = 2.48015872888517045348e-5 + z * (-2.75573141792967388112e-7 + z * c)
    c = 1.0 - 0.5 * z + z * z * (4.16666666666665929218e-2 + z * (-1.38888888888730564116e-3 + z * c))
    half = np.floor(0.5 * quarters)
    odd = quarters - 2.0 * half  # 0 or 1, and so is the other
    sign = 1.0 - 2.0 * (half - 2.0 * np.floor(0.5 * half))
    return sign * (s + odd * (c - s)), sign * (c - odd * (c + s))


@_compiled
def farthest(points: Floats, at: Floats, first: int, last: int, out: Floats) -> None:
    """The greatest square of the distance from ``at`` in each chunk from ``first`` to ``last``."""
    d = len(at)
    for chunk in range(first, last):
        most = 0.0
        for i in range(chunk * CHUNK, min((chunk + 1) * CHUNK, points.shape[1])):
            square = (points[0, i] - at[0]) ** 2 + (points[1, i] - at[1]) ** 2
            if d == 3:
                square += (points[2, i] - at[2]) ** 2
            most = square if square > most else most
        out[chunk] = most


@compiled(nogil=True)
def far_point(points: Floats, at: Floats) -> tuple[int, float]:
    """The point furthest from a place, the first of equals, and the square of its distance; points of shape (n, d)."""
    far, most = 0, -1.0
    for i in range(points.shape[0]):
        square = 0.0
        for axis in range(points.shape[1]):
            apart = points[i, axis] - at[axis]
            square += apart * apart
        if square > most:
            far, most = i, square
    return far, most


@_compiled
def plane_sums(points: Floats, at: Floats, near: float, first: int, last: int, sums: Floats) -> None:
    """The sums of the chunks from ``first`` to ``last``; ``points`` holds x, y and weight, a line each.

    A point closer than ``near`` counts as lying at the place. With (a, b) from the place ``at`` to a point of weight w
    in distance d: w d; w (a, b) / d; w (b b, -a b, a a) / d^3; w / d; w of those at the place; (w / d)^2. A sum runs
    over several points at a time, which a greatest or least would not.
    """
    x, y, w = points[0], points[1], points[2]
    u, v = at[0, 0], at[0, 1]
    least = near * near
    for chunk in range(first, last):
        total, pull_a, pull_b, aa, ab, bb, over, here, sharp = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
        for i in range(chunk * CHUNK, min((chunk + 1) * CHUNK, len(w))):
            a, b = x[i] - u, y[i] - v
            square = a * a + b * b
            inverse = 1.0 / np.sqrt(square if square > least else np.inf)
            pull = w[i] * inverse
            bend = pull * inverse * inverse
            total += pull * square
            pull_a += pull * a
            pull_b += pull * b
            aa += bend * b * b
            ab -= bend * a * b
            bb += bend * a * a
            over += pull
            here += 0.0 if square > least else w[i]
            sharp += pull * pull
        _keep(sums[chunk], total, pull_a, pull_b, aa, ab, bb, over, here, sharp)


@_compiled
def sphere_sums(points: Floats, at: Floats, near: float, first: int, last: int, sums: Floats) -> None:
    """The same on the unit sphere: ``points`` holds the three coordinates and the weight, a line each.

    ``at`` holds two tangents and the place itself, orthonormal. The Hessian of an angle is its cotangent across the
    direction of the point, and 0 along it.
    """
    x, y, z, w = points[0], points[1], points[2], points[3]
    ax, ay, az, bx, by, bz = at[0, 0], at[0, 1], at[0, 2], at[1, 0], at[1, 1], at[1, 2]
    ux, uy, uz = at[2, 0], at[2, 1], at[2, 2]
    least = near * near
    for chunk in range(first, last):
        total, pull_a, pull_b, aa, ab, bb, over, here, sharp = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
        for i in range(chunk * CHUNK, min((chunk + 1) * CHUNK, len(w))):
            dx, dy, dz = x[i] - ux, y[i] - uy, z[i] - uz
            a = dx * ax + dy * ay + dz * az
            b = dx * bx + dy * by + dz * bz
            fall = dx * ux + dy * uy + dz * uz  # cos - 1, without the loss of digits
            square = a * a + b * b
            inverse = 1.0 / np.sqrt(square if square > least else np.inf)
            pull = w[i] * inverse
            bend = pull * inverse * inverse * (1.0 + fall)
            total += w[i] * _angle(square + fall * fall)
            pull_a += pull * a
            pull_b += pull * b
            aa += bend * b * b
            ab -= bend * a * b
            bb += bend * a * a
            over += pull
            here += 0.0 if square > least or fall < -1.0 else w[i]
            sharp += pull * pull
        _keep(sums[chunk], total, pull_a, pull_b, aa, ab, bb, over, here, sharp)


@_compiled
def cell_bounds(points: Floats, centres: Floats, radii: Floats, first: int, last: int, out: Floats) -> None:
    """For caps on the sphere the sum of angles at the centre, and what no sum in the cap is below, shape (k, 2).

    An angle t seen along a great circle bends down by no more than -cot t. Within the radius r of the centre each point
    so contributes at least its value and slope there less r^2 / 2 times the most of that; or, where it is nearly
    opposite and that is worse, its value less r.
    """
    x, y, z, w = points[0], points[1], points[2], points[3]
    for k in range(first, last):
        ux, uy, uz, r = centres[k, 0], centres[k, 1], centres[k, 2], radii[k]
        total, loss, gx, gy, gz = 0.0, 0.0, 0.0, 0.0, 0.0
        for i in range(len(w)):
            dx, dy, dz = x[i] - ux, y[i] - uy, z[i] - uz
            fall = dx * ux + dy * uy + dz * uz
            angle = _angle(dx * dx + dy * dy + dz * dz)
            total += w[i] * angle
            far = angle + r
            sine = np.sin(angle)
            bend = 0.0 if far <= 0.5 * np.pi else (-0.5 * r / np.tan(far) if far < 3.14159 else 2.0)
            if bend >= 1.0 or sine < 1e-12:
                loss += w[i] * r if bend >= 1.0 else 0.0  # at a point itself a slope of 0 will do
                continue
            loss += w[i] * bend * r
            pull = w[i] / sine
            gx += pull * (dx - fall * ux)
            gy += pull * (dy - fall * uy)
            gz += pull * (dz - fall * uz)
        out[k, 0] = total
        out[k, 1] = total - loss - r * np.sqrt(gx * gx + gy * gy + gz * gz)


@_compiled
def near_bounds(
    points: Floats, base: Floats, decays: bool, scale: float, centres: Floats, radii: Floats, first: int, last: int,
    out: Floats,
) -> None:  # fmt: skip
    """For caps the sum of w min(cost, base) at the centre, and what no such sum in the cap is below, shape (k, 2).

    The cost of an angle t is s t, or 1 - exp(-s t) where it decays. Within r of the centre a point contributes at least
    its cost at t - r. Where that says less, and base plays no part, it is its value and slope at the centre less half
    of r^2 times the most that its cost bends down, s^2 exp(-s (t - r)): slopes of several points cancel out, radii do
    not.
    """
    x, y, z, w = points[0], points[1], points[2], points[3]
    for k in range(first, last):
        ux, uy, uz, r = centres[k, 0], centres[k, 1], centres[k, 2], radii[k]
        total, plain, sharp, gx, gy, gz = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
        for i in range(len(w)):
            dx, dy, dz = x[i] - ux, y[i] - uy, z[i] - uz
            angle = _angle(dx * dx + dy * dy + dz * dz)
            least = angle - r if angle > r else 0.0
            if decays:
                here, low, high = np.exp(-scale * angle), np.exp(-scale * least), np.exp(-scale * (angle + r))
                slope, bend = scale * here, 0.5 * scale * scale * low * r * r
                here, low, high = 1.0 - here, 1.0 - low, 1.0 - high
            else:
                here, low, high, slope, bend = scale * angle, scale * least, scale * (angle + r), scale, 0.0
            total += w[i] * (here if here < base[i] else base[i])
            low = low if low < base[i] else base[i]
            plain += w[i] * low
            if angle <= r or angle + r >= 1.57 or high > base[i] or here - bend <= low:
                sharp += w[i] * low
                continue
            sharp += w[i] * (here - bend)
            fall = dx * ux + dy * uy + dz * uz
            pull = w[i] * slope / np.sin(angle)
            gx += pull * (dx - fall * ux)
            gy += pull * (dy - fall * uy)
            gz += pull * (dz - fall * uz)
        sharp -= r * np.sqrt(gx * gx + gy * gy + gz * gz)
        out[k, 0] = total
        out[k, 1] = max(plain, sharp) - 1e-13 * total


@compiled(nogil=True, error_model="numpy", fastmath={"contract"}, forceinline=True)
def _angle(square: float) -> float:
    """The angle under a chord of the unit sphere, given its square: 2 asin(chord / 2), without branches.

    asin by the rational approximation of fdlibm (Sun 1993) below one half, and by that of the rest above it.
    """
    q = 0.25 * square
    q = q if q < 1.0 else 1.0
    low = q < 0.25
    z = q if low else 0.5 * (1.0 - np.sqrt(q))
    s = np.sqrt(z)
    p = 7.91534994289814532176e-04 + z * 3.47933107596021167570e-05
    p = -4.00555345006794114027e-02 + z * p
    p = 2.01212532134862925881e-01 + z * p
    p = z * (1.66666666666666657415e-01 + z * (-3.25565818622400915405e-01 + z * p))
    r = 1.0 + z * (-2.40339491173441421878e00 + z * (2.02094576023350569471e00 + z * (
        -6.88283971605453293030e-01 + z * 7.70381505559019352791e-02)))  # fmt: skip
    arc = s + s * (p / r)
    return float(2.0 * arc if low else np.pi - 4.0 * arc)


@_compiled
def _keep(
    out: Floats, total: float, pull_a: float, pull_b: float, aa: float, ab: float, bb: float,
    over: float, here: float, sharp: float,
) -> None:  # fmt: skip
    out[0], out[1], out[2], out[3], out[4], out[5] = total, pull_a, pull_b, aa, ab, bb
    out[6], out[7], out[8] = over, here, sharp
