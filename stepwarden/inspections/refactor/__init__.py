"""What `refactor` finds in the code itself."""
