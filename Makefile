# The commands of the project, in the order of the work. People, hooks and CI use the same ones.
# `make` lists those with a help text; `ml --help` lists all of them, with their options.
# GNU make 3.80 must be able to read the next lines: macOS ships 3.81.
ifneq ($(filter 3.% 4.0 4.0.% 4.1 4.1.%,$(MAKE_VERSION)),)
$(error GNU make 4.2 or newer is needed, this is $(MAKE_VERSION). On macOS: brew install make, then type gmake instead of make)
endif
ifeq ($(OS),Windows_NT)
$(error Windows is supported through WSL 2: type `wsl --install`, then clone and work in its Linux shell)
endif

.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
MAKEFLAGS += --no-print-directory

# The variables of the commands, on the command line or from the environment.
VARIABLES := A ACCELERATOR AGAINST ALLOW_SHIFT APPLY B BASE BENTO BRANCH BUCKET DATA DESCRIPTION DEST ENCODING ENV ERASE EXP IMAGE INPUT KEEP LABEL_COLUMN N NAME ONCE OVER OWNER PLATFORM PORT PUBLIC PYTHON REFRESH REGISTRY REPO REVIEWERS RUN SET SHARE STOP STRATEGY SWEEP TAG TARGET TEMPLATE TEXT TEXT_COLUMN TITLE TO URL V VERSION WHAT WHY
TYPED := $(foreach name,$(.VARIABLES),$(if $(filter command,$(origin $(name))),$(name)))
# One word of a shell's command line, whatever it holds.
quoted = '$(subst ','\'',$(1))'

# An unknown command or variable stops make before anything runs; the error names the nearest known one.
# A variable with an underscore belongs to a program (AWS_PROFILE) or is used in conf/.
VERBS := $(shell sed -nE 's/^([a-z0-9-]+):([^=].*)?$$/\1/p' $(MAKEFILE_LIST) $(wildcard template.mk))
KNOWN := $(VERBS) $(addsuffix =,$(VARIABLES))
UNKNOWN := $(filter-out $(KNOWN),$(MAKECMDGOALS) $(addsuffix =,$(TYPED)))
ifneq ($(UNKNOWN),)
ifneq ($(shell PYTHONPATH=src $(call quoted,$(or $(value PYTHON),python3)) -m mlops.doctor.typo $(call quoted,$(UNKNOWN)) $(call quoted,$(KNOWN)) || echo wrong),)
$(error nothing was run)
endif
endif

# Values are data: recipes read them from the environment, and neither make nor the shell expands them.
defined = $(filter-out undefined,$(origin $(1)))
$(foreach name,$(sort $(VARIABLES) $(TYPED)),$(if $(call defined,$(name)),$(eval override $(name) := $$(value $(name)))$(eval export $(name))))

export ENV ?= dev
export EXP ?= default
# These commands do something else than the default where ENV or EXP was not given.
validate play: override ENV := $(if $(filter file,$(origin ENV)),,$(ENV))
validate play update migrate resolve review exp-of compare: override EXP := $(if $(filter file,$(origin EXP)),,$(EXP))
export SET ?=
export REFRESH ?=
export SHARE ?=
export PYTHON ?= python3
export ACCELERATOR ?= cpu

