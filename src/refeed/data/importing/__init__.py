"""Any stream of ratings to a store, in bounded memory."""
