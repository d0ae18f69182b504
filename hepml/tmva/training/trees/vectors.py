"""Arithmetic on eight variables, or on four sums, of an event at once: LLVM's vector instructions in Numba's kernels.

Numba vectorises long loops and no short ones, and a node's histograms are nothing but short loops: a row of variables, a
bin's sums. LLVM turns these vectors into what the processor has.
"""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

__all__ = ["LANES", "add_four", "add_two", "bins", "prefetch", "widen", "widen_16"]

# variables that are worked on at once; rows of variables are padded to a multiple
LANES = 8

_FLOATS = ir.VectorType(ir.FloatType(), LANES)
_INTS = ir.VectorType(ir.IntType(32), LANES)
_SUMS = ir.VectorType(ir.DoubleType(), 4)
_PAIR = ir.VectorType(ir.DoubleType(), 2)


def _address(context, builder, array_type, array, at, vector):
    data = context.make_array(array_type)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [at]), vector.as_pointer())


def _load(builder, address, align):
    return builder.load(address, align=align)


def _function(builder, name):
    return cgutils.get_or_insert_function(builder.module, ir.FunctionType(_FLOATS, [_FLOATS]), name)


def _everywhere(builder, vector, value):
    start = builder.insert_element(ir.Constant(vector, ir.Undefined), value, ir.Constant(ir.IntType(32), 0))
    zeros = ir.Constant(ir.VectorType(ir.IntType(32), vector.count), [0] * vector.count)
    return builder.shuffle_vector(start, ir.Constant(vector, ir.Undefined), zeros)


def _adding(vector):
    """Return what adds a vector of an event's numbers to one bin of each of four variables."""

    def add(typing_context, sums, where, at, terms, place, side):
        def generate(context, builder, signature, args):
            types_of, wide = signature.args, ir.IntType(64)
            term = _load(builder, _address(context, builder, types_of[3], args[3], args[4], vector), 8)
            data = context.make_array(types_of[0])(context, builder, args[0]).data
            places = context.make_array(types_of[1])(context, builder, args[1]).data
            for lane in range(_SUMS.count):
                number = builder.load(builder.gep(places, [builder.add(args[2], ir.Constant(args[2].type, lane))]))
                first = builder.add(builder.shl(builder.zext(number, wide), ir.Constant(wide, 2)), args[5])
                into = builder.bitcast(builder.gep(data, [first]), vector.as_pointer())
                builder.store(builder.fadd(_load(builder, into, 8), term), into, align=8)
            return context.get_dummy_value()

        return types.void(sums, where, types.intp, terms, types.intp, types.intp), generate

    return add


@intrinsic
def add_four(typing_context, sums, where, at, terms, place, side):
    """Add an event's four numbers, ``terms[place:place + 4]``, to one bin of each of four variables.

    ``sums`` (float64) holds bins of four numbers, and ``where[at:at + 4]`` (int32) their places; ``side`` is 0.
    """
    return _adding(_SUMS)(typing_context, sums, where, at, terms, place, side)


@intrinsic
def add_two(typing_context, sums, where, at, terms, place, side):
    """Add two numbers of an event to those of the bins that begin at ``side``, which is 0 or 2."""
    return _adding(_PAIR)(typing_context, sums, where, at, terms, place, side)


