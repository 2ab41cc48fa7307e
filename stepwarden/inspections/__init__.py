"""What tools find in the code themselves: one file a tool, each a look that the desk takes before it decides a step."""
