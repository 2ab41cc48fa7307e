"""What is staged and stands only with what is not: the index, the last commit and the work tree side by side."""