def _extent_of(vector):
    """Return what finds smallest and largest values of as many variables as the vector has places."""

    def extent(typing_context, low, high, at, rows, padded, events):
        def generate(context, builder, signature, args):
            types_of = signature.args
            data = context.make_array(types_of[3])(context, builder, args[3]).data
            sample = context.make_array(types_of[5])(context, builder, args[5])
            n_events = builder.extract_value(sample.shape, 0)
            lows = _address(context, builder, types_of[0], args[0], args[2], vector)
            highs = _address(context, builder, types_of[1], args[1], args[2], vector)
            least, most = (cgutils.alloca_once_value(builder, _load(builder, ends, 4)) for ends in (lows, highs))
            with cgutils.for_range(builder, n_events) as loop:
                event = builder.zext(builder.load(builder.gep(sample.data, [loop.index])), ir.IntType(64))
                place = builder.add(builder.mul(event, args[4]), args[2])
                x = _load(builder, builder.bitcast(builder.gep(data, [place]), vector.as_pointer()), 4)
                for ends, comparison in ((least, "<"), (most, ">")):
                    old = builder.load(ends)
                    builder.store(builder.select(builder.fcmp_ordered(comparison, x, old), x, old), ends)
            builder.store(builder.load(least), lows, align=4)
            builder.store(builder.load(most), highs, align=4)
            return context.get_dummy_value()

        return types.void(low, high, types.intp, rows, types.intp, events), generate

    return extent


@intrinsic
def widen(typing_context, low, high, at, rows, padded, events):
    """Widen the ranges of eight variables from ``at`` on to hold those of some events, ``rows[padded * event + at]``."""
    return _extent_of(_FLOATS)(typing_context, low, high, at, rows, padded, events)


@intrinsic
def widen_16(typing_context, low, high, at, rows, padded, events):
    """Do the same for sixteen variables."""
    return _extent_of(ir.VectorType(ir.FloatType(), 2 * LANES))(typing_context, low, high, at, rows, padded, events)


@intrinsic
def prefetch(typing_context, array, place):
    """Ask for the line of the cache that ``array[place]`` is in, before it is needed."""

    def generate(context, builder, signature, args):
        data = context.make_array(signature.args[0])(context, builder, args[0]).data
        byte, number = ir.IntType(8).as_pointer(), ir.IntType(32)
        function = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(ir.VoidType(), [byte, number, number, number]), "llvm.prefetch.p0"
        )
        address = builder.bitcast(builder.gep(data, [args[1]]), byte)
        # to be read, into all caches, as data
        builder.call(function, [address, *(ir.Constant(number, value) for value in (0, 3, 1))])
        return context.get_dummy_value()

    return types.void(array, types.intp), generate


@intrinsic
def bins(typing_context, out, low, scale, slack, first, at, rows, place):
    """Write the places of eight variables in their histograms to ``out[at:at + 8]``, and return which are in doubt.

    A place is ``first + (x - low) * scale``, cut to an integer. Bit ``i`` of the result is set if rounding may have put the
    product of variable ``at + i`` on the wrong side of an integer: then the caller decides in double precision. ``slack``
    is negative, or infinite for variables that are always to be decided so.
    """

    def generate(context, builder, signature, args):
        types_of = signature.args
        base = {
            name: _address(context, builder, types_of[n], args[n], args[5], _FLOATS)
            for name, n in (("low", 1), ("scale", 2), ("slack", 3))
        }
        low_, scale_, slack_ = (_load(builder, base[name], 4) for name in ("low", "scale", "slack"))
        first_ = _load(builder, _address(context, builder, types_of[4], args[4], args[5], _INTS), 4)
        x = _load(builder, _address(context, builder, types_of[6], args[6], args[7], _FLOATS), 4)
        product = builder.fmul(builder.fsub(x, low_), scale_)
        rint, fabs = (_function(builder, f"llvm.{name}.v{LANES}f32") for name in ("rint", "fabs"))
        distance = builder.call(fabs, [builder.fsub(product, builder.call(rint, [product]))])
        # eight units in the last place; difference, factor and product cost three
        near = _everywhere(builder, _FLOATS, ir.Constant(ir.FloatType(), 2.0**-21))
        bound = builder.fadd(builder.fmul(product, near), slack_)
        doubt = builder.fcmp_unordered("<=", distance, bound)
        whole = builder.fptosi(product, _INTS)
        builder.store(
            builder.add(whole, first_), _address(context, builder, types_of[0], args[0], args[5], _INTS), align=4
        )
        return builder.zext(builder.bitcast(doubt, ir.IntType(LANES)), ir.IntType(64))

    return types.int64(out, low, scale, slack, first, types.intp, rows, types.intp), generate
