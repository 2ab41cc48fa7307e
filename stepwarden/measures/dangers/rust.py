"""Dangerous lines in Rust."""

from stepwarden.measures.dangers.kinds import Risk, danger

DANGERS = (
    danger("unsafe block", Risk.INTEGRITY, "unsafe", r"\bunsafe\s*\{"),
    danger(
        "command run",
        Risk.INJECTION,
        "Command::new",  # a program by its name, or a command of clap: no shell comes between
        r"\bCommand::new\(",
        unless=r"Command::new\(\s*\"(?![^\"]*\b(?:sh|bash|zsh|cmd|powershell|pwsh)\b)[^\"]*\"\s*\)",
    ),
    danger(
        "TLS unchecked",
        Risk.CRYPTOGRAPHY,
        "danger_accept",
        r"danger_accept_invalid_(?:certs|hostnames)\(\s*true",
    ),
)
