// SPDX-License-Identifier: Apache-2.0
/*
 * Remuda::Script: what a CGI program did while it was compiled, so that a fork is not told from a program
 * that was executed. begin() stands before its first line, faults() after its last, after() in each fork.
 *
 * Standard output, error and input are files of ours meanwhile. What went to standard error is written again
 * in each fork; output, input, a variable of the request that was asked for, and the time, cannot be made up
 * for.
 */
#include <dirent.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>

#include "perl_headers.h"

enum { kMostFiles = 64, kMostSaid = 65536 };

typedef struct {
  int loading;
  int real[3];  // descriptors 0, 1 and 2 as they were
  char* said;   // on standard error
  size_t said_size;
  int error;    // errno, which decides how die ends the program
  SV* faults;   // "", or the first
  HV* deleted;  // names of variables
  SV* directory;
  int files[kMostFiles];  // regular files that compiling left open: DATA
  int file_count;
  struct ufuncs env_hook;
  Perl_ppaddr_t time;
  Perl_ppaddr_t rand;
} Compiling;

static Compiling compiling;

/* --- While it is compiled --------------------------------------------------------------------- */

static void add_fault(pTHX_ const char* what, const char* name) {
  if (!compiling.loading || SvCUR(compiling.faults)) return;
  sv_catpvf(compiling.faults, "%s%s while it is compiled (%s line %lu)", what, name,
            CopFILE(PL_curcop) ? CopFILE(PL_curcop) : "?", (unsigned long)CopLINE(PL_curcop));
}

static int is_of_request(const char* name) {
  static const char* const kNames[] = {"AUTH_TYPE",      "CONTENT_LENGTH",  "CONTENT_TYPE", "HTTPS",
                                       "PATH_INFO",      "PATH_TRANSLATED", "QUERY_STRING", "REQUEST_METHOD",
                                       "REQUEST_URI",    "SCRIPT_NAME",     "SERVER_NAME",  "SERVER_PORT",
                                       "SERVER_PROTOCOL"};
  if (strncmp(name, "HTTP_", 5) == 0 || strncmp(name, "REMOTE_", 7) == 0) return 1;
  for (size_t i = 0; i < C_ARRAY_LENGTH(kNames); ++i) {
    if (strcmp(name, kNames[i]) == 0) return 1;
  }
  return 0;
}

// Perl calls it with each key of %ENV that is looked up. Deleting asks for nothing, and is done in forks too.
static I32 on_variable(pTHX_ IV action, SV* variables) {
  MAGIC* magic = mg_find(variables, PERL_MAGIC_uvar);
  SV* key = magic ? magic->mg_obj : NULL;
  if (!key || !compiling.loading) return 0;
  if (action & HV_DELETE) {
    (void)hv_store_ent(compiling.deleted, key, newSViv(1), 0);
  } else if (is_of_request(SvPV_nolen_const(key))) {
    add_fault(aTHX_ "it asks for $ENV", SvPV_nolen_const(key));
  }
  return 0;
}

// With this flag each lookup would be that of a tied hash; all it does otherwise is that %ENV = () is told
// libc.
static void hook_environment(pTHX) {
  HV* variables = GvHVn(PL_envgv);
  compiling.env_hook.uf_val = on_variable;
  sv_magic((SV*)variables, NULL, PERL_MAGIC_uvar, (char*)&compiling.env_hook, sizeof(compiling.env_hook));
  SvRMAGICAL_off((SV*)variables);
}

static int is_in_script(pTHX) {
  const char* file = CopFILE(PL_curcop);
  const char* script = SvPV_nolen_const(GvSV(gv_fetchpvs("0", GV_ADD, SVt_PV)));
  return file && strcmp(file, script) == 0;
}

static OP* on_time(pTHX) {
  if (compiling.loading && is_in_script(aTHX)) add_fault(aTHX_ "it asks for the time", "");
  return compiling.time(aTHX);
}

static OP* on_rand(pTHX) {
  if (compiling.loading && is_in_script(aTHX)) add_fault(aTHX_ "it asks for a random number", "");
  return compiling.rand(aTHX);
}

static void put_file(int descriptor) {
  int file = memfd_create("remuda compiling", MFD_CLOEXEC);
  compiling.real[descriptor] = fcntl(descriptor, F_DUPFD_CLOEXEC, 10);
  if (file < 0) return;
  if (descriptor == 0 && write(file, "\n", 1) == 1) lseek(file, 0, SEEK_SET);  // so that a read is seen
  dup2(file, descriptor);
  close(file);
}

static void put_back(int descriptor) {
  if (compiling.real[descriptor] < 0) return;
  dup2(compiling.real[descriptor], descriptor);
  close(compiling.real[descriptor]);
  compiling.real[descriptor] = -1;
}

// What it wrote to standard error, kept for the forks and passed on to the server's log.
static void take_said(void) {
  off_t size = lseek(2, 0, SEEK_END);
  if (size > 0 && size <= kMostSaid) {
    compiling.said = malloc((size_t)size);
    if (compiling.said && pread(2, compiling.said, (size_t)size, 0) == size)
      compiling.said_size = (size_t)size;
  }
  put_back(2);
  if (compiling.said_size && write(2, compiling.said, compiling.said_size) < 0) return;  // the log is full
}

