"""Studies drawn at random: the power of claims, and the error rates of the rule."""
