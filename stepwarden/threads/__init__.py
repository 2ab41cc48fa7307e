"""Threads for whoever asks: load, admit, check, advance, save - and read back."""
