"""Where rows come from, and which of them may train a model."""
