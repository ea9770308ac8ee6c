# Onus: one library, one program. `make help` lists the targets.
#
# Layers: a folder of src/ may include itself and the ones before it in LAYERS (tools/check_includes.sh).
# Every folder becomes objects under $(BUILD)/src/<layer>/; tests of a layer link that layer and the
# ones above it in the list only, so `make test-num` works while `run` does not compile.

BUILD   ?= build
CC      ?= gcc
LAYERS  := base num op net data train audit proof report run
PREFIX  ?= /usr/local

# -ffp-contract=off: the numerics contract fuses only where fmaf/fma is written (docs/NUMERICS.md).
WARN    := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
           -Wwrite-strings -Wvla -Wunused-result -Wno-missing-field-initializers
OPT     ?= -O3 -g
STD     := -std=c11 -D_GNU_SOURCE -fPIC -fvisibility=hidden -fno-math-errno -ffp-contract=off -pthread
CPPFLAGS += -Iinclude -Isrc
ALLCFLAGS = $(STD) $(WARN) $(OPT) $(SAN) $(CFLAGS)
LIBS    := -lyaml -ljansson -lsodium -lz -lmpfr -lgmp -lm
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
ISA_neon   :=
endif

layer_src  = $(filter-out $(ISA_SKIP),$(wildcard src/$(1)/*.c))
layer_obj  = $(patsubst %.c,$(BUILD)/%.o,$(call layer_src,$(1)))
LIB_OBJ    = $(foreach l,$(LAYERS),$(call layer_obj,$(l)))
CLI_OBJ    = $(patsubst %.c,$(BUILD)/%.o,$(wildcard cli/*.c))
# the layers up to and including $(1)
upto       = $(if $(filter $(1),$(firstword $(2))),$(1),$(firstword $(2)) $(call upto,$(1),$(wordlist 2,99,$(2))))

.PHONY: all help lib check slow asan tsan ubsan torture fuzz bench cov tidy format install clean lint
all: $(BUILD)/onus $(BUILD)/libonus.a $(BUILD)/libonus.so

$(BUILD)/%_avx2.o: ISA = $(ISA_avx2)
$(BUILD)/%_avx512.o: ISA = $(ISA_avx512)
$(BUILD)/%_fma.o: ISA = $(ISA_fma)
$(BUILD)/%_neon.o: ISA = $(ISA_neon)
$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(ALLCFLAGS) $(ISA) -MMD -MP -c $< -o $@

$(BUILD)/libonus.a: $(LIB_OBJ)
	@rm -f $@
	ar rcs $@ $^
$(BUILD)/libonus.so: $(LIB_OBJ)
	$(CC) -shared $(ALLLDFLAGS) -Wl,-soname,libonus.so.0 -o $@ $^ $(LIBS)
$(BUILD)/onus: $(CLI_OBJ) $(BUILD)/libonus.a
	$(CC) $(ALLLDFLAGS) -o $@ $(CLI_OBJ) $(BUILD)/libonus.a -lpopt $(LIBS)

# One archive a layer, tests against the layers up to it.
define layer_rules
$(BUILD)/$(1).a: $$(call layer_obj,$(1))
	@mkdir -p $$(@D)
	@rm -f $$@
	ar rcs $$@ $$^
TESTS_$(1) := $$(patsubst %.c,$(BUILD)/%,$$(wildcard tests/$(1)/test_*.c))
$$(TESTS_$(1)): $(BUILD)/tests/$(1)/%: tests/$(1)/%.c $$(foreach l,$$(call upto,$(1),$(LAYERS)),$(BUILD)/$$(l).a)
	@mkdir -p $$(@D)
	$$(CC) $$(CPPFLAGS) -Itests $$(ALLCFLAGS) -MMD -MP $$(ALLLDFLAGS) -o $$@ $$< \
	    -Wl,--start-group $$(foreach l,$$(call upto,$(1),$(LAYERS)),$(BUILD)/$$(l).a) -Wl,--end-group -lcmocka $$(LIBS)
.PHONY: test-$(1)
test-$(1): $$(TESTS_$(1))
	@set -e; for t in $$(TESTS_$(1)); do echo "# $$$$t"; $$$$t; done
ALL_TESTS += $$(TESTS_$(1))
endef
$(foreach l,$(LAYERS),$(eval $(call layer_rules,$(l))))

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)

clean:
	rm -rf $(BUILD)
