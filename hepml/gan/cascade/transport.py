"""The compiled transport of one shower: particles on a stack, steps, interactions, and energy given to cells.

Lengths are in mm inside, energies in MeV. Nothing here knows of files or of Python objects.
"""

from __future__ import annotations

import math

import numba
import numpy as np

from hepml.gan.cascade.cross_sections import ELECTRON_MASS
from hepml.gan.cascade.tables import LOG_FIRST, LOG_STEP

__all__ = ["shower"]

_PHOTON, _ELECTRON, _POSITRON = 0, -1, 1
_STACK = 4096
_TINY = 1e-9


@numba.njit(cache=True, inline="always")
def _look_up(table, place, row, fraction):
    return table[place, row] + fraction * (table[place + 1, row] - table[place, row])


@numba.njit(cache=True, error_model="numpy", fastmath=True)
def _turn(direction, cosine, phi):
    """Turn a unit vector by a polar angle around it, in place."""
    sine = math.sqrt(max(0.0, 1.0 - cosine * cosine))
    a, b = sine * math.cos(phi), sine * math.sin(phi)
    u, v, w = direction
    across = math.sqrt(u * u + v * v)
    if across < 1e-10:
        direction[0], direction[1], direction[2] = a, b, cosine if w > 0.0 else -cosine
        return
    direction[0] = u * cosine + (u * w * a - v * b) / across
    direction[1] = v * cosine + (v * w * a + u * b) / across
    direction[2] = w * cosine - across * a
    norm = 1.0 / math.sqrt(direction[0] ** 2 + direction[1] ** 2 + direction[2] ** 2)
    direction[0] *= norm
    direction[1] *= norm
    direction[2] *= norm


@numba.njit(cache=True, error_model="numpy", fastmath=True)
def _uniform(state):
    """Return the next number of [0, 1): xoshiro256+ of D. Blackman and S. Vigna, ACM TOMS 47 (2021) 36."""
    result = state[0] + state[3]
    shifted = state[1] << np.uint64(17)
    state[2] ^= state[0]
    state[3] ^= state[1]
    state[1] ^= state[2]
    state[0] ^= state[3]
    state[2] ^= shifted
    state[3] = (state[3] << np.uint64(45)) | (state[3] >> np.uint64(19))
    return float(result >> np.uint64(11)) * 1.1102230246251565e-16


def _widths():
    """Return the parameter a of the density exp(-(1 - c)/a) by the mean of 1 - c, from 0 to 1 in equal steps."""
    a = np.concatenate([np.geomspace(1e-4, 50.0, 4000), [1e3]])
    mean = a - 2.0 / np.expm1(np.minimum(2.0 / a, 700.0))
    grid = np.linspace(0.0, 1.0, 1025)
    return np.interp(grid, np.concatenate([[0.0], mean]), np.concatenate([[0.0], a]))


_WIDTHS = _widths()


@numba.njit(cache=True, error_model="numpy", fastmath=True)
def _scattered(state, depth):
    """Return a cosine whose mean is exp(-depth), of the density exp(-(1 - c)/a)."""
    wanted = 1.0 - math.exp(-depth) if depth > 1e-6 else depth
    if wanted < 0.02:
        a = wanted
    elif wanted > 0.95:
        return 2.0 * _uniform(state) - 1.0
    else:
        place = wanted * 1024.0
        index = int(place)
        a = _WIDTHS[index] + (place - index) * (_WIDTHS[index + 1] - _WIDTHS[index])
    if a < 1e-12:
        return 1.0
    low = math.exp(-2.0 / a)
    return 1.0 + a * math.log(1.0 - _uniform(state) * (1.0 - low))


@numba.njit(cache=True, error_model="numpy", fastmath=True)
def _screening(delta):
    if delta <= 1.0:
        return 20.867 - 3.242 * delta + 0.625 * delta * delta, 20.209 - 1.93 * delta - 0.086 * delta * delta
    far = 21.12 - 4.184 * math.log(delta + 0.952)
    return far, far


@numba.njit(cache=True, error_model="numpy", fastmath=True)
def _element(state, elements):
    if elements.shape[0] == 1:
        return 0
    r = _uniform(state)
    for place in range(elements.shape[0]):
        if r <= elements[place, 3]:
            return place
    return elements.shape[0] - 1


