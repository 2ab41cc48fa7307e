"""Reading source: what a file defines, documents, imports and calls, and whether its code changed."""
