"""What makes a tool a workflow: its request, its values, and the way from a call to an answer."""
