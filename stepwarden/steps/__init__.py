"""The pure core: what a thread is, what may happen to it, and what follows. No I/O, clock, ids or chance."""
