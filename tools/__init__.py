"""What a host can call: one file a tool, what they share, and the workflow they are made of."""
