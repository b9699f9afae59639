"""What the diagnosis expects of each space, computed exactly from its latent expression."""
