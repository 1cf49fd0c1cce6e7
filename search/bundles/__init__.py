"""What is exported: a folder that holds a model in several formats, its card and its manifest."""
