"""What is asked of a model in a steered run: each ability is a prompt, a typed answer, and how it is recorded."""
