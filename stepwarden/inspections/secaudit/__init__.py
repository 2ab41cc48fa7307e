"""What `secaudit` finds in the code itself."""

from stepwarden.inspections.context import InspectionContext, InspectionResult


def inspect_secaudit(context: InspectionContext) -> InspectionResult | None:
    """Return what one step of `secaudit` finds; its inspector is imported at its first use, for a quick start."""
    from stepwarden.inspections.secaudit.inspector import inspect

    return inspect(context)
