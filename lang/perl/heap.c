// SPDX-License-Identifier: Apache-2.0
/*
 * Before the first fork: what forks will allocate lies together. Holes that freed memory has left all over
 * the heap would be filled by each fork, and each hole means another page that is copied: they are given up,
 * once, in the template. What a fork allocates comes from the end of the heap, and new arenas of Perl's from
 * there.
 */
#include "perl_headers.h"

enum { kMostHoles = 200000, kBlock = 120 * 1024, kGreatest = 64 * 1024, kCached = 1048 };

// Takes holes of this size until there are none; what lies behind the marker is given back.
static void fill_holes(size_t size, const char* marker) {
  char* taken = NULL;
  for (int i = 0; i < kMostHoles; ++i) {
    taken = malloc(size);
    if (!taken || taken > marker) break;
  }
  free(taken);
}

// The first block for which the heap had to grow: nothing lies behind it.
static char* last_block(void) {
  for (int i = 0; i < kMostHoles; ++i) {
    const void* end = sbrk(0);
    char* block = malloc(kBlock);
    if (!block || sbrk(0) != end) return block;
  }
  return NULL;
}

static void give_up_holes(void) {
  char* marker = last_block();
  if (!marker) return;
  for (size_t size = kGreatest; size > kCached; size -= size / 4) fill_holes(size, marker);
  for (size_t size = kCached; size >= 24; size -= 16) fill_holes(size, marker);
  free(marker);
}

void remuda_perl_settle_heap(pTHX) {
  PL_sv_root = NULL;
  for (size_t type = 0; type < C_ARRAY_LENGTH(PL_body_roots); ++type) PL_body_roots[type] = NULL;
  give_up_holes();
}
