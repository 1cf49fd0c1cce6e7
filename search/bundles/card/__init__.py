"""The model card: one content, as Markdown and as HTML.

content.py   what it says, from records and what was measured
blocks.py    headings, paragraphs, tables, figures, code
markdown.py  html.py   how they are written
curves.py    the figures: curves and calibration
"""
