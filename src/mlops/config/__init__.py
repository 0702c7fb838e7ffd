"""From conf/ to checked values, and from a mistake to a message that helps."""
