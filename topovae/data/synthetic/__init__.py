"""Data made by topovae: samples of known spaces, with the truth beside them."""
