"""Arithmetic for models: numbers, the usual operators, a few functions, and nothing else."""

import ast
import math
from collections.abc import Callable, Mapping

MOST_CHARACTERS = 500
MOST_EXPONENT = 1_000
MOST_DIGITS = 300
"""Of a number before its point, and of what `round` takes: whole numbers would grow without end otherwise."""

_BINARY: Mapping[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: lambda left, right: left + right,
    ast.Sub: lambda left, right: left - right,
    ast.Mult: lambda left, right: left * right,
    ast.Div: lambda left, right: left / right,
    ast.FloorDiv: lambda left, right: left // right,
    ast.Mod: lambda left, right: left % right,
}
_FUNCTIONS: Mapping[str, Callable[[list[float]], float]] = {
    "abs": lambda numbers: abs(*numbers),
    "ceil": lambda numbers: math.ceil(*numbers),
    "floor": lambda numbers: math.floor(*numbers),
    "log": lambda numbers: math.log(*numbers),
    "max": max,
    "min": min,
    "round": lambda numbers: _rounded(*numbers),
    "sqrt": lambda numbers: math.sqrt(*numbers),
    "sum": sum,
}
_NAMES = {"pi": math.pi, "e": math.e}


def _rounded(number: float, digits: float = 0) -> float:
    return round(number, max(-MOST_DIGITS, min(MOST_DIGITS, int(digits))))


def calculate(expression: str) -> float:
    """Return the value of an expression such as `(3 + 4) * sqrt(2)`. Raises ValueError with what may stand in one."""
    if len(expression) > MOST_CHARACTERS:
        raise ValueError(f"An expression has {MOST_CHARACTERS} characters at most.")
    try:
        return _value(ast.parse(expression.strip(), mode="eval").body)
    except SyntaxError:
        raise ValueError(f"{expression!r:.80} is no arithmetic expression.") from None
    except (ArithmeticError, IndexError, RecursionError, MemoryError, TypeError) as error:
        raise ValueError(f"{expression!r:.80} has no value: {error}.") from None


def _value(node: ast.expr) -> float:
    value = _unbounded(node)
    if abs(value) >= 10**MOST_DIGITS and value not in {math.inf, -math.inf}:
        raise ValueError(f"A number has {MOST_DIGITS} digits at most.")
    return value


def _unbounded(node: ast.expr) -> float:
    match node:
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            return number
        case ast.Name(id=name) if name in _NAMES:
            return _NAMES[name]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand)
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return _value(operand)
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            return _power(_value(left), _value(right))
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
            return _BINARY[type(op)](_value(left), _value(right))
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if name in _FUNCTIONS:
            return _FUNCTIONS[name]([_value(argument) for argument in arguments])
        case _:
            raise ValueError(
                f"{ast.unparse(node):.80} cannot be calculated. There are + - * / // % ** and {', '.join(_FUNCTIONS)}."
            )


def _power(base: float, exponent: float) -> float:
    if abs(exponent) > MOST_EXPONENT or abs(base) > 1e100:
        raise ValueError(f"An exponent is {MOST_EXPONENT} at most.")
    value = base**exponent
    if isinstance(value, complex):
        raise ValueError("The value is no real number.")
    return value
