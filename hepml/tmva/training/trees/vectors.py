"""Arithmetic on eight variables, or on four sums, of an event at once: LLVM's vector instructions in Numba's kernels.

Numba vectorises long loops and no short ones, and a node's histograms are nothing but short loops: a row of variables, a
bin's sums. LLVM turns these vectors into what the processor has.
"""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

__all__ = ["LANES", "accumulate", "bins", "widen"]

# variables that are worked on at once; rows of variables are padded to a multiple
LANES = 8

_FLOATS = ir.VectorType(ir.FloatType(), LANES)
_INTS = ir.VectorType(ir.IntType(32), LANES)
_SUMS = ir.VectorType(ir.DoubleType(), 4)


def _address(context, builder, array_type, array, at, vector):
    data = context.make_array(array_type)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [at]), vector.as_pointer())


def _load(builder, address, vector, align):
    return builder.load(address, align=align, typ=vector)


def _function(builder, name):
    return cgutils.get_or_insert_function(builder.module, ir.FunctionType(_FLOATS, [_FLOATS]), name)


def _everywhere(builder, vector, value):
    start = builder.insert_element(ir.Constant(vector, ir.Undefined), value, ir.Constant(ir.IntType(32), 0))
    zeros = ir.Constant(ir.VectorType(ir.IntType(32), vector.count), [0] * vector.count)
    return builder.shuffle_vector(start, ir.Constant(vector, ir.Undefined), zeros)


@intrinsic
def accumulate(typing_context, sums, at, terms, place):
    """Add four numbers of ``terms`` from ``place`` to those of ``sums`` from ``at``; both float64, one dimension."""

    def generate(context, builder, signature, args):
        into = _address(context, builder, signature.args[0], args[0], args[1], _SUMS)
        of = _address(context, builder, signature.args[2], args[2], args[3], _SUMS)
        total = builder.fadd(_load(builder, into, _SUMS, 8), _load(builder, of, _SUMS, 8))
        builder.store(total, into, align=8)
        return context.get_dummy_value()

    return types.void(sums, types.intp, terms, types.intp), generate


@intrinsic
def widen(typing_context, low, high, at, rows, place):
    """Widen the ranges ``low[at:at + 8]`` and ``high[at:at + 8]`` to hold ``rows[place:place + 8]``; all float32."""

    def generate(context, builder, signature, args):
        lows = _address(context, builder, signature.args[0], args[0], args[2], _FLOATS)
        highs = _address(context, builder, signature.args[1], args[1], args[2], _FLOATS)
        x = _load(builder, _address(context, builder, signature.args[3], args[3], args[4], _FLOATS), _FLOATS, 4)
        for address, comparison in ((lows, "<"), (highs, ">")):
            old = _load(builder, address, _FLOATS, 4)
            builder.store(builder.select(builder.fcmp_ordered(comparison, x, old), x, old), address, align=4)
        return context.get_dummy_value()

    return types.void(low, high, types.intp, rows, types.intp), generate


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
        low_, scale_, slack_ = (_load(builder, base[name], _FLOATS, 4) for name in ("low", "scale", "slack"))
        first_ = _load(builder, _address(context, builder, types_of[4], args[4], args[5], _INTS), _INTS, 4)
        x = _load(builder, _address(context, builder, types_of[6], args[6], args[7], _FLOATS), _FLOATS, 4)
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
