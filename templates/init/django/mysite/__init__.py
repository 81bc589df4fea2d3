"""The project: its settings and URLs."""
