"""How trainings went, epoch by epoch."""
