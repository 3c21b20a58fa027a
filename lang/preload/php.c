// SPDX-License-Identifier: Apache-2.0
/*
 * See the header. By what PHP exports to its extensions, so that one build serves every PHP from 7.3 on, and
 * what runs the script is php-cgi itself: it has decided nothing yet but that it is CGI. Forks share what
 * opcache compiles, and each looks whether a file has changed, as a process of its own would.
 *
 * A fork ends with its request. All that PHP would do then is to take itself to pieces, which costs more than
 * to run a script; where the exit status cannot be found (php_layout.h) it does.
 */
#include "php.h"

#include <dlfcn.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "php_layout.h"

typedef int Step(void);  // 0: done

// How sapi_module_struct begins (main/SAPI.h).
typedef struct {
  char* names[2];
  void* calls[2];
  Step* activate;
  Step* deactivate;
} ServerInterface;

static remuda_template* template;
static void (*hold_here)(remuda_template*);
static ServerInterface* server;
static Step* deactivate;
static const int* exit_status;
static int real_output = -1;

static char* const kSettings[] = {"-d", "opcache.validate_timestamps=1", "-d", "opcache.revalidate_freq=0",
                                  "-d", "opcache.revalidate_path=1"};
enum { kSettingCount = sizeof(kSettings) / sizeof(kSettings[0]) };

/* --- Its end ---------------------------------------------------------------------------------- */

static const int* find_exit_status(void) {
  const char* (*version)(void) = NULL;
  *(void**)&version = dlsym(RTLD_DEFAULT, "get_zend_version");
  const char* dot = strrchr(kPhpLayout.engine, '.');
  const char* globals = dlsym(RTLD_DEFAULT, "executor_globals");
  const ElfW(Sym)* symbol = NULL;
  Dl_info where;
  if (!version || !dot || !globals) return NULL;
  if (strncmp(version(), kPhpLayout.engine, (size_t)(dot + 1 - kPhpLayout.engine)) != 0) return NULL;
  if (!dladdr1(globals, &where, (void**)&symbol, RTLD_DL_SYMENT)) return NULL;
  if (!symbol || symbol->st_size != kPhpLayout.size) return NULL;
  return (const int*)(globals + kPhpLayout.exit_status);
}

static int on_request_ended(void) {
  if (deactivate) deactivate();
  fflush(NULL);
  _exit(*exit_status);
}

/* --- What it has read ------------------------------------------------------------------------- */

// "FILE", or "FILE,\nFILE,\n..."
static void watch_each(char** list) {
  char* all = list && *list ? strdup(*list) : NULL;
  char* rest = NULL;
  if (!all) return;
  for (char* file = strtok_r(all, ",\n", &rest); file; file = strtok_r(NULL, ",\n", &rest)) {
    remuda_template_watch(template, file);
  }
  free(all);
}

static void watch_settings(void) {
  watch_each(dlsym(RTLD_DEFAULT, "php_ini_opened_path"));
  watch_each(dlsym(RTLD_DEFAULT, "php_ini_scanned_files"));
}

/* --- Its start -------------------------------------------------------------------------------- */

// What it says while it starts would stand before each answer.
static void catch_output(void) {
  int file = memfd_create("remuda starting", MFD_CLOEXEC);
  if (file < 0) return;
  real_output = dup(1);
  dup2(file, 1);
  close(file);
}

static int has_written(void) {
  if (real_output < 0) return 0;
  int has = lseek(1, 0, SEEK_END) > 0;
  dup2(real_output, 1);
  close(real_output);
  return has;
}

// The last that its start does, after opcache has made its memory.
static int on_started(void) {
  if (has_written()) {
    remuda_template_unfit(template, "it writes output while it starts");
    _exit(1);
  }
  exit_status = find_exit_status();
  if (!exit_status) {
    remuda_template_warn(template,
                         "its processes take longer to end: Remuda was built with another version of PHP");
  }
  server->deactivate = exit_status ? on_request_ended : deactivate;
  watch_settings();
  hold_here(template);
  return deactivate ? deactivate() : 0;
}

static int on_extensions_started(void) {
  deactivate = server->deactivate;
  server->deactivate = on_started;
  return 0;
}

// NULL if there is no memory.
static char** with_settings(int count, char** words) {
  char** all = malloc(((size_t)count + kSettingCount + 1) * sizeof(*all));
  if (!all || count < 1) return NULL;
  all[0] = words[0];
  memcpy(all + 1, kSettings, sizeof(kSettings));
  memcpy(all + 1 + kSettingCount, words + 1, (size_t)count * sizeof(*all));  // with the NULL at the end
  return all;
}

// Not that of a library: a program may have PHP in it and be none.
static void* of_program(const char* name) {
  void* symbol = dlsym(RTLD_DEFAULT, name);
  struct link_map* owner = NULL;
  Dl_info where;
  if (!symbol || !dladdr1(symbol, &where, (void**)&owner, RTLD_DL_LINKMAP)) return NULL;
  return owner && owner->l_name[0] == 0 ? symbol : NULL;
}

int remuda_preload_hold_php(remuda_template* self, void (*hold)(remuda_template*), int* count,
                            char*** words) {
  Step** post_startup = of_program("zend_post_startup_cb");
  server = of_program("sapi_module");
  char** all = post_startup && server ? with_settings(*count, *words) : NULL;
  if (!all) return 0;
  *words = all;
  *count += kSettingCount;
  template = self;
  hold_here = hold;
  *post_startup = on_extensions_started;
  catch_output();
  setenv("GATEWAY_INTERFACE", "CGI/1.1", 1);  // by which php-cgi knows, before it reads its words
  return 1;
}
