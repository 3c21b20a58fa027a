// SPDX-License-Identifier: Apache-2.0
//
// A plain libfcgi program: /unread answers without reading its body, /exit ends after its answer, /slow
// waits, /large answers with 20 MB, anything else echoes its body.
#include <fcgi_stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(void) {
  while (FCGI_Accept() >= 0) {
    const char* path = getenv("SCRIPT_NAME");
    if (path == NULL) path = "";
    if (strcmp(path, "/slow") == 0) usleep(300000);
    printf("Content-Type: text/plain\r\n\r\n%d ", (int)getpid());
    if (strcmp(path, "/errors") == 0) fprintf(stderr, "something is wrong\n");
    if (strcmp(path, "/large") == 0) {
      static char piece[1000];
      memset(piece, 'x', sizeof piece);
      for (int i = 0; i < 20000; ++i) fwrite(piece, 1, sizeof piece, stdout);
    } else if (strcmp(path, "/unread") != 0) {
      char room[4096];
      size_t got;
      while ((got = fread(room, 1, sizeof room, stdin)) > 0) fwrite(room, 1, got, stdout);
    }
    if (strcmp(path, "/exit") == 0) {
      FCGI_Finish();
      exit(0);
    }
    if (strcmp(path, "/status") == 0) FCGI_SetExitStatus(7);
  }
  return 0;
}
