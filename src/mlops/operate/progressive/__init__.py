"""How a version takes over step by step, and how two versions are compared on live traffic."""
