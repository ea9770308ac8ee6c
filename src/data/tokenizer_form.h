/* SPDX-License-Identifier: Apache-2.0
 * tokenizer_form.h - texts of tokenizer.json that the writer and the reader share. */
#ifndef ONUS_DATA_TOKENIZER_FORM_H
#define ONUS_DATA_TOKENIZER_FORM_H
/* Words: runs of letters, marks and digits, or one other character that is not white. */
#define ONUS_FORM_WORDS "[\\p{L}\\p{M}\\p{N}]+|[^\\s\\p{L}\\p{M}\\p{N}]"
/* GPT-2's pattern, which onus_gpt2_piece knows; no other. */
#define ONUS_FORM_GPT2 \
    "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"
#endif
