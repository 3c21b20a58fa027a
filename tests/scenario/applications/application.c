// SPDX-License-Identifier: Apache-2.0
// The application of the FastCGI scenarios on libfcgi; the last part of PATH_INFO says what to do. One
// request at a time.
#include <fcgi_stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern char** environ;

static const char* value(const char* name) {
  const char* found = getenv(name);
  return found ? found : "";
}

static void text(void) { printf("Content-Type: text/plain\r\n\r\n"); }

static void environment(void) {
  text();
  printf("PID=%d\n", (int)getpid());
  for (char** each = environ; *each; each++) printf("%s\n", *each);
}

static void echo(void) {
  static char bytes[65536];
  size_t got;
  printf("Content-Type: application/octet-stream\r\nContent-Length: %s\r\n\r\n", value("CONTENT_LENGTH"));
  while ((got = fread(bytes, 1, sizeof bytes, stdin)) > 0) fwrite(bytes, 1, got, stdout);
}

static void big(void) {
  static char bytes[65536];
  memset(bytes, 'x', sizeof bytes);
  text();
  for (long left = atol(value("QUERY_STRING")); left > 0; left -= (long)sizeof bytes) {
    if (fwrite(bytes, 1, left < (long)sizeof bytes ? (size_t)left : sizeof bytes, stdout) == 0) return;
  }
}

int main(void) {
  while (FCGI_Accept() >= 0) {
    const char* what = strrchr(value("PATH_INFO"), '/');
    what = what ? what + 1 : "";
    if (strcmp(what, "environment") == 0) {
      environment();
    } else if (strcmp(what, "echo") == 0) {
      echo();
    } else if (strcmp(what, "big") == 0) {
      big();
    } else if (strcmp(what, "status") == 0) {
      printf("Status: 418 Short and stout\r\nContent-Type: text/plain\r\n\r\ntea\n");
    } else if (strcmp(what, "redirect") == 0) {
      printf("Location: http://elsewhere.example/%s\r\n\r\n", value("QUERY_STRING"));
    } else if (strcmp(what, "local") == 0) {
      printf("Location: /page.html\r\n\r\n");
    } else if (strcmp(what, "sendfile") == 0) {
      printf("X-Sendfile: %s\r\nContent-Type: text/x-mine\r\nSet-Cookie: seen=1\r\n\r\n",
             value("QUERY_STRING"));
    } else if (strcmp(what, "accel") == 0) {
      printf("X-Accel-Redirect: %s\r\nContent-Type: text/x-mine\r\nSet-Cookie: seen=1\r\n\r\n",
             value("QUERY_STRING"));
    } else if (strcmp(what, "hints") == 0) {
      printf("Status: 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n");
      char name[1000] = "";
      memset(name, 'a', sizeof name - 1);
      for (int more = atoi(value("QUERY_STRING")); more > 0; --more)
        printf("Link: </%s.css>; rel=preload\r\n", name);
      printf("\r\n");
      fflush(stdout);
      usleep(100000);
      text();
      printf("hinted\n");
    } else if (strcmp(what, "errors") == 0) {
      fprintf(stderr, "complaint of %s\n", value("QUERY_STRING"));
      text();
      printf("complained\n");
    } else if (strcmp(what, "slow") == 0) {
      usleep((useconds_t)atoi(value("QUERY_STRING")) * 1000);
      text();
      printf("%d\n", (int)getpid());
    } else {
      text();
      printf("hello\n");
    }
  }
  return 0;
}
