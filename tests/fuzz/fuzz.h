/*
 * fuzz.h - the one function of a fuzz target.
 *
 * `make check` links a target with replay.c, which feeds it its seeds and what is
 * near them. To fuzz: clang -fsanitize=fuzzer,address,undefined over the target
 * and the library's sources, with tests/fuzz/seeds/<name> as the corpus.
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* Read these bytes, whatever they are; always returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

#endif
