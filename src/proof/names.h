/* SPDX-License-Identifier: Apache-2.0
 * names.h - the registry: every event that a ledger can hold, every name that an event can
 * carry, and what must be true of it. The writer is held by it, and so is every reader: what
 * has no row here has no place in a ledger.
 *
 * Events stand in the order of a ledger; an event whose content differs by place (the metrics
 * of decisions and of scores) has a row for each, its variant. A pattern is a dotted name whose
 * words in angle brackets stand for words of this run: <attribute>, <set> (attributes joined by
 * "+"), <group> (of that set), <class>, <column>, <shown> (a column that the event lists),
 * <split>, <k> (this event's own number), <word> (any).
 *
 * CHECKLIST: a new name wants one row in names_*.c, and where the report shows it, a text; a
 * new event besides its own row, declared in names_rows.h, and its place in names.c; a new
 * ONUS_IF_* bit its words in names.c. */
#ifndef ONUS_PROOF_NAMES_H
#define ONUS_PROOF_NAMES_H
#include "onus.h"

/* What a run is, as its event 1 and its data sheet tell. Bits of one group are alternatives; a
 * row applies where each group that it names has one of its bits. */
enum {
    ONUS_IF_BINARY = 1 << 0, /* the task; each of several labels alone is one of two classes */
    ONUS_IF_CLASSES = 1 << 1,
    ONUS_IF_VALUES = 1 << 2,
    ONUS_IF_TOKENS = 1 << 3,
    ONUS_IF_LABELS = 1 << 4,
    ONUS_IF_COLUMNS = 1 << 5, /* what the model reads */
    ONUS_IF_IMAGES = 1 << 6,
    ONUS_IF_TEXT = 1 << 7,
    ONUS_IF_CELLS = 1 << 8, /* a table: CSV or JSON Lines */
    ONUS_IF_IDX = 1 << 9,
    ONUS_IF_LONG_TEXT = 1 << 10,
    ONUS_IF_PRIVATE = 1 << 11,
    ONUS_IF_PUBLIC = 1 << 12,
    ONUS_IF_TRAINED = 1 << 13, /* what the run ends in */
    ONUS_IF_REPORTED = 1 << 14,
    ONUS_IF_SHAPLEY = 1 << 15,
    ONUS_IF_RELEVANCE = 1 << 16,
    ONUS_IF_EXPLAINED = 1 << 17, /* in either way */
    ONUS_IF_GROUPS = 1 << 18,    /* a protected attribute is named */
    ONUS_IF_VALID = 1 << 19,     /* there is a validation split */
    ONUS_IF_FROM = 1 << 20,      /* weights were taken from elsewhere */
    ONUS_IF_FROZEN = 1 << 21,
    ONUS_IF_NEXT = 1 << 22, /* next tokens are predicted */
    ONUS_IF_BOTH_WAYS = 1 << 23,
    ONUS_IF_LABELLED = 1 << 24, /* rows have labels */
    ONUS_IF_TESTED = 1 << 25,   /* the test split has rows */
    ONUS_IF_DECISIONS = ONUS_IF_BINARY | ONUS_IF_CLASSES | ONUS_IF_LABELS
};

typedef enum {
    ONUS_BODY_CLAIM,    /* a replay must find it again */
    ONUS_BODY_OBSERVED, /* seen on this machine at that moment */
    ONUS_BODY_SAID,     /* a claim, but the owner's own word: it replays trivially */
    ONUS_BODY_JUDGED    /* claim or observed, as the value that was judged */
} onus_body;

typedef enum {
    ONUS_NAME_WHOLE,   /* a whole number */
    ONUS_NAME_NUMBER,  /* a number */
    ONUS_NAME_TEXT,    /* a text, of `choices` where there are any */
    ONUS_NAME_HASH,    /* 64 hexadecimal digits */
    ONUS_NAME_TEXTS,   /* a list of texts */
    ONUS_NAME_NUMBERS, /* a list of numbers, null where undefined */
    ONUS_NAME_MEASURED /* a number with .lower, .upper, .n, and .method or .reason */
} onus_name_kind;

typedef struct {
    const char *pattern;
    onus_body body;
    onus_name_kind kind;
    unsigned when;      /* ONUS_IF_*; 0: always */
    bool may;           /* allowed; else it must be there wherever it applies */
    const char *unless; /* where the event has this name, it is left out */
    bool open;          /* a number that can be "undefined" */
    bool ranged;        /* lo <= value <= hi; of a list, so many entries */
    double lo, hi;
    const char *choices; /* "on|off"; a choice that ends in "*" is a beginning */
    const char *unit;
    int better;           /* +1: more is better, -1: less is, 0: neither */
    bool headline;        /* among the first numbers that a person wants */
    const char *baseline; /* name of the value that a model without input has */
    const char *text;     /* the report's words for it: a key of report/texts.inc */
    const char *doc;
} onus_name_row;

