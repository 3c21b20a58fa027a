// SPDX-License-Identifier: Apache-2.0
// The smallest CGI program that does its work with the C library: what a server spends on it is the start of
// a process.

#include <stdio.h>
#include <stdlib.h>

int main(void) {
  const char* query = getenv("QUERY_STRING");
  printf("Content-Type: text/plain\r\n\r\nhello %s\n", query != NULL ? query : "");
  return 0;
}
