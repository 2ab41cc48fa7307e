"""What `precommit` finds in the change itself."""
