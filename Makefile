# `make demo` and `make test` are all that a fresh Debian 12 machine needs; `make help` lists the rest.

SWIFT_BUILD = swift build --explicit-target-dependency-import-check error
RECAP = .build/release/recap
# With MPI everything is compiled otherwise, so it has a folder of its own.
MPI_BUILD = .build/mpi
# Further arguments for the runs below, as in: make demo ARGS="--seed 2 --dir runs/second"
ARGS ?=

# OpenBLAS reads this when it is loaded; a value that does not fit the processor costs much speed.
unexport OPENBLAS_CORETYPE

.DEFAULT_GOAL := help
.PHONY: help setup build test test-python test-lerobot test-slurm test-hosts test-network test-podman test-browser test-openpi
.PHONY: build-mpi test-mpi
.PHONY: chaos lint format check check-monitoring demo metaworld metaworld-camera
.PHONY: bench bench-build bench-compare bench-transport bench-serve bench-dashboard clean

help: ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 20

setup: ## Install missing system packages (root or sudo) and check the Swift toolchain
	@Scripts/setup.sh

build: setup ## Build the recap executable in release mode
	$(SWIFT_BUILD) --configuration release --product recap

build-mpi: ## Build with MPI, into .build/mpi: learners of several ranks (installs OpenMPI)
	@Scripts/setup.sh libopenmpi-dev openmpi-bin
	$(SWIFT_BUILD) --configuration release --traits MPI --scratch-path $(MPI_BUILD) --product recap
	$(SWIFT_BUILD) --configuration release --traits MPI --scratch-path $(MPI_BUILD) --product recap-bench

test: setup ## Build and run the whole test suite
	$(SWIFT_BUILD) --build-tests
	@Scripts/run-tests.sh
	$(MAKE) test-python

test-python: .venv/test-ready ## Run the Python tests: the client's, the benchmarks' arithmetic, Kubernetes' manifests
	cd Clients/Python && ../../.venv/bin/python -m mypy && ../../.venv/bin/python -m pytest --quiet
	cd Benchmarks && ../.venv/bin/python -m pytest --quiet
	.venv/bin/python -m pytest --quiet Cluster/kubernetes

test-slurm: build ## Try a launch on a Slurm cluster of three nodes on this machine (root)
	Cluster/slurm/test-cluster.sh $(ARGS)

test-hosts: build ## Try a launch over ssh, on this machine (root)
	Cluster/hosts/test-hosts.sh $(ARGS)

test-podman: build .venv/test-ready ## Try Kubernetes' manifests in containers of podman, on this machine (root)
	.venv/bin/python Cluster/kubernetes/test-podman.py $(ARGS)

test-network: build ## Try a run over a slow and broken network, in network namespaces (root)
	Cluster/network/test-network.sh $(ARGS)

chaos: build ## Kill random processes of local launches; ARGS="--kills 10 --seed 3" for fewer (50)
	Cluster/local/chaos.py $(ARGS)

test-mpi: build-mpi ## Try learners of several ranks with mpirun on this machine
	RECAP=$(MPI_BUILD)/release Cluster/local/test-mpi.py $(ARGS)

test-lerobot: ## Check exported data sets with LeRobot itself (downloads 1.5 GB at the first call)
	Clients/Python/tests/lerobot/run.sh

test-browser: build .venv-browser/ready ## Drive the dashboard with Chromium, and read its TensorBoard files; not in `test`
	@Scripts/setup.sh chromium
	.venv-browser/bin/python -m pytest --quiet Tests/Browser $(ARGS)

bench-dashboard: build bench-build .venv-browser/ready ## What the dashboard costs with 500 robots and 50,000 episodes
	@Scripts/setup.sh chromium
	.venv-browser/bin/python -m pytest --quiet -s Tests/Browser/test_large_run.py --large

test-openpi: build .venv-openpi/ready ## Ask `recap serve` and practise for a run with openpi's own client; not in `test`
	.venv-openpi/bin/python -m pytest --quiet Tests/OpenPI $(ARGS)

check-monitoring: build ## Let promtool check the metrics page and the alert rules; RUN=runs/NAME instead of a smoke run
	@Scripts/setup.sh prometheus
	@Scripts/check-monitoring.sh $(RECAP) $(RUN)

lint: ## Check formatting and file sizes
	swift format lint --strict --recursive --configuration .swift-format Package.swift Sources Tests
	@Scripts/check-sizes.sh

format: ## Format all Swift sources in place
	swift format --in-place --recursive --configuration .swift-format Package.swift Sources Tests

check: lint test ## All that must hold before a change is proposed

demo: build ## Two tasks on the built-in simulator, from demonstrations to a better policy
	$(RECAP) run Configs/demo.yaml $(ARGS)

metaworld: build .venv/metaworld-ready ## The same on Meta-World, with MuJoCo's physics
	$(RECAP) run Configs/metaworld.yaml $(ARGS)

metaworld-camera: build .venv/metaworld-ready ## Meta-World from camera images
	@Scripts/setup.sh libosmesa6
	$(RECAP) run Configs/metaworld-camera.yaml $(ARGS)

bench: bench-build ## Measure this system's own speed
	.build/release/recap-bench $(ARGS)

bench-build: setup
	$(SWIFT_BUILD) --configuration release --product recap-bench

bench-compare: bench-build .venv-bench/jax-ready .venv-bench/torch-ready ## Compare the speed of training and sampling with JAX and PyTorch
	.venv-bench/bin/python Benchmarks/compare.py $(ARGS)

bench-transport: bench-build .venv/test-ready ## Compare messages between roles with C on libzmq and with pyzmq
	.venv/bin/python Benchmarks/transport.py $(ARGS)

bench-serve: bench-build .venv-bench/serving-ready ## Compare serving with a server built as openpi's is, in JAX
	.venv-bench/bin/python Benchmarks/serving.py $(ARGS)

clean: ## Remove everything built; runs stay
	rm -rf .build .venv .venv-bench .venv-lerobot .venv-browser .venv-openpi

# The Python environments' stamps: made again when the client's requirements change.
.venv/bin/python:
	@Scripts/setup.sh
	python3 -m venv .venv

.venv/test-ready: Clients/Python/pyproject.toml Makefile | .venv/bin/python
	.venv/bin/pip install --quiet --disable-pip-version-check numpy pyzmq pytest tokenizers mypy \
		gymnasium pyarrow pillow safetensors kubernetes-validate
	@touch $@

.venv/metaworld-ready: Clients/Python/pyproject.toml | .venv/bin/python
	.venv/bin/pip install --quiet --disable-pip-version-check --editable 'Clients/Python[metaworld]'
	@touch $@

.venv-browser/ready: Tests/Browser/requirements.txt
	@Scripts/setup.sh
	python3 -m venv .venv-browser
	.venv-browser/bin/pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@

.venv-openpi/ready: Tests/OpenPI/requirements.txt
	@Scripts/setup.sh
	python3 -m venv .venv-openpi
	.venv-openpi/bin/pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@

# PyTorch's compiler needs a C++ compiler and Python's headers.
.venv-bench/bin/python:
	@Scripts/setup.sh g++ python3-dev
	python3 -m venv .venv-bench

# A framework that cannot be installed is left out of the comparison, and tried again the next time.
.venv-bench/%-ready: Benchmarks/reference/requirements-%.txt | .venv-bench/bin/python
	@if .venv-bench/bin/pip install --quiet --disable-pip-version-check --requirement $<; \
	  then touch $@; else echo "$* could not be installed: the comparison goes on without it." >&2; fi
