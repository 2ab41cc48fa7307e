"""Dangerous lines in C and C++."""

from stepwarden.inspections.secaudit.security_rules.rule import SecurityRisk, security_rule

_OWN = r"(?<![\w.>])"  # no method of an object
_GIVEN = r"(?![A-Z_\d]+\s*\))[A-Za-z_][\w.\[\]>-]*"  # a value; names in capitals are macros for literals

DANGERS = (
    security_rule(
        "unbounded copy",
        SecurityRisk.INJECTION,
        "strcpy strcat sprintf gets stpcpy",
        _OWN + r"(?:strcpy|stpcpy|strcat|sprintf|vsprintf|gets)\s*\(",
    ),
    security_rule(
        "command run",
        SecurityRisk.INJECTION,
        "exec system popen",
        _OWN + r"(?:system|popen|execl|execle|execlp|execv|execve|execvp|execvpe)\s*\(",
        unless=r"(?:system|popen)\s*\(\s*\"[^\"]*\"\s*[,)]",
    ),
    security_rule(
        "format given",
        SecurityRisk.INJECTION,
        "printf syslog",
        _OWN + rf"(?:printf\s*\(|(?:fprintf|dprintf|sprintf|syslog)\s*\([^,()]+,|snprintf\s*\([^,()]+,[^,]+,)"
        rf"\s*{_GIVEN}\s*\)",
    ),
)
