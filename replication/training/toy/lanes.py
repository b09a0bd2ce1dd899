"""Thirty-two float32 numbers as one value of compiled code: four AVX registers, computed on side by side.

Left to itself a compiler writes sums of short loops back to memory after every term. Values of this type stay in
registers, and the order of every sum is the one written here. NaN and infinity keep their meaning.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba.core import types
from numba.core.typing import signature
from numba.core.typing.templates import ConcreteTemplate, infer_global
from numba.extending import intrinsic, lower_builtin, models, register_model

inlined: Any = intrinsic  # these two change what they decorate in ways that a type checker cannot see
typed: Any = infer_global
COUNT = 32
VECTOR = ir.VectorType(ir.FloatType(), COUNT)
INDEX = ir.IntType(32)
CONTRACT = ("contract",)  # a product and the sum it goes into may round once, as FMA does


def padded(count: int) -> int:
    """The least multiple of COUNT that holds `count` numbers."""
    return (count + COUNT - 1) // COUNT * COUNT


class LanesType(types.Type):
    def __init__(self) -> None:
        super().__init__("Lanes32")


LANES = LanesType()


@register_model(LanesType)
class LanesModel(models.PrimitiveModel):
    def __init__(self, manager: Any, of: LanesType) -> None:
        super().__init__(manager, of, VECTOR)


def _spread(builder: ir.IRBuilder, scalar: ir.Value) -> ir.Value:
    first = builder.insert_element(ir.Constant(VECTOR, ir.Undefined), scalar, INDEX(0))
    return builder.shuffle_vector(first, ir.Constant(VECTOR, ir.Undefined), ir.Constant(ir.VectorType(INDEX, COUNT), 0))


def _arithmetic(symbol: Callable[..., Any], method: str) -> None:
    """Teach numba an operator of lanes with lanes, or with a float32 for every lane."""
    pairs = [(LANES, LANES), (LANES, types.float32), (types.float32, LANES)]

    @typed(symbol)
    class Typing(ConcreteTemplate):
        cases = [signature(LANES, *pair) for pair in pairs]

    def lower(_context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> ir.Value:
        both = [a if of == LANES else _spread(builder, a) for a, of in zip(args, sig.args, strict=True)]
        return getattr(builder, method)(*both, flags=CONTRACT)

    for pair in pairs:
        lower_builtin(symbol, *pair)(lower)


for _symbol, _method in (
    (operator.add, "fadd"),
    (operator.sub, "fsub"),
    (operator.mul, "fmul"),
    (operator.truediv, "fdiv"),
):
    _arithmetic(_symbol, _method)


def _place(context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> ir.Value:
    """Address of element args[1] of the array args[0]."""
    return builder.gep(context.make_array(sig.args[0])(context, builder, value=args[0]).data, [args[1]])


@inlined
def load(_typing: Any, array: Any, at: Any) -> Any:
    """Elements at … at + 31 of a contiguous float32 array; nothing checks the bounds."""

    def lower(context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> ir.Value:
        return builder.load(builder.bitcast(_place(context, builder, sig, args), VECTOR.as_pointer()), align=4)

    return LANES(array, types.intp), lower


@inlined
def store(_typing: Any, array: Any, at: Any, value: Any) -> Any:
    """Write elements at … at + 31 of a contiguous float32 array; nothing checks the bounds."""

    def lower(context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> ir.Value:
        place = builder.bitcast(_place(context, builder, sig, args), VECTOR.as_pointer())
        builder.store(args[2], place, align=4)
        return context.get_dummy_value()

    return types.void(array, types.intp, LANES), lower


@inlined
def spread(_typing: Any, array: Any, at: Any) -> Any:
    """Element `at` of a contiguous float32 array in every lane; nothing checks the bounds."""

    def lower(context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> ir.Value:
        return _spread(builder, builder.load(_place(context, builder, sig, args)))

    return LANES(array, types.intp), lower


@inlined
def every(_typing: Any, _value: Any) -> Any:
    """One float32 in every lane."""

    def lower(_context: Any, builder: ir.IRBuilder, _sig: Any, args: Any) -> ir.Value:
        return _spread(builder, args[0])

    return LANES(types.float32), lower


@inlined
def total(_typing: Any, _value: Any) -> Any:
    """Sum of all lanes: halves are added to each other until one is left."""

    def lower(_context: Any, builder: ir.IRBuilder, _sig: Any, args: Any) -> ir.Value:
        value: Any = args[0]
        left = COUNT // 2
        while left:
            ends = [ir.Constant(ir.VectorType(INDEX, left), [*range(at, at + left)]) for at in (0, left)]
            low, high = (builder.shuffle_vector(value, ir.Constant(value.type, ir.Undefined), end) for end in ends)
            value, left = builder.fadd(low, high), left // 2
        return builder.extract_element(value, INDEX(0))

    return types.float32(LANES), lower


@inlined
def clamp(_typing: Any, _value: Any, _limit: Any) -> Any:
    """Within ±limit, a float32; NaN stays NaN."""

    def lower(_context: Any, builder: ir.IRBuilder, _sig: Any, args: Any) -> ir.Value:
        value, limit = args[0], _spread(builder, args[1])
        value = builder.select(builder.fcmp_ordered(">", value, limit), limit, value)
        least = builder.fneg(limit)
        return builder.select(builder.fcmp_ordered("<", value, least), least, value)

    return LANES(LANES, types.float32), lower


@inlined
def root(_typing: Any, _value: Any) -> Any:
    """Square root of every lane."""

    def lower(_context: Any, builder: ir.IRBuilder, _sig: Any, args: Any) -> ir.Value:
        return builder.call(
            builder.module.declare_intrinsic(f"llvm.sqrt.v{COUNT}f32", fnty=ir.FunctionType(VECTOR, [VECTOR])),
            [args[0]],
        )

    return LANES(LANES), lower
