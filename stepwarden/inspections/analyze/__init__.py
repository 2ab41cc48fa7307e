"""What `analyze` finds in the code itself."""
