// SPDX-License-Identifier: Apache-2.0
/*
 * See mapped.h. /proc/self/mem writes where the program itself may not, without a moment in which it might.
 */
#include "mapped.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { kMostMappings = 64 * 1024 };

typedef struct {
  uintptr_t begin;
  uintptr_t end;
  int is_code;  // private, of a file
} Mapping;

// "7f1c-7f20 r-xp 00026000 08:01 1234  /lib/libc.so.6"; the next line.
static char* read_line(char* at, Mapping* found) {
  char* line_end = strchr(at, '\n');
  found->begin = strtoul(at, &at, 16);
  found->end = strtoul(*at ? at + 1 : at, &at, 16);
  const char* rights = *at ? at + 1 : at;
  const char* path = line_end ? memchr(rights, '/', (size_t)(line_end - rights)) : NULL;
  found->is_code = path && rights[0] == 'r' && rights[2] == 'x' && rights[3] == 'p';
  return line_end ? line_end + 1 : at + strlen(at);
}

static void keep(int memory, const Mapping* one) {
  char first = *(const volatile char*)one->begin;
  if (pwrite(memory, &first, 1, (off_t)one->begin) < 0) return;  // not allowed: as without it
}

static char* read_maps(void) {
  char* text = malloc(kMostMappings + 1);
  int file = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
  size_t size = 0;
  ssize_t got = 0;
  while (text && file >= 0 && size < kMostMappings &&
         (got = read(file, text + size, kMostMappings - size)) > 0) {
    size += (size_t)got;
  }
  if (text) text[size] = 0;
  if (file >= 0) close(file);
  return text;
}

void remuda_preload_keep_mapped(void) {
  char* text = read_maps();
  int memory = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
  for (char* at = text; memory >= 0 && at && *at;) {
    Mapping one;
    at = read_line(at, &one);
    if (one.is_code) keep(memory, &one);
  }
  if (memory >= 0) close(memory);
  free(text);
}
