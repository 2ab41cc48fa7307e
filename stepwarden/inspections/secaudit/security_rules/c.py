"""Rules for dangerous lines in C and C++."""

from stepwarden.inspections.secaudit.security_rules.rule import SecurityRisk, code_rule

_FUNCTION = r"(?<![\w.>])"  # not a method of an object
_VALUE = r"(?![A-Z_\d]+\s*\))[A-Za-z_][\w.\[\]>-]*"  # names in capitals are macros for literals

RULES = (
    code_rule(
        "unbounded copy",
        SecurityRisk.INJECTION,
        "strcpy strcat sprintf gets stpcpy",
        _FUNCTION + r"(?:strcpy|stpcpy|strcat|sprintf|vsprintf|gets)\s*\(",
    ),
    code_rule(
        "command run",
        SecurityRisk.INJECTION,
        "exec system popen",
        _FUNCTION + r"(?:system|popen|execl|execle|execlp|execv|execve|execvp|execvpe)\s*\(",
        unless=r"(?:system|popen)\s*\(\s*\"[^\"]*\"\s*[,)]",
    ),
    code_rule(
        "format given",
        SecurityRisk.INJECTION,
        "printf syslog",
        _FUNCTION + rf"(?:printf\s*\(|(?:fprintf|dprintf|sprintf|syslog)\s*\([^,()]+,|snprintf\s*\([^,()]+,[^,]+,)"
        rf"\s*{_VALUE}\s*\)",
    ),
)
