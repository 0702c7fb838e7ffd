"""The repository as a template: making, adopting and updating the projects that come of it."""
