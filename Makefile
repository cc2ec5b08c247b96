# make grade: a sample class, graded.   make test: every test.   make lab: JupyterLab for a student.   make help: the rest.
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
READY := $(VENV)/.ready
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
export OPENBLAS_NUM_THREADS ?= 1

.PHONY: help grade test test-lectures test-code lab release mutants bench lectures pictures clean

help: ## what there is to make
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

# Made anew when a requirement changes; a half-made environment has no .ready and is made again.
$(READY): requirements.txt autograde/constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed; name one with: make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

grade: $(READY) ## a sample class of 12 students, made up and graded into build/class
	@rm -rf build/submissions
	$(RUN) -m autograde simulate --students 12 --seed 1 --out build/submissions
	$(RUN) -m autograde grade build/submissions --out build/class

# The lectures run beside the other tests: on two cores that takes a third off.
test: $(READY) ## all tests, the lectures among them
	$(MAKE) --jobs 2 --no-print-directory test-lectures test-code

test-lectures: $(READY)
	$(RUN) -m pytest lectures

test-code: $(READY)
	$(RUN) -m pytest tests

lab: $(READY) ## JupyterLab, for reading lectures and doing exercises
	$(RUN) -m jupyter lab

release: $(READY) ## exercises/ from solutions/
	$(RUN) -m autograde release

mutants: $(READY) ## are the exercises' tests strong enough? mutation testing
	$(RUN) -m tests.mutants

bench: $(READY) ## speed against stock nbgrader, and growth
	$(RUN) -m tests.bench

# Pages and decks need MathJax and reveal.js from the network when they are opened; the notebooks themselves do not.
lectures: $(READY) ## the lectures as web pages and slide decks, in build/lectures
	$(RUN) -m nbconvert --to html --template page --TemplateExporter.extra_template_basedirs=lectures/templates \
		--output-dir build/lectures lectures/[0-9]*.ipynb
	$(RUN) -m nbconvert --to slides --template deck --TemplateExporter.extra_template_basedirs=lectures/templates \
		--output-dir build/lectures lectures/[0-9]*.ipynb

pictures: $(READY) ## the pictures of the README
	$(RUN) -m tests.pictures

clean: ## remove what was made, the environment too
	rm -rf build $(VENV)
