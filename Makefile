# Sockeye: one shared object from csrc/, a Lua front-end in lua/.
# "make help" lists the targets.

# To makes other than GNU's this is a rule, after which they stop.
ifdef NOT_GNU_MAKE:
.error Sockeye is built by GNU make: run gmake
endif

CFLAGS ?= -O2 -g
PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib/lua/$(or $(lua_version),5.4)
LUADIR ?= $(PREFIX)/share/lua/$(or $(lua_version),5.4)
# The strip for the compiler's target; "make install STRIP=" leaves symbols.
STRIP ?= $(shell $(CC) -print-prog-name=strip)
BUILD ?= build
PORT ?= 7777

# Looked up when first used. Recipes that may install Lua first, and that are
# expanded before they run, use another make or a shell for what needs it.
ifndef LUA_INCDIR
LUA_INCDIR = $(eval LUA_INCDIR := $$(shell tools/lua -I))$(LUA_INCDIR)
endif
lua_version = $(eval lua_version := $$(shell \
	tools/lua -v "$$(LUA_INCDIR)"))$(lua_version)
# The folder of headers, if they are those of a version that is supported.
lua_headers = $(if $(LUA_INCDIR),$(if $(filter 5.4 5.5,$(lua_version)),$(LUA_INCDIR),\
	$(error Lua 5.4's headers are needed; in $(LUA_INCDIR) are $(if \
	$(lua_version),those of Lua $(lua_version),none))),\
	$(error Lua 5.4's headers are missing: run "make deps"))

WARNINGS = -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion \
	-Wstrict-prototypes -Wmissing-prototypes -Wvla -Wundef
# Against what a mistake in C could be made to do. The sanitizers replace it.
HARDENING ?= -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -fstack-protector-strong
ifeq ($(shell uname -s),Linux)
HARDENED_LINK = -Wl,-z,relro,-z,now
endif
# Calls between files are inlined, by compilers that can. The objects stay whole,
# for tools that read their symbols.
LTO ?= $(eval LTO := $$(shell echo 'int x;' | $$(CC) -Werror -flto=auto \
	-ffat-lto-objects -fPIC -x c -S -o - - >/dev/null 2>&1 && \
	echo -flto=auto -ffat-lto-objects))$(LTO)
REQUIRED = -std=c11 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -D_TIME_BITS=64 -fPIC -fno-plt -fvisibility=hidden -pthread $(WARNINGS) \
	-Icsrc \
	-isystem $(lua_headers)
ifeq ($(shell uname -s),Darwin)
LIBFLAG ?= -bundle -undefined dynamic_lookup
else
LIBFLAG ?= -shared
endif
# For timers and dlopen, with a glibc before 2.34.
ifeq ($(shell uname -s),Linux)
SYSTEM_LIBS = -lrt -ldl
endif

SOURCES := $(wildcard csrc/*.c csrc/*/*.c)
OBJECTS := $(SOURCES:csrc/%.c=$(BUILD)/obj/%.o)
MODULE := $(BUILD)/sockeye/core.so

build: $(MODULE) ## build the module into build/ (the default)

# One line for each step; "make V=1" shows the commands.
step = $(if $(V),,@echo "  $(1)  $@";)

# Relink when the list of objects has changed: removing a source changes nothing
# else.
$(BUILD)/objects: FORCE
	@mkdir -p $(@D)
	@echo '$(OBJECTS)' | cmp -s - $@ || echo '$(OBJECTS)' >$@
FORCE:

$(MODULE): $(OBJECTS) $(BUILD)/objects
	@mkdir -p $(@D)
	$(call step,link)$(CC) $(LIBFLAG) $(HARDENED_LINK) $(LTO) -pthread $(CFLAGS) $(LDFLAGS) \
		-o $@ $(OBJECTS) $(LIBS) \
		$(SYSTEM_LIBS)

$(BUILD)/obj/%.o: csrc/%.c
	@mkdir -p $(@D)
	$(call step,cc  )$(CC) $(REQUIRED) $(HARDENING) $(LTO) $(CPPFLAGS) $(CFLAGS) \
		-MMD -MP -c -o $@ $<

-include $(OBJECTS:.o=.d)

# The specs' helpers in C, which are the same for every build of the module.
build/spec/%.so: spec/support/%.c
	@mkdir -p $(@D)
	$(call step,cc  )$(CC) $(LIBFLAG) $(REQUIRED) -O2 -g $(helper_flags) \
		-o $@ $< $(helper_libs)

# Preloaded, also by commands that are no Lua.
build/spec/clock.so: helper_flags = -fplt -Wl,-z,lazy
build/spec/clock.so: helper_libs = -ldl

# What makes calls of the C library fail, in one library.
TORTURE_SOURCES := $(wildcard tools/torture/*.c)
build/spec/torture.so: $(TORTURE_SOURCES) tools/torture/plan.h
	@mkdir -p $(@D)
	$(call step,cc  )$(CC) $(LIBFLAG) $(REQUIRED) -O2 -g -fplt -Wl,-z,lazy \
		-o $@ $(TORTURE_SOURCES) -ldl

# The paths of this checkout, before those that the caller has set.
LUA_PATHS = $(CURDIR)/lua/?.lua;$(CURDIR)/lua/?/init.lua
with_module = export LUA=$${LUA:-$$(tools/lua)} \
	LUA_PATH="$(LUA_PATHS);$(CURDIR)/?.lua;$${LUA_PATH:-;}" \
	LUA_CPATH="$(abspath $(1))/?.so;$${LUA_CPATH:-;}";
submake = +@$(MAKE) -s --no-print-directory

deps: ## install what building needs (apt, as root), or print the command
	@tools/deps build

deps-dev: ## install what all targets need, or print the command
	@tools/deps build test lint check fuzz doc rock bench machines

demo: ## watch a server with a thousand clients at work
	@tools/deps build
	$(submake) build
	@$(call with_module,$(BUILD)) $$LUA examples/demo.lua

serve: ## run an echo server on 127.0.0.1, PORT=7777
	@tools/deps build
	$(submake) build
	@echo 'Talk to it from another terminal:'
	@echo '    nc 127.0.0.1 $(PORT)'
	@echo 'or, where there is no nc:'
	@echo '    eval "$$(make env)"; '"$$(tools/lua)" \
		'examples/clients/nc.lua 127.0.0.1 $(PORT)'
	@echo 'Ctrl-C ends it.'
	@$(call with_module,$(BUILD)) $$LUA examples/servers/echo_serve.lua \
		127.0.0.1:$(PORT)

test: ## run the specs; SPEC=spec/a_spec.lua, ARGS="--shuffle"
	@tools/deps build test
	$(submake) build
	@$(call with_module,$(BUILD)) tools/specs $(ARGS)

lint: ## check for warnings of compilers, linters, LDoc and luarocks
	@tools/deps build lint
	$(submake) build lint-sources

lint-sources:
	@CFLAGS="$(REQUIRED)" BUILD=$(BUILD) tools/lint

format: ## run clang-format over csrc/ and fuzz/, in place
	clang-format -i csrc/*.c csrc/*.h csrc/*/*.c csrc/*/*.h fuzz/*.c fuzz/*.h

sanitize: sanitize-asan sanitize-tsan sanitize-valgrind ## run the specs under the sanitizers and valgrind

# Builds that watch the code watch it as it is written.
INSTRUMENTED = HARDENING= LTO=
# LeakSanitizer fails on variables of threads that are not static.
SANITIZERS = -fsanitize=address,undefined -fno-sanitize-recover=all \
	-ftls-model=initial-exec
sanitize-asan:
	@tools/deps build test check
	$(submake) $(INSTRUMENTED) BUILD=build/asan CC=gcc LDFLAGS="$(SANITIZERS)" \
		CFLAGS="-O1 -g -fno-omit-frame-pointer $(SANITIZERS)" \
		build build/asan/fuzz/replay.so
	@$(call with_module,build/asan) tools/sanitize asan $(ARGS)

# Lua states in threads.
sanitize-tsan:
	@tools/deps build test check
	$(submake) $(INSTRUMENTED) BUILD=build/tsan CC=gcc \
		LDFLAGS=-fsanitize=thread \
		CFLAGS="-O1 -g -fno-omit-frame-pointer -fsanitize=thread" build
	@$(call with_module,build/tsan) tools/sanitize tsan $(ARGS)

sanitize-valgrind:
	@tools/deps build test check
	$(submake) $(INSTRUMENTED) BUILD=build/valgrind CFLAGS="-O1 -g" build
	@$(call with_module,build/valgrind) tools/sanitize valgrind $(ARGS)

torture: ## fail each system call and allocation; SCENARIO=, KIND=, WORLD=
	@tools/deps build
	$(submake) build build/spec/torture.so build/spec/allocator.so
	@$(call with_module,build) tools/torture/run

soak: SECONDS ?= 600
soak: TREES ?= 100000
# Freed memory in a large quarantine would look like growth.
soak: ## run TREES=100000 random trees of tasks, then traffic, SECONDS=600; SEED=n
	@tools/deps build test check
	$(submake) $(INSTRUMENTED) BUILD=build/asan CC=gcc LDFLAGS="$(SANITIZERS)" \
		CFLAGS="-O1 -g -fno-omit-frame-pointer $(SANITIZERS)" build \
		build/spec/allocated.so build/spec/clock.so
	@$(call with_module,build/asan) \
		TREES=$(TREES) SEED=$(SEED) tools/soak $(SECONDS)

hostile: SECONDS ?= 60
hostile: ## call everything at random for SECONDS=60, under ASan; SEED=n
	@tools/deps build check
	$(submake) $(INSTRUMENTED) BUILD=build/asan CC=gcc LDFLAGS="$(SANITIZERS)" \
		CFLAGS="-O1 -g -fno-omit-frame-pointer $(SANITIZERS)" build
	@$(call with_module,build/asan) \
		HOSTILE_SECONDS=$(SECONDS) SEED=$(SEED) tools/hostile/run

# The targets of fuzz/, for the specs and for libFuzzer.
$(BUILD)/fuzz/%.o: fuzz/%.c
	@mkdir -p $(@D)
	$(call step,cc  )$(CC) $(REQUIRED) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

FUZZ_OBJECTS := $(patsubst fuzz/%.c,$(BUILD)/fuzz/%.o,\
	$(filter-out fuzz/driver.c fuzz/replay.c,$(wildcard fuzz/*.c)))
-include $(wildcard $(BUILD)/fuzz/*.d)

$(BUILD)/fuzz/replay.so: $(OBJECTS) $(FUZZ_OBJECTS) $(BUILD)/fuzz/replay.o
	$(call step,link)$(CC) $(LIBFLAG) $(if $(LTO),-fno-lto) -pthread $(CFLAGS) $(LDFLAGS) -o $@ $^ \
		$(SYSTEM_LIBS)

$(BUILD)/fuzz/fuzzer: $(OBJECTS) $(FUZZ_OBJECTS) $(BUILD)/fuzz/driver.o
	$(call step,link)$(CC) -pthread $(CFLAGS) -fsanitize=fuzzer -o $@ $^ \
		$$(tools/lua -l) $(SYSTEM_LIBS) -lm

fuzz: SECONDS ?= 30
fuzz: ## run libFuzzer on the decoders, SECONDS=30 each; TARGET=name
	@tools/deps build fuzz
	$(submake) $(INSTRUMENTED) BUILD=build/fuzzing CC=clang \
		CFLAGS="-O1 -g -fno-omit-frame-pointer $(SANITIZERS) \
		-fsanitize=fuzzer-no-link" build/fuzzing/fuzz/fuzzer
	@LIMIT=$(SECONDS) tools/fuzz $(TARGET)

coverage: ## measure the lines that the specs reach; fails below 95 %
	@tools/deps build test check
	@rm -rf build/coverage
	$(submake) $(INSTRUMENTED) BUILD=build/coverage CC=gcc LIBS=tools/coverage.c \
		LDFLAGS="--coverage -Wl,--wrap=_exit" \
		CFLAGS="-O0 -g --coverage" build
	@$(call with_module,build/coverage) SPEC_LABEL=coverage tools/specs $(ARGS)
	@gcovr --root . --filter 'csrc/' --exclude-throw-branches \
		--fail-under-line 95 build/coverage/obj

doc: ## build the reference, build/doc/index.html
	@tools/deps build doc
	@tools/doc build/doc
	@echo build/doc/index.html

rock: ## make, pack and install the rock, and run the specs against it
	@tools/deps build test rock
	@LUA=$${LUA:-$$(tools/lua)} tools/rock $(ARGS)

release-check: ## run docs/release.md's checks, build the source rock
	@tools/deps build test rock doc
	@LUA=$${LUA:-$$(tools/lua)} tools/release-check $(ARGS)

machines: ## test on other systems, in chroots; ROWS="bookworm-user no-epoll"
	@tools/deps machines
	@tools/machines $(ROWS)

bench: ## compare the speed with C and other libraries
	@tools/deps build bench
	$(submake) build
	@$(call with_module,$(BUILD)) bench/run $(ARGS)

install: build ## install; PREFIX=/usr/local, or LIBDIR= and LUADIR=
	install -d "$(DESTDIR)$(LIBDIR)/sockeye"
	install -m 755 $(MODULE) "$(DESTDIR)$(LIBDIR)/sockeye/core.so"
	$(if $(STRIP),$(STRIP) -S -x "$(DESTDIR)$(LIBDIR)/sockeye/core.so")
	cd lua && find sockeye -name '*.lua' | while read -r file; do \
		install -d "$(DESTDIR)$(LUADIR)/$${file%/*}" && \
		install -m 644 "$$file" "$(DESTDIR)$(LUADIR)/$$file" || exit 1; \
	done

uninstall: ## remove what install installs, with the same PREFIX
	rm -rf "$(DESTDIR)$(LIBDIR)/sockeye" "$(DESTDIR)$(LUADIR)/sockeye"

env: ## print the paths of this checkout:  eval "$(make env)"
	@echo 'export LUA_PATH="$(LUA_PATHS);$${LUA_PATH:-;}"'
	@echo 'export LUA_CPATH="$(abspath $(BUILD))/?.so;$${LUA_CPATH:-;}"'

clean: ## remove build/, or only BUILD=folder
	@tools/clean '$(BUILD)'

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-13s %s\n", $$1, $$2 }' \
		Makefile

.PHONY: FORCE build deps deps-dev demo serve test lint lint-sources format sanitize sanitize-asan sanitize-tsan \
	sanitize-valgrind torture soak hostile fuzz coverage doc rock release-check bench machines install uninstall env clean help
