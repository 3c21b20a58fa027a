// SPDX-License-Identifier: Apache-2.0
// An application that fails in the way that the last part of PATH_INFO says. It writes one line to the file
// "starts" in its directory for each start, refuses to start while there is a file "broken" there, and tells
// what is in "version".
#include <fcgiapp.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static char version[64] = "1";

static const char* value(FCGX_Request* request, const char* name) {
  const char* found = FCGX_GetParam(name, request->envp);
  return found ? found : "";
}

static void milliseconds(long count) {
  struct timespec time = {count / 1000, count % 1000 * 1000000};
  while (nanosleep(&time, &time)) {
  }
}

static void say(FCGX_Request* request) {
  FCGX_FPrintF(request->out, "Content-Type: text/plain\r\n\r\n%d %s\n", (int)getpid(), version);
}

static void write_all(int to, const void* bytes, size_t size) {
  while (size > 0) {
    ssize_t done = write(to, bytes, size);
    if (done <= 0) return;
    bytes = (const char*)bytes + done;
    size -= (size_t)done;
  }
}

// Bytes that are no FastCGI, straight into the connection.
static void garbage(FCGX_Request* request, const char* kind) {
  static char noise[5000];
  memset(noise, 'n', sizeof noise);
  unsigned char head[8] = {1, 6, 0, (unsigned char)request->requestId, 0, 16, 0, 0};
  if (strcmp(kind, "version") == 0) head[0] = 9;
  if (strcmp(kind, "identity") == 0) head[3] = 77;
  if (strcmp(kind, "type") == 0) head[1] = 200;
  if (strcmp(kind, "cut") == 0) {
    write_all(request->ipcFd, head, 5);
  } else if (strcmp(kind, "short") == 0) {
    write_all(request->ipcFd, head, 8);
    write_all(request->ipcFd, noise, 7);
  } else if (strcmp(kind, "noise") == 0) {
    write_all(request->ipcFd, noise, sizeof noise);
  } else {
    write_all(request->ipcFd, head, 8);
    write_all(request->ipcFd, noise, 16);
  }
  shutdown(request->ipcFd, SHUT_RDWR);
}

static void leak(long mebibytes) {
  static char* volatile kept;  // or the compiler would leave all of it out
  for (long i = 0; i < mebibytes; i++) {
    char* lost = malloc(1 << 20);
    if (lost) memset(lost, 1, 1 << 20);
    kept = lost;
  }
}

static void flood(FCGX_Request* request, long mebibytes) {
  static char line[1024];
  memset(line, 'e', sizeof line);
  line[sizeof line - 1] = '\n';
  for (long i = 0; i < mebibytes * 1024; i++) {
    write_all(2, line, sizeof line);
    FCGX_PutStr(line, sizeof line, request->err);
  }
}

static void answer(FCGX_Request* request) {
  const char* path = value(request, "PATH_INFO");
  const char* what = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
  const char* query = value(request, "QUERY_STRING");
  long number = atol(query);
  if (strcmp(what, "slow") == 0) {
    milliseconds(number);
    say(request);
  } else if (strcmp(what, "hang") == 0) {
    for (;;) pause();
  } else if (strcmp(what, "leak") == 0) {
    leak(number);
    say(request);
  } else if (strcmp(what, "leak-and-hang") == 0) {
    leak(number);
    for (;;) pause();
  } else if (strcmp(what, "garbage") == 0) {
    garbage(request, query);
  } else if (strcmp(what, "close") == 0) {
    shutdown(request->ipcFd, SHUT_RDWR);
  } else if (strcmp(what, "half") == 0) {
    FCGX_FPrintF(request->out, "Content-Type: text/plain\r\nContent-Length: 100\r\n\r\nhalf");
    FCGX_FFlush(request->out);
    shutdown(request->ipcFd, SHUT_RDWR);
  } else if (strcmp(what, "nothing") == 0) {
    // An answer without a head.
  } else if (strcmp(what, "die") == 0) {
    _exit((int)number);
  } else if (strcmp(what, "deaf") == 0) {
    milliseconds(number);
    say(request);
  } else if (strcmp(what, "flood") == 0) {
    flood(request, number);
    say(request);
  } else if (strcmp(what, "count") ==
             0) {  // one line for each time that it began, so that nothing is done twice
    FILE* file = fopen("begun", "a");
    if (file) fprintf(file, "%s\n", query), fclose(file);
    for (;;) pause();
  } else {
    say(request);
  }
}

static void begin(void) {
  FILE* file = fopen("starts", "a");
  struct timeval now;
  gettimeofday(&now, NULL);
  if (file) fprintf(file, "%ld.%06ld %d\n", (long)now.tv_sec, (long)now.tv_usec, (int)getpid()), fclose(file);
  if ((file = fopen("version", "r"))) {
    if (!fgets(version, sizeof version, file)) version[0] = 0;
    version[strcspn(version, "\n")] = 0;
    fclose(file);
  }
  if (access("broken", F_OK) == 0) {
    fprintf(stderr, "cannot find my saddle\n");
    exit(1);
  }
  while (access("mute", F_OK) == 0) milliseconds(50);  // does not accept
}

int main(void) {
  begin();
  FCGX_Request request;
  if (FCGX_Init() != 0 || FCGX_InitRequest(&request, 0, 0) != 0) return 1;
  while (FCGX_Accept_r(&request) == 0) {
    answer(&request);
    FCGX_Finish_r(&request);
  }
  return 0;
}
