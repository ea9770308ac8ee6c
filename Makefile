# Onus: one library, one program. `make help` lists the targets.
#
# Layers: a folder of src/ may include itself and the ones before it in LAYERS (tools/check_includes.sh).
# Every folder becomes objects under $(BUILD)/src/<layer>/; tests of a layer link that layer and the
# ones above it in the list only, so `make test-num` works while `run` does not compile.

BUILD   ?= build
comma   := ,
ifeq ($(origin CC),default)
CC      := gcc
endif
ifeq ($(origin AR),default)
# a cross compiler's own
AR      := $(if $(filter %-gcc,$(CC)),$(CC:%gcc=%ar),ar)
endif
JOBS    ?= $(shell nproc)
V       ?= 0
# make V=1 shows whole commands
Q       := $(if $(filter 0,$(V)),@)
say      = $(if $(filter 0,$(V)),@printf '  %-4s %s\n' $(1) $(2),@:)
LAYERS  := base num op net data train audit proof report run
PREFIX  ?= /usr/local
PYTHON  ?= python3

# -ffp-contract=off: the numerics contract fuses only where fmaf/fma is written (docs/NUMERICS.md).
WARN    := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
           -Wwrite-strings -Wvla -Wunused-result -Wno-missing-field-initializers
OPT     ?= -O3 -g
# -fno-trapping-math: nobody reads the exception flags, and gcc may then compute both arms of a comparison,
# without which exp, log, tanh and their like stay scalar. It changes no value.
STD     := -std=c11 -D_GNU_SOURCE -fPIC -fvisibility=hidden -fno-math-errno -fno-trapping-math \
           -ffp-contract=off -pthread
CPPFLAGS += -Iinclude -Isrc -I$(BUILD)/gen
ALLCFLAGS = $(STD) $(WARN) $(OPT) $(SAN) $(CFLAGS)
# Programs of tests are built at -O1 where the library is at -O3: what they hold it against is plain loops whose speed nobody needs,
# they compile in half the time, and Debian's gcc 12 for AArch64 ends with an internal error on tests/net/test_vectors.c at -O3. On
# all machines alike, so that what runs under qemu is what runs here. Other levels (sanitizers, coverage) stay as they are.
TESTCFLAGS = $(ALLCFLAGS:-O3=-O1)
LIBS    := -lyaml -ljansson -lsodium -lcrypto -lutf8proc -ldeflate -lm
ALLLDFLAGS = $(SAN) -pthread $(LDFLAGS)

# Instruction sets: *_avx2.c and *_avx512.c get their own flags; *_fma.c are the references again, built
# with the machine's scalar fused multiply-add.
ARCH    := $(shell $(CC) -dumpmachine | cut -d- -f1)
ifeq ($(ARCH),x86_64)
ISA_SKIP   := %_neon.c
ISA_avx2   := -mavx2 -mfma -mno-avx512f
ISA_fma    := -mfma -mno-avx512f -fno-tree-vectorize
ISA_avx512 := -mavx2 -mfma -mavx512f -mavx512bw -mavx512dq -mavx512vl -mprefer-vector-width=512
else
ISA_SKIP   := %_avx2.c %_avx512.c
ISA_fma    := -fno-tree-vectorize
# gcc would move loads ahead until the tile's registers do not hold what is in them.
ISA_neon   := $(if $(findstring clang,$(CC)),,-fno-schedule-insns)
endif

