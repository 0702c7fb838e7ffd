"""S3, PostgreSQL and MLflow for each environment as plain processes, for laptops and tests."""
