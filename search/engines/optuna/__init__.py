"""Optuna's samplers and pruners as the engine."""
