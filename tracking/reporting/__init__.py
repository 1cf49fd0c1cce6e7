"""Comparison with published results, and the verdict in words."""
