"""What the project brings along: known vulnerabilities, and what is allowed in spite of them."""
