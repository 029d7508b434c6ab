"""RFC 8785 (JSON Canonicalization Scheme), and the strict reading it presupposes.

Python 3.11, standard library only. `read` gives a value or raises `Malformed`; `canonical` gives the bytes
that are hashed.
"""

import json
import math


class Malformed(ValueError):
    """A text that no faithful canonical form exists for."""


def read(text: bytes) -> object:
    """Reads one JSON text, refusing what a canonical form would silently lose."""
    try:
        value = json.loads(
            text.decode("utf-8"),
            object_pairs_hook=_members,
            parse_constant=_constant,
        )
    except Malformed:
        raise
    except UnicodeDecodeError as error:
        raise Malformed(f"not UTF-8 at byte {error.start}") from error
    except (ValueError, RecursionError) as error:
        raise Malformed(f"not JSON: {error}") from error
    return value


def canonical(value: object) -> bytes:
    """The canonical bytes of a JSON value."""
    out: list[str] = []
    _write(value, out)
    try:
        return "".join(out).encode("utf-8")
    except UnicodeEncodeError as error:
        raise Malformed("a string holds a lone surrogate") from error


def number(value: int | float) -> str:
    """A number as ECMAScript's `Number::toString` writes it."""
    try:
        double = float(value)
    except OverflowError as error:
        raise Malformed("a number is beyond the doubles") from error
    if not math.isfinite(double):
        raise Malformed("a number is not finite")
    if double == 0:
        return "0"
    sign = "-" if double < 0 else ""
    digits, point = _shortest(abs(double))
    count = len(digits)
    if count <= point <= 21:
        text = digits + "0" * (point - count)
    elif 0 < point <= 21:
        text = digits[:point] + "." + digits[point:]
    elif -6 < point <= 0:
        text = "0." + "0" * -point + digits
    else:
        exponent = point - 1
        mantissa = digits if count == 1 else digits[0] + "." + digits[1:]
        text = f"{mantissa}e{'+' if exponent >= 0 else '-'}{abs(exponent)}"
    return sign + text


def _shortest(double: float) -> tuple[str, int]:
    """The shortest digits that read back as `double`, and where the decimal point stands after them."""
    mantissa, _, exponent = repr(double).partition("e")
    whole, _, fraction = mantissa.partition(".")
    point = len(whole) + int(exponent or "0")
    digits = whole + fraction
    stripped = digits.lstrip("0")
    point -= len(digits) - len(stripped)
    return stripped.rstrip("0") or "0", point


_SHORT = {8: "\\b", 9: "\\t", 10: "\\n", 12: "\\f", 13: "\\r", 34: '\\"', 92: "\\\\"}
_ESCAPES = {code: f"\\u{code:04x}" for code in range(0x20)} | _SHORT


def _write(value: object, out: list[str]) -> None:
    if value is None:
        out.append("null")
    elif value is True:
        out.append("true")
    elif value is False:
        out.append("false")
    elif isinstance(value, str):
        out.append('"' + value.translate(_ESCAPES) + '"')
    elif isinstance(value, (int, float)):
        out.append(number(value))
    elif isinstance(value, list):
        out.append("[")
        for index, item in enumerate(value):
            if index:
                out.append(",")
            _write(item, out)
        out.append("]")
    elif isinstance(value, dict):
        out.append("{")
        for index, key in enumerate(sorted(value, key=_utf16)):
            if index:
                out.append(",")
            _write(key, out)
            out.append(":")
            _write(value[key], out)
        out.append("}")
    else:
        raise Malformed(f"not a JSON value: {type(value).__name__}")


def _utf16(key: str) -> bytes:
    try:
        return key.encode("utf-16-be")
    except UnicodeEncodeError as error:
        raise Malformed("a member's name holds a lone surrogate") from error


def _members(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise Malformed(f"the member `{twice}` stands twice in one object")
    return found


def _constant(word: str) -> object:
    raise Malformed(f"`{word}` is not a JSON number")
