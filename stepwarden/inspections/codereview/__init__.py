"""What `codereview` finds in the code itself."""
