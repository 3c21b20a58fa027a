// SPDX-License-Identifier: Apache-2.0
/*
 * libremuda_preload.so: makes a template of any dynamically linked program, a shell that runs a script among
 * them (docs/templates.md). It is the program's own process: the dynamic linker has loaded it by LD_PRELOAD,
 * libraries are linked and constructors have run, and main() is held back. Each fork goes on into main().
 *
 * The program finds argv, directory, descriptors and environment as after exec, stdio untouched. One thread.
 * Without REMUDA_TEMPLATE in the environment it does nothing. It needs the C library alone, exports one
 * symbol, and leaves nothing in the environment: that of a fork comes whole from the spawner.
 */
#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "php.h"
#include "remuda_template.h"

typedef int Main(int, char**, char**);
typedef void Hook(void);
typedef int StartMain(Main*, int, char**, Hook*, Hook*, Hook*, void*);

static Main* program_main;

// A "#!/usr/bin/env X" script: env leaves the script's name here for X, which the kernel tells only its own.
static const char kProgram[] = "REMUDA_PRELOAD_PROGRAM";

/* --- What is watched -------------------------------------------------------------------------- */

static int watch_library(struct dl_phdr_info* library, size_t size, void* self) {
  (void)size;
  if (library->dlpi_name && library->dlpi_name[0] == '/') remuda_template_watch(self, library->dlpi_name);
  return 0;
}

// The interpreter or the program, what the kernel was asked to execute (the script), and the libraries.
static void watch_all(remuda_template* self, const char* executable, const char* program) {
  remuda_template_watch_closely(self, executable);
  if (program && strcmp(program, executable) != 0) remuda_template_watch_closely(self, program);
  dl_iterate_phdr(watch_library, self);
}

static const char* executable_path(char* into, size_t size) {
  ssize_t length = readlink("/proc/self/exe", into, size - 1);
  into[length > 0 ? length : 0] = 0;
  return into;
}

static const char* executed_program(void) {
  const char* told = getenv(kProgram);
  return told ? told : (const char*)getauxval(AT_EXECFN);
}

/* --- The template ----------------------------------------------------------------------------- */

// Returns in forks alone.
static void serve_forks(remuda_template* self) {
  while (remuda_template_wait(self) > 0) {
    pid_t pid = fork();
    if (pid == 0) {
      if (remuda_template_child(self) < 0) _exit(1);
      return;
    }
    remuda_template_parent(self, pid);
  }
  _exit(0);
}

static int is_env(const char* executable) {
  const char* slash = strrchr(executable, '/');
  return slash && strcmp(slash + 1, "env") == 0;
}

// Returns in forks alone.
static void hold(remuda_template* self) {
  char executable[4096];
  watch_all(self, executable_path(executable, sizeof(executable)), executed_program());
  if (remuda_template_ready(self) < 0) _exit(1);
  serve_forks(self);
}

static int held_main(int argc, char** argv, char** envp) {
  char executable[4096];
  if (!getenv("REMUDA_TEMPLATE")) return program_main(argc, argv, envp);
  if (is_env(executable_path(executable, sizeof(executable)))) {
    const char* program = executed_program();
    setenv(kProgram, program ? program : "", 1);
    return program_main(argc, argv, environ);  // it executes the interpreter, which comes here again
  }
  remuda_template* self = remuda_template_open();
  if (!self) _exit(127);
  if (!remuda_preload_hold_php(self, hold, &argc, &argv)) hold(self);
  return program_main(argc, argv, environ);
}

// What every program's start calls, with the same meaning in all versions of glibc's symbol.
__attribute__((visibility("default"))) int __libc_start_main(Main* main, int argc, char** argv, Hook* init,
                                                             Hook* fini, Hook* linker_fini, void* stack_end) {
  StartMain* start = NULL;
  *(void**)&start = dlsym(RTLD_NEXT, "__libc_start_main");
  program_main = main;
  return start(held_main, argc, argv, init, fini, linker_fini, stack_end);
}

/* --- Programs that start otherwise ------------------------------------------------------------ */

typedef struct {
  const char* strings;
  const ElfW(Sym) * symbols;
  const char* relocations[2];  // of data, of procedures
  size_t sizes[2];
  size_t stride;
} Dynamic;

// The dynamic linker has made addresses of most offsets, but not on every architecture.
static const char* address_of(const struct dl_phdr_info* program, ElfW(Addr) value) {
  return (const char*)(value < program->dlpi_addr ? value + program->dlpi_addr : value);
}

static void read_entry(Dynamic* self, const struct dl_phdr_info* program, const ElfW(Dyn) * entry) {
  switch (entry->d_tag) {
    case DT_STRTAB: self->strings = address_of(program, entry->d_un.d_ptr); break;
    case DT_SYMTAB: self->symbols = (const void*)address_of(program, entry->d_un.d_ptr); break;
    case DT_RELA:
    case DT_REL: self->relocations[0] = address_of(program, entry->d_un.d_ptr); break;
    case DT_JMPREL: self->relocations[1] = address_of(program, entry->d_un.d_ptr); break;
    case DT_RELASZ:
    case DT_RELSZ: self->sizes[0] = entry->d_un.d_val; break;
    case DT_PLTRELSZ: self->sizes[1] = entry->d_un.d_val; break;
    case DT_PLTREL:
      self->stride = entry->d_un.d_val == DT_RELA ? sizeof(ElfW(Rela)) : sizeof(ElfW(Rel));
      break;
    case DT_RELAENT:
    case DT_RELENT: self->stride = entry->d_un.d_val; break;
    default: break;
  }
}

static int refers_to(const Dynamic* self, const char* name) {
  for (int table = 0; table < 2 && self->strings && self->symbols && self->stride; ++table) {
    for (size_t at = 0; at + self->stride <= self->sizes[table]; at += self->stride) {
      const ElfW(Rel)* one = (const void*)(self->relocations[table] + at);  // Rela begins with the same
      size_t symbol = sizeof(one->r_info) == 8 ? one->r_info >> 32 : one->r_info >> 8;
      if (symbol && strcmp(self->strings + self->symbols[symbol].st_name, name) == 0) return 1;
    }
  }
  return 0;
}

// Is told of the program first, and stops there.
static int program_starts_here(struct dl_phdr_info* program, size_t size, void* answer) {
  (void)size;
  Dynamic found = {0};
  for (int i = 0; i < program->dlpi_phnum; ++i) {
    if (program->dlpi_phdr[i].p_type != PT_DYNAMIC) continue;
    const ElfW(Dyn)* entry = (const void*)(program->dlpi_addr + program->dlpi_phdr[i].p_vaddr);
    for (; entry->d_tag != DT_NULL; ++entry) read_entry(&found, program, entry);
  }
  *(int*)answer = refers_to(&found, "__libc_start_main");
  return 1;
}

// A program with an entry of its own (Go's) would never come by __libc_start_main, and simply run.
__attribute__((constructor)) static void refuse_other_starts(void) {
  int ours = 0;
  if (!getenv("REMUDA_TEMPLATE")) return;
  dl_iterate_phdr(program_starts_here, &ours);
  if (ours) return;
  remuda_template* self = remuda_template_open();
  if (self) remuda_template_unfit(self, "it does not start by the C library's __libc_start_main");
  _exit(127);
}
