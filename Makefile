# For developers. Everyone else: `python3 -m cxkit report` and `python3 -m cxkit test`.
SHELL := /bin/sh
# the Python that has the packages: .venv, made if need be, or an environment of your own
PYTHON = "$(shell python3 -c 'from cxkit import bootstrap; print(bootstrap.python_for(["test"]))')"
.DEFAULT_GOAL := help

help: ## list these targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

setup: ## make .venv from requirements.lock, unless your own environment will do
	@echo $(PYTHON)

check: ## format, lint, types, architecture, notebook style, documents: under a minute
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m ruff check .
	$(PYTHON) -m mypy
	$(PYTHON) -m pytest -q $(wildcard tests/test_architecture.py tests/test_notebook_style.py \
		tests/test_docs.py tests/test_packaging.py)

test: ## everything that CI runs
	@python3 -m cxkit test

notebooks: ## run the notebooks in fresh kernels and record their outputs
	$(PYTHON) -m cxkit.checks record

report: ## the main job, on the demo company
	@python3 -m cxkit report

lab: ## open JupyterLab in notebooks/
	@python3 -m cxkit lab

bench: ## time the work and hold it against the bars in benchmarks/
	$(PYTHON) benchmarks/run.py

lock: ## make requirements.lock anew from pyproject.toml, with the newest fitting versions
	@tools=$$(mktemp -d) && trap 'rm -rf "$$tools"' EXIT && \
	python3 -m venv "$$tools" && "$$tools/bin/pip" install --quiet uv && \
	"$$tools/bin/uv" pip compile pyproject.toml --extra test --extra dev --upgrade --quiet \
		--universal --python-version 3.11 --generate-hashes --output-file requirements.lock \
		--no-header --no-annotate --no-emit-index-url --no-emit-find-links

.PHONY: help setup check test notebooks report lab bench lock
