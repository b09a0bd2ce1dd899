"""Where the stages of the pipeline write, below the current folder."""

from pathlib import Path

RAW = Path("outputs/raw")  # what the raw files of each data set hold
DATA = Path("outputs/data")  # prepared data sets
JUDGES = Path("outputs/judge")
TRAINED = Path("outputs/train")
SCORED = Path("outputs/score")  # measurements of cells and of experiments
