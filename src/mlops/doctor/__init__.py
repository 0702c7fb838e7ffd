"""The checks of `make doctor`. Only `probes` runs in the installed environment."""
