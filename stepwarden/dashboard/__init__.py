"""Pages about runs and threads, for people: see what is done, decide what waits, stop it. Loaded with the HTTP app."""
