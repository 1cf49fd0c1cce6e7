"""What may vary: ranges, families, studies and published references, as plain data."""
