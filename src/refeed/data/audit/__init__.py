"""What is in a source of ratings, and what is wrong with it."""
