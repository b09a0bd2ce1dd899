"""What a recipe trains, in words and as tables."""
