"""The loop: propose, run, record."""
