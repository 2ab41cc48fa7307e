"""Names that languages define themselves: functions and values, and the methods of their built-in types."""

import builtins
import io
import re

from stepwarden.source.outline import Language

_SCRIPT_GLOBALS = frozenset(
    re.findall(
        r"\w+",
        """AbortController AbortSignal AggregateError Array ArrayBuffer BigInt BigInt64Array BigUint64Array Blob Boolean
        BroadcastChannel Buffer CompressionStream CustomEvent DOMException DOMParser DataView Date DecompressionStream
        Error EvalError Event EventSource EventTarget File FileReader FinalizationRegistry Float32Array Float64Array
        FormData Function Headers Image Int16Array Int32Array Int8Array IntersectionObserver Intl JSON Map Math
        MessageChannel MutationObserver Number Object Option Promise Proxy RangeError ReadableStream ReferenceError
        Reflect RegExp Request ResizeObserver Response Set SharedArrayBuffer String Symbol SyntaxError TextDecoder
        TextEncoder TransformStream TypeError URIError URL URLSearchParams Uint16Array Uint32Array Uint8Array
        Uint8ClampedArray WeakMap WeakRef WeakSet WebSocket Worker WritableStream XMLHttpRequest alert atob btoa
        cancelAnimationFrame clearImmediate clearInterval clearTimeout console crypto decodeURI decodeURIComponent
        document encodeURI encodeURIComponent escape fetch globalThis isFinite isNaN localStorage navigator parseFloat
        parseInt performance process queueMicrotask require requestAnimationFrame sessionStorage setImmediate
        setInterval setTimeout structuredClone unescape window""",
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
