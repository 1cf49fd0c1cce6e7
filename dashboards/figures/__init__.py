"""One file a figure: table(study) computes rows, draw(rows) makes the figure of them."""
