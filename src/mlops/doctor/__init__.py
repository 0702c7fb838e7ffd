"""What `make doctor` checks. Only `probes` needs the installed environment, which it runs in."""
