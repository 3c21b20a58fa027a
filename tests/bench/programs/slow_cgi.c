// SPDX-License-Identifier: Apache-2.0
// A CGI program that takes its time: answers after 10 seconds, without using the processor meanwhile. It is
// the blocked request of `bench models`; whoever started it may end it before.

#include <stdio.h>
#include <unistd.h>

int main(void) {
  sleep(10);
  printf("Content-Type: text/plain\r\n\r\nat last\n");
  return 0;
}
