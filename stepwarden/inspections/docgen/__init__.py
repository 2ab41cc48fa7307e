"""What `docgen` finds in the code itself."""

from stepwarden.inspections.context import InspectionContext, InspectionResult


def inspect_docgen(context: InspectionContext) -> InspectionResult | None:
    """Return what one step of `docgen` finds; its inspector is imported at its first use, for a quick start."""
    from stepwarden.inspections.docgen.inspector import inspect

    return inspect(context)
