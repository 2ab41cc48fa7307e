"""The replay bench of the AI manager: simulated and recorded threads through the real core and the real rules."""
