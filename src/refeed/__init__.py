"""refeed: deep autoencoders for collaborative filtering."""
