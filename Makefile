# Lifeline Gateway. `make help` lists the targets.
#
# One static library holds everything but the three main functions, so that tests link what ships.
# BUILD names the output folder; the sanitizer targets call make again with a folder of their own.

BUILD    ?= build
ifeq ($(origin CC),default)
CC       := gcc
endif
# V=1 shows the commands.
Q        := $(if $(V),,@)
say       = $(if $(V),,@printf '  %-4s %s\n' '$(1)' '$(2)')
VERSION  := 0.1.0
# Where a target calls make for the programs, it uses all processors, unless -j was given.
JOBS      = $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc))
DESTDIR  ?=
PREFIX   ?= /usr/local
SYSCONF  ?= /etc

WARN     := -Wall -Wextra -Wshadow -Wconversion -Werror -Wstrict-prototypes -Wmissing-prototypes \
            -Wvla -Wformat=2
# Level 3 needs gcc 12 or clang 15 with a glibc that knows it; older compilers fall back to level 2.
FORTIFY  := $(shell printf '\043include <features.h>\n\043if __GLIBC_PREREQ(2,34) && ((defined(__clang__) && __clang_major__ >= 15) || (!defined(__clang__) && __GNUC__ >= 12))\n3\n\043else\n2\n\043endif\n' | $(CC) -E -P - 2>/dev/null | tail -n 1)
HARDEN   := -D_FORTIFY_SOURCE=$(FORTIFY) -fstack-protector-strong -fPIE
HARDLD   := -pie -Wl,-z,relro,-z,now
OPT      ?= -O2 -g
SANITIZE ?=

ALL_CFLAGS  := -std=c17 -D_GNU_SOURCE -DLL_VERSION='"$(VERSION)"' -I. $(WARN) $(OPT) \
               $(if $(SANITIZE),$(SANITIZE),$(HARDEN)) -pthread -MMD -MP $(CFLAGS)
ALL_LDFLAGS := $(if $(SANITIZE),$(SANITIZE),$(HARDLD)) -pthread $(LDFLAGS)
LIBS        := -lpaho-mqtt3as -lmosquitto -ljson-c -lcurl -lsqlite3 -lmicrohttpd -lssl -lcrypto -lz \
               -lm

