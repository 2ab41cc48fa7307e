"""What became of a write whose outcome is unknown: found out without a person where that is safe."""
