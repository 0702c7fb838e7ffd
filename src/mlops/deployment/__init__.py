"""From a registered version to what a cluster or a machine runs."""
