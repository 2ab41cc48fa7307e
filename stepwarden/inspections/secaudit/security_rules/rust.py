"""Dangerous lines in Rust."""

from stepwarden.inspections.secaudit.security_rules.rule import SecurityRisk, security_rule

DANGERS = (
    security_rule("unsafe block", SecurityRisk.INTEGRITY, "unsafe", r"\bunsafe\s*\{"),
    security_rule(
        "command run",
        SecurityRisk.INJECTION,
        "Command::new",  # a program by its name, or a command of clap: no shell comes between
        r"\bCommand::new\(",
        unless=r"Command::new\(\s*\"(?![^\"]*\b(?:sh|bash|zsh|cmd|powershell|pwsh)\b)[^\"]*\"\s*\)",
    ),
    security_rule(
        "TLS unchecked",
        SecurityRisk.CRYPTOGRAPHY,
        "danger_accept",
        r"danger_accept_invalid_(?:certs|hostnames)\(\s*true",
    ),
)
