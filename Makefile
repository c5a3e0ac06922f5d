# Thin front of the CMake presets (CMakePresets.json). `make` alone installs nothing.
FUZZ_SECONDS ?= 60
JOBS ?= $(shell nproc)
# Most tests wait most of the time: three at once on two cores.
CTEST = ctest --output-on-failure -j3

all: build/build.ninja
	cmake --build build -j $(JOBS) --target weir

run:
	./deps
	$(MAKE) all
	build/weir up --demo

test:
	./deps test
	cmake --preset release
	cmake --build build -j $(JOBS)
	$(CTEST) --test-dir build

bench:
	./deps test
	cmake --preset release
	cmake --build build -j $(JOBS) --target benches
	bench/run build/bench

soak:
	./deps test
	cmake --preset release
	cmake --build build -j $(JOBS) --target all gen_results
	tests/soak/run build/weir

# Each finding ends its test: no sanitizer report is a warning.
sanitize: export ASAN_OPTIONS = abort_on_error=1:detect_leaks=1:detect_stack_use_after_return=1:strict_string_checks=1
sanitize: export UBSAN_OPTIONS = halt_on_error=1:print_stacktrace=1
sanitize: export TSAN_OPTIONS = halt_on_error=1:second_deadlock_stack=1:suppressions=$(CURDIR)/tests/tsan.supp:print_suppressions=0
sanitize: export LSAN_OPTIONS = suppressions=$(CURDIR)/tests/lsan.supp:print_suppressions=0
sanitize:
	./deps lint
	cmake --preset asan && cmake --build build-asan -j $(JOBS)
	$(CTEST) --test-dir build-asan
	cmake --preset tsan && cmake --build build-tsan -j $(JOBS)
	$(CTEST) --test-dir build-tsan

fuzz:
	./deps lint
	cmake --preset fuzz && cmake --build build-fuzz -j $(JOBS)
	tests/fuzz/run build-fuzz/tests $(FUZZ_SECONDS)

# Both compilers with warnings as errors, then clang-tidy, the floors, the tables, the
# format and the generated pages.
lint:
	./deps lint
	cmake --preset release && cmake --build build -j $(JOBS) --target all benches
	cmake --preset clang && cmake --build build-clang -j $(JOBS) --target all benches
	tools/check_layers.py
	tools/check_tables.py
	tools/check_format.sh
	tools/check_tidy.sh build-clang
	build/gen_docs --check docs/reference

format:
	./deps lint
	tools/check_format.sh --fix

# The pages of docs/reference that come from the tables: fails when one is stale.
check-docs: build/build.ninja
	cmake --build build -j $(JOBS) --target gen_docs
	build/gen_docs --check docs/reference

docs: build/build.ninja
	cmake --build build -j $(JOBS) --target gen_docs
	build/gen_docs --write docs/reference

install: all
	cmake --install build

clean:
	rm -rf build build-debug build-clang build-asan build-tsan build-fuzz

build/build.ninja:
	cmake --preset release

.PHONY: all run test bench soak sanitize fuzz lint format check-docs docs install clean
