# Everything a contributor runs. The first target makes .venv; the others reuse it
# until pyproject.toml or constraints.txt change.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready
DOCS_READY := $(VENV)/docs-ready
BENCH_READY := $(VENV)/bench-ready
WHEEL_VENV := build/wheel-venv
# Half of what is installed is never imported: what is gets compiled then, and stays so.
INSTALL := $(BIN)/python -m pip install --quiet --no-compile --constraint constraints.txt
unexport PYTHONDONTWRITEBYTECODE

# Pictures are written, never shown.
export MPLBACKEND := Agg

.DEFAULT_GOAL := help
.PHONY: help demo test test-gpu test-oldest test-newest lint format bench docs wheel clean

help:
	@echo "make demo         fit the digits with 100 labels; pictures in build/demo/"
	@echo "make test         lint, then run every test"
	@echo "make test-gpu     run every test on a GPU, where device=\"auto\" means it"
	@echo "make test-oldest  run every test on the lowest versions that are supported"
	@echo "make test-newest  run every test on the newest versions that there are"
	@echo "make lint         ruff and mypy"
	@echo "make format       let ruff rewrite what it can"
	@echo "make bench        run the benchmarks; their tables replace those of RESULTS.md"
	@echo "make docs         build the documentation into build/docs/"
	@echo "make wheel        build a wheel, install and import it in a fresh environment"
	@echo "make clean        remove what the targets above made, .venv too"

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

# The build backend comes first, so that its version is pinned like all others.
$(READY): pyproject.toml constraints.txt | $(BIN)/python
	$(INSTALL) hatchling
	$(INSTALL) --no-build-isolation --editable ".[dev,plot]"
	touch $@

$(DOCS_READY): $(READY)
	$(INSTALL) --no-build-isolation --editable ".[docs]"
	touch $@

$(BENCH_READY): $(READY)
	$(INSTALL) --no-build-isolation --editable ".[bench]"
	touch $@

demo: $(READY)
	mkdir -p build/demo
	OMP_NUM_THREADS=1 $(BIN)/python docs/save_figures.py examples/plot_digits.py build/demo

# One thread in each of two workers: more would compete for the same cores. Each begins
# with one half of the tests, so that few fixtures are made twice. Numba, which compiles
# the search for neighbours anew in each process, is spared the optimisation.
run_tests = OMP_NUM_THREADS=1 NUMBA_OPT=1 $(1)/python -m pytest \
	-n 2 --dist worksteal $(PYTEST_ARGS)

test: lint
	$(call run_tests,$(BIN))

# Estimators take the GPU by themselves; one process, as it has one memory.
test-gpu: $(READY)
	$(BIN)/python -c "import torch; assert torch.cuda.is_available(), 'no GPU'"
	$(BIN)/python -m pytest $(PYTEST_ARGS)

# Fresh environments, as versions change without a change here: the lower bounds of
# pyproject.toml, and the newest versions that its ranges allow.
test-oldest: VERSIONS := --constraint constraints-oldest.txt
test-oldest test-newest: test-%:
	rm -rf build/$*-venv
	$(PYTHON) -m venv build/$*-venv
	build/$*-venv/bin/python -m pip install --quiet --no-compile $(VERSIONS) hatchling
	build/$*-venv/bin/python -m pip install --quiet --no-compile $(VERSIONS) \
		--no-build-isolation --editable ".[test]"
	$(call run_tests,build/$*-venv/bin)

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Each writes its tables into the pages that they stand in.
run_benchmark = $(BIN)/python benchmarks/$(1) --save
run_benchmark_alone = OMP_NUM_THREADS=1 $(run_benchmark)

bench: $(BENCH_READY)
	$(call run_benchmark,step_time.py)
	$(call run_benchmark,memory.py)
	$(call run_benchmark,checks.py)
	$(call run_benchmark,graph.py)
	$(call run_benchmark_alone,graph.py --search)
	$(call run_benchmark_alone,graph.py --spread)
	$(call run_benchmark,graph.py --prior)
	$(call run_benchmark,column_scale.py)
	$(call run_benchmark,study_processes.py)
	$(call run_benchmark_alone,digits.py)
	$(call run_benchmark_alone,digits.py --unequal)
	$(call run_benchmark_alone,digits.py --clusters)
	$(call run_benchmark_alone,digits.py --ablation)
	$(call run_benchmark_alone,regularizers.py)
	$(call run_benchmark,mnist.py)
	$(call run_benchmark,density.py)
	$(call run_benchmark_alone,mnist_semisupervised.py)
	$(call run_benchmark,vs_pyro.py)
	$(call run_benchmark,vs_pyro.py --memory)
	$(call run_benchmark_alone,known_properties.py)
	$(call run_benchmark_alone,sprites.py)
	$(call run_benchmark_alone,composition.py)
	$(call run_benchmark_alone,composition.py --unlabelled)
	$(call run_benchmark_alone,composition.py --baselines)
	$(call run_benchmark_alone,composition_cost.py)
	$(call run_benchmark_alone,mnist_semafo.py)
	$(call run_benchmark_alone,semafo_stability.py)
	$(call run_benchmark,label_efficiency.py)
	$(call run_benchmark_alone,fit_time.py)
	$(call run_benchmark_alone,tables.py --all)
	$(call run_benchmark_alone,intervals.py)
	$(call run_benchmark_alone,cells.py)
	$(call run_benchmark_alone,reliability.py)
	$(call run_benchmark_alone,stream.py)
	$(call run_benchmark_alone,distributed.py)
	$(call run_benchmark,large.py)
	$(call run_benchmark_alone,missing.py)
	$(call run_benchmark_alone,generate.py)
	$(call run_benchmark_alone,margins.py)
	$(call run_benchmark_alone,styles.py)
	$(call run_benchmark,styles.py --mnist)

# The examples run in two processes of one thread each; those that did not change since
# the build before are not run again.
docs: $(DOCS_READY)
	OMP_NUM_THREADS=1 $(BIN)/sphinx-build -W --keep-going -b html docs build/docs

# The import runs from build/, where only the installed wheel can be found.
wheel: $(READY)
	rm -rf build/dist $(WHEEL_VENV)
	$(BIN)/python -m build --no-isolation --wheel --outdir build/dist .
	$(PYTHON) -m venv $(WHEEL_VENV)
	$(WHEEL_VENV)/bin/python -m pip install --quiet \
		--constraint constraints.txt build/dist/*.whl
	cd build && wheel-venv/bin/python -c \
		"import skfmvae; print(skfmvae.__file__, skfmvae.__all__)"

clean:
	rm -rf $(VENV) build docs/generated docs/auto_examples
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