layer_src  = $(filter-out $(ISA_SKIP),$(wildcard src/$(1)/*.c))
layer_obj  = $(patsubst %.c,$(BUILD)/%.o,$(call layer_src,$(1)))
LIB_OBJ    = $(foreach l,$(LAYERS),$(call layer_obj,$(l)))
CLI_OBJ    = $(patsubst %.c,$(BUILD)/%.o,$(wildcard cli/*.c))
# the layers up to and including $(1)
upto       = $(if $(filter $(1),$(firstword $(2))),$(1),$(firstword $(2)) $(call upto,$(1),$(wordlist 2,99,$(2))))

.PHONY: all help lib check slow aarch64 asan tsan ubsan torture fuzz bench cov tidy format install clean lint tests docs
all: $(BUILD)/onus $(BUILD)/libonus.a $(BUILD)/libonus.so

# The table of operations is what the files of op/ say: a row is `const onus_op onus_op_NAME =`.
OP_LIST := $(BUILD)/gen/op_list.h
$(shell mkdir -p $(BUILD)/gen; tools/op_list.sh src/op/*.c > $(OP_LIST).new; \
    cmp -s $(OP_LIST).new $(OP_LIST) && rm -f $(OP_LIST).new || mv $(OP_LIST).new $(OP_LIST))
FAMILIES := $(BUILD)/gen/families.h
$(shell tools/families.sh src/net/families/*.json > $(FAMILIES).new; \
    cmp -s $(FAMILIES).new $(FAMILIES) && rm -f $(FAMILIES).new || mv $(FAMILIES).new $(FAMILIES))
OP_CHAPTERS := $(BUILD)/gen/op_chapters.h
$(shell tools/op_chapters.sh tests/op/chapters/*.h > $(OP_CHAPTERS).new; \
    cmp -s $(OP_CHAPTERS).new $(OP_CHAPTERS) && rm -f $(OP_CHAPTERS).new || mv $(OP_CHAPTERS).new $(OP_CHAPTERS))

$(BUILD)/%_avx2.o: ISA = $(ISA_avx2)
$(BUILD)/%_avx512.o: ISA = $(ISA_avx512)
$(BUILD)/%_fma.o: ISA = $(ISA_fma)
$(BUILD)/%_neon.o: ISA = $(ISA_neon)
$(BUILD)/src/num/gemm_avx2.o: ISA = $(ISA_avx2) $(GEMM_CFLAGS)
$(BUILD)/src/num/gemm_avx512.o: ISA = $(ISA_avx512) $(GEMM_CFLAGS)
$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) $(CPPFLAGS) $(ALLCFLAGS) $(ISA) -MMD -MP -c $< -o $@

$(BUILD)/libonus.a: $(LIB_OBJ)
	@rm -f $@
	$(call say,AR,$@)
	$(Q)$(AR) rcs $@ $^
$(BUILD)/libonus.so: $(LIB_OBJ)
	$(call say,LINK,$@)
	$(Q)$(CC) -shared $(ALLLDFLAGS) -Wl,-soname,libonus.so.0 -o $@ $^ $(LIBS)
$(BUILD)/onus: $(CLI_OBJ) $(BUILD)/libonus.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALLLDFLAGS) -o $@ $(CLI_OBJ) $(BUILD)/libonus.a -lpopt $(LIBS)

# One archive a layer, tests against the layers up to it.
define layer_rules
$(BUILD)/$(1).a: $$(call layer_obj,$(1))
	@mkdir -p $$(@D)
	@rm -f $$@
	$(Q)$(AR) rcs $$@ $$^
TESTS_$(1) := $$(patsubst %.c,$(BUILD)/%,$$(wildcard tests/$(1)/test_*.c))
$$(TESTS_$(1)): $(BUILD)/tests/$(1)/%: tests/$(1)/%.c $$(foreach l,$$(call upto,$(1),$(LAYERS)),$(BUILD)/$$(l).a)
	@mkdir -p $$(@D)
	$$(call say,TEST,$$@)
	$(Q)$$(CC) $$(CPPFLAGS) -Itests -Itests/op $$(TESTCFLAGS) -MMD -MP $$(ALLLDFLAGS) -o $$@ $$< \
	    -Wl,--start-group $$(foreach l,$$(call upto,$(1),$(LAYERS)),$(BUILD)/$$(l).a) -Wl,--end-group -lcmocka -lmpfr -lgmp -lz $$(LIBS)
.PHONY: test-$(1)
test-$(1): $$(TESTS_$(1))
	@set -e; for t in $$(TESTS_$(1)); do echo "# $$$$t"; $$$$t; done
ALL_TESTS += $$(TESTS_$(1))
endef
$(foreach l,$(LAYERS),$(eval $(call layer_rules,$(l))))

# Attacks on private training see what the optimiser leaves after every step, and account for a run of a kind once: these calls are the
# linker's to redirect.
ATTACK_LIBS := $(foreach l,$(call upto,train,$(LAYERS)),$(BUILD)/$(l).a)
ATTACK_LINK := $(CC) $(CPPFLAGS) -Itests $(TESTCFLAGS) $(ALLLDFLAGS) -Wl,--wrap=onus_optimiser_step \
    -Wl,--wrap=onus_account
ATTACK_END := -Wl,--start-group $(ATTACK_LIBS) -Wl,--end-group -lcmocka $(LIBS)
TESTS_attack := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/attack/test_*.c))
$(TESTS_attack): $(BUILD)/tests/attack/%: tests/attack/%.c $(ATTACK_LIBS)
	@mkdir -p $(@D)
	$(call say,TEST,$@)
	$(Q)$(ATTACK_LINK) -MMD -MP -o $@ $< $(ATTACK_END)
ALL_TESTS += $(TESTS_attack)
# Broken builds: the same attacks on a library of which one file is patched, or one function another (tests/attack/broken.sh).
BROKEN := $(basename $(wildcard tests/attack/broken/*.sed tests/attack/broken/*.c))
$(BROKEN:%=$(BUILD)/%): $(BUILD)/tests/attack/broken/%: tests/attack/test_attack.c $(wildcard tests/attack/*.h) $(ATTACK_LIBS) \
    $(wildcard tests/attack/broken/*) tests/attack/break.sh
	$(call say,TEST,$@)
	$(Q)tests/attack/break.sh $* $@.d
	$(Q)$(ATTACK_LINK) @$@.d/flags -o $@ $< $@.d/*.c $(ATTACK_END)

# ---- what people call ------------------------------------------------------------------
help: ## this list
	@awk -F':.*## ' '/^[a-z0-9-]+:.*## /{printf "  %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

all: ## build/onus, build/libonus.a, build/libonus.so
lib: $(BUILD)/libonus.a $(BUILD)/libonus.so

DOC_TOOLS := $(addprefix $(BUILD)/tools/,operations_doc recipe_doc names_doc)
lint: $(foreach l,$(LAYERS),$(BUILD)/$(l).a) $(DOC_TOOLS) $(BUILD)/onus ## rules of the tree
	tools/check_includes.sh
	tools/check_size.sh
	tools/check_libm.sh $(foreach l,$(LAYERS),$(BUILD)/$(l).a)
	tools/check_docs.sh $(BUILD)
	$(CC) -std=c11 -pedantic -Wall -Wextra -Werror -Iinclude -fsyntax-only -x c include/onus.h
	$(CXX) -pedantic -Wall -Wextra -Werror -Iinclude -fsyntax-only -x c++ include/onus.h

check: all $(ALL_TESTS) $(BUILD)/examples/embed lint ## tests and rules of the tree, no network
	tests/all.sh $(BUILD)
	tests/cli/run.sh $(BUILD)
	tests/cli/stages.sh $(BUILD)
	tests/cli/labels.sh $(BUILD)
	tests/cli/heads.sh $(BUILD)
	tests/cli/report.sh $(BUILD)
	tests/cli/versions.sh $(BUILD)
	tests/cli/families.sh $(BUILD)
	$(PYTHON) tools/docs.py $(BUILD)
	tests/cli/docs.sh $(BUILD)
	tests/cli/slow_part.sh $(BUILD)

# What takes longer, in parts: .ci/run runs one of them, another every time (tools/slow_part.sh).
SLOW_PARTS := tests kills families vectors docs attack aarch64
slow-part: ## the one of these parts whose turn it is
	@part=$$(tools/slow_part.sh $(SLOW_PARTS)) && echo "slow-$$part (of $(SLOW_PARTS))" && $(MAKE) slow-$$part
slow: $(SLOW_PARTS:%=slow-%) ## what takes longer: every float, kills, tampering, a full disk, ARM: slow-tests, -kills ..
.PHONY: slow-part $(SLOW_PARTS:%=slow-%)
slow-tests: tests
	ONUS_SLOW=1 tests/all.sh $(BUILD)
slow-kills: all
	tests/cli/slow.sh $(BUILD)
	ONUS_SLOW=1 tests/cli/heads.sh $(BUILD)
slow-families: all
	ONUS_SLOW=1 tests/cli/families.sh $(BUILD)
slow-vectors: tests
	$(PYTHON) tests/vectors/check_written.py $(BUILD)/tests/net/test_vectors || [ $$? = 77 ]
slow-docs: all $(DOC_TOOLS)
	$(PYTHON) tools/docs.py $(BUILD) --slow
slow-attack: $(TESTS_attack) $(BROKEN:%=$(BUILD)/%)
	ONUS_SLOW=1 LAYERS=attack tests/all.sh $(BUILD)
	tests/attack/broken.sh $(BUILD)
slow-aarch64: all
	ONUS_SLOW=1 tests/cli/aarch64.sh $(BUILD)

aarch64: all ## the program and its bits on 64-bit ARM, under qemu: cross-built into BUILD-aarch64
	tests/cli/aarch64.sh $(BUILD)

tests: all $(ALL_TESTS) $(BUILD)/examples/embed
# gcc's manual advises against -Werror beside sanitizers: these two warnings are often wrong then. The plain build has them.
SAN_CFLAGS := CFLAGS="-Wno-maybe-uninitialized -Wno-format-truncation"
asan: ## tests under the address sanitizer, leaks too
	$(MAKE) BUILD=$(BUILD)-asan SAN="-fsanitize=address -fno-omit-frame-pointer" OPT="-O1 -g" $(SAN_CFLAGS) tests
	tests/sanitized.sh $(BUILD)-asan
ubsan: ## tests under the undefined-behaviour sanitizer
	$(MAKE) BUILD=$(BUILD)-ubsan SAN="-fsanitize=undefined -fno-sanitize-recover=all" OPT="-O1 -g" $(SAN_CFLAGS) tests
	tests/sanitized.sh $(BUILD)-ubsan
tsan: ## tests under the thread sanitizer
	$(MAKE) BUILD=$(BUILD)-tsan SAN="-fsanitize=thread" OPT="-O1 -g" $(SAN_CFLAGS) tests
	LAYERS="$(filter-out report,$(LAYERS))" tests/sanitized.sh $(BUILD)-tsan # reports are made by one thread

torture: all ## every allocation and every write of a run fails once
	tests/torture/run.sh $(BUILD)

FUZZ_SECONDS ?= 60
# Two files of products, which parse nothing, take clang a minute each with sanitizers, two seconds without; `asan` has them.
fuzz: ## every parser for FUZZ_SECONDS (60) under libFuzzer and the address sanitizer
	$(MAKE) BUILD=$(BUILD)-fuzz CC=clang SAN="-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all" CFLAGS="-Wno-pass-failed" GEMM_CFLAGS=-fno-sanitize=all OPT="-O1 -g" \
	    $(BUILD)-fuzz/libonus.a $(BUILD)-fuzz/onus
	fuzz/run.sh $(BUILD)-fuzz $(FUZZ_SECONDS)

# functions of the library that proof_cost puts a stopwatch around
BENCH_WRAP := onus_event_emit onus_ledger_open onus_ledger_close onus_log_read onus_log_read_each onus_note_sign \
              onus_sha256_init onus_sha256_add onus_sha256_end onus_sha256_of onus_net_sha256 \
              onus_meter_open onus_meter_joules onus_meter_phase onus_meter_emit
$(BUILD)/bench/proof_cost: BENCH_LD = $(addprefix -Wl$(comma)--wrap=,$(BENCH_WRAP))
$(BUILD)/bench/conv_bench: BENCH_LD = -Wl,--no-as-needed -ldnnl -lgomp
$(BUILD)/bench/%: bench/%.c bench/peak.c $(BUILD)/libonus.a
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(ALLCFLAGS) $(ALLLDFLAGS) $(BENCH_LD) -o $@ $< bench/peak.c $(BUILD)/libonus.a $(LIBS)

bench: all ## figures against peers, side by side: bench/results.json
	bench/run.sh $(BUILD)

cov: ## lines that the tests reach (package lcov): BUILD-cov/html
	$(MAKE) BUILD=$(BUILD)-cov SAN="--coverage" OPT="-O0 -g" tests
	find $(BUILD)-cov -name '*.gcda' -delete
	tests/sanitized.sh $(BUILD)-cov
	lcov --quiet --capture --directory $(BUILD)-cov --base-directory . --no-external --output-file $(BUILD)-cov/all.info
	lcov --quiet --extract $(BUILD)-cov/all.info '*/src/*' '*/cli/*' --output-file $(BUILD)-cov/onus.info
	genhtml --quiet --output-directory $(BUILD)-cov/html $(BUILD)-cov/onus.info
	lcov --list $(BUILD)-cov/onus.info

tidy: ## clang-tidy over src and cli (.clang-tidy says what is looked for)
	@printf '%s\n' $(filter-out $(ISA_SKIP),$(wildcard src/*/*.c) $(wildcard cli/*.c)) | xargs -P $(JOBS) -n 4 \
	    sh -c 'clang-tidy --quiet "$$@" -- $(CPPFLAGS) $(STD) $(ISA_avx512) 2>/dev/null' sh

format: ## clang-format over the tree
	clang-format -i $$(git ls-files '*.c' '*.h')

$(BUILD)/tools/operations_doc: tools/operations_doc.c $(BUILD)/op.a $(BUILD)/num.a $(BUILD)/base.a
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(CPPFLAGS) $(ALLCFLAGS) -MMD -MP $(ALLLDFLAGS) -o $@ $< $(BUILD)/op.a $(BUILD)/num.a $(BUILD)/base.a $(LIBS)

$(BUILD)/tools/recipe_doc: tools/recipe_doc.c $(BUILD)/libonus.a
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(CPPFLAGS) $(ALLCFLAGS) -MMD -MP $(ALLLDFLAGS) -o $@ $< $(BUILD)/libonus.a $(LIBS)

$(BUILD)/tools/names_doc: tools/names_doc.c $(BUILD)/libonus.a
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(CPPFLAGS) $(ALLCFLAGS) -MMD -MP $(ALLLDFLAGS) -o $@ $< $(BUILD)/libonus.a $(LIBS)

docs: all $(DOC_TOOLS) ## documents: what is made from the source, what they show of the program, the picture
	@mkdir -p docs
	$(BUILD)/tools/operations_doc > $(BUILD)/OPERATIONS.md
	mv $(BUILD)/OPERATIONS.md docs/OPERATIONS.md
	$(PYTHON) tools/models_doc.py > $(BUILD)/MODELS.md
	mv $(BUILD)/MODELS.md docs/MODELS.md
	$(PYTHON) tools/docs.py $(BUILD) --write

install: all ## program, library, header, pkg-config file under PREFIX (/usr/local)
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/lib/pkgconfig $(DESTDIR)$(PREFIX)/include
	install -m 755 $(BUILD)/onus $(DESTDIR)$(PREFIX)/bin/onus
	install -m 644 $(BUILD)/libonus.a $(DESTDIR)$(PREFIX)/lib/libonus.a
	install -m 755 $(BUILD)/libonus.so $(DESTDIR)$(PREFIX)/lib/libonus.so.0
	ln -sf libonus.so.0 $(DESTDIR)$(PREFIX)/lib/libonus.so
	install -m 644 include/onus.h $(DESTDIR)$(PREFIX)/include/onus.h
	sed -e 's|@PREFIX@|$(PREFIX)|' -e "s|@VERSION@|$$(sed -n 's/#define ONUS_VERSION "\(.*\)"/\1/p' include/onus.h)|" \
	    tools/onus.pc.in > $(DESTDIR)$(PREFIX)/lib/pkgconfig/onus.pc

$(BUILD)/examples/%: examples/%.c $(BUILD)/libonus.a
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) -Iinclude $(ALLCFLAGS) $(ALLLDFLAGS) -o $@ $< $(BUILD)/libonus.a $(LIBS)

-include $(shell find $(BUILD) -name '*.d' -type f 2>/dev/null)

clean: ## remove what was built
	rm -rf $(BUILD) $(BUILD)-*
