"""What `tracer` finds in the code itself."""
