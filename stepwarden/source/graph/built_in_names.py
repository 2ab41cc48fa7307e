"""Names that languages define themselves: functions and values, and the methods of their built-in types."""

import builtins
import io
import re

from stepwarden.source.outline import Language

_SCRIPT_GLOBALS = frozenset(
    re.findall(
        r"\w+",
        """Array ArrayBuffer BigInt Boolean Date Error Function Int32Array Intl JSON Map Math Number Object Promise
        Proxy RangeError RegExp Set String Symbol SyntaxError TypeError URL Uint8Array WeakMap WeakSet alert console
        cancelAnimationFrame clearInterval clearTimeout decodeURIComponent document encodeURIComponent fetch isFinite
        isNaN localStorage navigator parseFloat parseInt process queueMicrotask require requestAnimationFrame
        sessionStorage setInterval setTimeout structuredClone window""",
    )
)
BUILT_IN_NAMES = {
    Language.PYTHON: frozenset(dir(builtins)),
    Language.JAVASCRIPT: _SCRIPT_GLOBALS,
    Language.TYPESCRIPT: _SCRIPT_GLOBALS,
    Language.GO: frozenset(
        re.findall(
            r"\w+",
            """append cap clear close complex copy delete imag len make max min new panic print println real recover
            any bool byte complex128 complex64 error float32 float64 int int16 int32 int64 int8 rune string uint uint16
            uint32 uint64 uint8 uintptr""",
        )
    ),
}

# Methods of strings, lists, maps, files, promises and web pages: most calls of these names are calls of them.
_PYTHON_METHODS = frozenset(
    name for kind in (str, bytes, bytearray, list, tuple, dict, set, int, float, io.StringIO) for name in dir(kind)
)
_SCRIPT_METHODS = frozenset(
    re.findall(
        r"\w+",
        """at concat every fill filter find findIndex findLast finally flat flatMap forEach from get has includes
        indexOf join keys lastIndexOf map match matchAll next of padEnd padStart pop push reduce reduceRight reject
        repeat replace replaceAll resolve reverse search send set shift slice some sort splice split startsWith endsWith
        substring test then catch throw toFixed toISOString toLowerCase toString toUpperCase trim trimEnd trimStart
        unshift values entries exec add delete clear apply bind call addEventListener removeEventListener appendChild
        arc beginPath blur clearRect click clip close closePath contains drawImage fillRect fillText focus getAttribute
        getBoundingClientRect getContext getItem getImageData lineTo measureText moveTo open preventDefault putImageData
        querySelector querySelectorAll remove removeChild removeItem restore rotate save scale scrollTo setAttribute
        setItem setTransform stopPropagation stroke strokeRect strokeText submit toBlob toDataURL translate""",
    )
)
BUILT_IN_METHODS = {
    Language.PYTHON: _PYTHON_METHODS,
    Language.JAVASCRIPT: _SCRIPT_METHODS,
    Language.TYPESCRIPT: _SCRIPT_METHODS,
}
