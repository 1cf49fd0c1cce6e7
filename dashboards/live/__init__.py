"""The page while a study runs (Dash)."""