# Report a typo in ENV before installing two gigabytes; the command itself reports what is not one word.
# A path in ENV belongs to a shell (sh, ksh).
ifeq ($(words $(ENV))$(findstring /,$(ENV)),1)
ifneq ($(filter-out $(basename $(notdir $(wildcard conf/env/*.yaml))),$(ENV)),)
ifneq ($(shell ENV=$(call quoted,$(ENV)) PYTHONPATH=src $(call quoted,$(PYTHON)) -m mlops.core.environment || echo wrong),)
$(error nothing was run)
endif
endif
endif

ifneq ($(findstring :,$(CURDIR)),)
$(error the folder $(CURDIR) has a colon in its name, which PATH cannot hold; rename it)
endif
# DVC starts the stages as `python -m ml.<stage>`: that must be the locked Python and the code of this
# folder.
OUTSIDE := $(subst $(CURDIR)/.venv/bin:,,$(value PATH))
export PATH := $(CURDIR)/.venv/bin:$(value PATH)
export PYTHONPATH := $(CURDIR)/src
# Without bytecode every stage would compile torch and transformers again, 10 s each time.
unexport PYTHONDONTWRITEBYTECODE
# MLflow does not start without docstrings, and optimised Python skips assertions. The others would
# make this a different Python.
unexport PYTHONOPTIMIZE PYTHONINSPECT PYTHONHOME PYTHONPLATLIBDIR PYTHONWARNINGS
# pydantic searches all installed packages for plugins, which takes 25 ms; there are none.
export PYDANTIC_DISABLE_PLUGINS := __all__

INSTALLED := .venv/installed-$(ACCELERATOR)
LOCKS := requirements/common.lock requirements/torch-$(ACCELERATOR).lock
export UV := $(or $(shell command -v uv),.venv/bin/uv)
# On a terminal uv shows how far it is: 2 GB may have to come. A log gets a line each half minute.
QUIET := $(if $(MAKE_TERMERR),,--quiet)
BEAT := 30
watched = $(1) & said=0; while kill -0 $$! 2>/dev/null; do sleep 0.2; \
	if [ $$((SECONDS - said)) -ge $(BEAT) ]; then said=$$SECONDS; echo "  still installing after $$said s"; fi; done; wait $$!
# The CPU build of torch comes from pip's folder of wheels (PIP_FIND_LINKS), else from the index that uv
# knows; the CUDA build comes from the package index.
ifeq ($(ACCELERATOR),cpu)
export UV_FIND_LINKS := $(or $(value UV_FIND_LINKS),$(value PIP_FIND_LINKS))
TORCH := $(if $(UV_FIND_LINKS),,--torch-backend=cpu)
SIZE := about 2 GB
else ifeq ($(ACCELERATOR),cuda)
export UV_FIND_LINKS :=
SIZE := about 7 GB
else
$(error ACCELERATOR should be cpu or cuda, found $(ACCELERATOR))
endif

##@ Start

.PHONY: help
help:
	@awk 'BEGIN {FS = ":[^\#]*\#\# *"} /^\#\#@/ {part = substr($$0, 5)} \
	/^[a-z0-9-]+:.*\#\#/ {if (part) print part; part = ""; printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo 'Variables: ENV=dev|qa|prod  EXP=<file in conf/experiment>  SET="key=value ..."  SHARE=1|pull  REFRESH=1  PORT=...'
	@echo 'All commands and options: .venv/bin/ml --help, docs/commands.md'

.PHONY: doctor
# Does not use the environment's own Python, which may be what is broken.
doctor: PATH := $(OUTSIDE)
doctor:  ## Check this machine: tools, disk, GPU, credentials, servers
	@"$$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11) and f"error: Python 3.11 or later is needed, {sys.executable} is {sys.version.split()[0]}; name another one: make doctor PYTHON=python3.11")'
	@"$$PYTHON" -m mlops.doctor.diagnose

# A copied or moved environment would start the programs of the folder where it was created.
ifneq ($(file <.venv/bin/dvc),)
ifeq ($(findstring $(CURDIR)/.venv/bin/,$(file <.venv/bin/dvc))$(findstring $(realpath .venv/bin)/,$(file <.venv/bin/dvc)),)
.PHONY: .strange
.strange:
	@made=$$(grep -m1 -oE '/[^"]*/\.venv/bin/python' .venv/bin/dvc || true); \
	echo "error: this environment belongs to $${made%/.venv/bin/python}: the folder was copied or moved; rm -rf .venv && make install" >&2; exit 1
$(INSTALLED): .strange
endif
endif

.PHONY: install
install: $(INSTALLED)  ## Install the locked environment into .venv

$(INSTALLED): $(LOCKS) pyproject.toml
	@"$$PYTHON" -c 'import sys; v = sys.version_info; sys.exit(0 if (3, 11) <= v < (3, 14) else f"error: Python 3.11 to 3.13 is needed, {sys.executable} is {v.major}.{v.minor}; name another one: make PYTHON=python3.11 ...")'
	@echo 'installing the locked environment into .venv ($(ACCELERATOR)): $(SIZE), the first time over the network'
	@rm -f .venv/installed-*
	@if [ -x "$$(command -v uv)" ]; then uv venv --quiet --allow-existing --python "$$PYTHON" .venv; \
	else "$$PYTHON" -m venv .venv && .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.lock; fi
	@export VIRTUAL_ENV=.venv; sync() { "$$UV" pip sync $(QUIET) $(TORCH) --reinstall-package torch $(LOCKS); }; \
	if [ -n "$(MAKE_TERMERR)" ]; then sync; else $(call watched,sync); fi; \
	"$$UV" pip install --quiet --no-deps --no-build-isolation -e .; echo "installed in $$SECONDS s"
	@# Each run records the hash of what was installed.
	@cat $(LOCKS) | .venv/bin/python -c 'import hashlib, sys; print(hashlib.sha256(sys.stdin.buffer.read()).hexdigest())' > $@

# Needed by the commands of CI alone: linters of workflows, audits, the load generator.
CI_TOOLS := .venv/ci/installed
$(CI_TOOLS): requirements/ci.lock $(INSTALLED)
	@echo 'installing the tools of CI into .venv/ci'
	@"$$UV" venv --quiet --allow-existing --python "$$PYTHON" .venv/ci
	@VIRTUAL_ENV=.venv/ci "$$UV" pip sync $(QUIET) --require-hashes requirements/ci.lock
	@touch $@

# Creates and updates projects.
COPIER := .venv/copier/installed
$(COPIER): requirements/copier.lock
	@"$$PYTHON" -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "error: Python 3.11 or newer is needed; name another one: make PYTHON=python3.11 ...")'
	@"$$PYTHON" -m venv .venv/copier
	@.venv/copier/bin/python -m pip install -qq --disable-pip-version-check --require-hashes -r requirements/copier.lock
	@touch $@

# Check the Git repository first: DVC's own message is unclear.
.PHONY: .repository
.repository: | $(INSTALLED)
	@python -m mlops.core.repository

##@ Follow the template

.PHONY: update
# Runs the code next to this Makefile: a project of an early release types `make -f` of a newer one.
update: $(COPIER)
	@PYTHONPATH=$(dir $(lastword $(MAKEFILE_LIST)))src "$$PYTHON" -P $(dir $(lastword $(MAKEFILE_LIST)))src/mlops/template/update.py
	@$(MAKE) migrate

.PHONY: migrate
migrate: $(INSTALLED)
	@ml template migrate

##@ Configure

.PHONY: experiment
# NAME may be set in the shell: only the command line counts.
experiment: override NAME := $(if $(filter NAME,$(TYPED)),$(NAME))
experiment: $(INSTALLED)  ## Write an experiment for your data: DATA=tickets.csv NAME=tickets
	@ml experiment

.PHONY: validate
validate: $(INSTALLED)  ## Check one experiment (EXP=x), or all of them in all environments
	@ml validate

.PHONY: smoke
smoke: $(INSTALLED)
	@ml smoke

.PHONY: schema
schema: $(INSTALLED)
	@ml config schema

##@ Train

.PHONY: train
train: $(INSTALLED)  ## Run the pipeline: data, model, metrics, report, MLflow run
	@ml train

.PHONY: sweep
sweep: $(INSTALLED) .repository  ## Train each combination of values and compare: OVER="training.epochs=1,2"
	@ml sweep

.PHONY: compare
compare: $(INSTALLED)  ## Compare runs: what differs, scores, curves (EXP=x, A=run B=run)
	@ml compare

.PHONY: ui
ui: $(INSTALLED)  ## Open the environment's MLflow at http://127.0.0.1:5000
	@ml ui

.PHONY: sync
sync: $(INSTALLED)
	@ml sync

##@ Share

.PHONY: push
push: $(INSTALLED) .repository  ## Upload the outputs in dvc.lock to the environment's remote
	@ml data push

.PHONY: pull
pull: $(INSTALLED) .repository
	@ml data pull

.PHONY: resolve
resolve: $(INSTALLED)
	@ml data resolve

.PHONY: verify
verify: $(INSTALLED) .repository
	@ml data verify

.PHONY: retention
retention: $(INSTALLED)
	@ml data retention

##@ Serve

.PHONY: serve
serve: $(INSTALLED)  ## Serve the model of the last run at http://127.0.0.1:3000 (PORT=...)
	@ml serve

.PHONY: play
play: $(INSTALLED)  ## Train if there is no model, serve it, open its page in the browser
	@ml play

.PHONY: predict
predict: $(INSTALLED)  ## Ask the running service: make predict TEXT="a fine film"
	@ml predict

##@ Release

.PHONY: register
register: $(INSTALLED)  ## Put the model into the environment's registry, as the challenger
	@ml release register

.PHONY: gate
gate: $(INSTALLED)  ## Evaluate the challenger against fixed bounds and against the champion
	@ml release gate

.PHONY: package
package: $(INSTALLED)  ## Build the Bento of a registered version, tagged by content
	@ml release package

.PHONY: deploy
deploy: $(INSTALLED)  ## Make an accepted version live in qa or prod
	@ml release deploy

.PHONY: status
status: $(INSTALLED)  ## Show what is live, since when, where it came from, and what a rollback returns to
	@ml release status

.PHONY: rollback
rollback: $(INSTALLED)  ## Go back to the version that was live before (TO=..., WHY=...)
	@ml release rollback

.PHONY: publish
publish: $(INSTALLED)
	@ml release publish

.PHONY: load-test
load-test: $(CI_TOOLS)
	@ml release load-test

##@ Operate

.PHONY: ship-log
ship-log: $(INSTALLED)
	@ml operate ship-log

.PHONY: forget-requests
forget-requests: $(INSTALLED)
	@ml operate forget-requests

.PHONY: label
label: $(INSTALLED)
	@ml operate label

.PHONY: add-labels
# A shell may have a NAME of its own: only what was typed counts.
add-labels: override NAME := $(if $(filter NAME,$(TYPED)),$(NAME))
add-labels: $(INSTALLED)
	@ml operate add-labels

.PHONY: drift
drift: $(INSTALLED)
	@ml operate drift

.PHONY: rules
rules: $(INSTALLED)
	@ml operate rules

.PHONY: watch
watch: $(INSTALLED)
	@ml operate watch

##@ Look back

.PHONY: lineage
lineage: $(INSTALLED)
	@ml lineage show

.PHONY: reproduce
reproduce: $(INSTALLED)
	@ml lineage reproduce

##@ Change the code

.PHONY: format
format: $(INSTALLED)
	@ruff check --fix-only . && ruff format .

.PHONY: check
check: $(INSTALLED)
	@ruff check . && ruff format --check . && mypy

.PHONY: test
test: $(INSTALLED)  ## Run the tests
	@python -m pytest -q

.PHONY: coverage
coverage: $(INSTALLED)
	@python -m pytest --cov --cov-report=term:skip-covered -q

.PHONY: lock
lock: $(INSTALLED)
	@requirements/lock.sh

.PHONY: clean
clean:
	@rm -rf .checkpoints .mypy_cache .pytest_cache .ruff_cache .coverage

##@ What CI types

.PHONY: env-of
env-of:
	@"$$PYTHON" -m mlops.core.branch

.PHONY: exp-of
exp-of:
	@"$$PYTHON" -m mlops.pipeline.branch_experiment

.PHONY: check-ci
check-ci: $(CI_TOOLS)
	@git ls-files -z | PROJECT=$$(git rev-parse --show-prefix) PATH=$(call quoted,$(CURDIR)/.venv/ci/bin):$$PATH \
	xargs -0 .venv/bin/pre-commit run --hook-stage manual --files

.PHONY: audit
audit: $(CI_TOOLS)
	@ml ci audit

.PHONY: review
review: $(INSTALLED)
	@ml ci review

.PHONY: tell
tell: $(if $(filter failure,$(WHAT)),,$(INSTALLED))
	@"$$PYTHON" -m mlops.ci.publish

.PHONY: sign
sign: $(CI_TOOLS)
	@ml release sign

.PHONY: check-signature
check-signature: $(INSTALLED)
	@ml release check-signature

.PHONY: sbom
sbom: $(CI_TOOLS)
	@ml release sbom

.PHONY: release-notes
release-notes: $(CI_TOOLS)
	@ml ci release-notes

.PHONY: branches
branches:
	@"$$PYTHON" -m mlops.ci.branches

.PHONY: branch-policy
branch-policy:
	@"$$PYTHON" -m mlops.ci.branch_policy

# Only in the template, not in projects.
-include template.mk
