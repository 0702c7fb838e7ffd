"""What `make doctor` looks at. Only `probes` needs the installed environment, which it runs in."""
