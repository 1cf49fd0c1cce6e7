"""How it looks: pages and figures, drawn from records alone."""
