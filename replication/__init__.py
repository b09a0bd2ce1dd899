"""Replicates the papers that made GANs work, and judges their claims."""

import gc
import sys

# Importing torch makes hundreds of thousands of objects, none of them garbage; looking through them takes a second.
if sys.argv[0] == "-m":  # as it is while Python looks for the module of a command: `exit_clearly` turns it on again
    gc.disable()
