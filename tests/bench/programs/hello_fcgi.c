// SPDX-License-Identifier: Apache-2.0
// Says hello to every request by libfcgi, in the way its examples do: the least that an application costs.
#include <fcgi_stdio.h>
#include <stdlib.h>

int main(void) {
  while (FCGI_Accept() >= 0) {
    const char* query = getenv("QUERY_STRING");
    printf("Content-Type: text/plain\r\n\r\nhello %s\n", query ? query : "");
  }
  return 0;
}
