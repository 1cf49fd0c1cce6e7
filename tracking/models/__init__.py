"""Kept models, and the model registry."""
