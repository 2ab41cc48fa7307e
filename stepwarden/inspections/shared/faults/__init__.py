"""What a file shows of faults by itself, in its own text: for reviews, and for changes that bring them."""
