"""The shell of runs: what is decided about them is recorded and done here."""
