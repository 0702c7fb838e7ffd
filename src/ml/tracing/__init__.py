"""From what somebody asks about, a run, a version, a Bento, a service, to the run that made it."""
