// SPDX-License-Identifier: Apache-2.0
// A filter on libfcgi: the file in capitals, and before it how long and how old it is.
#include <ctype.h>
#include <fcgi_stdio.h>
#include <stdlib.h>
#include <string.h>

int main(void) {
  while (FCGI_Accept() >= 0) {
    const char* role = getenv("FCGI_ROLE");
    if (!role || strcmp(role, "FILTER") != 0) {
      printf("Status: 500 Not asked to filter\r\n\r\n");
      continue;
    }
    const char* length = getenv("FCGI_DATA_LENGTH");
    const char* changed = getenv("FCGI_DATA_LAST_MOD");
    while (getchar() != EOF) {  // libfcgi wants the body read to its end before the file
    }
    if (FCGI_StartFilterData() != 0) continue;
    printf("Content-Type: text/plain\r\nX-Length: %s\r\nX-Changed: %s\r\n\r\n", length, changed);
    for (int byte; (byte = getchar()) != EOF;) putchar(toupper(byte));
  }
  return 0;
}