GATEWAY_C := $(filter-out gateway/main.c gateway/ctl/main.c,$(wildcard gateway/*.c gateway/*/*.c))
CTL_C     := gateway/ctl/main.c
SIM_C     := $(wildcard simulator/*.c simulator/*/*.c)
UNIT_C    := $(wildcard tests/unit/*/test_*.c tests/unit/test_*.c)
FUZZ_C    := $(wildcard tests/fuzz/fuzz_*.c)
BENCH_C   := $(wildcard tests/bench/*.c)
FAULT_C   := tests/fault/reopen.c
# The simulator shares base and model with the gateway, and the journal, which it writes recordings
# with. Nothing else: it never calls what it tests.
SHARED_C  := $(wildcard gateway/base/*.c gateway/model/*.c gateway/journal/*.c)

obj      = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))
PROGRAMS := $(BUILD)/lifelined $(BUILD)/lifelinectl $(BUILD)/lifelinesim
UNIT     := $(patsubst tests/%.c,$(BUILD)/tests/%,$(UNIT_C))
FUZZ     := $(patsubst tests/%.c,$(BUILD)/tests/%,$(FUZZ_C))
BENCH    := $(patsubst tests/%.c,$(BUILD)/tests/%,$(BENCH_C))
FAULT    := $(patsubst tests/%.c,$(BUILD)/tests/%,$(FAULT_C))

.PHONY: all help deps demo test unit integration lint format asan tsan soak bench install clean \
        test-programs
all: $(PROGRAMS)

help:
	@echo 'make              build the three programs into $(BUILD)/'
	@echo 'make demo         install, build and run a small simulated city (DURATION=60 ends by itself)'
	@echo 'make test         install, build, run unit, integration and fault tests'
	@echo 'make unit         unit tests only'
	@echo 'make lint         formatting, static analysis and the project'"'"'s own checks'
	@echo 'make asan|tsan    the tests under address+undefined or thread sanitizers'
	@echo 'make soak         the fault tests in their long form; up to an hour'
	@echo 'make bench        ratios against a bare subscriber on the same broker'
	@echo 'make format       rewrite the sources with clang-format'
	@echo 'make install      into $$(DESTDIR)$(PREFIX); what stands in $(SYSCONF)/lifeline is kept'
	@echo 'make deps         install what the above need'

$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(ALL_CFLAGS) -c $< -o $@

$(BUILD)/liblifeline.a: $(call obj,$(GATEWAY_C))
	@rm -f $@
	$(call say,AR,$@)
	$(Q)ar rcs $@ $^

$(BUILD)/libshared.a: $(call obj,$(SHARED_C))
	@rm -f $@
	$(call say,AR,$@)
	$(Q)ar rcs $@ $^

$(BUILD)/lifelined: $(call obj,gateway/main.c) $(BUILD)/liblifeline.a
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

$(BUILD)/lifelinectl: $(call obj,$(CTL_C)) $(BUILD)/liblifeline.a
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

$(BUILD)/libsim.a: $(call obj,$(filter-out simulator/main.c,$(SIM_C)))
	@rm -f $@
	$(call say,AR,$@)
	$(Q)ar rcs $@ $^

$(BUILD)/lifelinesim: $(call obj,simulator/main.c) $(BUILD)/libsim.a $(BUILD)/libshared.a
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

$(BUILD)/tests/unit/%: $(BUILD)/obj/tests/unit/%.o $(BUILD)/liblifeline.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ -lcmocka $(LIBS)

# The simulator's tests link what the simulator links, and none of the gateway's stages.
$(BUILD)/tests/unit/simulator/%: $(BUILD)/obj/tests/unit/simulator/%.o $(BUILD)/libsim.a \
                                 $(BUILD)/libshared.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ -lcmocka $(LIBS)

$(BUILD)/tests/fuzz/%: $(BUILD)/obj/tests/fuzz/%.o $(BUILD)/obj/tests/fuzz/replay_main.o $(BUILD)/liblifeline.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

$(BUILD)/tests/bench/%: $(BUILD)/obj/tests/bench/%.o $(BUILD)/libshared.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

$(BUILD)/tests/fault/%: $(BUILD)/obj/tests/fault/%.o $(BUILD)/liblifeline.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

.PRECIOUS: $(BUILD)/obj/%.o

deps:
	scripts/install-deps

test-programs: $(PROGRAMS) $(UNIT) $(FUZZ) $(BENCH) $(FAULT)

test:
	scripts/install-deps build run test
	$(MAKE) $(JOBS) test-programs
	tests/run --build $(BUILD)

unit: test-programs
	tests/run --build $(BUILD) --only unit

integration: test-programs
	tests/run --build $(BUILD) --only integration

asan:
	scripts/install-deps build run test
	$(MAKE) $(JOBS) BUILD=build/asan OPT='-O1 -g -fno-omit-frame-pointer' \
	    SANITIZE='-fsanitize=address,undefined -fno-sanitize-recover=undefined' test-programs
	tests/run --build build/asan

tsan:
	scripts/install-deps build run test
	$(MAKE) $(JOBS) BUILD=build/tsan OPT='-O1 -g' SANITIZE='-fsanitize=thread' test-programs
	tests/run --build build/tsan

soak:
	scripts/install-deps build run test
	$(MAKE) $(JOBS) test-programs
	LIFELINE_SOAK=1 tests/run --build $(BUILD) --only fault

lint:
	scripts/install-deps build test lint
	scripts/lint

format:
	clang-format -i $$(git ls-files '*.c' '*.h')

demo:
	@scripts/install-deps build run
	@echo 'demo: building'
	@$(MAKE) --no-print-directory $(JOBS) all
	@scripts/demo --build $(BUILD) $(if $(DURATION),--duration $(DURATION))

bench:
	scripts/install-deps build run test
	$(MAKE) $(JOBS) test-programs
	scripts/bench --build $(BUILD)

# Settings and profiles are the owner's once they are there: they are not written over.
CONF_DIR  = $(DESTDIR)$(SYSCONF)/lifeline
SHARE_DIR = $(DESTDIR)$(PREFIX)/share/lifeline
install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(CONF_DIR)/profiles $(SHARE_DIR)/schema $(SHARE_DIR)/mosquitto \
	    $(DESTDIR)$(PREFIX)/lib/systemd/system $(DESTDIR)$(PREFIX)/lib/sysusers.d
	install -m 755 $(PROGRAMS) $(DESTDIR)$(PREFIX)/bin
	install -m 644 config/schema/*.json $(SHARE_DIR)/schema
	install -m 644 config/mosquitto/lifeline.conf config/mosquitto/lifeline.acl $(SHARE_DIR)/mosquitto
	@for file in lifelined.json $(patsubst config/%,%,$(wildcard config/profiles/*.json)); do \
	    if [ ! -e "$(CONF_DIR)/$$file" ]; then \
	        install -m 644 "config/$$file" "$(CONF_DIR)/$$file" || exit 1; \
	    elif ! cmp -s "config/$$file" "$(CONF_DIR)/$$file"; then \
	        echo "kept as it is: $(CONF_DIR)/$$file"; \
	    fi; \
	done
	sed 's|/usr/bin/|$(PREFIX)/bin/|; s|/etc/|$(SYSCONF)/|' config/systemd/lifelined.service \
	    >$(DESTDIR)$(PREFIX)/lib/systemd/system/lifelined.service
	install -m 644 config/systemd/lifeline.sysusers $(DESTDIR)$(PREFIX)/lib/sysusers.d/lifeline.conf

clean:
	rm -rf $(BUILD)

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)
