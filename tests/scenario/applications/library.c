// SPDX-License-Identifier: Apache-2.0
// The application of the FastCGI scenarios on remuda_app.h: 64 requests at a time, each in a thread.
#include <remuda_app.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { kThreads = 64, kPiece = 65536 };

static const char* value(remuda_request* request, const char* name) {
  const char* found = remuda_param(request, name);
  return found ? found : "";
}

static void big(remuda_request* request, long left) {
  static const char bytes[kPiece];
  while (left > 0) {
    size_t piece = left < kPiece ? (size_t)left : kPiece;
    if (remuda_write(request, bytes, piece) < 0) return;  // nobody takes it any more
    left -= (long)piece;
  }
}

static void echo(remuda_request* request) {
  char bytes[kPiece];
  ssize_t got;
  while ((got = remuda_read(request, bytes, sizeof bytes)) > 0) {
    if (remuda_write(request, bytes, (size_t)got) < 0) return;
  }
}

static int answer(remuda_request* request, void* context) {
  (void)context;
  const char* path = value(request, "PATH_INFO");
  const char* what = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
  long number = atol(value(request, "QUERY_STRING"));
  struct timespec time = {number / 1000, number % 1000 * 1000000};
  remuda_puts(request, "Content-Type: text/plain\r\n\r\n");
  if (strcmp(what, "big") == 0) {
    big(request, number);
  } else if (strcmp(what, "echo") == 0) {
    echo(request);
  } else {
    if (strcmp(what, "slow") == 0) nanosleep(&time, NULL);
    remuda_printf(request, "%d\n", (int)getpid());
  }
  return 0;
}

int main(void) {
  remuda_options options = REMUDA_OPTIONS;
  options.threads = options.concurrency = kThreads;
  remuda_handler handler = {.request = answer};
  remuda_app* app = remuda_open(&options);
  if (!app || remuda_serve(app, &handler) != 0) return 1;
  return remuda_close(app);
}
