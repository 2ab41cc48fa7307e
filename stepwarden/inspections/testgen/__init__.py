"""What `testgen` finds in the code itself."""

from stepwarden.inspections.context import InspectionContext, InspectionResult


def inspect_testgen(context: InspectionContext) -> InspectionResult | None:
    """Return what one step of `testgen` finds; its inspector is imported at its first use, for a quick start."""
    from stepwarden.inspections.testgen.inspector import inspect

    return inspect(context)
