# Each target is the only command that is needed; README.md says what it does to the machine.
.PHONY: demo image test test-long soak bench-lossless bench-burst bench-sites bench-deliveries unit check lock help

# Installs what is locked into an environment of its own and prints where that is.
ENVIRONMENT := sh tests/lab/bootstrap.sh

help: ## this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

demo: ## deploy v1, then v2 under load, on real Docker, registry and Nginx (ONCE=1: end by itself)
	@venv=$$($(ENVIRONMENT)) && exec "$$venv/bin/python" -m tests.lab.demo

image: ## build deployer's own image: deployer:VERSION and deployer:latest
	@venv=$$($(ENVIRONMENT)) && exec "$$venv/bin/python" -m tests.lab.image

test: ## everything, on real parts
	@venv=$$($(ENVIRONMENT)) && "$$venv/bin/python" -m tests.lab up && \
	  exec "$$venv/bin/python" -m pytest --numprocesses 3 --dist loadfile -m "not long"

test-long: ## every crash point and long runs, which `make test` leaves out
	@venv=$$($(ENVIRONMENT)) && "$$venv/bin/python" -m tests.lab up && \
	  exec "$$venv/bin/python" -m pytest --numprocesses 2 --dist loadfile -m long

soak: ## kill worker, receiver and Nginx at random while pushes go on (MINUTES=30, SEED=...)
	@venv=$$($(ENVIRONMENT)) && MINUTES=$(MINUTES) SEED=$(SEED) exec "$$venv/bin/python" -m tests.crash.soak

bench-lossless: ## deployments under every class of client, on Nginx 1.30 and 1.22 (N=100)
	@venv=$$($(ENVIRONMENT)) && "$$venv/bin/python" -m tests.lab up && \
	  N=$(N) exec "$$venv/bin/python" -m bench.lossless

bench-burst: ## apps that are all pushed within 5 s: reloads, old workers, memory (N=50)
	@venv=$$($(ENVIRONMENT)) && "$$venv/bin/python" -m tests.lab up && \
	  N=$(N) exec "$$venv/bin/python" -m bench.burst

bench-sites: ## one site of many changes, against Nginx's own test and reload (N=1000)
	@venv=$$($(ENVIRONMENT)) && "$$venv/bin/python" -m tests.lab up && \
	  N=$(N) exec "$$venv/bin/python" -m bench.sites

bench-deliveries: ## 5,000 deliveries beside slow connections and over a kill (N=5000)
	@venv=$$($(ENVIRONMENT)) && "$$venv/bin/python" -m tests.lab up && \
	  N=$(N) exec "$$venv/bin/python" -m bench.deliveries

unit: ## what needs no Docker, registry, Nginx or root
	@venv=$$($(ENVIRONMENT)) && exec "$$venv/bin/python" -m pytest -m "not lab and not root and not long"

check: ## lint, format, types, the import rule, the documentation
	@venv=$$($(ENVIRONMENT)) && bin="$$venv/bin" && \
	  "$$bin/ruff" check . && "$$bin/ruff" format --check . && "$$bin/mypy" && \
	  exec "$$bin/python" -m pytest -q tests/test_imports.py tests/test_docs*.py

lock: ## lock the dependencies of pyproject.toml anew, with hashes (needs uv)
	uv pip compile -q --python-version 3.11 --universal --generate-hashes --no-header \
	  --no-emit-index-url pyproject.toml -o requirements.txt
	uv pip compile -q --python-version 3.11 --universal --generate-hashes --no-header \
	  --no-emit-index-url --group dev -c requirements.txt -o requirements-dev.txt
	echo hatchling | uv pip compile -q --python-version 3.11 --universal --generate-hashes \
	  --no-header --no-emit-index-url -c requirements-dev.txt - -o requirements-build.txt
	uv pip compile -q --python-version 3.13 --generate-hashes --no-header --no-emit-index-url \
	  examples/hello/requirements.in -o examples/hello/requirements.txt
