"""Trace a run, a version, a Bento or a service back to its source, and rebuild it."""
