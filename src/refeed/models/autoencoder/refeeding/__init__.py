"""Dense re-feeding: the training of a batch, and its exact forms at sparse cost."""
