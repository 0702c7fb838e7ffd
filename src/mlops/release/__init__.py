"""Register, gate, package: from an evaluated model to a version that may be deployed."""
