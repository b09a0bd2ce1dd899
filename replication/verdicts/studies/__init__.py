"""Studies drawn at random: the power of claims, the error rates of the rule, and a second build."""
