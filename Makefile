# Makefile - the habits: make, make check, make lint. The work is done by Meson and the scripts named here.
# SPDX-License-Identifier: Apache-2.0
BUILD ?= build
HOURS ?= 1

all: ## build/kanmon
	./up --build

check: ## everything the tree is held to (packages, build, tests, sanitizers, lint, fuzz, scenarios)
	./check

lint: ## the whole tree through clang-tidy and gcc -fanalyzer, then format and layers; goes on where it stopped
	tools/lint
	./check layers calls headers format

format: ## clang-format in place
	find src test fuzz bench -name node_modules -prune -o -name '*.[ch]' -print0 | xargs -0 clang-format -i

fuzz: ## every target for HOURS=1 CPU hours, resumable; booked in fuzz/HOURS.md
	fuzz/run $(HOURS)

bench: all ## the gate's cost beside nginx and haproxy
	ninja -C $(BUILD)
	bench/run

soak: all ## for half an hour or more: clients come and go 10000 times on each transport, bad servers beside good ones
	ninja -C $(BUILD)
	test/soak/run

asan: ## unit tests under AddressSanitizer and UndefinedBehaviorSanitizer
	./check sanitizer

tsan: ## the tests that use threads under ThreadSanitizer
	./check threads

clean: ## all build folders, nothing else
	rm -rf build build-*/ fuzz/work bench/out

help: ## this list
	@sed -n 's/^\([a-z]*\):[^#]*## \(.*\)/  \1\t\2/p' Makefile | expand -t 12

.PHONY: all check lint format fuzz bench soak asan tsan clean help
