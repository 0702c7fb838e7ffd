"""The repository as a template: create projects, adopt existing ones, update them."""
