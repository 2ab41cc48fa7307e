"""What every tool's answer is made of: the envelope, its rendering, the wording, the edge."""
