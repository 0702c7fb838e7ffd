# The verbs of the template alone: Makefile includes them, projects do not get this file.

##@ The template: make a project of it

# Only what was said on the command line is an answer: a shell may have a NAME of its own.
new init: export GIVEN := $(filter NAME DESCRIPTION OWNER PLATFORM BUCKET REGISTRY TARGET,$(TYPED))

.PHONY: new
new: $(COPIER)  ## Make a project of this template: make new NAME=my-project DEST=../my-project
	@"$$PYTHON" -m mlops.template.new

.PHONY: init
init: $(COPIER)  ## Turn a copy of the template ("Use this template") into a project: NAME=my-project
	@"$$PYTHON" -m mlops.template.init

##@ The template: servers on this machine

.PHONY: platform
platform: $(INSTALLED)  ## Start S3, PostgreSQL and MLflow for each environment on this machine
	@python -m local_platform

.PHONY: platform-down
platform-down: $(INSTALLED)  ## End them; their data stay in .platform
	@python -m local_platform down

.PHONY: platform-env
platform-env: $(INSTALLED)  ## Write passwords and ports for deploy/compose.yaml, the same parts in Docker
	@python -m local_platform env

##@ The template: test and measure the machinery

.PHONY: test-e2e
test-e2e: $(INSTALLED)  ## Run the real pipeline in fresh clones, and break the gate on purpose
	@python -m pytest -q -m "slow and not nightly"

.PHONY: test-field
test-field: $(INSTALLED)  ## Run real inputs, clients and habits through the commands that a user types
	@python -m pytest -q -m "field and not nightly"

.PHONY: test-integration
test-integration: $(INSTALLED)  ## Run the tests against real servers: S3, PostgreSQL, MLflow
	@python -m pytest -q -m "integration and not nightly"

.PHONY: test-release
test-release: $(INSTALLED)  ## Run real images and deployments
	@python -m pytest -q -m release

.PHONY: test-nightly
test-nightly: $(INSTALLED)  ## Run what is too slow for each change: the guide's whole example, compose.yaml
	@python -m pytest -q -m nightly

.PHONY: draw
draw: $(INSTALLED)  ## Write what follows from the code: the map of the house, the hashes of src/mlops
	@python tests/mlops/support/house.py
	@PYTHONPATH=src:tests python tests/mlops/support/released.py

.PHONY: bench
bench: $(INSTALLED)  ## Measure install, first run, no-op, training speed and quality
	@python benchmarks/pipeline.py

.PHONY: bench-serve
bench-serve: $(INSTALLED)  ## Measure the service beside its peers, with wrk; takes ten minutes
	@python benchmarks/serving.py

.PHONY: bench-storage
bench-storage: $(INSTALLED)  ## Measure sharing beside plain DVC and a raw copy; takes ten minutes
	@python benchmarks/storage.py
