"""What `secaudit` finds in the code itself."""
