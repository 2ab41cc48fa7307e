"""Names, calls and imports of a tree of source, from its outlines alone."""
