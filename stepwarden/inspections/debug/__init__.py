"""What `debug` finds in the code itself."""
