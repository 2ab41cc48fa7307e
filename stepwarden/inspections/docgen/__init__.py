"""What `docgen` finds in the code itself."""
