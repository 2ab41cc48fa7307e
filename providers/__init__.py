"""What answers as a model: one file a kind. None ships yet; every workflow runs on rules alone until one does."""
