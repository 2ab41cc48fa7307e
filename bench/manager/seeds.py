"""The seeds: the first are for tuning the rules, the others are held back for the report."""

COMMITTED = (11, 23, 37)
HELD_OUT = (1009, 2003, 3001)
THREADS = 800  # a seed; about 7 in 10 of them are solvable and count for coverage
