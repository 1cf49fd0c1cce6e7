"""What the machine and the libraries need: loading Keras, temporary files, bounded reading."""
