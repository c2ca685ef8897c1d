"""Commands that take ratings: look at them, store, split or generate them."""
