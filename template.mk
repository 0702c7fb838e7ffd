# Commands that only the template has: projects do not get this file.

##@ The template: make a project of it

# Only what was said on the command line is an answer: a shell may have a NAME of its own.
new init: export GIVEN := $(filter NAME DESCRIPTION OWNER PLATFORM BUCKET REGISTRY TARGET,$(TYPED))

.PHONY: new
new: $(COPIER)  ## Make a project of this template: make new NAME=my-project DEST=../my-project
	@"$$PYTHON" -m mlops.template.new

.PHONY: init
init: $(COPIER)
	@"$$PYTHON" -m mlops.template.init

##@ The template: servers on this machine

.PHONY: platform
platform: $(INSTALLED)
	@python -m local_platform

.PHONY: platform-down
platform-down: $(INSTALLED)
	@python -m local_platform down

.PHONY: platform-env
platform-env: $(INSTALLED)
	@python -m local_platform env

##@ The template: test and measure the machinery

.PHONY: test-e2e
test-e2e: $(INSTALLED)
	@python -m pytest -q -m "slow and not nightly"

.PHONY: test-field
test-field: $(INSTALLED)
	@python -m pytest -q -m "field and not nightly"

.PHONY: test-integration
test-integration: $(INSTALLED)
	@python -m pytest -q -m "integration and not nightly"

.PHONY: test-release
test-release: $(INSTALLED)
	@python -m pytest -q -m "release and not nightly"

.PHONY: test-nightly
test-nightly: $(INSTALLED)
	@python -m pytest -q -m nightly

.PHONY: draw
draw: $(INSTALLED)
	@python tests/mlops/support/house.py
	@PYTHONPATH=src python tests/mlops/support/commands_page.py
	@PYTHONPATH=src:tests python tests/mlops/support/released.py

.PHONY: bench
bench: $(INSTALLED)
	@python benchmarks/pipeline.py

.PHONY: bench-serve
bench-serve: $(INSTALLED)
	@python benchmarks/serving.py

.PHONY: bench-storage
bench-storage: $(INSTALLED)
	@python benchmarks/storage.py
