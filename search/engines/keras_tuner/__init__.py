"""Keras Tuner's oracles as the engine."""
