"""What `testgen` finds in the code itself."""
