"""The one variational autoencoder that serves every latent space."""