// The process ends before it was held: it does not compile, or has called exit.
static void on_early_end(pTHX_ void* unused) {
  PERL_UNUSED_ARG(unused);
  if (!compiling.loading) return;
  compiling.loading = 0;
  put_back(0);
  put_back(1);
  take_said();
  const char* end = compiling.said ? memchr(compiling.said, '\n', compiling.said_size) : NULL;
  int size = end ? (int)(end - compiling.said) : (int)compiling.said_size;
  SV* why = newSVpvf("it does not compile: %.*s", size, compiling.said ? compiling.said : "");
  if (!compiling.said_size) sv_setpvs(why, "it ends while it is compiled");
  dSP;
  PUSHMARK(SP);
  XPUSHs(sv_2mortal(why));
  PUTBACK;
  call_pv("Remuda::Template::unfit", G_DISCARD | G_SCALAR);
}

// Remuda::Script::begin(DIRECTORY)
static XS(script_begin) {
  dXSARGS;
  if (items != 1) croak_xs_usage(cv, "directory");
  compiling.loading = 1;
  compiling.faults = newSVpvs("");
  compiling.directory = newSVsv(ST(0));
  for (int descriptor = 0; descriptor < 3; ++descriptor) put_file(descriptor);
  compiling.deleted = newHV();
  hook_environment(aTHX);
  compiling.time = PL_ppaddr[OP_TIME];
  compiling.rand = PL_ppaddr[OP_RAND];
  PL_ppaddr[OP_TIME] = on_time;
  PL_ppaddr[OP_RAND] = on_rand;
  call_atexit(on_early_end, NULL);
  XSRETURN_EMPTY;
}

/* --- It is compiled --------------------------------------------------------------------------- */

static void note_files(void) {
  DIR* directory = opendir("/proc/self/fd");
  struct dirent* entry;
  if (!directory) return;
  while ((entry = readdir(directory)) && compiling.file_count < kMostFiles) {
    int file = atoi(entry->d_name);
    struct stat about;
    if (file < 3 || file == dirfd(directory) || fstat(file, &about) < 0 || !S_ISREG(about.st_mode)) continue;
    compiling.files[compiling.file_count++] = file;
  }
  closedir(directory);
}

static void check_descriptors(pTHX) {
  struct stat output;
  if (lseek(0, 0, SEEK_CUR) > 0) sv_setpvs(compiling.faults, "it reads its input while it is compiled");
  if (fstat(1, &output) == 0 && output.st_size > 0) {
    sv_setpvs(compiling.faults, "it writes output while it is compiled");
  }
}

static void check_process(pTHX) {
  char now[4096];
  struct itimerval timer;
  if (!getcwd(now, sizeof(now)) || strcmp(now, SvPV_nolen_const(compiling.directory)) != 0) {
    sv_setpvs(compiling.faults, "it changes its directory while it is compiled");
  }
  if (getitimer(ITIMER_REAL, &timer) == 0 && (timer.it_value.tv_sec || timer.it_value.tv_usec)) {
    sv_setpvs(compiling.faults, "it sets an alarm while it is compiled");
  }
}

// Remuda::Script::faults(): why it cannot be forked from, "" if it can. Nothing is watched from here on.
static XS(script_faults) {
  dXSARGS;
  compiling.error = errno;
  PERL_UNUSED_VAR(items);
  compiling.loading = 0;
  PL_ppaddr[OP_TIME] = compiling.time;
  PL_ppaddr[OP_RAND] = compiling.rand;
  sv_unmagic((SV*)GvHVn(PL_envgv), PERL_MAGIC_uvar);
  check_descriptors(aTHX);
  check_process(aTHX);
  put_back(0);
  put_back(1);
  take_said();
  note_files();
  ST(0) = sv_2mortal(newSVsv(compiling.faults));
  XSRETURN(1);
}

// Remuda::Script::deleted(): names of variables, as a hash.
static XS(script_deleted) {
  dXSARGS;
  PERL_UNUSED_VAR(items);
  ST(0) = sv_2mortal(newRV_inc((SV*)compiling.deleted));
  XSRETURN(1);
}

/* --- In each fork ----------------------------------------------------------------------------- */

// All forks share the position of a file that was opened before; each gets an opening of its own.
static void open_anew(int file) {
  char path[40];
  snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
  int flags = fcntl(file, F_GETFL);
  int own = flags < 0 ? -1 : open(path, flags | O_CLOEXEC);
  if (own < 0) return;
  lseek(own, lseek(file, 0, SEEK_CUR), SEEK_SET);
  dup3(own, file, fcntl(file, F_GETFD) & FD_CLOEXEC ? O_CLOEXEC : 0);
  close(own);
}

// Remuda::Script::after()
static XS(script_after) {
  dXSARGS;
  PERL_UNUSED_VAR(items);
  for (int i = 0; i < compiling.file_count; ++i) open_anew(compiling.files[i]);
  if (compiling.said_size && write(2, compiling.said, compiling.said_size) < 0) errno = EIO;
  remuda_perl_end_early(aTHX);
  errno = compiling.error;
  XSRETURN_EMPTY;
}

void remuda_perl_boot_script(pTHX) {
  static const RemudaFunction kFunctions[] = {
      {"Remuda::Script::begin", script_begin},
      {"Remuda::Script::faults", script_faults},
      {"Remuda::Script::deleted", script_deleted},
      {"Remuda::Script::after", script_after},
  };
  remuda_perl_define(aTHX_ kFunctions, C_ARRAY_LENGTH(kFunctions));
}
