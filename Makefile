# Every target sets up what it needs by itself, in .venv; all that has to be there is Python 3.11 or newer and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
NEWEST := .venv-newest
# Prowler wants one before 3.14.
PEER_PYTHON ?= $(PYTHON)
PROWLER := .venv-prowler
CUSTODIAN := .venv-custodian
# Every test of what the SDK has a part in. The rooms that the others test do not import it; a test holds that.
NEWEST_TESTS := $(wildcard tests/test_aws_*.py) $(addprefix tests/test_,$(addsuffix .py,\
  audit_to_file codes command_demo command_kinds command_resume command_run demo_account fault_matrix fleet_roles moto original_defects regions stub))
PIP_INSTALL := -m pip install --quiet --disable-pip-version-check

.PHONY: demo test check browser format bench bench-page bench-peers bench-soak test-newest mutants clean help

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/'

demo: $(VENV)/.demo  ## audit the embedded AWS account; report and page go to demo-report/
	@mkdir -p demo-report
	@$(BIN)/s3audit demo --wide -o demo-report/ --html demo-report/page.html ; code=$$? ; \
	  [ $$code -eq 0 ] || [ $$code -eq 3 ]  # 3: the account has buckets that fail for good, to show how they look

test: check browser  ## formatting, lint, types and all tests
	$(BIN)/python -m pytest -n auto

check: $(VENV)/.dev  ## formatting, lint and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

browser:  ## have a Chromium, in which the HTML page is tested: Debian's, where none is there and this may install it
	@command -v chromium || command -v chromium-browser || command -v google-chrome || \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    apt-get update -qq && apt-get install -qqy --no-install-recommends chromium; \
	  else echo "no Chromium: its tests are skipped; to have them: sudo apt-get install chromium"; fi

format: $(VENV)/.dev  ## format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.bench  ## measure everything that benchmarks/RESULTS.md shows, and write it (about half an hour)
	$(BIN)/python -m benchmarks

bench-page: $(VENV)/.bench  ## write benchmarks/RESULTS.md and its plots anew, from what was measured last
	$(BIN)/python -m benchmarks --page-only

bench-peers: $(VENV)/.bench $(PROWLER)/.peer $(CUSTODIAN)/.peer  ## measure s3audit beside Prowler and Cloud Custodian
	$(BIN)/python -m benchmarks peers

bench-soak: $(VENV)/.dev  ## audit 100,000 buckets through faults, a dead region and kill -9, and check every row
	$(BIN)/python -m benchmarks.soak --mend

test-newest: $(NEWEST)/.dev  ## the tests of what the SDK has a part in, with the newest aiobotocore, past what aioboto3 pins
	$(NEWEST)/bin/python -m pytest -n auto $(NEWEST_TESTS)

mutants: $(VENV)/.mutation  ## break the pure decisions on purpose, bit by bit, and see which breaks no test notices
	rm -rf mutants  # what an earlier run found does not hold for other tests
	$(BIN)/mutmut run --max-children 1
	$(BIN)/mutmut results

clean:  ## remove everything that was set up or made here
	rm -rf $(VENV) $(NEWEST) $(PROWLER) $(CUSTODIAN) demo-report .pytest_cache .mypy_cache .ruff_cache .hypothesis mutants

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: $(VENV)/bin/python pyproject.toml
	$(BIN)/python $(PIP_INSTALL) --editable '.[demo]'
	@touch $@

$(VENV)/.dev: $(VENV)/bin/python pyproject.toml
	$(BIN)/python $(PIP_INSTALL) --editable '.[dev]'
	@touch $@ $(VENV)/.demo

$(VENV)/.bench: $(VENV)/.dev
	$(BIN)/python $(PIP_INSTALL) --editable '.[bench]'
	@touch $@

$(VENV)/.mutation: $(VENV)/.dev
	$(BIN)/python $(PIP_INSTALL) --editable '.[mutation]'
	@touch $@

# Each in an environment of its own: they pin the SDK, and much else.
$(PROWLER)/.peer:
	$(PEER_PYTHON) -m venv $(PROWLER)
	$(PROWLER)/bin/python $(PIP_INSTALL) 'prowler>=5.46,<6'
	@touch $@

$(CUSTODIAN)/.peer:
	$(PEER_PYTHON) -m venv $(CUSTODIAN)
	$(CUSTODIAN)/bin/python $(PIP_INSTALL) 'c7n>=0.9.53,<0.10'
	@touch $@

# aioboto3 pins one aiobotocore, so the newest cannot be asked for as a dependency: it is put in afterwards, by force.
$(NEWEST)/.dev: pyproject.toml
	$(PYTHON) -m venv $(NEWEST)
	$(NEWEST)/bin/python $(PIP_INSTALL) --editable '.[test]'
	$(NEWEST)/bin/python $(PIP_INSTALL) --upgrade aiobotocore
	$(NEWEST)/bin/python -c "import aiobotocore, botocore; print('aiobotocore', aiobotocore.__version__, 'botocore', botocore.__version__)"
	@touch $@
