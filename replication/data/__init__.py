"""Data sets: where they come from (`sources`), how they are stored (`writing`), and how a stage reads them (`reading`).

Adding one is a function that returns an `ImageSet` or a `PointSet` (`contents`) and its line in `sources`.
"""
