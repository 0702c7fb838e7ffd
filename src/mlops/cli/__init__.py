"""The program `ml`: every command of the machinery, with its options."""
