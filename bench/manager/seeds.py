"""The seeds: the first are for tuning the rules, the others are held back for the report."""

COMMITTED = (11, 23, 37)
HELD_OUT = (1009, 2003, 3001)
THREADS = 800  # a seed; about 7 in 10 of them are solvable and count for coverage

# How hard the tasks are (world.py). At 0.5 two things agree: honest agents left to themselves take 3.9 steps in the
# mean, which is the mean of the tools' starting points, and five fixed steps are enough for 95 in 100 of their tasks.
# Set on seed 7 by those two, after a first look at the rules at 1.0, and before any rule was changed.
HARDNESS = 0.5
