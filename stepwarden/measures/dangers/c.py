"""Dangerous lines in C and C++."""

from stepwarden.measures.dangers.kinds import Risk, danger

_OWN = r"(?<![\w.>])"  # no method of an object
_GIVEN = r"(?![A-Z_\d]+\s*\))[A-Za-z_][\w.\[\]>-]*"  # a value; names in capitals are macros for literals

DANGERS = (
    danger(
        "unbounded copy",
        Risk.INJECTION,
        "strcpy strcat sprintf gets stpcpy",
        _OWN + r"(?:strcpy|stpcpy|strcat|sprintf|vsprintf|gets)\s*\(",
    ),
    danger(
        "command run",
        Risk.INJECTION,
        "exec system popen",
        _OWN + r"(?:system|popen|execl|execle|execlp|execv|execve|execvp|execvpe)\s*\(",
        unless=r"(?:system|popen)\s*\(\s*\"[^\"]*\"\s*[,)]",
    ),
    danger(
        "format given",
        Risk.INJECTION,
        "printf syslog",
        _OWN + rf"(?:printf\s*\(|(?:fprintf|dprintf|sprintf|syslog)\s*\([^,()]+,|snprintf\s*\([^,()]+,[^,]+,)"
        rf"\s*{_GIVEN}\s*\)",
    ),
)
