"""What the inspections of several tools share."""