typedef enum {
    ONUS_TIMES_ONCE,
    ONUS_TIMES_MAYBE,       /* nothing before or behind says whether it happened */
    ONUS_TIMES_FILES,       /* one a file that was read */
    ONUS_TIMES_EPOCHS,      /* one an epoch */
    ONUS_TIMES_CHECKPOINTS, /* among the epochs, where train.checkpoint_epochs says */
    ONUS_TIMES_SETS,        /* one an attribute, a pair of them, all of them */
    ONUS_TIMES_POLICIES,    /* one a demand */
    ONUS_TIMES_ANYWHERE     /* between any two others */
} onus_times;

typedef struct {
    const char *type;
    const char *variant; /* where a type has several */
    const char *stage;   /* of the table of stages (run/stages.h) that emits it; NULL: none, it
                            happens to the run */
    onus_times times;
    unsigned when;
    int block; /* of several labels: rows of one block are repeated as a whole, a label a time,
                  and names begin with "label.LABEL."; 0: not repeated */
    bool bare; /* its names have no such beginning, though it is in a block */
    const onus_name_row *names;
    int n_names;
    /* the file that it speaks of: its name, or the field that holds it; the field of its hash
     */
    const char *file, *file_field, *hash_field;
    bool may_lack; /* the file may be withheld */
    bool synced;   /* on the disk before anything else happens: after it a killed run may be
                      looked for */
    const char *doc;
} onus_event_row;

extern const onus_event_row *const onus_event_rows[]; /* (onus_n_event_rows) */
extern const int onus_n_event_rows;

/* A bit in words. */
typedef struct {
    unsigned bit, group; /* group: the alternatives, itself among them */
    const char *words;   /* in a list of conditions */
    const char *holds;   /* it holds where another of the group was asked for */
    const char *none;    /* none of the group holds */
} onus_condition;
extern const onus_condition onus_conditions[]; /* (onus_n_conditions), groups together */
extern const int onus_n_conditions;

/* Does a row that asks for `when` apply to a run that is `is`? */
bool onus_names_apply(unsigned when, unsigned is);
/* The first group of alternatives that keeps it from applying, in words: "training was not
 * private"; NULL where it applies. */
const char *onus_names_why_not(unsigned when, unsigned is);
/* ONUS_IF_* of a value of data.task; 0: it is none (NULL is none). */
unsigned onus_task_condition(const char *task);
/* What a segment of a pattern stands for. */
typedef enum {
    ONUS_WORD_NONE,
    ONUS_WORD_ATTRIBUTE,
    ONUS_WORD_SET,
    ONUS_WORD_GROUP,
    ONUS_WORD_CLASS,
    ONUS_WORD_LABEL,
    ONUS_WORD_COLUMN,
    ONUS_WORD_SHOWN,
    ONUS_WORD_SPLIT,
    ONUS_WORD_K,
    ONUS_WORD_ANY
} onus_word;
/* What a pattern's next segment asks for; *len is the segment's length without the dot. */
onus_word onus_pattern_segment(const char *pattern, size_t *len);
/* Suffixes of a measured name: "", ".lower", ".upper", ".n", ".method", ".reason". */
enum {
    ONUS_SUFFIX_NONE,
    ONUS_SUFFIX_LOWER,
    ONUS_SUFFIX_UPPER,
    ONUS_SUFFIX_N,
    ONUS_SUFFIX_METHOD,
    ONUS_SUFFIX_REASON,
    ONUS_SUFFIXES
};
extern const char *const onus_suffixes[ONUS_SUFFIXES];
/* Row `i` of an event whose pattern has the name's shape (segments; words are not looked at),
 * from *i on; NULL: none. suffix: which one of a measured name. */
const onus_name_row *onus_names_match(const onus_event_row *e, const char *name, int *i,
                                      int *suffix);
/* The row, in events of that type (NULL: any), whose pattern is the name or has its shape
 * ("label.X." cut off); the name itself goes first. NULL: none. */
const onus_name_row *onus_names_find(const char *type, const char *name, int *suffix);
/* The first event row of that type; NULL: there is no such event. */
const onus_event_row *onus_names_event(const char *type);
#endif
