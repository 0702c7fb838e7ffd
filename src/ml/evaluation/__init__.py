"""How this project measures its model: scores, baselines, acceptance criteria."""