@numba.njit(cache=True, error_model="numpy", fastmath=True)
def _small_angle(state):
    """Return u of Tsai's angular distribution, the polar angle in units of m/E."""
    scale = 1.6 if _uniform(state) < 0.25 else 1.6 / 3.0
    return -scale * math.log(_uniform(state) * _uniform(state) + 1e-300)


@numba.njit(cache=True, error_model="numpy", fastmath=True)
def _pair_share(state, energy, z, correction):
    """Return the share of the photon's energy that one of the pair gets, its mass included."""
    least = ELECTRON_MASS / energy
    if energy < 2.0:
        return least + (0.5 - least) * _uniform(state)
    cube = z ** (1.0 / 3.0)
    common = 8.0 / 3.0 * math.log(z)
    if energy > 50.0:
        common += 8.0 * correction
    factor = 136.0 / cube * least
    smallest = 4.0 * factor
    largest = math.exp((42.24 - common) / 8.368) - 0.952
    first = 0.5 - 0.5 * math.sqrt(max(0.0, 1.0 - smallest / largest))
    low = max(least, first)
    one, two = _screening(smallest)
    f10 = max(3.0 * one - two - common, 0.0)
    f20 = max(1.5 * one - 0.5 * two - common, 0.0)
    width = 0.5 - low
    n1, n2 = f10 * width * width, 1.5 * f20
    while True:
        if _uniform(state) * (n1 + n2) < n1:
            share = 0.5 - width * _uniform(state) ** (1.0 / 3.0)
            p, q = _screening(factor / (share * (1.0 - share)))
            keep = (3.0 * p - q - common) / f10
        else:
            share = low + width * _uniform(state)
            p, q = _screening(factor / (share * (1.0 - share)))
            keep = (1.5 * p - 0.5 * q - common) / f20
        if _uniform(state) < keep:
            return share


@numba.njit(cache=True, error_model="numpy", fastmath=True)
def _radiated(state, kinetic, cut, z, correction):
    """Return the energy of a photon above the cut."""
    total = kinetic + ELECTRON_MASS
    common = math.log(z) / 3.0 + (correction if total > 50.0 else 0.0)
    factor = 136.0 * ELECTRON_MASS / (z ** (1.0 / 3.0) * total)
    log = math.log(kinetic / cut)
    bound = 2.0 * (20.867 / 4.0 - common)
    while True:
        k = cut * math.exp(log * _uniform(state))
        left = max(total - k, ELECTRON_MASS)
        ratio = left / total
        first, second = _screening(factor * k / left)
        value = (1.0 + ratio * ratio) * (first / 4.0 - common) - 2.0 / 3.0 * ratio * (second / 4.0 - common)
        if _uniform(state) * bound < value:
            return k


@numba.njit(cache=True, error_model="numpy", fastmath=True)
def _knocked(state, kinetic, cut, positron):
    """Return the kinetic energy of a delta ray."""
    gamma = kinetic / ELECTRON_MASS + 1.0
    beta2 = 1.0 - 1.0 / (gamma * gamma)
    least, most = cut / kinetic, 1.0 if positron else 0.5
    if positron:
        y = 1.0 / (gamma + 1.0)
        b1, b2 = 2.0 - y * y, (1.0 - 2.0 * y) * (3.0 + y * y)
        b4 = (1.0 - 2.0 * y) ** 3
        b3 = b4 + (1.0 - 2.0 * y) ** 2
        bound = 1.0 + ((b4 * most - b3) * most + b2) * most * most * beta2
        bound = max(bound, 1.0 + 0.0 * bound)
        while True:
            x = least * most / (least + _uniform(state) * (most - least))
            value = 1.0 + (((b4 * x - b3) * x + b2) * x - b1) * x * beta2
            if _uniform(state) * bound < value:
                return x * kinetic
    c = (2.0 * gamma - 1.0) / (gamma * gamma)
    y = 1.0 - most
    bound = 1.0 - c * most + most * most * (1.0 - c + (1.0 - c * y) / (y * y))
    while True:
        x = least * most / (least + _uniform(state) * (most - least))
        y = 1.0 - x
        value = 1.0 - c * x + x * x * (1.0 - c + (1.0 - c * y) / (y * y))
        if _uniform(state) * bound < value:
            return x * kinetic


