"""The tools of upstream servers: what each lists, which of it is trusted, and how it is found and shown."""
