"""What came out, and how it compares."""
