"""What a run's model may ask of the code: the facts that inspectors use, without a thread."""
