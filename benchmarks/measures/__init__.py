"""What is measured: a module for each benchmark of the suite, and what only these need."""
