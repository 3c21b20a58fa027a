// SPDX-License-Identifier: Apache-2.0
// Ends in the way that its first argument names.

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void say_goodbye(void) { puts("atexit"); }

int main(int argc, char** argv) {
  const char* how = argc > 1 ? argv[1] : "";
  printf("Content-Type: text/plain\n\n%s\n", how);
  if (!strcmp(how, "return")) return 7;
  if (!strcmp(how, "exit")) exit(8);
  if (!strcmp(how, "_exit")) _exit(9);  // what printf holds is lost, as under exec
  if (!strcmp(how, "abort")) abort();
  if (!strcmp(how, "kill")) kill(getpid(), SIGKILL);
  if (!strcmp(how, "buffered")) {
    for (int i = 0; i < 100000; ++i) printf("%d\n", i);
  }
  if (!strcmp(how, "stderr")) fprintf(stderr, "to the log\n");
  if (!strcmp(how, "atexit")) atexit(say_goodbye);
  if (!strcmp(how, "segv")) raise(SIGSEGV);
  return 0;
}