@numba.njit(cache=True, error_model="numpy", fastmath=True)
def _compton_share(state, energy):
    """Return the share of its energy that a photon keeps: Klein and Nishina."""
    k = energy / ELECTRON_MASS
    least = 1.0 / (1.0 + 2.0 * k)
    a1, a2 = math.log(1.0 + 2.0 * k), 0.5 * (1.0 - least * least)
    while True:
        if _uniform(state) * (a1 + a2) < a1:
            share = math.exp(-a1 * _uniform(state))
        else:
            share = math.sqrt(least * least + (1.0 - least * least) * _uniform(state))
        t = (1.0 - share) / (share * k)
        if _uniform(state) < 1.0 - share * t * (2.0 - t) / (1.0 + share * share):
            return share


@numba.njit(cache=True, error_model="numpy", fastmath=True)
def _photo_cosine(state, kinetic):
    """Return the cosine of the photo-electron: Sauter's distribution for the K shell."""
    gamma = kinetic / ELECTRON_MASS + 1.0
    beta = math.sqrt(1.0 - 1.0 / (gamma * gamma))
    a = 1.0 / beta - 1.0
    term = 0.5 * beta * gamma * (gamma - 1.0) * (gamma - 2.0)
    top = 2.0 * (1.0 / a + term)
    while True:
        r = _uniform(state)
        v = 2.0 * a * (2.0 * r + (a + 2.0) * math.sqrt(r)) / ((a + 2.0) ** 2 - 4.0 * r)
        if _uniform(state) * top < (2.0 - v) * (1.0 / (a + v) + term):
            return 1.0 - v


@numba.njit(cache=True, error_model="numpy", fastmath=True)
def _give(x, y, z, energy, active, readouts, layer_edges, cells, totals):
    """Give energy to the cells of all readouts; a row of ``readouts`` is one layer of one of them."""
    totals[1 if active else 0] += energy
    if not active:
        return
    for row in range(readouts.shape[0]):
        if not layer_edges[row, 0] <= z < layer_edges[row, 1]:
            continue
        offset, shape = int(readouts[row, 0]), int(readouts[row, 1])
        n_first, n_second = int(readouts[row, 2]), int(readouts[row, 3])
        if shape == 0:
            first = math.floor((x / readouts[row, 4] + 0.5) * n_first)
            second = math.floor((y / readouts[row, 5] + 0.5) * n_second)
            if 0 <= first < n_first and 0 <= second < n_second:
                cells[offset + first * n_second + second] += energy
        else:
            radius = math.sqrt(x * x + y * y)
            second = 0
            while second < n_second and radius >= readouts[row, 5 + second]:
                second += 1
            if second < n_second:
                first = int((math.atan2(y, x) + math.pi) / (2.0 * math.pi) * n_first)
                cells[offset + min(first, n_first - 1) * n_second + second] += energy


@numba.njit(cache=True, error_model="numpy", fastmath=True)
def _push(stack, count, kind, energy, position, direction):
    if count >= stack.shape[0]:
        grown = np.empty((2 * stack.shape[0], 8))
        grown[:count] = stack[:count]
        stack = grown
    row = stack[count]
    row[0], row[1] = kind, energy
    row[2], row[3], row[4] = position[0], position[1], position[2]
    row[5], row[6], row[7] = direction[0], direction[1], direction[2]
    return stack, count + 1


