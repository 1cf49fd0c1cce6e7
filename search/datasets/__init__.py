"""A named data set: where it comes from, how it is split, and its token ids on disk.

sources.py   find the data that a name stands for
archive.py   read the Large Movie Review Dataset, as a folder or an archive
table.py     read texts from a table: CSV, TSV, JSON Lines, Parquet
columns.py   which column of a table holds what
opening.py   open a data file: unpacked, decoded, bounded
csv_rows.py  the rows of a CSV file, whatever its delimiter
split.py     hold out validation, by group, duplicates on one side
cache.py     token ids as memory-mapped arrays, prepared once
progress.py  how far the preparation has come
report.py    what is in a prepared data set
vectors.py   word vectors, counted in texts; vectors_file.py read from a file
"""

NAMES = ("imdb", "imdb-train")  # the movie reviews; any other name is that of a table
UNLABELLED = "unlabelled"  # the part whose texts have no label
