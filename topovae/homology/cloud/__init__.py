"""Rows of data to clean points: presets, denoising, neighbours, tangent planes, landmarks."""
