"""What a change does to the model: figures and values beside those of the branch it goes into."""
