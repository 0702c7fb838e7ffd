#!/bin/sh
# A database and a user for each environment, made at the first start; each is closed to the others.
set -eu
for environment in dev qa prod; do
  name=mlflow_$environment
  secret=$(printenv "POSTGRES_$(echo "$environment" | tr a-z A-Z)")
  psql -X -q -v ON_ERROR_STOP=1 -U postgres <<SQL
create role $name login password '$secret';
create database $name owner $name;
revoke connect on database $name from public;
SQL
done
