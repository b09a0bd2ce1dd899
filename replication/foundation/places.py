"""Where the stages of the pipeline write, below the current folder."""

from pathlib import Path

RAW = Path("outputs/raw")  # what the raw files of each data set hold
DATA = Path("outputs/data")  # prepared data sets
JUDGES = Path("outputs/judge")
JUDGE_WEIGHTS = "judge.safetensors"  # in the folder of a judge
TRAINED = Path("outputs/train")
SCORED = Path("outputs/score")  # measurements of cells and of experiments
RECORDED = Path("reports/recorded")  # those that came from elsewhere
