"""Deep autoencoders of users or items, and AutoRec."""
