"""What `refactor` finds in the code itself."""

from stepwarden.inspections.context import InspectionContext, InspectionResult


def inspect_refactor(context: InspectionContext) -> InspectionResult | None:
    """Return what one step of `refactor` finds; its inspector is imported at its first use, for a quick start."""
    from stepwarden.inspections.refactor.inspector import inspect

    return inspect(context)
