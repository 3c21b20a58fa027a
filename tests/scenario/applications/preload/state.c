// SPDX-License-Identifier: Apache-2.0
// What a process can know of itself, on standard output: a program that was forked must not know more or less
// than one that was executed.

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

extern char** environ;

// Lines of /proc/self/status that a start decides.
static void show_status(void) {
  static const char* const kLines[] = {
      "Name:",    "Umask:",  "State:",  "Uid:",    "Gid:",        "FDSize:",  "Groups:",
      "Threads:", "SigQ:",   "SigPnd:", "ShdPnd:", "SigBlk:",     "SigIgn:",  "SigCgt:",
      "CapInh:",  "CapPrm:", "CapEff:", "CapBnd:", "NoNewPrivs:", "Seccomp:", "Cpus_allowed:"};
  char line[1024];
  FILE* status = fopen("/proc/self/status", "re");
  while (fgets(line, sizeof(line), status)) {
    for (size_t i = 0; i < sizeof(kLines) / sizeof(*kLines); ++i) {
      if (strncmp(line, kLines[i], strlen(kLines[i])) == 0 && strcmp(kLines[i], "SigQ:") != 0)
        fputs(line, stdout);
    }
  }
  fclose(status);
}

static void show_descriptors(void) {
  for (int fd = 0; fd < 256; ++fd) {
    struct stat about;
    if (fstat(fd, &about) == 0) {
      printf("fd %d: type %o flags %x descriptor %x\n", fd, about.st_mode & S_IFMT, fcntl(fd, F_GETFL),
             fcntl(fd, F_GETFD));
    }
  }
}

static void show_limits(void) {
  for (int i = 0; i < RLIM_NLIMITS; ++i) {
    struct rlimit limit;
    getrlimit(i, &limit);
    printf("limit %d: %lu %lu\n", i, limit.rlim_cur, limit.rlim_max);
  }
}

static void show_signals(void) {
  for (int number = 1; number < 65; ++number) {
    struct sigaction action;
    if (sigaction(number, NULL, &action) == 0 && action.sa_handler != SIG_DFL) {
      printf("signal %d: ignored %d flags %x\n", number, action.sa_handler == SIG_IGN, action.sa_flags);
    }
  }
}

int main(int argc, char** argv, char** envp) {
  char text[4096];
  for (int i = 0; i < argc; ++i) printf("argv %d: %s\n", i, argv[i]);
  for (char** entry = envp; *entry; ++entry) printf("%s\n", *entry);
  printf("environ is envp: %d, argv ends: %d\n", envp == environ, argv[argc] == NULL);
  printf("cwd %s, leader %d, session %d\n", getcwd(text, sizeof(text)), getpgrp() == getpid(),
         getsid(0) == getpid());
  printf("priority %d, program %s %s\n", getpriority(PRIO_PROCESS, 0), program_invocation_name,
         getenv("QUERY_STRING"));
  show_descriptors();
  show_limits();
  show_signals();
  show_status();
  ssize_t got = read(0, text, sizeof(text));
  printf("input %zd %.*s, errno of the start %d\n", got, (int)got, text, 0);
  return 0;
}
