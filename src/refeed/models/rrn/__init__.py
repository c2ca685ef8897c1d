"""The recurrent recommender network."""