@numba.njit(cache=True, error_model="numpy", fastmath=True)
def shower(
    state, kind, energy, start, slabs, materials, photon, electron, elements, cuts, readouts, layer_edges, cells
):
    """Follow one particle and all that comes of it.

    Parameters
    ----------
    state : ndarray of uint64, shape (4,)
        Of its random numbers, not all zero; moved on in place.
    kind : int
        0 photon, -1 electron, 1 positron.
    energy : float
        Kinetic energy in MeV.
    start : ndarray of float64, shape (6,)
        Position in mm and direction.
    slabs : ndarray of float64, shape (n_slabs + 1,)
        Where slabs begin and end along z, in mm.
    materials : ndarray of int64, shape (n_slabs, 2)
        Number of the material of each slab, and 1 if its energy is read out.
    photon, electron, elements : ndarray
        Of :class:`~hepml.gan.cascade.tables.Tables`.
    cuts : ndarray of float64, shape (6,)
        Electron, photon, delta, soft photon, step, floor.
    readouts, layer_edges : ndarray
        Layers of cells.
    cells : ndarray of float64, shape (n_cells,)
        Filled in place: energy in MeV.

    Returns
    -------
    tuple of float
        Energy in passive slabs, in active ones, and what left the calorimeter; their sum is what came in.
    """
    n_slabs = slabs.shape[0] - 1
    stack = np.empty((_STACK, 8))
    totals = np.zeros(3)
    position, direction = start[:3].copy(), start[3:].copy()
    other = np.empty(3)
    stack, count = _push(stack, 0, kind, energy, position, direction)
    while count > 0:
        count -= 1
        row = stack[count]
        what, energy = int(row[0]), row[1]
        position[:], direction[:] = row[2:5], row[5:8]
        slab = min(max(np.searchsorted(slabs, position[2], side="right") - 1, 0), n_slabs - 1)
        if position[2] == slabs[slab] and direction[2] < 0.0:
            slab -= 1
        while True:
            if slab < 0 or slab >= n_slabs:
                totals[2] += energy + (2.0 * ELECTRON_MASS if what == _POSITRON else 0.0)
                break
            medium, active = materials[slab, 0], materials[slab, 1] == 1
            if what == _PHOTON:
                if energy < cuts[1]:
                    _give(position[0], position[1], position[2], energy, active, readouts, layer_edges, cells, totals)
                    break
                index = (math.log(energy) - LOG_FIRST) / LOG_STEP
                place = int(index)
                fraction = index - place
                mu = _look_up(photon[medium], place, 0, fraction)
                length = -10.0 * math.log(1.0 - _uniform(state)) / mu
                if direction[2] > _TINY:
                    wall, ahead = (slabs[slab + 1] - position[2]) / direction[2], 1
                elif direction[2] < -_TINY:
                    wall, ahead = (slabs[slab] - position[2]) / direction[2], -1
                else:
                    wall, ahead = 1e30, 0
                if length >= wall:
                    position += wall * direction
                    position[2] = slabs[slab + 1] if ahead == 1 else slabs[slab]
                    slab += ahead
                    continue
                position += length * direction
                r = _uniform(state) * mu
                if r < _look_up(photon[medium], place, 1, fraction):
                    chosen = _element(state, elements[medium])
                    z, correction = elements[medium, chosen, 0], elements[medium, chosen, 1]
                    share = _pair_share(state, energy, z, correction)
                    if _uniform(state) < 0.5:
                        share = 1.0 - share
                    phi = 2.0 * math.pi * _uniform(state)
                    for sign in (_ELECTRON, _POSITRON):
                        total = energy * (share if sign == _ELECTRON else 1.0 - share)
                        theta = min(_small_angle(state) * ELECTRON_MASS / total, math.pi)
                        other[:] = direction
                        _turn(other, math.cos(theta), phi if sign == _ELECTRON else phi + math.pi)
                        stack, count = _push(stack, count, sign, max(total - ELECTRON_MASS, 0.0), position, other)
                    break
                if r < _look_up(photon[medium], place, 2, fraction):
                    share = _compton_share(state, energy)
                    knocked = energy * (1.0 - share)
                    cosine = 1.0 - ELECTRON_MASS / energy * (1.0 / share - 1.0)
                    phi = 2.0 * math.pi * _uniform(state)
                    if knocked > cuts[0]:
                        momentum = math.sqrt(knocked * (knocked + 2.0 * ELECTRON_MASS))
                        other[:] = direction
                        _turn(other, min(1.0, energy * (1.0 - share * cosine) / momentum), phi + math.pi)
                        stack, count = _push(stack, count, _ELECTRON, knocked, position, other)
                    else:
                        _give(
                            position[0], position[1], position[2], knocked, active, readouts, layer_edges, cells, totals
                        )
                    _turn(direction, cosine, phi)
                    energy *= share
                    continue
                bound = elements[medium, 0, 2]
                freed = energy - bound if energy > bound else energy
                if freed > cuts[0]:
                    _turn(direction, _photo_cosine(state, freed), 2.0 * math.pi * _uniform(state))
                    if energy > freed:
                        _give(
                            position[0],
                            position[1],
                            position[2],
                            energy - freed,
                            active,
                            readouts,
                            layer_edges,
                            cells,
                            totals,
                        )
                    what, energy = _ELECTRON, freed
                    continue
                _give(position[0], position[1], position[2], energy, active, readouts, layer_edges, cells, totals)
                break
            positron = what == _POSITRON
            stops = energy < cuts[0]
            if not stops:
                index = (math.log(energy) - LOG_FIRST) / LOG_STEP
                place = int(index)
                fraction = index - place
                if energy < 1.0:
                    # what cannot reach the next slab stays here; few photons are lost with it below 1 MeV
                    reach = 10.0 * _look_up(electron[medium], place, 6, fraction)
                    stops = reach < slabs[slab + 1] - position[2] and reach < position[2] - slabs[slab]
            if stops:
                _give(position[0], position[1], position[2], energy, active, readouts, layer_edges, cells, totals)
                if positron:
                    other[0], other[1], other[2] = 0.0, 0.0, 1.0
                    _turn(other, 2.0 * _uniform(state) - 1.0, 2.0 * math.pi * _uniform(state))
                    stack, count = _push(stack, count, _PHOTON, ELECTRON_MASS, position, other)
                    other *= -1.0
                    stack, count = _push(stack, count, _PHOTON, ELECTRON_MASS, position, other)
                break
            loss = 0.1 * _look_up(electron[medium], place, 4 if positron else 3, fraction)
            radiate = 0.1 * _look_up(electron[medium], place, 0, fraction)
            knock = 0.1 * _look_up(electron[medium], place, 2 if positron else 1, fraction)
            scatter = 0.1 * _look_up(electron[medium], place, 5, fraction)
            longest = max(min(cuts[4] * energy / loss, 1.0 / scatter), cuts[5])
            to_event = -math.log(1.0 - _uniform(state)) / (radiate + knock + 1e-300)
            event = to_event < longest
            length = to_event if event else longest
            length = min(length, energy / loss)
            hinge = length * _uniform(state)
            left = length
            crossed = False
            for leg in range(2):
                path = hinge if leg == 0 else length - hinge
                if direction[2] > _TINY:
                    wall, ahead = (slabs[slab + 1] - position[2]) / direction[2], 1
                elif direction[2] < -_TINY:
                    wall, ahead = (slabs[slab] - position[2]) / direction[2], -1
                else:
                    wall, ahead = 1e30, 0
                crossed = path >= wall
                if crossed:
                    path = max(wall, 0.0)
                lost = min(loss * path, energy)
                r = _uniform(state) * path
                _give(
                    position[0] + r * direction[0],
                    position[1] + r * direction[1],
                    position[2] + r * direction[2],
                    lost,
                    active,
                    readouts,
                    layer_edges,
                    cells,
                    totals,
                )
                energy -= lost
                position += path * direction
                left -= path
                if crossed:
                    position[2] = slabs[slab + 1] if ahead == 1 else slabs[slab]
                    slab += ahead
                    break
                if leg == 0:
                    _turn(direction, _scattered(state, length * scatter), 2.0 * math.pi * _uniform(state))
            if crossed or not event or energy < cuts[0]:
                continue
            if _uniform(state) * (radiate + knock) < radiate:
                if energy <= cuts[3]:
                    continue
                chosen = _element(state, elements[medium])
                k = _radiated(state, energy, cuts[3], elements[medium, chosen, 0], elements[medium, chosen, 1])
                theta = min(_small_angle(state) * ELECTRON_MASS / (energy + ELECTRON_MASS), math.pi)
                other[:] = direction
                _turn(other, math.cos(theta), 2.0 * math.pi * _uniform(state))
                stack, count = _push(stack, count, _PHOTON, k, position, other)
                energy -= k
                continue
            if energy * (1.0 if positron else 0.5) <= cuts[2]:
                continue
            knocked = _knocked(state, energy, cuts[2], positron)
            momentum = math.sqrt(energy * (energy + 2.0 * ELECTRON_MASS))
            cosine = math.sqrt(knocked * (energy + 2.0 * ELECTRON_MASS) / (energy * (knocked + 2.0 * ELECTRON_MASS)))
            phi = 2.0 * math.pi * _uniform(state)
            other[:] = direction
            _turn(other, min(cosine, 1.0), phi)
            stack, count = _push(stack, count, _ELECTRON, knocked, position, other)
            after = energy - knocked
            if after > _TINY:
                transfer = math.sqrt(knocked * (knocked + 2.0 * ELECTRON_MASS))
                along = momentum - transfer * cosine
                _turn(direction, min(1.0, along / math.sqrt(after * (after + 2.0 * ELECTRON_MASS))), phi + math.pi)
            energy = after
    return totals[0], totals[1], totals[2]
