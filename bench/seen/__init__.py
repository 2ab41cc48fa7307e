"""How many bytes of a thread's replies one model sees, over twelve scripted threads."""
