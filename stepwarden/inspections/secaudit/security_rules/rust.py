"""Rules for dangerous lines in Rust."""

from stepwarden.inspections.secaudit.security_rules.rule import SecurityRisk, code_rule

RULES = (
    code_rule("unsafe block", SecurityRisk.INTEGRITY, "unsafe", r"\bunsafe\s*\{"),
    code_rule(
        "command run",
        SecurityRisk.INJECTION,
        "Command::new",  # a program by its name, or a command of clap: no shell is involved
        r"\bCommand::new\(",
        unless=r"Command::new\(\s*\"(?![^\"]*\b(?:sh|bash|zsh|cmd|powershell|pwsh)\b)[^\"]*\"\s*\)",
    ),
    code_rule(
        "TLS unchecked",
        SecurityRisk.CRYPTOGRAPHY,
        "danger_accept",
        r"danger_accept_invalid_(?:certs|hostnames)\(\s*true",
    ),
)
