"""The page of a study: its parts, and how they become one document."""
